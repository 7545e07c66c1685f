"""Gates of pods open when their targets are healthy, and AWS is asked only for who waits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.cluster.writes import Writes
from aws_lb_controller.errors import AwsThrottled, AwsUnavailable, KubernetesError, NotLeading, NotYet
from aws_lb_controller.intent.binding import AssumedRole
from aws_lb_controller.plan.gates import CALLS_PER_SECOND, QUICK_SECONDS, TargetHealth
from aws_lb_controller.plan.targets import Target
from aws_lb_controller.reconcile.backends import Backends
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.reconcile.missed_gates import MissedGates
from aws_lb_controller.reconcile.readiness import PodReadiness
from builders_cluster import a_binding, a_node, a_pod, a_slice
from builders_kube import a_port, a_service
from fake_api import FakeApi

GATE = "target-health.elbv2.k8s.aws/tgb"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
FINALIZER = "elbv2.k8s.aws/resources"

REGISTERING = ("False", "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = ("False", "Elb.InitialHealthChecking", "Initial health checks in progress")
TIMEOUT = ("False", "Target.Timeout", "Request timed out")
OPEN = ("True", None, None)

HEALTHY = TargetHealth(state="healthy")
INITIAL = TargetHealth(state="initial", reason=CHECKING[1] or "", description=CHECKING[2] or "")
UNHEALTHY = TargetHealth(state="unhealthy", reason=TIMEOUT[1] or "", description=TIMEOUT[2] or "")


class Aws:
    """What AWS would say. registered and healths: by address; asked: the addresses of each question."""

    def __init__(self) -> None:
        self.registered_ones: set[str] = set()
        self.healths: dict[str, TargetHealth] = {}
        self.asked: list[set[str]] = []
        self.roles: list[AssumedRole | None] = []
        self.failure: Exception | None = None

    def registered(self, arn: str, *, role: AssumedRole | None = None) -> list[Target]:
        return [Target(id=address, port=8080) for address in sorted(self.registered_ones)]

    def of_each(
        self, arn: str, targets: Collection[Target], *, role: AssumedRole | None = None
    ) -> Mapping[tuple[str, int], TargetHealth]:
        self.roles.append(role)
        if self.failure:
            raise self.failure
        self.asked.append({target.id for target in targets})
        return {(t.id, t.port): self.healths.get(t.id, INITIAL) for t in targets}


class World:
    """A Service, its binding `shop/tgb`, and pods 10.0.0.1, 10.0.0.2 … that wait for the binding's gate."""

    def __init__(self, *pods: int, conditions: Mapping[str, str] | None = None) -> None:
        self.api, self.aws, self.events = FakeApi(), Aws(), list[tuple[str, str]]()
        self.time, self.enqueued, self.opened = 0.0, list[Key](), list[tuple[str, str, float]]()
        self.leading = True
        self.store = Store()
        self.put(NODE, a_node())
        self.service()
        self.binding()
        for number in pods:
            self.pod(number)
        self.slice(*pods)
        self.restart()

    def restart(self) -> None:
        """A controller that remembers nothing."""

        def may_write() -> None:
            if not self.leading:
                raise NotLeading

        backends = Backends(self.store, fail_open=True)
        writer = Writes(self.api, self.store, may_write=may_write)  # type: ignore[arg-type]  # as much of it as is needed
        self.readiness = PodReadiness(
            store=self.store,
            backends=backends,
            targets=self.aws,
            health=self.aws,
            writer=writer,
            missed=MissedGates(store=self.store, backends=backends, events=self, namespace=lambda _: None),
            enqueue=self.enqueued.append,
            opened=lambda namespace, name, seconds: self.opened.append((namespace, name, seconds)),
            clock=lambda: self.time,
            now=lambda: BEGAN + timedelta(seconds=self.time),
        )
        self.reconcile_binding = self.readiness.around(lambda _name: None)

    def emit(self, obj: Any, reason: str, message: str, type: str = "Normal") -> None:
        self.events.append((reason, message))

    # ---- the cluster

    def put(self, kind: Any, obj: dict[str, Any]) -> None:
        metadata = obj["metadata"]
        stored = self.api.put(kind.path_of(metadata.get("namespace", ""), metadata["name"]), obj)
        self.store.upsert(kind, lean(kind, stored))

    def service(self) -> None:
        self.put(SERVICE, a_service("web", ports=[a_port(name="http")]))

    def binding(self, **more: Any) -> None:
        given: dict[str, Any] = {"finalizers": [FINALIZER], **more}
        self.put(TARGET_GROUP_BINDING, {"apiVersion": "elbv2.k8s.aws/v1beta1", **a_binding(**given)})

    def remove(self, kind: Any, name: str) -> None:
        self.api.drop(kind.path_of("shop", name))
        self.store.remove(kind, "shop", name)

    def pod(
        self, number: int, *, gates: tuple[str, ...] = (GATE,), status: str | None = None, since: str = "", **more: Any
    ) -> None:
        pod = a_pod(f"web-{number}", ip=f"10.0.0.{number}", **more)
        pod["spec"]["readinessGates"] = [{"conditionType": gate} for gate in gates]
        if status:
            pod["status"]["conditions"].append({"type": GATE, "status": status, "lastTransitionTime": since})
        self.put(POD, pod)

    def slice(self, *pods: int, service: str = "web") -> None:
        """The endpoints of the pods are these: not ready, as their gates are closed."""
        endpoint_slice = a_slice(f"{service}-abc", service=service, pods=tuple(f"web-{n}" for n in pods))
        for number, endpoint in zip(pods, endpoint_slice["endpoints"], strict=True):
            endpoint["addresses"] = [f"10.0.0.{number}"]
            endpoint["conditions"] = {"ready": False, "serving": False, "terminating": False}
        self.put(ENDPOINT_SLICE, endpoint_slice)

    def gate(self, number: int = 1, type_: str = GATE) -> tuple[str, str | None, str | None] | None:
        """Status, reason and message as the API server has them."""
        found = self.condition(number, type_)
        return (found["status"], found.get("reason") or None, found.get("message") or None) if found else None

    def condition(self, number: int = 1, type_: str = GATE) -> dict[str, Any] | None:
        conditions = self.api.objects[POD.path_of("shop", f"web-{number}")]["status"]["conditions"]
        return next((one for one in conditions if one["type"] == type_), None)

    def patches(self) -> int:
        return sum(method == "PATCH" for method, _ in self.api.requests)

    # ---- AWS and the controller

    def register(self, *numbers: int) -> None:
        """The binding's reconcile registers these."""

        def reconcile(_name: str) -> None:
            self.aws.registered_ones |= {f"10.0.0.{n}" for n in numbers}

        self.readiness.around(reconcile)("shop/tgb")

    def health(self, health: TargetHealth, *numbers: int) -> None:
        self.aws.healths.update({f"10.0.0.{n}": health for n in numbers})

    def look(self, after: float = 0.0, name: str = "shop/tgb") -> float | None:
        """Look so many seconds later; gives when the next look is due, None if none is."""
        self.time += after
        try:
            self.readiness.reconcile(name)
        except NotYet as wait:
            return wait.after
        return None

    def look_until(self, seconds: float) -> None:
        """Look whenever a look is due, for so long."""
        until = self.time + seconds
        while (pause := self.look()) is not None and self.time + pause <= until:
            self.time += pause
        self.time = until


