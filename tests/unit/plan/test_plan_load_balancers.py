from __future__ import annotations

from dataclasses import replace

from aws_lb_controller.model.load_balancer import LoadBalancer, SubnetMapping
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Ref
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.policy import refusals
from aws_lb_controller.plan.steps import (
    CreateLoadBalancer,
    CreateSecurityGroup,
    DeleteLoadBalancer,
    DeleteSecurityGroup,
    ModifyLoadBalancerAttributes,
    PublishStatus,
    SetIpAddressType,
    SetSecurityGroups,
    SetSubnets,
    SetTags,
)
from builders_model import (
    STACK_ID,
    a_load_balancer,
    a_security_group,
    a_stack,
    tags,
)
from carrying_out import built

EMPTY = Stack(id=STACK_ID)
PROTECTED = {"deletion_protection.enabled": "true"}
OPEN = {"deletion_protection.enabled": "false"}


def seen_with(lb: LoadBalancer, **values: object) -> ObservedStack:
    """What is observed of a stack with this load balancer, after somebody changed fields of it."""
    observed = built(a_stack(load_balancers=(lb,), listeners=(), rules=()))
    seen = observed.load_balancers[0]
    return replace(observed, load_balancers=(replace(seen, arn="arn-lb", resource=replace(seen.resource, **values)),))


def stack_with(lb: LoadBalancer, **values: object) -> Stack:
    return a_stack(**({"load_balancers": (lb,), "listeners": (), "rules": ()} | values))


def subnets(*ids: str, **values: str) -> tuple[SubnetMapping, ...]:
    return tuple(SubnetMapping(subnet_id=i, **values) for i in ids)


def test_the_name_is_not_looked_at_once_the_load_balancer_exists() -> None:
    assert () == plan(stack_with(a_load_balancer(name="another")), seen_with(a_load_balancer()))


def test_another_scheme_replaces_the_load_balancer_and_its_listeners() -> None:
    observed = built(a_stack())
    steps = plan(a_stack(load_balancers=(a_load_balancer(scheme="internal"),)), observed)

    assert [
        "CreateTargetGroup",
        "CreateLoadBalancer",
        "CreateListener",
        "CreateRule",
        "CreateBinding",
        "AwaitTargets",
        "AwaitTraffic",
        "PublishStatus",
        "DeleteLoadBalancer",
        "DeleteBinding",
        "DeleteTargetGroup",
    ] == [type(step).__name__ for step in steps]


def test_the_order_of_subnets_and_security_groups_does_not_matter() -> None:
    lb = a_load_balancer()
    turned = a_load_balancer(subnets=lb.subnets[::-1], security_groups=lb.security_groups[::-1])

    assert () == plan(stack_with(turned), seen_with(lb))


def test_subnets_are_set_as_a_whole() -> None:
    wanted = subnets("subnet-a", "subnet-c")

    assert (SetSubnets(arn="arn-lb", type="application", subnets=wanted),) == plan(
        stack_with(a_load_balancer(subnets=wanted)), seen_with(a_load_balancer())
    )


def test_fixed_addresses_change_nothing_while_the_subnets_stay() -> None:
    wanted = subnets("subnet-a", "subnet-b", allocation_id="eipalloc-1")

    assert () == plan(stack_with(a_load_balancer(subnets=wanted)), seen_with(a_load_balancer()))


def test_the_first_ipv6_addresses_are_set_with_the_change_to_dualstack() -> None:
    wanted = a_load_balancer(ip_address_type="dualstack", subnets=subnets("subnet-a", "subnet-b", ipv6_address="::1"))

    assert [SetSubnets, SetIpAddressType] == [type(s) for s in plan(stack_with(wanted), seen_with(a_load_balancer()))]


def test_a_new_security_group_is_made_before_and_an_old_one_deleted_after_the_load_balancer_changes() -> None:
    wanted = a_load_balancer(security_groups=(Ref("SecurityGroup", "New"),))
    steps = plan(stack_with(wanted, security_groups=(a_security_group("New"),)), seen_with(a_load_balancer()))

    assert [CreateSecurityGroup, SetSecurityGroups, PublishStatus, DeleteSecurityGroup] == [
        type(step) for step in steps
    ]
    assert (Ref("SecurityGroup", "New"),) == steps[1].security_groups


