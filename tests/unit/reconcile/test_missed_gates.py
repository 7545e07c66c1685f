"""Whoever asked for readiness gates is told when pods were made without them."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesError
from aws_lb_controller.reconcile.backends import Backends
from aws_lb_controller.reconcile.missed_gates import LABEL_SECONDS, MissedGates
from builders_cluster import a_binding, a_node, a_pod, a_slice
from builders_kube import a_port, a_service

BEFORE, MADE, AFTER = (f"2026-01-01T00:00:0{second}Z" for second in range(3))
GATE = {"conditionType": "target-health.elbv2.k8s.aws/tgb"}


class World:
    """Service and binding `shop/tgb`, a pod made after it, and a namespace that asks for gates."""

    def __init__(self, *, on: bool = True) -> None:
        self.store, self.told, self.time = Store(), list[tuple[str, str, str]](), 0.0
        self.labels: dict[str, str] | None = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}
        self.asked: list[str] = []
        self._version = 0
        self.put(NODE, a_node())
        self.put(SERVICE, a_service("web", ports=[a_port(name="http")], selector={"app": "web"}))
        self.binding()
        self.pod()
        backends = Backends(self.store, fail_open=True)
        self.missed = MissedGates(
            store=self.store,
            backends=backends,
            events=self,
            namespace=self._namespace,
            on=on,
            clock=lambda: self.time,
        )

    def _namespace(self, name: str) -> dict[str, Any] | None:
        self.asked.append(name)
        if self.labels is None:
            raise KubernetesError("GET", 0, "no answer")
        return {"metadata": {"name": name, "labels": self.labels}}

    def emit(self, obj: Any, reason: str, message: str, type: str = "Normal") -> None:
        self.told.append((type, reason, message))

    def put(self, kind: Any, obj: dict[str, Any]) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        self.store.upsert(kind, lean(kind, obj))

    def binding(self, **more: Any) -> None:
        self.put(TARGET_GROUP_BINDING, a_binding(creationTimestamp=MADE, **more))

    def pod(
        self, name: str = "web-1", *, made: str = AFTER, gates: tuple[Any, ...] = (), labels: Any = None, **more: Any
    ) -> None:
        pod = a_pod(name, creationTimestamp=made, **more)
        pod["spec"]["readinessGates"] = [*gates]
        pod["metadata"]["labels"] |= labels or {}
        self.put(POD, pod)
        names = sorted({name, *(one["metadata"]["name"] for one in self.store.list(POD))})
        self.put(ENDPOINT_SLICE, a_slice(pods=tuple(names)))

    def look(self) -> list[tuple[str, str, str]]:
        """What is told by a look, if one is worth while."""
        self.told.clear()
        binding = self.store.get(TARGET_GROUP_BINDING, "shop", "tgb")
        if binding is not None and self.missed.may_be_told("shop/tgb"):
            self.missed.look(binding)
        return [*self.told]


def test_a_pod_without_its_gate_is_told_with_a_remedy() -> None:
    [(type_, reason, message)] = World().look()
    assert ("Warning", "PodReadinessGateMissing") == (type_, reason)
    assert "pod shop/web-1." in message
    assert "recreate the pods" in message


def test_all_pods_are_told_at_once_and_each_binding_once() -> None:
    world = World()
    world.pod("web-2")
    world.pod("web-3")
    [(_, _, message)] = world.look()
    assert "pod shop/web-1 and 2 more" in message
    assert [] == world.look()


def test_a_binding_that_is_made_anew_is_told_again() -> None:
    world = World()
    world.look()
    world.missed.forget("shop/tgb")
    assert 1 == len(world.look())


@pytest.mark.parametrize(
    "pod",
    [
        {"made": BEFORE},
        {"made": MADE},
        {"gates": (GATE,)},
        {"labels": {"app.kubernetes.io/name": "aws-load-balancer-controller"}},
        {"labels": {"app": "other"}},
        {"deletionTimestamp": AFTER},
    ],
)
def test_pods_that_the_webhook_rightly_passed_over_are_not_told_and_no_namespace_is_read(pod: Any) -> None:
    world = World()
    world.pod(**pod)
    assert ([], []) == (world.look(), world.asked)


def test_nothing_is_told_in_a_namespace_that_asks_for_no_gates_and_it_is_read_now_and_then() -> None:
    world = World()
    world.labels = {}
    assert [[], []] == [world.look(), world.look()]
    assert ["shop"] == world.asked
    world.time, world.labels = LABEL_SECONDS, {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}
    assert 1 == len(world.look())


def test_an_api_server_that_does_not_answer_is_asked_again_at_the_next_look() -> None:
    world = World()
    world.labels = None
    assert [] == world.look()
    world.labels = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}
    assert 1 == len(world.look())


def test_nothing_is_told_where_we_inject_no_gates() -> None:
    assert [] == World(on=False).look()


def test_a_binding_whose_name_is_too_long_for_a_gate_has_none() -> None:
    world, name = World(), "x" * 64
    world.put(TARGET_GROUP_BINDING, a_binding(name, creationTimestamp=MADE))
    world.missed.look(a_binding(name, creationTimestamp=MADE))
    assert [] == world.told


def test_pods_behind_nodes_need_no_gate() -> None:
    world = World()
    world.binding(target_type="instance")
    assert [] == world.look()
