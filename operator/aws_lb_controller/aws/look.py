"""A close look at one stack: what a sweep does not tell.

That is attributes, listeners, certificates, rules, their tags, and the targets that are load balancers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aws_lb_controller.aws.sweep import PAGE, Holdings, Tags, describe_tags
from aws_lb_controller.aws.wire import listener as wire_listener
from aws_lb_controller.aws.wire import load_balancer as wire_load_balancer
from aws_lb_controller.aws.wire import rule as wire_rule
from aws_lb_controller.aws.wire import security_group as wire_security_group
from aws_lb_controller.aws.wire import tags as wire_tags
from aws_lb_controller.aws.wire import target_group as wire_target_group
from aws_lb_controller.aws.wire.tags import Json
from aws_lb_controller.errors import AwsDenied
from aws_lb_controller.model.listener import SECURE_PROTOCOLS, Listener, Rule
from aws_lb_controller.model.observed import ObservedStack, Seen, SeenLoadBalancer
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.model.target_group import LoadBalancerTarget, TargetGroup

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

_NO_TAGS: Tags = {}


def look(
    elbv2: ElasticLoadBalancingv2Client, stack: StackId, holdings: Holdings, *, listener_tags: bool = True
) -> ObservedStack:
    """Reads all of a stack. Raises `AwsError`; `AwsNotFound` where something went while it was looked at.

    listener_tags: whether to ask for the tags of listeners and rules, which some partitions of AWS do not have.
    """
    listeners = [listener for lb in holdings.load_balancers for listener in _listeners(elbv2, lb["LoadBalancerArn"])]
    rules = {listener["ListenerArn"]: _rules(elbv2, listener) for listener in listeners}
    tagged = listeners if listener_tags else []
    tags = _tags(elbv2, holdings, listeners=tagged, rules=rules if listener_tags else {})
    seen = _Look(elbv2, stack.resource_tag, tags, listener_tags=listener_tags)
    return ObservedStack(
        security_groups=tuple(
            wire_security_group.seen(group, resource_tag=stack.resource_tag) for group in holdings.security_groups
        ),
        target_groups=tuple(seen.target_group(group) for group in holdings.target_groups),
        load_balancers=tuple(seen.load_balancer(lb) for lb in holdings.load_balancers),
        listeners=tuple(seen.listener(listener) for listener in listeners),
        rules=tuple(seen.rule(rule, listener=arn) for arn, those in rules.items() for rule in those),
    )


def with_capacity(elbv2: ElasticLoadBalancingv2Client, seen: ObservedStack) -> ObservedStack:
    """The same with the capacity reserved for each load balancer (DescribeCapacityReservation) where it is unknown.

    Raises `AwsError`.
    """

    def completed(one: SeenLoadBalancer) -> SeenLoadBalancer:
        if one.resource.minimum_capacity_units is not None:
            return one
        units = wire_load_balancer.seen_capacity(elbv2.describe_capacity_reservation(LoadBalancerArn=one.arn))
        return replace(one, resource=replace(one.resource, minimum_capacity_units=units))

    return replace(seen, load_balancers=tuple(completed(one) for one in seen.load_balancers))


def glance(stack: StackId, holdings: Holdings) -> ObservedStack:
    """What can be told of a stack without a call; attributes, listeners and rules are left out."""
    tag, tags = stack.resource_tag, holdings.tags
    return ObservedStack(
        security_groups=tuple(wire_security_group.seen(group, resource_tag=tag) for group in holdings.security_groups),
        target_groups=tuple(
            wire_target_group.seen(
                group, resource_tag=tag, tags=tags.get(group["TargetGroupArn"], _NO_TAGS), attributes={}
            )
            for group in holdings.target_groups
        ),
        load_balancers=tuple(
            wire_load_balancer.seen(lb, resource_tag=tag, tags=tags.get(lb["LoadBalancerArn"], _NO_TAGS), attributes={})
            for lb in holdings.load_balancers
        ),
    )


def _listeners(elbv2: ElasticLoadBalancingv2Client, arn: str) -> list[Json]:
    pages = elbv2.get_paginator("describe_listeners").paginate(LoadBalancerArn=arn, PaginationConfig={"PageSize": PAGE})
    return [listener for page in pages for listener in page["Listeners"]]


def _rules(elbv2: ElasticLoadBalancingv2Client, listener: Json) -> list[Json]:
    if listener.get("Protocol") not in wire_listener.WITH_RULES:
        return []
    pages = elbv2.get_paginator("describe_rules").paginate(
        ListenerArn=listener["ListenerArn"], PaginationConfig={"PageSize": PAGE}
    )
    return [rule for page in pages for rule in page["Rules"] if not rule.get("IsDefault")]


def _tags(
    elbv2: ElasticLoadBalancingv2Client,
    holdings: Holdings,
    *,
    listeners: list[Json],
    rules: Mapping[str, list[Json]],
) -> dict[str, Tags]:
    arns = [
        *(lb["LoadBalancerArn"] for lb in holdings.load_balancers),
        *(group["TargetGroupArn"] for group in holdings.target_groups),
        *(listener["ListenerArn"] for listener in listeners),
        *(rule["RuleArn"] for those in rules.values() for rule in those),
    ]
    return {**holdings.tags, **describe_tags(elbv2, [arn for arn in arns if arn not in holdings.tags])}


@dataclass(frozen=True)
class _Look:
    elbv2: ElasticLoadBalancingv2Client
    resource_tag: str
    tags: Mapping[str, Tags]
    listener_tags: bool

    def load_balancer(self, described: Json) -> SeenLoadBalancer:
        arn = described["LoadBalancerArn"]
        return wire_load_balancer.seen(
            described,
            resource_tag=self.resource_tag,
            tags=self.tags.get(arn, _NO_TAGS),
            attributes=wire_tags.attributes_from_aws(
                self.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
            ),
        )

    def target_group(self, described: Json) -> Seen[TargetGroup]:
        arn = described["TargetGroupArn"]
        seen = wire_target_group.seen(
            described,
            resource_tag=self.resource_tag,
            tags=self.tags.get(arn, _NO_TAGS),
            attributes=wire_tags.attributes_from_aws(
                self.elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
            ),
        )
        return replace(seen, resource=replace(seen.resource, target=self._target(described)))

    def _target(self, described: Json) -> LoadBalancerTarget | None:
        if described["TargetType"] != "alb":
            return None
        answer = self.elbv2.describe_target_health(TargetGroupArn=described["TargetGroupArn"])
        return wire_target_group.seen_target(answer["TargetHealthDescriptions"])

    def listener(self, described: Json) -> Seen[Listener]:
        return wire_listener.seen(
            described,
            resource_tag=self.resource_tag,
            tags=self._listener_tags(described["ListenerArn"]),
            attributes=self._listener_attributes(described),
            certificates=self._certificates(described),
        )

    def _listener_tags(self, arn: str) -> Tags | None:
        return self.tags.get(arn, _NO_TAGS) if self.listener_tags else None

    def _listener_attributes(self, described: Json) -> Mapping[str, str]:
        if described.get("Protocol") in wire_listener.WITHOUT_ATTRIBUTES:
            return {}
        try:
            answer = self.elbv2.describe_listener_attributes(ListenerArn=described["ListenerArn"])
        except AwsDenied:  # those that are asked for are set; nobody who asks for none suffers by it
            return {}
        return wire_tags.attributes_from_aws(answer.get("Attributes", ()))

    def _certificates(self, described: Json) -> list[Json]:
        if described.get("Protocol") not in SECURE_PROTOCOLS:
            return []
        pages = self.elbv2.get_paginator("describe_listener_certificates").paginate(
            ListenerArn=described["ListenerArn"], PaginationConfig={"PageSize": PAGE}
        )
        return [certificate for page in pages for certificate in page["Certificates"]]

    def rule(self, described: Json, *, listener: str) -> Seen[Rule]:
        tags = self._listener_tags(described["RuleArn"])
        return wire_rule.seen(described, listener=listener, resource_tag=self.resource_tag, tags=tags)
