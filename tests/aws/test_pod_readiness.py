"""Pods wait for their targets: registered while not ready, ready once AWS calls the target healthy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aws_builders import our_clients
from binding_world import BindingWorld

from aws_lb_controller.aws.health import NAMED_TARGETS, Health
from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, POD
from aws_lb_controller.cluster.writes import merged
from aws_lb_controller.errors import AwsNotFound, NotYet
from aws_lb_controller.plan.gates import TargetHealth
from aws_lb_controller.plan.targets import Target
from aws_lb_controller.reconcile.backends import Backends
from aws_lb_controller.reconcile.missed_gates import MissedGates
from aws_lb_controller.reconcile.readiness import PodReadiness
from localworld.behaviour import Behaviour

ONE, TWO = "192.168.97.1", "192.168.113.1"
GATE = "target-health.elbv2.k8s.aws/web"
LONG = 3600.0
CHECKING = ("False", "Elb.RegistrationInProgress")


@dataclass
class Conditions:
    """What the API server does with a condition, done to the store."""

    world: BindingWorld

    def set_pod_condition(self, pod: Any, condition: Mapping[str, str]) -> None:
        held = {one["type"]: one for one in pod["status"]["conditions"]}
        held[condition["type"]] = {**held.get(condition["type"], {}), **condition}
        self.world.put(POD, merged(pod, {"status": {"conditions": [*held.values()]}}))


class Rollout:
    """Binding shop/web, whose pods bear its gate."""

    def __init__(self, aws: Any, behaviour: Behaviour) -> None:
        self.world, self.behaviour = BindingWorld(aws), behaviour
        self.arn = aws.target_group()
        self.world.binding(self.arn)
        self.restart()

    def restart(self) -> None:
        """A controller that remembers nothing."""
        self.world.restart()
        store, backends = self.world.store, Backends(self.world.store, fail_open=True)
        self.readiness = PodReadiness(
            store=store,
            backends=backends,
            targets=self.world.targets,
            health=Health(self.world.clients),
            writer=Conditions(self.world),
            missed=MissedGates(store=store, backends=backends, events=self.world.events, namespace=lambda _: None),
            enqueue=lambda _key: None,
            clock=lambda: self.world.now,
        )
        self.reconcile = self.readiness.around(lambda name: self.world.reconcile(name.removeprefix("shop/")))

    def pods(self, *addresses: str) -> None:
        """These pods are behind the Service; their containers are ready, they themselves only when their gates are."""
        stand = {address: self.world.store.get(POD, "shop", f"pod-{address}") for address in addresses}
        self.world.pods(*addresses, ready=False)
        for address, before in stand.items():
            pod: Any = before or self.world.store.get(POD, "shop", f"pod-{address}")
            self.world.put(POD, merged(pod, {"spec": {"readinessGates": [{"conditionType": GATE}]}}))

    def bring(self) -> None:
        """The binding is reconciled, and then its pods are looked at."""
        self.reconcile("shop/web")
        self.look()

    def look(self, after: float = 0.0) -> None:
        self.world.now += after
        try:
            self.readiness.reconcile("shop/web")
        except NotYet:
            return

    def gates(self) -> dict[str, tuple[str, str]]:
        """Status and reason, by address."""
        found = {}
        for pod in self.world.store.list(POD):
            for condition in pod["status"]["conditions"]:
                if condition["type"] == GATE:
                    found[pod["status"]["podIP"]] = condition["status"], condition["reason"]
        return found


@pytest.fixture
def rollout(aws: Any, moto_behaviour: Behaviour) -> Rollout:
    """Targets that stay in their first health checks until the test says otherwise."""
    moto_behaviour.initial_seconds = LONG
    return Rollout(aws, moto_behaviour)


def test_a_pod_is_registered_while_its_gate_is_closed_and_opens_when_its_target_is_healthy(rollout: Rollout) -> None:
    rollout.pods(ONE)
    rollout.bring()
    assert {(ONE, 8080)} == rollout.world.registered(rollout.arn)
    assert {ONE: CHECKING} == rollout.gates()
    rollout.look(30)
    assert {ONE: CHECKING} == rollout.gates()
    rollout.behaviour.initial_seconds = 0
    rollout.look(30)
    assert {ONE: ("True", "")} == rollout.gates()


def test_a_pod_that_comes_waits_while_those_before_it_stay_ready(rollout: Rollout) -> None:
    rollout.behaviour.initial_seconds = 0
    rollout.pods(ONE)
    rollout.bring()
    rollout.look(30)
    rollout.behaviour.initial_seconds = LONG
    rollout.pods(ONE, TWO)
    rollout.bring()
    rollout.look(30)
    assert {ONE: ("True", ""), TWO: CHECKING} == rollout.gates()


def test_failing_health_checks_are_told(rollout: Rollout) -> None:
    rollout.behaviour.initial_seconds = 0
    rollout.behaviour.failing_target_groups = "web"
    rollout.pods(ONE)
    rollout.bring()
    rollout.look(30)
    assert {ONE: ("False", "Target.FailedHealthChecks")} == rollout.gates()


def test_after_a_restart_the_pods_that_wait_are_found(rollout: Rollout) -> None:
    rollout.pods(ONE, TWO)
    rollout.bring()
    rollout.restart()
    rollout.behaviour.initial_seconds = 0
    rollout.bring()
    assert {ONE: ("True", ""), TWO: ("True", "")} == rollout.gates()


def test_a_binding_that_is_deleted_opens_the_gates(rollout: Rollout) -> None:
    rollout.pods(ONE)
    rollout.bring()
    rollout.world.delete_binding()
    rollout.reconcile("shop/web")
    assert ({ONE: ("True", "")}, set()) == (rollout.gates(), rollout.world.registered(rollout.arn))


def test_a_pod_that_leaves_is_waited_for_no_more(rollout: Rollout) -> None:
    rollout.pods(ONE)
    rollout.bring()
    rollout.world.store.remove(POD, "shop", f"pod-{ONE}")
    rollout.world.store.remove(ENDPOINT_SLICE, "shop", "web-1")
    rollout.bring()
    assert set() == rollout.world.registered(rollout.arn)
    rollout.readiness.reconcile("shop/web")  # else it would raise NotYet


# ---- asking AWS


def test_the_health_of_some_targets_is_one_call_about_these(aws: Any, moto_behaviour: Behaviour) -> None:
    arn, health = aws.target_group(), Health(our_clients(aws.world.vpc_id))
    aws.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": each, "Port": 8080} for each in (ONE, TWO)])
    moto_behaviour.initial_seconds = LONG
    checking = TargetHealth(
        state="initial", reason="Elb.RegistrationInProgress", description="Target registration is in progress"
    )
    assert {(ONE, 8080): checking} == health.of_each(arn, [Target(id=ONE, port=8080)])


def test_more_targets_than_can_well_be_named_are_asked_for_as_a_group(aws: Any) -> None:
    arn, health = aws.target_group(), Health(our_clients(aws.world.vpc_id))
    targets = [Target(id=ONE, port=port) for port in range(1, NAMED_TARGETS + 2)]
    aws.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": t.id, "Port": t.port} for t in targets])
    assert {(t.id, t.port): TargetHealth(state="healthy") for t in targets} == health.of_each(arn, targets)


def test_a_target_that_is_not_registered_is_said_to_be_so(aws: Any) -> None:
    arn, health = aws.target_group(), Health(our_clients(aws.world.vpc_id))
    assert "Target.NotRegistered" == health.of_each(arn, [Target(id=ONE, port=1)])[ONE, 1].reason


def test_a_target_group_that_is_gone_is_an_error(aws: Any) -> None:
    arn, health = aws.target_group(), Health(our_clients(aws.world.vpc_id))
    aws.elbv2.delete_target_group(TargetGroupArn=arn)
    with pytest.raises(AwsNotFound):
        health.of_each(arn, [Target(id=ONE, port=1)])