def test_the_private_link_switch_is_set_with_the_security_groups() -> None:
    steps = plan(stack_with(a_load_balancer(inbound_rules_on_private_link="off")), seen_with(a_load_balancer()))

    assert ["off"] == [step.inbound_rules_on_private_link for step in steps]


def test_the_private_link_switch_is_left_alone_without_security_groups() -> None:
    wanted = a_load_balancer(security_groups=(), inbound_rules_on_private_link="off")
    observed = seen_with(a_load_balancer(security_groups=()))

    assert () == plan(stack_with(wanted), observed)


def test_only_attributes_that_differ_are_sent() -> None:
    observed = seen_with(a_load_balancer(), attributes={"a": "1", "b": "2"})

    assert (ModifyLoadBalancerAttributes(arn="arn-lb", attributes={"a": "3"}),) == plan(
        stack_with(a_load_balancer(attributes={"a": "3", "b": "2"})), observed
    )


def test_of_two_load_balancers_of_one_tag_the_one_with_listeners_is_kept() -> None:
    observed = built(a_stack())
    first = replace(observed.load_balancers[0], arn="a-first-by-arn")

    assert (PublishStatus(), DeleteLoadBalancer(arn="a-first-by-arn")) == plan(
        a_stack(), replace(observed, load_balancers=(first, *observed.load_balancers))
    )


def test_a_load_balancer_without_a_resource_tag_was_not_made_by_us_and_stays() -> None:
    observed = seen_with(a_load_balancer(), id="")

    assert [] == [step for step in plan(EMPTY, observed) if isinstance(step, DeleteLoadBalancer)]


def test_deleting_a_protected_load_balancer_is_refused() -> None:
    observed = seen_with(a_load_balancer(), attributes=PROTECTED)

    (refusal,) = refusals(plan(EMPTY, observed), observed)

    assert "k8s-shop-web-internet-facing-application (arn-lb) is protected from deletion" in refusal


def test_replacing_a_protected_load_balancer_is_refused_where_the_annotation_is_silent() -> None:
    observed = seen_with(a_load_balancer(), attributes=PROTECTED)
    steps = plan(stack_with(a_load_balancer(scheme="internal")), observed)

    assert 1 == len(refusals(steps, observed))


def test_the_annotation_turns_protection_off_before_the_replaced_one_goes() -> None:
    observed = seen_with(a_load_balancer(), attributes=PROTECTED)
    steps = plan(stack_with(a_load_balancer(scheme="internal", attributes=OPEN)), observed)

    assert isinstance(steps[0], CreateLoadBalancer)
    assert (ModifyLoadBalancerAttributes(arn="arn-lb", attributes=OPEN), DeleteLoadBalancer(arn="arn-lb")) == steps[-2:]
    assert () == refusals(steps, observed)


def test_a_deleted_object_whose_annotation_turns_protection_off_loses_its_load_balancer() -> None:
    observed = seen_with(a_load_balancer(), attributes=PROTECTED)
    steps = plan(EMPTY, observed, deletion_protection_off=True)

    assert () == refusals(steps, observed)
    assert ModifyLoadBalancerAttributes(arn="arn-lb", attributes=OPEN) == steps[0]


def test_a_change_in_place_of_a_protected_load_balancer_is_not_refused() -> None:
    observed = seen_with(a_load_balancer(), attributes=PROTECTED)
    steps = plan(stack_with(a_load_balancer(ip_address_type="dualstack")), observed)

    assert () == refusals(steps, observed)


def test_tags_that_are_not_wanted_go_but_those_of_aws_and_of_others_stay() -> None:
    there = tags("LoadBalancer", **{"aws:x": "1", "cost": "2", "old": "3", "kubernetes.io/cluster/demo": "owned"})
    observed = seen_with(a_load_balancer(), tags=there)

    assert (SetTags(service="elbv2", arn="arn-lb", add={"new": "4"}, remove=("old",)),) == plan(
        stack_with(a_load_balancer(tags=tags("LoadBalancer", new="4", cost="5"))),
        observed,
        external_managed_tags=frozenset({"cost"}),
    )
