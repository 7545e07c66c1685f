"""Each step makes exactly the calls that its docstring names, and what AWS says comes back as an error of ours."""

from __future__ import annotations

from typing import Any

import pytest
from aws_builders import (
    LOG,
    answering,
    forward,
    health_check,
    ingress,
    listener,
    load_balancer,
    our_clients,
    rule,
    security_group,
    settings,
    target_group,
)

from aws_lb_controller.aws.apply import Applier
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.security_group_rules import SecurityGroupRules
from aws_lb_controller.errors import AwsAlreadyExists, AwsInUse, AwsNotFound, AwsUnavailable
from aws_lb_controller.model.listener import Condition, Transform
from aws_lb_controller.model.load_balancer import SubnetMapping
from aws_lb_controller.model.security_group import Source
from aws_lb_controller.plan import steps
from aws_lb_controller.plan.effects import Given


class World:
    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.clients = our_clients(aws.world.vpc_id)
        backend = BackendSecurityGroup(self.clients, settings())
        self.applier = Applier(self.clients, settings(), backend)
        self.subnets = [aws.world.subnets["private-a"], aws.world.subnets["private-b"]]

    def do(self, step: steps.Step) -> Given | None:
        LOG.calls.clear()
        return self.applier.carry_out(step)

    def make(self, step: steps.Step) -> str:
        given = self.do(step)
        assert given is not None
        return given.arn

    def balancer(self, **more: Any) -> str:
        return self.make(steps.CreateLoadBalancer(load_balancer=load_balancer(self.subnets, **more)))

    def group(self, **more: Any) -> str:
        return self.make(steps.CreateTargetGroup(group=target_group(self.clients.vpc_id, **more)))

    def listener(self, **more: Any) -> str:
        return self.make(steps.CreateListener(listener=listener(self.balancer(), **more)))

    def rules_of(self, group_id: str) -> set[tuple[str, int]]:
        [group] = self.aws.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
        return {(r["CidrIp"], p["FromPort"]) for p in group["IpPermissions"] for r in p["IpRanges"]}


@pytest.fixture
def world(aws: Any) -> World:
    return World(aws)


# --- security groups ---


def test_a_security_group_is_made_with_tags_and_rules(world: World) -> None:
    group = world.make(steps.CreateSecurityGroup(group=security_group(ingress(), ingress("10.0.0.0/8"))))
    assert ["CreateSecurityGroup", "AuthorizeSecurityGroupIngress"] == LOG.operations()
    assert {("0.0.0.0/0", 80), ("10.0.0.0/8", 80)} == world.rules_of(group)


def test_rules_are_read_afresh_and_granted_before_any_is_revoked(world: World) -> None:
    group = world.make(steps.CreateSecurityGroup(group=security_group(ingress("10.0.0.0/8"))))
    world.do(steps.SetSecurityGroupIngress(group_id=group, resource="-", ingress=frozenset({ingress("11.0.0.0/8")})))
    expected = [
        "DescribeSecurityGroups",
        "AuthorizeSecurityGroupIngress",
        "DescribeSecurityGroups",
        "RevokeSecurityGroupIngress",
    ]
    assert expected == LOG.operations()
    assert {("11.0.0.0/8", 80)} == world.rules_of(group)


def test_rules_that_are_right_already_are_left_alone_whatever_their_description(world: World) -> None:
    group = world.make(steps.CreateSecurityGroup(group=security_group(ingress(description="by hand"))))
    world.do(steps.SetSecurityGroupIngress(group_id=group, resource="-", ingress=frozenset({ingress()})))
    assert ["DescribeSecurityGroups"] == LOG.operations()


def test_where_nothing_is_to_be_revoked_the_rules_are_read_once(world: World) -> None:
    group = world.make(steps.CreateSecurityGroup(group=security_group(ingress("10.0.0.0/8"))))
    both = frozenset({ingress("10.0.0.0/8"), ingress("11.0.0.0/8")})
    world.do(steps.SetSecurityGroupIngress(group_id=group, resource="-", ingress=both))
    assert ["DescribeSecurityGroups", "AuthorizeSecurityGroupIngress"] == LOG.operations()


