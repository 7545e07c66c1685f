"""An ALB as the target of a group of type ``alb``: what moto refuses as AWS does, and how we register and see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_builders import CLUSTER, LOG, STACK, our_clients, settings, tags

from aws_lb_controller.aws.apply import Applier
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.look import look
from aws_lb_controller.aws.sweep import Sweeper
from aws_lb_controller.errors import AwsInUse, AwsRefused, NotYet
from aws_lb_controller.model.target_group import LoadBalancerTarget
from aws_lb_controller.plan.steps import (
    DeleteListener,
    DeleteLoadBalancer,
    DeregisterLoadBalancer,
    RegisterLoadBalancer,
)
from localworld.behaviour import Behaviour

Refused = Callable[..., str]


class World:
    """An ALB that listens on port 80, and an empty group of type ``alb`` of the stack."""

    def __init__(self, aws: Any) -> None:
        self.aws, self.elbv2 = aws, aws.elbv2
        self.balancer = aws.load_balancer("behind")
        self.listener = aws.listener(self.balancer)
        own = [{"Key": key, "Value": value} for key, value in tags("FrontendNlb-tg-TCP-80").items()]
        self.group = aws.target_group("front", TargetType="alb", Protocol="TCP", Tags=own)
        self.clients = our_clients(aws.world.vpc_id)
        self.applier = Applier(self.clients, settings(), BackendSecurityGroup(self.clients, settings()))

    def target(self, port: int = 80) -> LoadBalancerTarget:
        return LoadBalancerTarget(load_balancer=self.balancer, port=port)

    def register(self, port: int = 80) -> None:
        self.applier.carry_out(RegisterLoadBalancer(target_group=self.group, target=self.target(port)))

    def deregister(self) -> None:
        self.applier.carry_out(DeregisterLoadBalancer(target_group=self.group, target=self.target()))

    def seen(self) -> LoadBalancerTarget | None:
        """The target as a close look at the stack tells it."""
        holdings = Sweeper(self.clients, cluster=CLUSTER).sweep(1).holdings[STACK]
        (group,) = look(self.clients.elbv2, STACK, holdings).target_groups
        return group.resource.target


@pytest.fixture
def world(aws: Any) -> World:
    return World(aws)


# -- moto


def test_a_load_balancer_that_does_not_listen_on_the_port_is_refused(world: World, refused: Refused) -> None:
    target = {"Id": world.balancer, "Port": 81}
    assert "InvalidTarget" == refused(world.elbv2.register_targets, TargetGroupArn=world.group, Targets=[target])


def test_only_an_application_load_balancer_can_be_such_a_target(world: World, refused: Refused, aws: Any) -> None:
    target = {"Id": aws.load_balancer("nlb", Type="network"), "Port": 80}
    assert "InvalidTarget" == refused(world.elbv2.register_targets, TargetGroupArn=world.group, Targets=[target])


def test_such_a_group_has_one_target(world: World, refused: Refused, aws: Any) -> None:
    other = aws.load_balancer("other")
    aws.listener(other)
    world.register()
    target = {"Id": other, "Port": 80}
    assert "TooManyTargets" == refused(world.elbv2.register_targets, TargetGroupArn=world.group, Targets=[target])


def test_a_registered_load_balancer_and_its_listener_stay_until_it_is_deregistered(
    world: World, refused: Refused
) -> None:
    world.register()
    listener = refused(world.elbv2.delete_listener, ListenerArn=world.listener)
    balancer = refused(world.elbv2.delete_load_balancer, LoadBalancerArn=world.balancer)
    assert ("ResourceInUse", "ResourceInUse") == (listener, balancer)
    world.deregister()
    assert "" == refused(world.elbv2.delete_listener, ListenerArn=world.listener)
    assert "" == refused(world.elbv2.delete_load_balancer, LoadBalancerArn=world.balancer)


# -- ours


def test_registering_is_one_call_and_is_seen(world: World) -> None:
    LOG.clear()
    world.register()
    assert ["RegisterTargets"] == LOG.operations()
    assert world.target() == world.seen()


def test_a_group_without_a_target_is_seen_without_one(world: World) -> None:
    assert world.seen() is None


def test_one_that_drains_counts_as_gone(world: World, moto_behaviour: Behaviour) -> None:
    moto_behaviour.draining_seconds = 60
    world.register()
    world.deregister()
    assert ["draining"] == list(world.aws.target_states(world.group).values())
    assert world.seen() is None


def test_deregistering_from_a_group_that_is_gone_is_fine(world: World) -> None:
    world.elbv2.delete_target_group(TargetGroupArn=world.group)
    world.deregister()


def test_what_is_registered_is_in_use(world: World) -> None:
    world.register()
    with pytest.raises(AwsInUse):
        world.applier.carry_out(DeleteListener(arn=world.listener))
    with pytest.raises(AwsInUse):
        world.applier.carry_out(DeleteLoadBalancer(arn=world.balancer))


@pytest.mark.parametrize(("seconds", "error"), [(3600, NotYet), (0, AwsRefused)], ids=["provisioning", "active"])
def test_a_refusal_is_for_now_while_the_load_balancer_is_provisioning(
    seconds: float, error: type[Exception], aws: Any, moto_behaviour: Behaviour
) -> None:
    moto_behaviour.provisioning_seconds = seconds
    world = World(aws)
    with pytest.raises(error):
        world.register(port=81)
