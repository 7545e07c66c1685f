"""What exists is found out once, at a known cost in calls, and known from then on."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aws_builders import (
    CLUSTER,
    LOG,
    NOT_FOUND,
    STACK,
    forward,
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
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.aws.look import look
from aws_lb_controller.aws.observe import Inventory
from aws_lb_controller.errors import AwsNotFound
from aws_lb_controller.model.observed import ObservedStack, Seen
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.plan import steps
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.settings import FeatureGates

SWEEP = {"DescribeLoadBalancers": 1, "DescribeTargetGroups": 1, "DescribeSecurityGroups": 1}


class World:
    """A cluster's inventory and applier on a fresh account."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.clients: Clients = our_clients(aws.world.vpc_id)
        self.settings = settings()
        self.backend = BackendSecurityGroup(self.clients, self.settings)
        self.inventory = Inventory(self.clients, self.settings, self.backend)
        self.applier = Applier(self.clients, self.settings, self.backend)
        self.subnets = [aws.world.subnets["private-a"], aws.world.subnets["private-b"]]

    def make(self, step: steps.Step) -> str:
        given = self.applier.carry_out(step)
        assert given is not None
        return given.arn

    def balancer(self, stack: StackId = STACK, **more: Any) -> str:
        return self.make(steps.CreateLoadBalancer(load_balancer=load_balancer(self.subnets, stack=stack, **more)))

    def group(self, stack: StackId = STACK, **more: Any) -> str:
        return self.make(steps.CreateTargetGroup(group=target_group(self.clients.vpc_id, stack=stack, **more)))

    def calls(self) -> dict[str, int]:
        """The calls since the last time, by operation."""
        made = dict(Counter(LOG.operations()))
        LOG.calls.clear()
        return made


@pytest.fixture
def world(aws: Any) -> World:
    return World(aws)


def stack_of(number: int) -> StackId:
    return StackId("service", f"shop/web-{number}")


def test_what_was_made_is_observed_as_it_was_wanted(world: World) -> None:
    wanted_sg = security_group(ingress(), ingress("10.0.0.0/8", 443))
    sg = world.make(steps.CreateSecurityGroup(group=wanted_sg))
    wanted_group = target_group(world.clients.vpc_id)
    group = world.make(steps.CreateTargetGroup(group=wanted_group))
    wanted_lb = load_balancer(world.subnets, security_groups=(sg,))
    lb = world.make(steps.CreateLoadBalancer(load_balancer=wanted_lb))
    wanted_listener = listener(lb)
    arn = world.make(steps.CreateListener(listener=wanted_listener))
    wanted_rule = rule(arn, forward(group))
    world.make(steps.CreateRule(rule=wanted_rule))

    seen = world.inventory.observe(STACK)

    assert [wanted_sg] == [s.resource for s in seen.security_groups]
    assert [wanted_rule] == [s.resource for s in seen.rules]
    [seen_group], [seen_lb], [seen_listener] = seen.target_groups, seen.load_balancers, seen.listeners
    assert (group, lb, arn) == (seen_group.arn, seen_lb.arn, seen_listener.arn)
    assert wanted_group.attributes.items() <= seen_group.resource.attributes.items()
    assert wanted_lb.attributes.items() <= seen_lb.resource.attributes.items()
    assert (wanted_group.tags, wanted_group.health_check) == (
        seen_group.resource.tags,
        seen_group.resource.health_check,
    )
    assert (wanted_lb.subnets, wanted_lb.security_groups) == (
        seen_lb.resource.subnets,
        seen_lb.resource.security_groups,
    )
    assert (NOT_FOUND,) == seen_listener.resource.default_actions


def test_the_second_look_at_a_stack_costs_nothing(world: World) -> None:
    world.balancer()
    first = world.inventory.observe(STACK)
    world.calls()
    assert first == world.inventory.observe(STACK)
    assert {} == world.calls()


def test_a_stack_that_owns_nothing_costs_nothing_after_the_sweep(world: World) -> None:
    world.inventory.observe(STACK)
    assert SWEEP == world.calls()
    assert ObservedStack() == world.inventory.observe(stack_of(1))
    assert {} == world.calls()


def test_the_sweep_of_fifty_stacks_asks_for_tags_of_twenty_resources_at_once(world: World) -> None:
    for number in range(50):
        world.group(stack_of(number), name=f"k8s-shop-web-{number}", attributes={})
    world.calls()
    assert all(world.inventory.glance(stack_of(number)) for number in range(50))
    assert {**SWEEP, "DescribeTags": 3} == world.calls()


def test_a_first_look_reads_only_what_the_sweep_does_not_tell(world: World) -> None:
    lb, group = world.balancer(), world.group()
    arn = world.make(steps.CreateListener(listener=listener(lb)))
    world.make(steps.CreateRule(rule=rule(arn, forward(group))))
    world.inventory.glance(STACK)
    world.calls()
    world.inventory.observe(STACK)
    expected = {
        "DescribeListeners": 1,
        "DescribeRules": 1,
        "DescribeTags": 1,
        "DescribeLoadBalancerAttributes": 1,
        "DescribeTargetGroupAttributes": 1,
        "DescribeListenerAttributes": 1,
        "DescribeCapacityReservation": 1,
    }
    assert expected == world.calls()


def test_capacity_that_nobody_asks_for_costs_no_call(world: World) -> None:
    world.balancer()
    [unknown] = world.inventory.observe(STACK, capacity=False).load_balancers
    assert "DescribeCapacityReservation" not in world.calls()
    [known] = world.inventory.observe(STACK).load_balancers
    assert (None, 0) == (unknown.resource.minimum_capacity_units, known.resource.minimum_capacity_units)
    assert {"DescribeCapacityReservation": 1} == world.calls()
    world.inventory.observe(STACK)
    assert {} == world.calls()