def test_nothing_is_revoked_as_long_as_what_was_granted_does_not_show(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = world.make(steps.CreateSecurityGroup(group=security_group(ingress("10.0.0.0/8"))))
    monkeypatch.setattr(SecurityGroupRules, "authorize", lambda *_: None)
    with pytest.raises(AwsUnavailable):
        world.do(
            steps.SetSecurityGroupIngress(group_id=group, resource="-", ingress=frozenset({ingress("11.0.0.0/8")}))
        )
    assert {("10.0.0.0/8", 80)} == world.rules_of(group)


def test_a_rule_that_somebody_else_granted_meanwhile_is_no_error(world: World) -> None:
    group = world.make(steps.CreateSecurityGroup(group=security_group()))
    wanted = steps.SetSecurityGroupIngress(group_id=group, resource="-", ingress=frozenset({ingress()}))
    with answering(world.clients.ec2, "AuthorizeSecurityGroupIngress", status=400, code="InvalidPermission.Duplicate"):
        world.do(wanted)
    assert {("0.0.0.0/0", 80)} == world.rules_of(group)


def test_where_the_quota_has_no_room_for_both_the_old_rules_go_first(world: World) -> None:
    group = world.make(steps.CreateSecurityGroup(group=security_group(ingress("10.0.0.0/8"))))
    wanted = steps.SetSecurityGroupIngress(group_id=group, resource="-", ingress=frozenset({ingress("11.0.0.0/8")}))
    code = "RulesPerSecurityGroupLimitExceeded"
    with answering(world.clients.ec2, "AuthorizeSecurityGroupIngress", status=400, code=code):
        world.do(wanted)
    assert {("11.0.0.0/8", 80)} == world.rules_of(group)


def test_rules_by_security_group_and_by_ipv6_network_are_kept_as_such(world: World) -> None:
    other = world.aws.security_group("other")
    rules = {ingress(source=Source("security-group", other)), ingress(source=Source("ipv6", "2001:db8::/32"))}
    group = world.make(steps.CreateSecurityGroup(group=security_group(*rules)))
    world.do(steps.SetSecurityGroupIngress(group_id=group, resource="-", ingress=frozenset(rules)))
    assert ["DescribeSecurityGroups"] == LOG.operations()


def test_rules_of_a_group_that_is_gone_are_an_error(world: World) -> None:
    with pytest.raises(AwsNotFound):
        world.do(steps.SetSecurityGroupIngress(group_id="sg-0123456789abcdef0", resource="-", ingress=frozenset()))


def test_a_security_group_that_is_still_used_is_told_as_such(world: World) -> None:
    group = world.make(steps.CreateSecurityGroup(group=security_group()))
    with (
        answering(world.clients.ec2, "DeleteSecurityGroup", status=400, code="DependencyViolation"),
        pytest.raises(AwsInUse),
    ):
        world.do(steps.DeleteSecurityGroup(group_id=group))


# --- target groups ---


def test_a_target_group_without_attributes_takes_one_call(world: World) -> None:
    world.group(attributes={})
    assert ["CreateTargetGroup"] == LOG.operations()


def test_a_target_group_is_modified_with_its_whole_health_check(world: World) -> None:
    arn = world.group()
    wanted = target_group(world.clients.vpc_id, health_check=health_check(interval_seconds=30, path="/healthz"))
    world.do(steps.ModifyTargetGroup(arn=arn, group=wanted, changed=("interval_seconds",)))
    [group] = world.aws.elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (30, "/healthz") == (group["HealthCheckIntervalSeconds"], group["HealthCheckPath"])


def test_a_target_group_in_use_is_told_as_such(world: World) -> None:
    arn = world.group()
    world.make(steps.CreateListener(listener=listener(world.balancer(), default_actions=(forward(arn),))))
    with pytest.raises(AwsInUse):
        world.do(steps.DeleteTargetGroup(arn=arn))


# --- load balancers ---


def test_a_load_balancer_is_given_with_its_name_in_the_dns(world: World) -> None:
    given = world.do(steps.CreateLoadBalancer(load_balancer=load_balancer(world.subnets)))
    assert ["CreateLoadBalancer", "ModifyLoadBalancerAttributes"] == LOG.operations()
    assert given is not None
    assert given.dns_name.endswith(".elb.amazonaws.com")
    assert given.hosted_zone_id


def test_a_load_balancer_of_that_name_that_differs_is_told_as_such(world: World) -> None:
    world.balancer()
    with pytest.raises(AwsAlreadyExists):
        world.balancer(scheme="internet-facing")


def test_subnets_security_groups_and_address_type_are_set_each_by_its_own_call(world: World) -> None:
    arn, group = world.balancer(), world.aws.security_group()
    subnets = tuple(SubnetMapping(subnet_id=world.aws.world.subnets[f"public-{zone}"]) for zone in "bc")
    world.do(steps.SetSubnets(arn=arn, type="application", subnets=subnets))
    assert ["SetSubnets"] == LOG.operations()
    world.do(steps.SetSecurityGroups(arn=arn, security_groups=(group,)))
    assert ["SetSecurityGroups"] == LOG.operations()
    world.do(steps.SetIpAddressType(arn=arn, ip_address_type="dualstack"))
    assert ["SetIpAddressType"] == LOG.operations()
    [lb] = world.aws.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    assert ([group], "dualstack") == (lb["SecurityGroups"], lb["IpAddressType"])
    assert {s.subnet_id for s in subnets} == {zone["SubnetId"] for zone in lb["AvailabilityZones"]}


# --- listeners and rules ---


def test_a_rule_is_modified_as_a_whole_so_transforms_that_are_not_wanted_go(world: World) -> None:
    arn = world.listener()
    first = rule(arn, transforms=(Transform(type="url-rewrite", rewrites=(("^/shop", "/"),)),))
    made = world.make(steps.CreateRule(rule=first))
    [seen] = world.aws.elbv2.describe_rules(RuleArns=[made])["Rules"]
    assert seen["Transforms"]
    wanted = rule(arn, conditions=(Condition(field="host-header", values=("shop.example.com",)),))
    world.do(steps.ModifyRule(arn=made, rule=wanted, changed=("conditions", "transforms")))
    [seen] = world.aws.elbv2.describe_rules(RuleArns=[made])["Rules"]
    assert ["host-header"] == [condition["Field"] for condition in seen["Conditions"]]
    assert not seen.get("Transforms")


def test_rules_exchange_their_priorities_in_one_call(world: World) -> None:
    arn = world.listener()
    first = world.make(steps.CreateRule(rule=rule(arn)))
    second = world.make(steps.CreateRule(rule=rule(arn, id="80:2", priority=2)))
    world.do(steps.SetRulePriorities(priorities={first: 2, second: 1}))
    assert ["SetRulePriorities"] == LOG.operations()
    rules = world.aws.elbv2.describe_rules(RuleArns=[first, second])["Rules"]
    assert {first: "2", second: "1"} == {r["RuleArn"]: r["Priority"] for r in rules}


def test_a_rule_in_a_place_that_is_taken_is_told_as_such(world: World) -> None:
    arn = world.listener()
    world.make(steps.CreateRule(rule=rule(arn)))
    with pytest.raises(AwsAlreadyExists):
        world.make(steps.CreateRule(rule=rule(arn)))


def test_a_listener_is_modified_as_a_whole(world: World) -> None:
    arn, group = world.listener(), world.group()
    [seen] = world.aws.elbv2.describe_listeners(ListenerArns=[arn])["Listeners"]
    wanted = listener(seen["LoadBalancerArn"], default_actions=(forward(group),))
    world.do(steps.ModifyListener(arn=arn, listener=wanted, changed=("default_actions",)))
    assert ["ModifyListener"] == LOG.operations()
    [seen] = world.aws.elbv2.describe_listeners(ListenerArns=[arn])["Listeners"]
    assert ["forward"] == [action["Type"] for action in seen["DefaultActions"]]


# --- tags, and deleting twice ---


def test_tags_are_added_and_removed_at_either_service(world: World) -> None:
    lb, group = world.balancer(tags={"old": "1"}), world.aws.security_group()
    world.do(steps.SetTags(service="elbv2", arn=lb, add={"new": "2"}, remove=("old",)))
    assert ["AddTags", "RemoveTags"] == LOG.operations()
    [described] = world.aws.elbv2.describe_tags(ResourceArns=[lb])["TagDescriptions"]
    assert [{"Key": "new", "Value": "2"}] == described["Tags"]
    world.do(steps.SetTags(service="ec2", arn=group, add={"new": "2"}, remove=()))
    assert ["CreateTags"] == LOG.operations()


def test_what_is_gone_already_is_deleted_without_an_error(world: World) -> None:
    lb = world.balancer()
    arn = world.make(steps.CreateListener(listener=listener(lb)))
    gone: list[steps.Step] = [
        steps.DeleteRule(arn=world.make(steps.CreateRule(rule=rule(arn)))),
        steps.DeleteListener(arn=arn),
        steps.DeleteLoadBalancer(arn=lb),
        steps.DeleteTargetGroup(arn=world.group()),
        steps.DeleteSecurityGroup(group_id=world.make(steps.CreateSecurityGroup(group=security_group()))),
    ]
    for step in (*gone, *gone):
        assert world.do(step) is None