# ---- from registration to ready


def test_a_pod_whose_target_was_just_registered_is_told_so_and_aws_is_not_asked() -> None:
    world = World(1)
    world.look()
    world.register(1)
    assert world.look() == QUICK_SECONDS
    assert (REGISTERING, []) == (world.gate(), world.aws.asked)


def test_the_gate_says_what_aws_says_until_the_target_is_healthy() -> None:
    world = World(1)
    world.look()
    world.register(1)
    seen = []
    for health in (INITIAL, UNHEALTHY, HEALTHY):
        world.look()
        world.health(health, 1)
        world.look(QUICK_SECONDS)
        seen.append(world.gate())
    assert [CHECKING, TIMEOUT, OPEN] == seen
    assert world.look() is None


def test_the_transition_time_changes_with_the_status_only() -> None:
    world = World(1)
    world.look()
    world.register(1)
    times = []
    for health in (INITIAL, UNHEALTHY, HEALTHY):
        world.look()
        world.health(health, 1)
        world.look(10)
        times.append((world.condition() or {})["lastTransitionTime"])
    assert ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:30Z"] == times


def test_other_conditions_of_the_pod_stay() -> None:
    world = World(1)
    world.register(1)
    world.look()
    assert ("True", None, None) == world.gate(type_="ContainersReady")
    assert ("True", None, None) == world.gate(type_="PodScheduled")


