"""TargetGroupBindings: each belongs to its target group, by ARN, and keeps the name it was made with.

Where something that takes requests now (a listener, or the rules of one) is about to move to a target group, its
binding comes before that, and so do its targets. Where a load balancer takes the place of another, all targets are
registered before the other one goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace

from aws_lb_controller.model import naming
from aws_lb_controller.model.binding import Binding, NetworkingRule
from aws_lb_controller.model.listener import Action, FixedResponse, Forward
from aws_lb_controller.model.observed import ObservedStack, SeenBinding
from aws_lb_controller.model.refs import Value
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import canon, match
from aws_lb_controller.plan.order import Phase, Phased
from aws_lb_controller.plan.policy import Terms
from aws_lb_controller.plan.steps import (
    AwaitTargets,
    BindingStep,
    CreateBinding,
    DeleteBinding,
    Step,
    UpdateBinding,
)

_FIELDS = ("target_group_protocol", "target_type", "ip_address_type", "vpc_id", "service_name", "service_port")


def changes(wanted: Stack, observed: ObservedStack, _terms: Terms) -> Phased:
    """The steps for the stack's bindings; `wanted` has its known references resolved."""
    there = _by_target_group(observed)
    kept = {there[b.target_group].arn for b in wanted.bindings if b.target_group in there}
    unwanted = [seen for seen in sorted(observed.bindings, key=_name) if seen.arn not in kept]
    first = [seen for seen in unwanted if _in_the_way(seen, wanted, observed)]
    awaited = frozenset(_moved_to(wanted, observed))
    staying = [seen for seen in observed.bindings if seen not in first]
    pairs = [(b, there.get(b.target_group)) for b in _with_free_names(wanted, there, staying)]
    early = [pair for pair in pairs if pair[0].target_group in awaited]
    late = [pair for pair in pairs if pair not in early]
    taking_over = _taking_over(wanted, observed)
    return {
        Phase.COLLIDING_BINDINGS: [_delete(seen) for seen in first],
        Phase.EARLY_BINDINGS: [step for pair in early for step in _brought(*pair)],
        Phase.TARGETS_REGISTERED: [_await(*pair) for pair in early],
        Phase.BINDINGS: [
            *(step for pair in late for step in _brought(*pair)),
            *(_await(*pair) for pair in late if pair[0].target_group in taking_over),
        ],
        Phase.RETIRED_BINDINGS: [_delete(seen) for seen in unwanted if seen not in first],
    }


def _by_target_group(observed: ObservedStack) -> Mapping[object, SeenBinding]:
    """One binding for each target group: of several the first by name, and none that is being deleted."""
    there: dict[object, SeenBinding] = {}
    for seen in sorted(observed.bindings, key=_name):
        if not seen.deleting:
            there.setdefault(seen.resource.target_group, seen)
    return there


def _name(seen: SeenBinding) -> tuple[str, str]:
    return seen.resource.namespace, seen.resource.name


def _in_the_way(seen: SeenBinding, wanted: Stack, observed: ObservedStack) -> bool:
    """It is on its way out and would take the targets of one that is to come, or has its name and no target group."""
    if seen.deleting and any(b.target_group == seen.resource.target_group for b in wanted.bindings):
        return True
    lost = all(group.arn != seen.resource.target_group for group in observed.target_groups)
    return lost and any((b.namespace, b.name) == _name(seen) for b in wanted.bindings)


def _moved_to(wanted: Stack, observed: ObservedStack) -> Iterator[Value]:
    """The target groups that get their first requests, through listeners that take requests now."""
    served, idle = frozenset(match.forwarded_to(observed)), frozenset(_idle_listeners(observed))
    pairs = match.listeners(wanted, observed).pairs
    listeners = {seen.arn: listener for listener, seen in pairs if seen.arn not in idle}
    actions = [listener.default_actions for listener in listeners.values()]
    actions += [rule.actions for rule in wanted.rules if rule.listener in listeners]
    return (arn for each in actions for arn in match.targets_of(each) if arn not in served)


