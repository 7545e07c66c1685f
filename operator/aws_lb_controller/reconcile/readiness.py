"""Pod readiness gates: a pod with the gate ``target-health.elbv2.k8s.aws/BINDING`` is ready once its target is healthy.

A key for each binding whose pods have its gate: asked for after each reconcile of the binding, and again for as long as
a pod waits. A look asks AWS once, about the targets of the pods that wait and no others, and writes only conditions
that differ. Nothing of it need be remembered: which pods wait is told by their conditions, and after a restart every
binding is reconciled.

A gate that is open stays open while its target is registered, whatever AWS says later: closing it would take the pod
out of its Service for everyone. A target that is registered anew closes it, until it is healthy again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Protocol

from aws_lb_controller.api.names import READINESS_GATE_PREFIX, Finalizer
from aws_lb_controller.cluster.indexes import Obj, finalizers_of, is_deleting, namespace_of, spec_of
from aws_lb_controller.cluster.kinds import POD, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import (
    AwsThrottled,
    KubernetesConflict,
    KubernetesError,
    KubernetesNotFound,
    NotYet,
    SpecError,
)
from aws_lb_controller.intent.binding import AssumedRole, BindingIntent, read_binding
from aws_lb_controller.plan.gates import REGISTERED_JUST_NOW, Gate, TargetHealth, gate_for, pause, stretched
from aws_lb_controller.plan.targets import Target
from aws_lb_controller.reconcile.backends import Backend, BackendMissing, Backends
from aws_lb_controller.reconcile.binding import SERVICE_GRACE_SECONDS
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.reconcile.missed_gates import MissedGates

log = logging.getLogger(__name__)

BINDING_GONE = "Target Group Binding is deleted"
MOST_SLOWLY = 8.0
"""AWS's wish for fewer calls makes pauses longer by this factor at most."""

_GATE_INDEX = "readiness gate"
_TIME = "%Y-%m-%dT%H:%M:%SZ"

Spot = tuple[str, int]
"""A target's id and port."""


class RegisteredTargets(Protocol):
    """`aws.targets.Targets`, as far as it is needed here."""

    def registered(self, arn: str, *, role: AssumedRole | None = None) -> Collection[Target]:
        """The targets that do not drain: known, or read. Raises `AwsError`."""


class TargetsHealth(Protocol):
    """`aws.health.Health`, as far as it is needed here."""

    def of_each(
        self, arn: str, targets: Collection[Target], *, role: AssumedRole | None = None
    ) -> Mapping[Spot, TargetHealth]:
        """The health of these targets, in one call. Raises `AwsError`."""


class PodConditions(Protocol):
    """`cluster.writes.Writes`, as far as it is needed here."""

    def set_pod_condition(self, pod: Obj, condition: Mapping[str, str]) -> None:
        """Merges it by type. Raises `KubernetesError`, and `NotLeading`."""