def test_how_long_the_gate_was_closed_is_measured() -> None:
    world = World(1)
    world.look()
    world.register(1)
    world.look()
    world.health(HEALTHY, 1)
    world.look(42)
    assert [("shop", "tgb", 42.0)] == world.opened


def test_what_is_said_already_is_not_written_again() -> None:
    world = World(1)
    world.register(1)
    world.look_until(60)
    assert 1 == world.patches()


def test_only_pods_that_wait_are_asked_for_and_all_of_them_in_one_call() -> None:
    world = World(1, 2, 3)
    world.register(1, 2, 3)
    world.health(HEALTHY, 1)
    world.look()
    world.look(QUICK_SECONDS)
    assert [{"10.0.0.1", "10.0.0.2", "10.0.0.3"}, {"10.0.0.2", "10.0.0.3"}] == world.aws.asked


def test_pods_that_are_not_registered_are_not_asked_for() -> None:
    world = World(1)
    assert world.look() is None
    assert (None, []) == (world.gate(), world.aws.asked)


def test_a_pod_without_the_gate_gets_no_condition() -> None:
    world = World(1)
    world.pod(1, gates=())
    world.register(1)
    assert world.look() is None
    assert world.gate() is None


def test_a_pod_that_waits_for_two_bindings_is_served_by_each() -> None:
    world = World(1)
    other = "target-health.elbv2.k8s.aws/other"
    world.put(TARGET_GROUP_BINDING, a_binding("other", finalizers=[FINALIZER]))
    world.pod(1, gates=(GATE, other))
    world.register(1)
    world.health(HEALTHY, 1)
    world.look()
    world.look(name="shop/other")
    assert (OPEN, OPEN) == (world.gate(), world.gate(type_=other))


def test_the_role_of_the_binding_is_used() -> None:
    world = World(1)
    binding = a_binding(finalizers=[FINALIZER])
    binding["spec"] |= {"iamRoleArnToAssume": "arn:aws:iam::1:role/x", "assumeRoleExternalId": "id"}
    world.put(TARGET_GROUP_BINDING, binding)
    world.register(1)
    world.look()
    assert [AssumedRole(arn="arn:aws:iam::1:role/x", external_id="id")] == world.aws.roles


# ---- restarts, and targets that come back


def test_after_a_restart_a_pod_that_waits_is_asked_for_at_once() -> None:
    world = World(1)
    world.register(1)
    world.look()
    world.restart()
    world.health(HEALTHY, 1)
    world.look()
    assert OPEN == world.gate()


def test_after_a_restart_nothing_is_asked_where_nobody_waits() -> None:
    world = World(1)
    world.pod(1, status="True", since="2026-01-01T00:00:00Z")
    world.aws.registered_ones = {"10.0.0.1"}
    assert world.look() is None
    assert ([], 0) == (world.aws.asked, world.patches())


