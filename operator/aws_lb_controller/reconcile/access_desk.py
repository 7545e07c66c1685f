"""Between those who register targets and those who open security groups, so that neither waits for the other.

Whoever reconciles a binding asks `stand`, which answers at once, from memory: open, or not yet. If not, the opening is
asked for under a key of its own, with workers of its own, and the binding is woken when that is done. So however long
EC2 takes, and for however many bindings, nobody who has targets to deregister waits for it.

Targets wait for an opening, but not for ever: one that failed, or lasts too long, holds them up no more, for the rules
may be there already, and targets that cannot be reached get no traffic before their health checks succeed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from aws_lb_controller.cluster.indexes import is_deleting
from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import ControllerError, NotLeading, NotYet, SpecError
from aws_lb_controller.intent.binding import BindingIntent, read_binding
from aws_lb_controller.reconcile.access import AccessOpener, Found
from aws_lb_controller.reconcile.access_ledger import AccessLedger
from aws_lb_controller.reconcile.backends import Backend, BackendMissing, Backends
from aws_lb_controller.reconcile.keys import NODE_SECURITY_GROUPS, Key

PATIENCE_SECONDS = 10.0
"""How long targets wait for an opening. With AWS well it takes parts of a second, and throttled, with all retries of a
call, some seconds; new pods that stay away for much longer, while old ones leave, are an outage themselves.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a binding's targets are let in.

    why: None where they are, as far as is known; else why not. holds: targets are not to be registered yet. again:
    seconds until to ask again, if nobody wakes the binding before. tell: what the user is to be told. warnings: what
    the cluster's operator should mend. changed: whether the binding needs something else than before.
    """

    why: str | None = None
    holds: bool = False
    again: float = 0.0
    tell: str | None = None
    warnings: tuple[str, ...] = ()
    changed: bool = False


@dataclass(frozen=True, slots=True)
class _Demand:
    """What was asked for: if it is still the same, so is the answer."""

    networking: object
    targets: frozenset[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of an opening: either found, or failure."""

    demand: _Demand
    found: Found | None = None
    failure: ControllerError | None = None


@dataclass(slots=True)
class _Request:
    """An opening that was asked for. since: when first; demand: what for, lately; told: that it takes long."""

    since: float
    demand: _Demand
    told: bool = False


class AccessDesk:
    """Safe for several threads. retry_seconds: until what could not be opened is tried again."""

    def __init__(
        self,
        *,
        store: Store,
        backends: Backends,
        opener: AccessOpener,
        ledger: AccessLedger,
        enqueue: Callable[[Key], None],
        retry_seconds: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._backends, self._opener, self._ledger = store, backends, opener, ledger
        self._enqueue, self._retry_seconds, self._clock = enqueue, retry_seconds, clock
        self._requests: dict[str, _Request] = {}
        self._outcomes: dict[str, _Outcome] = {}
        self._lock = threading.Lock()

    # ---- for those who register targets

    def stand(self, binding: BindingIntent, backend: Backend, *, leaving: bool = False) -> Standing:
        """Whether what the binding needs is open; if not, that is being seen to. Makes no call.

        To be asked once nothing else is registered than the backend; leaving: but for some targets that still are.
        """
        before, demand = self._known(binding.key), _demand(binding, backend)
        outcome = self._take_outcome(binding.key, demand)
        found = self._opener.find_known(binding, backend) or (outcome.found if outcome else None)
        if found is not None and not found.problems:
            self._need(binding.key, found, leaving=leaving)
        standing = self._standing(binding.key, demand, found, outcome)
        return replace(standing, changed=self._known(binding.key) != before)

    def forget(self, binding: str) -> None:
        """Nothing is asked for any more."""
        with self._lock:
            self._requests.pop(binding, None)
            self._outcomes.pop(binding, None)

    def _known(self, binding: str) -> object:
        """What is entered of the binding: if that changes, there may be something to grant or to revoke."""
        return self._ledger.needs_of(binding), self._ledger.is_certain(binding)

    def _standing(self, binding: str, demand: _Demand, found: Found | None, outcome: _Outcome | None) -> Standing:
        if found is not None and not found.problems and self._ledger.is_open(binding):
            self.forget(binding)
            return Standing(warnings=found.warnings)
        if outcome is not None and outcome.failure is not None:
            return self._failed(binding, outcome.failure)
        return self._wait(binding, demand)

    def _need(self, binding: str, found: Found, *, leaving: bool) -> None:
        if leaving:
            self._ledger.add(binding, found.access)
        else:
            self._ledger.enter(binding, found.access)

    def _take_outcome(self, binding: str, demand: _Demand) -> _Outcome | None:
        """What came of the opening, once: if it were kept, nobody would look again."""
        with self._lock:
            outcome = self._outcomes.pop(binding, None)
            if outcome is None or outcome.demand != demand:
                return None
            self._requests.pop(binding, None)
            return outcome

    def _failed(self, binding: str, failure: ControllerError) -> Standing:
        self._ledger.doubt(binding)
        why = f"security groups are not open: {failure}"
        return Standing(why=why, again=self._retry_seconds, tell=str(failure))

    def _wait(self, binding: str, demand: _Demand) -> Standing:
        now = self._clock()
        with self._lock:
            request = self._requests.get(binding)
            asked = request is not None and request.demand == demand
            if request is None:
                request = self._requests[binding] = _Request(now, demand)
            request.demand = demand
            left = request.since + PATIENCE_SECONDS - now
            news = left <= 0 and not request.told
            request.told |= news
        if not asked:
            self._enqueue(Key("access", binding))
        if left > 0:
            return Standing(why="security groups are being opened", holds=True, again=left)
        self._ledger.doubt(binding)
        why = f"security groups are not open after {PATIENCE_SECONDS:.0f} s: targets are registered all the same"
        return Standing(why=why, again=self._retry_seconds, tell=why if news else None)

    # ---- for those who open

    def reconcile(self, name: str) -> None:
        """Opens what a binding (``namespace/name``) needs now, and wakes it, whatever came of it."""
        obj = self._store.get(TARGET_GROUP_BINDING, *name.split("/"))
        if obj is None or is_deleting(obj):
            return
        try:
            binding = read_binding(obj)
            backend = self._backends.find(binding)
        except (SpecError, BackendMissing):
            self.forget(name)  # the binding's own reconcile tells
            return
        before = self._ledger.needs_of(name)
        outcome = self._opened(binding, backend)
        with self._lock:
            self._outcomes[name] = outcome
        if self._ledger.needs_of(name) != before:
            self._enqueue(NODE_SECURITY_GROUPS)
        self._enqueue(Key("binding", name))

    def _opened(self, binding: BindingIntent, backend: Backend) -> _Outcome:
        demand = _demand(binding, backend)
        try:
            return _Outcome(demand, found=self._opener.open(binding, backend))
        except (NotYet, NotLeading):
            raise
        except ControllerError as failure:
            return _Outcome(demand, failure=failure)


def _demand(binding: BindingIntent, backend: Backend) -> _Demand:
    pods = {(pod.pod_uid, pod.address, pod.port) for pod in backend.pods}
    nodes = {(node.name, node.instance_id or "", 0) for node in backend.nodes}
    wanted = (binding.networking, binding.bad_networking, binding.vpc_id, binding.target_type)
    return _Demand(wanted, frozenset(pods | nodes))
