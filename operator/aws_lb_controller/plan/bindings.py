"""TargetGroupBindings: each belongs to its target group, by ARN, and keeps the name it was made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.observed import ObservedStack, SeenBinding
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import canon
from aws_lb_controller.plan.order import Phase, Phased
from aws_lb_controller.plan.policy import Terms
from aws_lb_controller.plan.steps import CreateBinding, DeleteBinding, Step, UpdateBinding

_FIELDS = ("target_group_protocol", "target_type", "ip_address_type", "vpc_id", "service_name", "service_port")


def changes(wanted: Stack, observed: ObservedStack, _terms: Terms) -> Phased:
    """The steps for the stack's bindings; `wanted` has its known references resolved."""
    there = _by_target_group(observed)
    create = [CreateBinding(binding=b) for b in wanted.bindings if b.target_group not in there]
    pairs = [(b, there[b.target_group]) for b in wanted.bindings if b.target_group in there]
    kept = {seen.arn for _, seen in pairs}
    unwanted = [seen for seen in sorted(observed.bindings, key=_name) if seen.arn not in kept]
    first = [seen for seen in unwanted if _collides(seen, create)]
    return {
        Phase.COLLIDING_BINDINGS: [_delete(seen) for seen in first],
        Phase.BINDINGS: [*create, *(step for b, seen in pairs for step in _updates(b, seen))],
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


def _collides(seen: SeenBinding, create: list[CreateBinding]) -> bool:
    """It has the name of one that is to come, or would deregister its targets."""
    return any(
        (step.binding.namespace, step.binding.name) == _name(seen)
        or step.binding.target_group == seen.resource.target_group
        for step in create
    )


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
