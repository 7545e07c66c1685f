"""A plan that was carried out leaves nothing to do, also when AWS is looked at afresh."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from aws_builders import (
    STACK,
    answering,
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
from aws_lb_controller.aws.observe import Inventory
from aws_lb_controller.errors import AwsError
from aws_lb_controller.model.listener import Forward, Redirect, WeightedTargetGroup
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref, resolve
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan.effects import after
from aws_lb_controller.plan.match import known
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.steps import Plan, gives

GROUP = Ref("TargetGroup", "shop/web-web:80")
CREATES = (
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "CreateTargetGroup",
    "ModifyTargetGroupAttributes",
    "CreateLoadBalancer",
    "ModifyLoadBalancerAttributes",
    "CreateListener",
    "CreateRule",
)


class World:
    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.clients = our_clients(aws.world.vpc_id)
        self.backend = BackendSecurityGroup(self.clients, settings())
        self.inventory = Inventory(self.clients, settings(), self.backend)
        self.applier = Applier(self.clients, settings(), self.backend)
        self.subnets = [aws.world.subnets["private-a"], aws.world.subnets["private-b"]]

    def stack(self) -> Stack:
        managed = security_group(ingress(), ingress("10.0.0.0/8", 443))
        weighted = Forward(target_groups=(WeightedTargetGroup(GROUP, 3),), stickiness_seconds=60)
        lb = load_balancer(self.subnets, security_groups=(Ref("SecurityGroup", managed.id), BACKEND_SECURITY_GROUP))
        web = listener(Ref("LoadBalancer", lb.id))  # type: ignore[arg-type]  # a reference until the ARN is known
        first = rule(web.ref, Forward(target_groups=(WeightedTargetGroup(GROUP),)))  # type: ignore[arg-type]  # as above
        return Stack(
            id=STACK,
            security_groups=(managed,),
            target_groups=(target_group(self.clients.vpc_id),),
            load_balancers=(lb,),
            listeners=(web,),
            rules=(
                first,
                dataclasses.replace(first, id="80:2", priority=2, actions=(weighted,)),
                dataclasses.replace(
                    first, id="80:3", priority=3, actions=(Redirect(status_code="HTTP_301", port="443"),)
                ),
            ),
        )

    def carry_out(self, stack: Stack) -> Plan:
        """As the controller does it; returns what there was to do."""
        try:
            return self._carry_out(stack)
        except AwsError:
            self.inventory.forget(stack.id)
            raise

    def _carry_out(self, stack: Stack) -> Plan:
        seen = self.inventory.observe(stack.id)
        planned = plan(stack, seen)
        refs = dict(known(stack, seen))
        for step in planned:
            resolved = resolve(step, refs)
            given = self.applier.carry_out(resolved)
            if given and (ref := gives(step)):
                refs[ref] = given.arn
            seen = after(seen, resolved, given)
        self.inventory.remember(stack.id, seen)
        return planned


@pytest.fixture
def world(aws: Any) -> World:
    return World(aws)


def test_a_stack_that_was_made_needs_nothing_more(world: World) -> None:
    stack = world.stack()
    assert () != world.carry_out(stack)
    assert () == world.carry_out(stack)


def test_a_stack_that_was_made_needs_nothing_more_after_a_restart(world: World) -> None:
    stack = world.stack()
    world.carry_out(stack)
    assert () == World(world.aws).carry_out(stack)


def test_an_empty_stack_leaves_nothing_in_aws(world: World) -> None:
    world.carry_out(world.stack())
    world.carry_out(Stack(id=STACK))
    world.backend.delete(needed=lambda: False)
    assert ObservedStack() == World(world.aws).inventory.observe(STACK)


@pytest.mark.parametrize("operation", CREATES)
def test_a_call_that_failed_is_made_up_for_by_the_next_run(world: World, operation: str) -> None:
    stack = world.stack()
    client = world.clients.ec2 if "SecurityGroup" in operation else world.clients.elbv2
    with answering(client, operation, status=400, code="AccessDenied"), pytest.raises(AwsError):
        world.carry_out(stack)
    world.carry_out(stack)
    assert () == World(world.aws).carry_out(stack)


@pytest.mark.parametrize("operation", CREATES)
def test_a_call_that_took_effect_though_the_answer_was_lost_is_made_up_for(world: World, operation: str) -> None:
    stack = world.stack()
    client = world.clients.ec2 if "SecurityGroup" in operation else world.clients.elbv2
    with answering(client, operation, status=500, code="InternalFailure", after_effect=True):
        for _ in range(5):
            try:
                world.carry_out(stack)
            except AwsError:
                continue
            break
    assert () == World(world.aws).carry_out(stack)
