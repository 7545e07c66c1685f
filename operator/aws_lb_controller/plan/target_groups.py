"""Target groups: kept whatever their name and port, replaced where AWS cannot change them.

The new one is made before anything points to it; the old one goes when listeners, rules and bindings have let go of it.
One whose target is a load balancer of the stack gets it once that listens, and loses it before either goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace

from aws_lb_controller.model import naming
from aws_lb_controller.model.observed import ObservedStack, Seen
from aws_lb_controller.model.refs import Ref
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.model.target_group import HealthCheck, TargetGroup
from aws_lb_controller.plan import canon, match
from aws_lb_controller.plan.order import Phase, Phased
from aws_lb_controller.plan.policy import Terms
from aws_lb_controller.plan.steps import (
    CreateTargetGroup,
    DeleteTargetGroup,
    DeregisterLoadBalancer,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
    RegisterLoadBalancer,
    Step,
)
from aws_lb_controller.plan.tags import set_tags

HEALTH_CHECK_FIELDS = tuple(HealthCheck.__dataclass_fields__)


def changes(wanted: Stack, observed: ObservedStack, terms: Terms) -> Phased:
    """The steps for the stack's target groups, by their ids: where AWS refuses one, it is always the same ones that
    stand.
    """
    found = match.target_groups(wanted, observed)
    taken = {seen.resource.name for seen in observed.target_groups}
    missing, pairs = sorted(found.missing, key=_id), sorted(found.pairs, key=lambda pair: _id(pair[0]))
    create = [CreateTargetGroup(group=_as_made(group, taken)) for group in missing]
    update = [step for group, seen in pairs for step in _updates(group, seen, terms)]
    retired = {seen.arn: DeleteTargetGroup(arn=seen.arn) for seen in found.unwanted}
    frontends = {seen.arn for seen in found.unwanted if seen.resource.target_type == "alb"}
    return {
        Phase.TARGET_GROUPS: [*create, *update],
        Phase.REGISTRATIONS: [*_registrations(found)],
        Phase.DEREGISTRATIONS: [*_deregistrations(found)],
        Phase.RETIRED_FRONTEND_TARGET_GROUPS: [step for arn, step in retired.items() if arn in frontends],
        Phase.RETIRED_TARGET_GROUPS: [step for arn, step in retired.items() if arn not in frontends],
    }


def _id(group: TargetGroup) -> str:
    return group.id


def _registrations(found: match.Match[TargetGroup]) -> Iterator[Step]:
    for group in found.missing:
        if group.target is not None:
            yield RegisterLoadBalancer(target_group=Ref("TargetGroup", group.id), target=group.target)
    for group, seen in found.pairs:
        if group.target is not None and seen.resource.target is None:
            yield RegisterLoadBalancer(target_group=seen.arn, target=group.target)


def _deregistrations(found: match.Match[TargetGroup]) -> Iterator[Step]:
    for seen in found.unwanted:
        if seen.resource.target is not None:
            yield DeregisterLoadBalancer(target_group=seen.arn, target=seen.resource.target)


def _as_made(group: TargetGroup, taken: Set[str]) -> TargetGroup:
    return replace(_with_a_free_name(group, taken), target=None)


def _with_a_free_name(group: TargetGroup, taken: Set[str]) -> TargetGroup:
    """The hash in the name does not tell apart all that AWS cannot change; names are unique, and the old stands."""
    name = group.name
    while name in taken:
        name = naming.successor(name)
    return group if name == group.name else replace(group, name=name)


def _updates(group: TargetGroup, seen: Seen[TargetGroup], terms: Terms) -> Iterator[Step]:
    yield from set_tags("elbv2", group, seen, terms=terms)
    if changed := canon.differing(group.health_check, seen.resource.health_check, HEALTH_CHECK_FIELDS):
        yield ModifyTargetGroup(arn=seen.arn, group=group, changed=changed)
    if attributes := canon.not_there(group.attributes, seen.resource.attributes):
        yield ModifyTargetGroupAttributes(arn=seen.arn, attributes=attributes)