def test_an_open_gate_stays_open_when_its_target_turns_unhealthy() -> None:
    world = World(1)
    world.register(1)
    world.health(HEALTHY, 1)
    world.look()
    world.health(UNHEALTHY, 1)
    world.look_until(600)
    assert OPEN == world.gate()


def test_a_target_that_is_registered_anew_closes_the_gate_until_it_is_healthy_again() -> None:
    world = World(1)
    world.register(1)
    world.health(HEALTHY, 1)
    world.look()
    world.aws.registered_ones = set()
    world.look()
    world.register(1)
    world.look(1)
    closed = world.gate()
    world.look(QUICK_SECONDS)
    assert (REGISTERING, OPEN) == (closed, world.gate())


def test_a_pod_that_is_registered_during_a_look_is_found_fresh_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(1)
    world.register(1)
    world.look()

    def registered(arn: str, *, role: AssumedRole | None = None) -> list[Target]:
        """The second pod comes and is registered after the look has seen which pods there are."""
        return [Target(id=f"10.0.0.{number}", port=8080) for number in (1, 2)]

    monkeypatch.setattr(world.aws, "registered", registered)
    world.look()
    world.pod(2, status="True", since="2026-01-01T00:00:00Z")
    world.slice(1, 2)
    world.look()
    assert REGISTERING == world.gate(2)


def test_a_new_binding_closes_gates_that_an_older_one_of_its_name_left_open() -> None:
    world = World(1)
    world.pod(1, status="True", since="2026-01-01T00:00:00Z")
    world.binding(finalizers=[])
    world.register(1)
    world.look()
    assert REGISTERING == world.gate()


# ---- what goes


def test_a_binding_that_goes_opens_the_gates_of_its_pods_before_its_finalizer_is_taken_away() -> None:
    world = World(1, 2)
    world.pod(2, ready=False)
    world.register(1)
    world.look()
    world.binding(deletionTimestamp="2026-01-01T00:00:00Z")
    seen = []
    world.readiness.around(lambda _name: seen.append((world.gate(1), world.gate(2))))("shop/tgb")
    gone = ("True", None, "Target Group Binding is deleted")
    assert [(gone, gone)] == seen


def test_a_binding_goes_even_if_the_gates_cannot_be_opened_and_they_open_later() -> None:
    world = World(1)
    world.binding(deletionTimestamp="2026-01-01T00:00:00Z")

    def refuse(method: str, path: str) -> None:
        raise KubernetesError(f"{method} {path}", 500, "no")

    world.api.before = refuse
    world.reconcile_binding("shop/tgb")
    world.api.before = lambda _method, _path: None
    world.remove(TARGET_GROUP_BINDING, "tgb")
    world.look()
    assert ([Key("pod-readiness", "shop/tgb")], "True") == (world.enqueued, (world.gate() or ("",))[0])


def test_a_missing_service_opens_the_gates_after_a_moment() -> None:
    world = World(1)
    world.register(1)
    world.look()
    world.remove(SERVICE, "web")
    assert world.look(1) == 5.0
    assert CHECKING == world.gate()
    assert world.look(5) is None
    assert ("True", None, "Service shop/web does not exist") == world.gate()


def test_a_service_that_is_made_anew_in_time_changes_nothing() -> None:
    world = World(1)
    world.register(1)
    world.look()
    world.remove(SERVICE, "web")
    world.look(1)
    world.service()
    world.look(5)
    assert CHECKING == world.gate()


def test_a_terminating_pod_is_left_alone() -> None:
    world = World(1)
    world.register(1)
    world.pod(1, deletionTimestamp="2026-01-01T00:00:00Z")
    assert world.look() is None
    assert ([], 0) == (world.aws.asked, world.patches())


def test_a_pod_that_has_gone_meanwhile_is_no_error() -> None:
    world = World(1, 2)
    world.register(1, 2)
    world.health(HEALTHY, 1, 2)
    world.api.drop(POD.path_of("shop", "web-1"))
    assert world.look() is None
    assert OPEN == world.gate(2)