class PodReadiness:
    """Looks after the gates of one binding at a time; several threads may do so for different ones.

    enqueue asks for a key to be looked at. opened is told the binding's namespace and name, and for how many seconds
    a gate was closed, of each that opens because its target is healthy. clock gives seconds, now the time of day.
    """

    def __init__(
        self,
        *,
        store: Store,
        backends: Backends,
        targets: RegisteredTargets,
        health: TargetsHealth,
        writer: PodConditions,
        missed: MissedGates,
        enqueue: Callable[[Key], None],
        opened: Callable[[str, str, float], None] = lambda _namespace, _name, _seconds: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._backends, self._targets, self._health = store, backends, targets, health
        self._writer, self._missed, self._enqueue, self._opened = writer, missed, enqueue, opened
        self._clock, self._now = clock, now
        self._notes: dict[str, _Notes] = {}
        self._slower = 1.0
        self._lock = threading.Lock()
        store.add_index(POD, _GATE_INDEX, bindings_of_gates)

    # ---- when to look

    def around(self, reconcile: Callable[[str], None]) -> Callable[[str], None]:
        """A binding's reconcile, and after it, whatever came of it, a look at the gates of its pods is asked for."""

        def both(name: str) -> None:
            self._before(name)
            try:
                reconcile(name)
            finally:
                if self._pods(name) or self._missed.may_be_told(name):
                    self._enqueue(Key("pod-readiness", name))

        return both

    def _before(self, name: str) -> None:
        binding = self._store.get(TARGET_GROUP_BINDING, *name.split("/"))
        if binding is None:
            self._forget(name)
        elif is_deleting(binding):
            self._let_go_in_time(name)
        elif Finalizer.TARGET_GROUP_BINDING not in finalizers_of(binding):
            self._notes_of(name).registered = frozenset()  # it is new, so all of its targets will be

    def _let_go_in_time(self, name: str) -> None:
        """Before the binding's last finalizer goes, or a crash between would leave pods that wait for ever."""
        try:
            self._let_go(name)
        except KubernetesError as wrong:
            log.warning("readiness gates of %s stay closed for now: %s", name, wrong)  # the look after it tries again

    # ---- looking

    def reconcile(self, name: str) -> None:
        """name: ``namespace/name`` of a binding that exists, or did. Raises `NotYet` while pods wait."""
        obj = self._store.get(TARGET_GROUP_BINDING, *name.split("/"))
        if obj is None or is_deleting(obj):
            self._let_go(name)
            return
        self._missed.look(obj)
        if pods := self._pods(name):
            self._look(obj, pods)
        else:
            self._notes_of(name).stop_waiting()

    def _look(self, obj: Obj, pods: Collection[Obj]) -> None:
        try:
            binding = read_binding(obj)
        except SpecError:
            return  # its own reconcile tells it
        if binding.target_type != "ip":
            return
        notes = self._notes_of(binding.key)
        try:
            backend = self._backends.find(binding)
        except BackendMissing as missing:
            self._do_without_backend(binding.key, notes, pods, missing)
            return
        notes.missing_since = None
        self._keep(binding, notes, self._waiters(binding, notes, pods, backend))

    def _waiters(self, binding: BindingIntent, notes: _Notes, pods: Iterable[Obj], backend: Backend) -> list[_Waiter]:
        """The pods that wait for registered targets; the gates of those that were registered just now are closed."""
        there = {_spot(t) for t in self._targets.registered(binding.target_group, role=binding.assumed_role)}
        by_uid: dict[str, list[Target]] = {}
        for endpoint in backend.pods:
            if (endpoint.address, endpoint.port) in there:
                by_uid.setdefault(endpoint.pod_uid, []).append(Target(id=endpoint.address, port=endpoint.port))
        before = there if notes.registered is None else notes.registered
        found = [_Waiter(pod, by_uid.get(pod["metadata"]["uid"], ()), before=before) for pod in pods]
        for one in found:
            if one.fresh:
                self._set(binding.key, one.pod, REGISTERED_JUST_NOW)
        # of these only: who is registered while we look is not among them, and is to be found fresh the next time
        notes.registered = frozenset(_spot(target) for one in found for target in one.targets)
        return [one for one in found if one.targets and (one.fresh or not _gate(one.pod, binding.key).open)]

    def _keep(self, binding: BindingIntent, notes: _Notes, waiters: Collection[_Waiter]) -> None:
        notes.wait_for(waiters, self._clock(), quick=self._pause(notes, pause(0)))
        if waiters and self._clock() >= notes.ask_at:
            waiters = self._ask(binding, notes, waiters)
            notes.go_on(waiters, self._clock())
            notes.ask_at = self._clock() + self._pause(notes, notes.pause)
        if waiters:
            why = f"pods that wait for their targets of TargetGroupBinding {binding.key}: {len(waiters)}"
            raise NotYet(why, after=max(0.0, notes.ask_at - self._clock()))

    def _ask(self, binding: BindingIntent, notes: _Notes, waiters: Iterable[_Waiter]) -> list[_Waiter]:
        """Those that still wait."""
        targets = [target for waiter in waiters for target in waiter.targets]
        try:
            healths = self._health.of_each(binding.target_group, targets, role=binding.assumed_role)
        except AwsThrottled as throttled:
            self._slower = min(MOST_SLOWLY, self._slower * 2)
            after = self._pause(notes, notes.pause) * self._slower
            notes.ask_at = self._clock() + after
            raise NotYet(str(throttled), after=after) from throttled
        self._slower = max(1.0, self._slower * 0.9)
        return [waiter for waiter in waiters if not self._is_open_after(binding.key, waiter, healths)]

    def _is_open_after(self, name: str, waiter: _Waiter, healths: Mapping[Spot, TargetHealth]) -> bool:
        known = [healths[spot] for target in waiter.targets if (spot := _spot(target)) in healths]
        gate = gate_for(known)
        if gate is None:
            return False
        seconds = self._set(name, waiter.pod, gate)
        if gate.open and seconds is not None:
            namespace, _, binding = name.partition("/")
            self._opened(namespace, binding, seconds)
        return gate.open

    def _pause(self, notes: _Notes, own: float) -> float:
        with self._lock:
            others = [each.pause for each in self._notes.values() if each.since and each is not notes]
        return stretched(own, others, slower=self._slower)

    # ---- bindings without targets

    def _do_without_backend(self, name: str, notes: _Notes, pods: Iterable[Obj], missing: BackendMissing) -> None:
        """When the targets have left there is nothing to wait for."""
        now = self._clock()
        if notes.missing_since is None:
            notes.missing_since = now
        grace = notes.missing_since + SERVICE_GRACE_SECONDS - now
        if missing.service and grace > 0:
            raise NotYet(f"{missing}: its pods wait for a moment", after=grace)
        self._open(name, pods, str(missing))
        notes.stop_waiting()
        notes.registered = frozenset()

    def _let_go(self, name: str) -> None:
        self._open(name, self._pods(name), BINDING_GONE)
        self._forget(name)

    def _open(self, name: str, pods: Iterable[Obj], why: str) -> None:
        for pod in pods:
            if not _gate(pod, name).open:
                self._set(name, pod, Gate(status="True", message=why))

    # ---- pods

    def _pods(self, name: str) -> list[Obj]:
        """The pods that bear the binding's gate and stay."""
        return [pod for pod in self._store.by_index(POD, _GATE_INDEX, name) if not is_deleting(pod)]

    def _set(self, name: str, pod: Obj, gate: Gate) -> float | None:
        """Write the condition if it differs. Returns for how many seconds its status was another, if it is new now."""
        latest = self._store.get(POD, namespace_of(pod), pod["metadata"]["name"])
        if latest is None or latest["metadata"]["uid"] != pod["metadata"]["uid"]:
            return None
        held, now = _gate(latest, name), self._now()
        if held.says(gate):
            return None
        condition = {"type": _type(name), "status": gate.status, "reason": gate.reason, "message": gate.message}
        if held.status != gate.status:
            condition["lastTransitionTime"] = now.strftime(_TIME)
        try:
            self._writer.set_pod_condition(latest, condition)
        except (KubernetesNotFound, KubernetesConflict):
            return None  # it is gone, or another has its name: the watch will tell
        if held.since is None or held.status == gate.status:
            return None
        return (now - datetime.strptime(held.since, _TIME).replace(tzinfo=UTC)).total_seconds()

    # ---- what is remembered

    def _notes_of(self, name: str) -> _Notes:
        with self._lock:
            return self._notes.setdefault(name, _Notes())

    def _forget(self, name: str) -> None:
        with self._lock:
            self._notes.pop(name, None)
        self._missed.forget(name)


class _Waiter:
    """A pod and its registered targets. fresh: one of them was not among those registered before."""

    def __init__(self, pod: Obj, targets: Collection[Target], *, before: Collection[Spot]) -> None:
        self.pod, self.targets = pod, targets
        self.fresh = any(_spot(target) not in before for target in targets)

    @property
    def uid(self) -> str:
        return str(self.pod["metadata"]["uid"])


class _Notes:
    """What is remembered of one binding; only the one worker that looks at it touches them, but for a new binding's.

    registered: the targets of its pods at the last look, None before it. since: who waits, and when that was first
    seen. ask_at: when AWS is asked again, and pause: between two questions, if the binding were alone; both while
    somebody waits. missing_since: when its Service was first missed.
    """

    def __init__(self) -> None:
        self.registered: frozenset[Spot] | None = None
        self.since: dict[str, float] = {}
        self.ask_at = 0.0
        self.pause = pause(0)
        self.missing_since: float | None = None

    def wait_for(self, waiters: Collection[_Waiter], now: float, *, quick: float) -> None:
        """These wait now. Who was registered just now is asked for after a quick pause, others at once."""
        new = [waiter for waiter in waiters if waiter.uid not in self.since]
        if new:
            at_once = not self.since and not all(waiter.fresh for waiter in new)
            soon = now if at_once else now + quick
            self.ask_at = min(self.ask_at, soon) if self.since else soon
            self.pause = pause(0)
        self.since = {waiter.uid: self.since.get(waiter.uid, now) for waiter in waiters}

    def go_on(self, waiters: Iterable[_Waiter], now: float) -> None:
        """AWS has been asked, and these wait on. How long the newest of them has waited says for how long to pause."""
        self.since = {waiter.uid: self.since[waiter.uid] for waiter in waiters}
        self.pause = pause(now - max(self.since.values(), default=now))

    def stop_waiting(self) -> None:
        """Nobody waits."""
        self.since = {}


def bindings_of_gates(pod: Obj) -> Iterator[str]:
    """``namespace/name`` of the bindings for which a pod waits: those that its readiness gates name."""
    for gate in spec_of(pod).get("readinessGates") or ():
        if gate["conditionType"].startswith(READINESS_GATE_PREFIX):
            yield f"{namespace_of(pod)}/{gate['conditionType'].removeprefix(READINESS_GATE_PREFIX)}"


def _gate(pod: Obj, name: str) -> Gate:
    """The condition of a binding's gate as the pod has it."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == _type(name):
            return Gate(
                status=condition["status"],
                reason=condition.get("reason") or "",
                message=condition.get("message") or "",
                since=condition.get("lastTransitionTime"),
            )
    return Gate()


def _type(name: str) -> str:
    return READINESS_GATE_PREFIX + name.split("/")[1]


def _spot(target: Target) -> Spot:
    return target.id, target.port