def test_without_the_feature_nobody_asks_for_capacity(world: World) -> None:
    world.balancer()
    gates = FeatureGates(lb_capacity_reservation=False)
    inventory = Inventory(world.clients, settings(feature_gates=gates), world.backend)
    [seen] = inventory.observe(STACK).load_balancers
    assert None is seen.resource.minimum_capacity_units
    assert "DescribeCapacityReservation" not in world.calls()


def test_without_the_feature_nobody_asks_for_the_tags_of_listeners_and_rules_nor_touches_them(world: World) -> None:
    balancer = world.balancer()
    arn = world.make(steps.CreateListener(listener=listener(balancer)))
    world.make(steps.CreateRule(rule=rule(arn)))
    world.calls()
    gates = FeatureGates(listener_rules_tagging=False)
    seen = Inventory(world.clients, settings(feature_gates=gates), world.backend).observe(STACK)
    assert 1 == world.calls()["DescribeTags"]
    untagged = Stack(
        id=STACK,
        load_balancers=(load_balancer(world.subnets),),
        listeners=(listener(balancer, tags=None),),
        rules=(rule(arn, tags=None),),
    )
    assert () == plan(untagged, seen)
    [there] = world.aws.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    assert there["Tags"]


def test_a_stack_whose_load_balancer_went_before_its_capacity_was_read_is_swept_again(world: World) -> None:
    arn = world.balancer()
    world.inventory.observe(STACK, capacity=False)
    world.aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    with pytest.raises(AwsNotFound):
        world.inventory.observe(STACK)
    assert () == world.inventory.observe(STACK).load_balancers


def test_what_we_wrote_ourselves_is_remembered_without_asking(world: World) -> None:
    seen = world.inventory.observe(STACK)
    group = target_group(world.clients.vpc_id)
    arn = world.make(steps.CreateTargetGroup(group=group))
    world.calls()
    after = ObservedStack(target_groups=(*seen.target_groups, Seen(arn=arn, resource=group)))
    world.inventory.remember(STACK, after)
    assert after == world.inventory.observe(STACK)
    assert {} == world.calls()


def test_a_forgotten_stack_shows_what_a_create_made_whose_answer_was_lost(world: World) -> None:
    world.inventory.observe(STACK)
    arn = world.group()
    world.inventory.forget(STACK)
    assert [arn] == [group.arn for group in world.inventory.observe(STACK).target_groups]


def test_a_forgotten_stack_shows_tags_as_others_changed_them(world: World) -> None:
    arn = world.group()
    world.inventory.observe(STACK)
    world.aws.elbv2.add_tags(ResourceArns=[arn], Tags=[{"Key": "team", "Value": "shop"}])
    world.inventory.forget(STACK)
    [group] = world.inventory.observe(STACK).target_groups
    assert "shop" == group.resource.tags.get("team")


def test_stacks_that_are_forgotten_together_share_a_sweep_that_asks_for_no_tags_again(world: World) -> None:
    for number in range(5):
        world.group(stack_of(number), name=f"k8s-shop-web-{number}", attributes={})
    for number in range(5):
        world.inventory.observe(stack_of(number))
    for number in range(5):
        world.inventory.forget(stack_of(number))
    world.calls()
    for number in range(5):
        world.inventory.observe(stack_of(number))
    # each stack's own tags are read with its close look
    assert {**SWEEP, "DescribeTags": 5, "DescribeTargetGroupAttributes": 5} == world.calls()


def test_a_stack_from_which_something_went_while_looked_at_is_swept_again(world: World) -> None:
    arn = world.balancer()
    world.inventory.glance(STACK)
    world.aws.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    with pytest.raises(AwsNotFound):
        world.inventory.observe(STACK)
    assert ObservedStack() == world.inventory.observe(STACK)


def test_only_stacks_of_this_cluster_and_vpc_count(world: World) -> None:
    theirs = {"elbv2.k8s.aws/cluster": "other", STACK.stack_tag: STACK.name}
    world.group(tags=theirs)
    world.aws.target_group("untagged")
    other = world.aws.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    world.make(steps.CreateTargetGroup(group=target_group(other, name="elsewhere")))
    assert world.inventory.glance(STACK) is None
    assert ObservedStack() == world.inventory.observe(STACK)


def test_the_shared_security_group_is_known_from_the_sweep(world: World) -> None:
    made = BackendSecurityGroup(world.clients, world.settings).ensure()
    assert made == world.inventory.observe(STACK).backend_security_group
    assert CLUSTER == world.settings.cluster_name


def test_stacks_that_are_forgotten_at_once_share_the_sweep_in_several_threads(world: World) -> None:
    stacks = [stack_of(number) for number in range(8)]
    arns = {stack: world.group(stack, name=f"k8s-shop-{stack.name[-1]}") for stack in stacks}
    world.calls()
    with ThreadPoolExecutor(8) as pool:
        seen = dict(zip(stacks, pool.map(world.inventory.observe, stacks), strict=True))
    assert arns == {stack: observed.target_groups[0].arn for stack, observed in seen.items()}
    assert 1 == world.calls()["DescribeLoadBalancers"]


def test_a_stack_that_is_forgotten_while_it_is_looked_at_is_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = world.group()
    looks: list[StackId] = []

    def look_and_forget(elbv2: Any, stack: StackId, holdings: Any, **how: Any) -> ObservedStack:
        if not looks:
            world.inventory.forget(stack)
        looks.append(stack)
        return look(elbv2, stack, holdings, **how)

    monkeypatch.setattr("aws_lb_controller.aws.observe.look", look_and_forget)
    for _ in range(3):
        assert [arn] == [group.arn for group in world.inventory.observe(STACK).target_groups]
    assert [STACK, STACK] == looks
