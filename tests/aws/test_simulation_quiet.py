"""A controller that has nothing to do asks AWS nothing, and one that begins anew changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import INGRESS, NODE, POD, SERVICE
from simulated_cluster import DEMO, samples
from simulation import Simulation

GAME, ECHO = ("game-2048", "ingress-2048"), ("echo", "svc-nlb-ip-type")
READS_AFTER_A_RESTART = 20
"""Enough for a sweep, what builders ask, instances, and the targets of four groups; no stack is looked at closely."""


@pytest.fixture
def world(aws: Any) -> Simulation:
    """The demo, deployed."""
    world = Simulation(aws)
    world.cluster.apply(*samples(*DEMO))
    world.run()
    assert [] == world.unexpected()
    world.wire.clear()
    world.events.told.clear()
    return world


def test_a_resync_with_nothing_to_do_makes_no_aws_call_writes_nothing_and_tells_nothing(world: Simulation) -> None:
    world.cluster.api.requests.clear()
    world.resync()
    world.run()
    assert [] == world.wire.operations
    assert [] == world.cluster.api.requests
    assert [] == world.events.told


def test_changes_that_nobody_asks_about_make_no_aws_call(world: Simulation) -> None:
    heartbeat = {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}
    world.cluster.edit(NODE, "", "node-0", {"status": {"conditions": [heartbeat]}})
    world.cluster.edit(POD, "echo", "echo-0", {"metadata": {"labels": {"note": "seen"}}})
    world.cluster.edit(SERVICE, *ECHO, {"metadata": {"labels": {"team": "echo"}}})
    world.cluster.annotate(INGRESS, *GAME, {"example.com/note": "seen"})
    world.run()
    assert [] == world.wire.operations


def test_an_edit_that_says_what_is_so_already_makes_no_aws_call(world: Simulation) -> None:
    world.cluster.annotate(INGRESS, *GAME, {"alb.ingress.kubernetes.io/healthcheck-interval-seconds": "15"})
    world.cluster.annotate(SERVICE, *ECHO, {"service.beta.kubernetes.io/aws-load-balancer-healthcheck-protocol": "TCP"})
    world.run()
    assert [] == world.wire.operations
    assert [] == world.unexpected()


def test_an_edit_costs_no_more_than_the_calls_that_carry_it_out(world: Simulation) -> None:
    world.cluster.annotate(INGRESS, *GAME, {"alb.ingress.kubernetes.io/healthcheck-interval-seconds": "30"})
    world.run()
    assert ["ModifyTargetGroup"] == world.wire.operations


def test_scaling_costs_one_call_and_a_look_for_what_is_not_known_yet(world: Simulation) -> None:
    world.cluster.scale("game-2048", "deployment-2048", 3)
    world.run()
    assert ["RegisterTargets"] == world.wire.mutations()
    world.wire.clear()
    world.cluster.scale("game-2048", "deployment-2048", 1)
    world.run()
    assert ["DeregisterTargets"] == world.wire.operations


def test_a_restart_changes_nothing_in_aws_or_kubernetes_and_reads_no_more_than_a_bound(world: Simulation) -> None:
    before = world.aws_state(), world.kubernetes_state()
    world.cluster.api.requests.clear()
    world.restart()
    world.run()
    assert [] == world.wire.mutations()
    assert [] == world.cluster.api.requests
    assert before == (world.aws_state(), world.kubernetes_state())
    assert len(world.wire.operations) <= READS_AFTER_A_RESTART


def test_an_audit_with_nothing_to_do_only_reads(world: Simulation) -> None:
    world.cluster.api.requests.clear()
    world.audit()
    world.run()
    assert [] == world.wire.mutations()
    assert [] == world.cluster.api.requests
    assert [] == world.events.told


@pytest.mark.parametrize("restarted", [False, True], ids=["in-one-life", "after-a-restart"])
def test_an_audit_puts_right_what_others_changed(restarted: bool, world: Simulation, aws: Any) -> None:
    before = world.aws_state()
    if restarted:
        world.restart()
        world.run()
    for balancer in aws.elbv2.describe_load_balancers()["LoadBalancers"]:
        arn = balancer["LoadBalancerArn"]
        (listener,) = aws.elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        aws.elbv2.delete_listener(ListenerArn=listener["ListenerArn"])
    for group in aws.elbv2.describe_target_groups()["TargetGroups"]:
        aws.elbv2.modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckIntervalSeconds=77)
    assert before != world.aws_state()
    world.audit()
    world.run()
    assert [] == world.unexpected()
    assert before == world.aws_state()
