"""Tells of pods that were to be given a readiness gate and were not, because the webhook could not be reached.

The API server then makes the pod all the same, and a rollout does not wait for its target: nobody would know. A
namespace is read when pods without a gate make it worth while, and what its label says holds for a few minutes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from aws_lb_controller.api.names import LONGEST_GATE, READINESS_GATE_PREFIX, Label
from aws_lb_controller.cluster.indexes import Obj, full_name, is_deleting, labels_of, namespace_of, spec_of
from aws_lb_controller.cluster.kinds import POD, SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesError, SpecError
from aws_lb_controller.intent.binding import BindingIntent, read_binding
from aws_lb_controller.reconcile.backends import BackendMissing, Backends
from aws_lb_controller.reconcile.ports import EventSink

MISSED = "PodReadinessGateMissing"
"""Reason of the Warning."""
WEBHOOK = "mpod.elbv2.k8s.aws"
LABEL_SECONDS = 300.0
"""For how long the label of a namespace is believed."""

_OUR_PODS = ("app.kubernetes.io/name", "aws-load-balancer-controller")
"""The label of pods that the webhook passes over: they must start without it."""


class MissedGates:
    """Safe for several threads. namespace: a Namespace by name, read afresh, None for none; on: whether we inject."""

    def __init__(
        self,
        *,
        store: Store,
        backends: Backends,
        events: EventSink,
        namespace: Callable[[str], Obj | None],
        on: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._backends, self._events = store, backends, events
        self._namespace, self._on, self._clock = namespace, on, clock
        self._labelled: dict[str, tuple[bool, float]] = {}
        self._told: dict[str, str] = {}
        self._lock = threading.Lock()

    def may_be_told(self, binding: str) -> bool:
        """Whether a look is worth while: no request is made for this."""
        obj = self._store.get(TARGET_GROUP_BINDING, *binding.split("/"))
        if not self._on or obj is None or is_deleting(obj) or spec_of(obj).get("targetType") != "ip":
            return False
        with self._lock:
            told = self._told.get(binding) == _uid(obj)
            labelled, until = self._labelled.get(binding.partition("/")[0], (True, 0.0))
        return not told and (labelled or self._clock() >= until)

    def look(self, obj: Obj) -> None:
        """Warns once for each binding, of all the pods there are."""
        name = full_name(obj)
        if self.may_be_told(name) and (missed := self._missed(obj)) and self._injects(namespace_of(obj)):
            with self._lock:
                self._told[name] = _uid(obj)
            self._events.emit(obj, MISSED, _message(missed), "Warning")

    def forget(self, binding: str) -> None:
        """It is gone."""
        with self._lock:
            self._told.pop(binding, None)

    def _missed(self, obj: Obj) -> list[str]:
        """The pods that the webhook would have given the binding's gate, as it was there before them."""
        if len(obj["metadata"]["name"]) > LONGEST_GATE:
            return []
        try:
            binding = read_binding(obj)
            endpoints = self._backends.find(binding).pods
        except (SpecError, BackendMissing):
            return []  # its own reconcile tells it
        names = dict.fromkeys(endpoint.pod for endpoint in endpoints)
        selector = self._selector(binding)
        made = obj["metadata"].get("creationTimestamp") or ""
        found = ((name, self._store.get(POD, *name.split("/"))) for name in names)
        return [
            name
            for name, pod in found
            if pod is not None and _was_to_have_gate(pod, binding.name, selector=selector, made=made)
        ]

    def _selector(self, binding: BindingIntent) -> Mapping[str, str]:
        service = self._store.get(SERVICE, binding.namespace, binding.service_name)
        return (spec_of(service).get("selector") if service is not None else None) or {}

    def _injects(self, namespace: str) -> bool:
        with self._lock:
            labelled, until = self._labelled.get(namespace, (False, 0.0))
        if self._clock() < until:
            return labelled
        try:
            obj = self._namespace(namespace)
        except KubernetesError:
            return False  # the next look asks again
        labelled = obj is not None and labels_of(obj).get(Label.POD_READINESS_GATE_INJECT) == "enabled"
        with self._lock:
            self._labelled[namespace] = labelled, self._clock() + LABEL_SECONDS
        return labelled


def _was_to_have_gate(pod: Obj, binding: str, *, selector: Mapping[str, str], made: str) -> bool:
    gates = {gate["conditionType"] for gate in spec_of(pod).get("readinessGates") or ()}
    key, ours = _OUR_PODS
    return (
        READINESS_GATE_PREFIX + binding not in gates
        and (pod["metadata"].get("creationTimestamp") or "") > made  # both as 2026-01-01T00:00:00Z
        and not is_deleting(pod)
        and bool(selector)
        and selector.items() <= labels_of(pod).items()
        and labels_of(pod).get(key) != ours
    )


def _uid(obj: Obj) -> str:
    return str(obj["metadata"].get("uid", ""))


def _message(pods: list[str]) -> str:
    others = f" and {len(pods) - 1} more" if len(pods) > 1 else ""
    return (
        f"made after this binding and without its readiness gate: pod {min(pods)}{others}. Rollouts do not wait for "
        f"their targets: see that the API server can reach the webhook {WEBHOOK}, then recreate the pods"
    )