def test_another_pod_of_the_same_name_is_not_touched() -> None:
    world = World(1)
    world.register(1)
    world.health(HEALTHY, 1)
    path = POD.path_of("shop", "web-1")
    pod = world.api.objects[path]
    world.api.put(path, {**pod, "metadata": {**pod["metadata"], "uid": "another"}})
    world.look()
    assert world.gate() is None


def test_whoever_does_not_lead_writes_nothing() -> None:
    world = World(1)
    world.register(1)
    world.leading = False
    with pytest.raises(NotLeading):
        world.look()
    assert 0 == world.patches()


# ---- when to ask


def test_a_look_before_its_time_asks_nothing() -> None:
    world = World(1)
    world.register(1)
    world.look()
    assert world.look(QUICK_SECONDS / 2) == QUICK_SECONDS / 2
    assert 1 == len(world.aws.asked)


def test_a_pod_that_waits_long_is_asked_for_less_often() -> None:
    world = World(1)
    world.register(1)
    world.look_until(60)
    quick = len(world.aws.asked)
    world.look_until(3600)
    assert 15 < quick < 40
    assert 3600 / 30 <= len(world.aws.asked) - quick < 3600 / 30 + 40


def test_a_pod_that_comes_is_asked_for_soon_even_if_others_have_waited_long() -> None:
    world = World(1, 2)
    world.register(1)
    world.look_until(3600)
    world.register(2)
    assert (world.look() or 99) <= QUICK_SECONDS


def test_many_bindings_together_ask_no_more_often_than_their_share() -> None:
    world, number = World(), 60
    for n in range(1, number + 1):
        gate = f"target-health.elbv2.k8s.aws/tgb-{n}"
        world.put(SERVICE, a_service(f"web-{n}", ports=[a_port(name="http")]))
        world.put(TARGET_GROUP_BINDING, a_binding(f"tgb-{n}", service=f"web-{n}", finalizers=[FINALIZER]))
        world.pod(n, gates=(gate,))
        world.slice(n, service=f"web-{n}")
        world.aws.registered_ones.add(f"10.0.0.{n}")
    due = {f"shop/tgb-{n}": 0.0 for n in range(1, number + 1)}
    while world.time < 300:
        name = min(due, key=lambda each: due[each])
        world.time = max(world.time, due[name])
        due[name] = world.time + (world.look(name=name) or 1000)
    assert 300 * CALLS_PER_SECOND / 2 < len(world.aws.asked) <= 300 * CALLS_PER_SECOND + 2 * number


def test_throttling_slows_down_and_is_no_error() -> None:
    world = World(1)
    world.register(1)
    world.aws.failure = AwsThrottled("DescribeTargetHealth", "Throttling", "Rate exceeded")
    pauses = [pause for _ in range(5) if (pause := world.look(60)) is not None]
    assert 5 == len(pauses)
    assert sorted(pauses) == pauses
    assert pauses[0] > QUICK_SECONDS


def test_other_errors_of_aws_are_left_to_the_worker() -> None:
    world = World(1)
    world.register(1)
    world.aws.failure = AwsUnavailable("DescribeTargetHealth", "", "no answer")
    with pytest.raises(AwsUnavailable):
        world.look()


def test_a_look_is_asked_for_after_each_reconcile_of_a_binding_whose_pods_have_its_gate() -> None:
    world = World(1)
    world.reconcile_binding("shop/tgb")
    world.reconcile_binding("shop/other")
    assert [Key("pod-readiness", "shop/tgb")] == world.enqueued


def test_a_look_is_asked_for_when_the_reconcile_fails() -> None:
    world = World(1)

    def fail(_name: str) -> None:
        raise AwsUnavailable("RegisterTargets", "", "no answer")

    with pytest.raises(AwsUnavailable):
        world.readiness.around(fail)("shop/tgb")
    assert [Key("pod-readiness", "shop/tgb")] == world.enqueued
