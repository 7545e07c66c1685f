"""Security groups of a stack: made first, deleted last, when nothing names them any more."""

from __future__ import annotations

from collections.abc import Iterator

from aws_lb_controller.model.observed import ObservedStack, Seen
from aws_lb_controller.model.security_group import SecurityGroup
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import canon, match
from aws_lb_controller.plan.order import Phase, Phased
from aws_lb_controller.plan.policy import Terms
from aws_lb_controller.plan.steps import CreateSecurityGroup, DeleteSecurityGroup, SetSecurityGroupIngress, Step
from aws_lb_controller.plan.tags import set_tags


def changes(wanted: Stack, observed: ObservedStack, terms: Terms) -> Phased:
    """The steps for the stack's own groups; `wanted` has its known references resolved."""
    found = match.security_groups(wanted, observed)
    create = [CreateSecurityGroup(group=group) for group in found.missing]
    update = [step for group, seen in found.pairs for step in _updates(group, seen, terms)]
    return {
        Phase.SECURITY_GROUPS: [*create, *update],
        Phase.RETIRED_SECURITY_GROUPS: [
            *_let_go_of_each_other(found.unwanted),
            *(DeleteSecurityGroup(group_id=seen.arn) for seen in found.unwanted),
        ],
    }


def _updates(group: SecurityGroup, seen: Seen[SecurityGroup], terms: Terms) -> Iterator[Step]:
    if canon.ingress(group.ingress) != canon.ingress(seen.resource.ingress):
        yield SetSecurityGroupIngress(group_id=seen.arn, resource=group.id, ingress=group.ingress)
    yield from set_tags("ec2", group, seen, terms=terms)


def _let_go_of_each_other(unwanted: tuple[Seen[SecurityGroup], ...]) -> Iterator[Step]:
    """EC2 does not delete a group that another one's rules name, so those that name one that goes are emptied first."""
    going = {seen.arn for seen in unwanted}
    for seen in unwanted:
        if going & {rule.source.value for rule in seen.resource.ingress} - {seen.arn}:
            yield SetSecurityGroupIngress(group_id=seen.arn, resource=seen.resource.id, ingress=frozenset())
