"""The one matcher: which observed resource is which wanted one, and which of a stack's references are known by that.

AWS resources belong together when their resource tags are equal and AWS could turn the one into the other; names are
not looked at. Of several that fit (an answer got lost and the resource was made twice) the one in use is kept, then the
first by ARN. Listeners belong together by load balancer and port. What bears no resource tag was not made by us, and is
neither matched nor unwanted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from aws_lb_controller.model.listener import Action, Forward, Listener
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.observed import ObservedStack, Seen
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref, Value, resolve
from aws_lb_controller.model.security_group import SecurityGroup
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.model.target_group import TargetGroup


class _Tagged(Protocol):
    @property
    def id(self) -> str:
        """The value of the resource tag."""


R = TypeVar("R", bound=_Tagged)
L = TypeVar("L")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match(Generic[L]):
    """Wanted with observed, wanted without, and observed that nothing wants (both of these in a stable order)."""

    pairs: tuple[tuple[L, Seen[L]], ...]
    missing: tuple[L, ...]
    unwanted: tuple[Seen[L], ...]


def security_groups(wanted: Stack, observed: ObservedStack) -> Match[SecurityGroup]:
    """Any group of the right tag fits: its name and description are never looked at."""
    used = {group for lb in observed.load_balancers for group in lb.resource.security_groups}
    return _by_tag(wanted.security_groups, observed.security_groups, fits=lambda _wanted, _seen: True, used=used)


def target_groups(wanted: Stack, observed: ObservedStack) -> Match[TargetGroup]:
    """A group fits unless AWS would have to change what it cannot (see `_same_kind_of_target_group`).

    One that serves a load balancer that is replaced does not fit either: it can serve no other one until that goes. Nor
    does one whose target is another load balancer, or another listener of it: as AWS gives such a group one target, it
    keeps that for life, and what forwards to it moves to a new group, so that no moment is without a target.
    """
    taken = _serving_what_is_replaced(wanted, observed)
    balancers = {lb.ref: seen.arn for lb, seen in load_balancers(wanted, observed).pairs}
    found = _by_tag(
        wanted.target_groups,
        [seen for seen in observed.target_groups if seen.arn not in taken],
        fits=lambda want, seen: (
            _same_kind_of_target_group(want, seen) and seen.target in (None, resolve(want.target, balancers))
        ),
        used=frozenset(forwarded_to(observed)),
    )
    going = [seen for seen in observed.target_groups if seen.arn in taken and seen.resource.id]
    return replace(found, unwanted=(*found.unwanted, *sorted(going, key=lambda seen: seen.arn)))


def _serving_what_is_replaced(wanted: Stack, observed: ObservedStack) -> Set[str]:
    return {arn for seen in replaced(wanted, observed) for arn in forwarded_to(observed, on=seen.arn)}


def replaced(wanted: Stack, observed: ObservedStack) -> tuple[Seen[LoadBalancer], ...]:
    """The load balancers that take requests and that another one takes the place of, or has taken."""
    ids = {lb.id for lb in wanted.load_balancers}
    listening = {listener.resource.load_balancer for listener in observed.listeners}
    unwanted = load_balancers(wanted, observed).unwanted
    return tuple(seen for seen in unwanted if seen.resource.id in ids and seen.arn in listening)


def load_balancers(wanted: Stack, observed: ObservedStack) -> Match[LoadBalancer]:
    """A load balancer fits if its type and scheme are right: AWS changes neither."""
    used = {listener.resource.load_balancer for listener in observed.listeners}
    return _by_tag(wanted.load_balancers, observed.load_balancers, fits=_same_kind_of_load_balancer, used=used)


def listeners(wanted: Stack, observed: ObservedStack) -> Match[Listener]:
    """Listeners of the load balancers that stay, by port; `wanted` has its known references resolved."""
    kept = {seen.arn for _, seen in load_balancers(wanted, observed).pairs}
    there = {_place(seen.resource): seen for seen in observed.listeners if seen.resource.load_balancer in kept}
    pairs = tuple((w, there[_place(w)]) for w in wanted.listeners if _place(w) in there)
    matched = {seen.arn for _, seen in pairs}
    return Match(
        pairs=pairs,
        missing=tuple(w for w in wanted.listeners if _place(w) not in there),
        unwanted=tuple(seen for seen in there.values() if seen.arn not in matched),
    )


def known(stack: Stack, observed: ObservedStack) -> Mapping[Ref, str]:
    """The stack's references to what exists and stays: reference → ARN, or id of a security group."""
    refs: dict[Ref, str] = {}
    if observed.backend_security_group is not None:
        refs[BACKEND_SECURITY_GROUP] = observed.backend_security_group
    refs |= {Ref("SecurityGroup", group.id): seen.arn for group, seen in security_groups(stack, observed).pairs}
    refs |= {Ref("TargetGroup", group.id): seen.arn for group, seen in target_groups(stack, observed).pairs}
    refs |= {lb.ref: seen.arn for lb, seen in load_balancers(stack, observed).pairs}
    there = {_place(seen.resource): seen.arn for seen in observed.listeners}
    places = ((listener.ref, _place(listener, refs)) for listener in stack.listeners)
    return refs | {ref: there[place] for ref, place in places if place in there}