def _idle_listeners(observed: ObservedStack) -> Iterator[str]:
    """The ARNs of those that give nobody anything: what a deployment that broke off leaves, before its bindings."""
    bound = {seen.resource.target_group for seen in observed.bindings}
    groups = (seen for seen in observed.target_groups if seen.resource.target is None)
    empty = frozenset(seen.arn for seen in groups if seen.arn not in bound)
    for seen in observed.listeners:
        rules = [rule.resource.actions for rule in observed.rules if rule.resource.listener == seen.arn]
        if all(_is_idle(action, empty) for actions in (seen.resource.default_actions, *rules) for action in actions):
            yield seen.arn


def _is_idle(action: Action, empty: Set[str]) -> bool:
    match action:
        case Forward():
            return all(str(group.arn) in empty for group in action.target_groups)
        case FixedResponse():
            return action.status_code == "404" and not action.message_body
    return False


def _taking_over(wanted: Stack, observed: ObservedStack) -> Set[Value]:
    """The target groups behind a load balancer that replaces another."""
    replaced = {seen.resource.id for seen in match.replaced(wanted, observed)}
    known = {lb.id: seen.arn for lb, seen in match.load_balancers(wanted, observed).pairs}
    places: list[Value] = [lb.ref for lb in wanted.load_balancers if lb.id in replaced]
    places += [arn for lb, arn in known.items() if lb in replaced]
    return frozenset(match.wanted_forwards(wanted, observed, on=places))


def as_reached_until_now(step: CreateBinding | UpdateBinding, observed: ObservedStack) -> BindingStep | None:
    """The step for a load balancer that AWS did not change: whoever reaches targets now goes on reaching them.

    A binding that stands keeps its networking (None if nothing else is to change), a new one also lets in whom the
    others do.
    """
    binding = step.binding
    if isinstance(step, CreateBinding):
        return CreateBinding(binding=replace(binding, networking=_letting_in_as_well(binding, observed)))
    (seen,) = (seen.resource for seen in observed.bindings if _name(seen) == (binding.namespace, binding.name))
    kept = replace(binding, networking=seen.networking)
    return UpdateBinding(binding=kept) if _differs(kept, seen) else None


def _letting_in_as_well(binding: Binding, observed: ObservedStack) -> tuple[NetworkingRule, ...] | None:
    there = [rule for seen in observed.bindings for rule in seen.resource.networking or ()]
    if not binding.networking:
        return tuple(dict.fromkeys(there)) or binding.networking
    peers = [peer for rule in there for peer in rule.peers]
    return tuple(replace(rule, peers=tuple(dict.fromkeys((*rule.peers, *peers)))) for rule in binding.networking)


def _with_free_names(
    wanted: Stack, there: Mapping[object, SeenBinding], staying: Iterable[SeenBinding]
) -> Iterator[Binding]:
    """The bindings, new ones under a name that no binding of another target group has."""
    taken = {_name(seen): seen.resource.target_group for seen in staying}
    for binding in wanted.bindings:
        name = binding.name
        while (binding.namespace, name) in taken and taken[binding.namespace, name] != binding.target_group:
            name = naming.successor(name)
        yield binding if binding.target_group in there else replace(binding, name=name)


def _brought(wanted: Binding, seen: SeenBinding | None) -> Iterable[Step]:
    return (CreateBinding(binding=wanted),) if seen is None else _updates(wanted, seen)


def _await(wanted: Binding, seen: SeenBinding | None) -> Step:
    namespace, name = (wanted.namespace, wanted.name) if seen is None else _name(seen)
    return AwaitTargets(namespace=namespace, name=name)


def _delete(seen: SeenBinding) -> Step:
    return DeleteBinding(namespace=seen.resource.namespace, name=seen.resource.name)


def _updates(wanted: Binding, seen: SeenBinding) -> Iterator[Step]:
    namespace, name = _name(seen)
    if _differs(wanted, seen.resource):
        yield UpdateBinding(binding=replace(wanted, namespace=namespace, name=name))


def _differs(wanted: Binding, seen: Binding) -> bool:
    """Labels and annotations of others stay: ours must be among them."""
    return (
        bool(canon.differing(wanted, seen, _FIELDS))
        or wanted.multi_cluster != seen.multi_cluster
        or wanted.node_selector != seen.node_selector
        or canon.networking(wanted.networking) != canon.networking(seen.networking)
        or bool(canon.not_there(wanted.labels, seen.labels))
        or bool(canon.not_there(wanted.annotations or {}, seen.annotations or {}))
    )