def forwarded_to(observed: ObservedStack, *, on: str | None = None) -> Iterator[str]:
    """The ARNs of the target groups that observed listeners and rules send requests to.

    on: only those of this load balancer, by ARN.
    """
    listeners = [seen for seen in observed.listeners if on is None or seen.resource.load_balancer == on]
    arns = {seen.arn for seen in listeners}
    actions = [seen.resource.default_actions for seen in listeners]
    actions += [seen.resource.actions for seen in observed.rules if seen.resource.listener in arns]
    return (str(arn) for each in actions for arn in targets_of(each))


def wanted_forwards(wanted: Stack, observed: ObservedStack, *, on: Iterable[Value]) -> Iterator[Value]:
    """The target groups that wanted listeners and rules are to send requests to.

    on: the load balancer, by its reference and its ARN; `wanted` has its known references resolved.
    """
    arns = {listener.ref: seen.arn for listener, seen in listeners(wanted, observed).pairs}
    those = frozenset(on)
    there = [listener for listener in wanted.listeners if listener.load_balancer in those]
    places = {place for listener in there for place in (listener.ref, arns.get(listener.ref))}
    actions = [listener.default_actions for listener in there]
    actions += [rule.actions for rule in wanted.rules if rule.listener in places]
    return (arn for each in actions for arn in targets_of(each))


def fronting(wanted: Stack, observed: ObservedStack) -> Set[Value]:
    """The target groups, by reference or ARN, whose target is a load balancer of the stack itself."""
    arns = {group.id: seen.arn for group, seen in target_groups(wanted, observed).pairs}
    ids = [group.id for group in wanted.target_groups if group.target is not None]
    return frozenset(value for i in ids for value in (Ref("TargetGroup", i), arns.get(i)) if value is not None)


def registered_listeners(observed: ObservedStack) -> Set[str]:
    """The ARNs of the listeners that a target group has as its target: AWS does not delete them until it lets go."""
    targets = [seen.resource.target for seen in observed.target_groups if seen.resource.target is not None]
    places = {(target.load_balancer, target.port) for target in targets}
    return frozenset(seen.arn for seen in observed.listeners if _place(seen.resource) in places)


def targets_of(actions: Iterable[Action]) -> Iterator[Value]:
    """The target groups that actions forward to."""
    return (group.arn for action in actions if isinstance(action, Forward) for group in action.target_groups)


def _place(listener: Listener, refs: Mapping[Ref, str] | None = None) -> tuple[object, int]:
    return resolve(listener.load_balancer, refs or {}), listener.port


def _by_tag(
    wanted: Iterable[R], seen: Iterable[Seen[R]], *, fits: Callable[[R, R], bool], used: Set[object]
) -> Match[R]:
    by_tag: defaultdict[str, list[Seen[R]]] = defaultdict(list)
    for one in sorted(seen, key=lambda s: (s.arn not in used, s.arn)):
        by_tag[one.resource.id].append(one)
    by_tag.pop("", None)
    pairs: list[tuple[R, Seen[R]]] = []
    missing: list[R] = []
    for want in wanted:
        candidates = by_tag.get(want.id, [])
        kept = next((one for one in candidates if fits(want, one.resource)), None)
        if kept is None:
            missing.append(want)
        else:
            candidates.remove(kept)
            pairs.append((want, kept))
    unwanted = tuple(one for tag in sorted(by_tag) for one in by_tag[tag])
    return Match(pairs=tuple(pairs), missing=tuple(missing), unwanted=unwanted)


def _same_kind_of_load_balancer(wanted: LoadBalancer, seen: LoadBalancer) -> bool:
    return (wanted.type, wanted.scheme) == (seen.type, seen.scheme)


def _same_kind_of_target_group(wanted: TargetGroup, seen: TargetGroup) -> bool:
    """Port, name and VPC may differ: targets carry their own ports, and a group keeps the name it was made with."""
    return (
        (wanted.target_type, wanted.protocol) == (seen.target_type, seen.protocol)
        and wanted.protocol_version in (None, seen.protocol_version)
        and wanted.ip_address_type == seen.ip_address_type
        and wanted.target_control_port == seen.target_control_port
    )
