"""What users are told of a reconcile: a Warning when a stage fails, a Normal Event when something came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from aws_lb_controller.api.names import Reason
from aws_lb_controller.cluster.indexes import full_name
from aws_lb_controller.errors import ControllerError, NotLeading, NotYet, Problem
from aws_lb_controller.reconcile.ports import EventSink, Obj

_STAGE_WORDS = {
    Reason.FAILED_BUILD_MODEL: "Failed build model due to",
    Reason.FAILED_DEPLOY_MODEL: "Failed deploy model due to",
    Reason.FAILED_ADD_FINALIZER: "Failed add finalizer due to",
    Reason.FAILED_REMOVE_FINALIZER: "Failed remove finalizer due to",
    Reason.FAILED_UPDATE_STATUS: "Failed update status due to",
    Reason.FAILED_CLEANUP_STATUS: "Failed update status due to",
    Reason.FAILED_LOAD_GROUP_ID: "Failed load groupID due to",
}
_STAGES = {
    Reason.FAILED_BUILD_MODEL: "build_model",
    Reason.FAILED_DEPLOY_MODEL: "deploy_model",
    Reason.FAILED_ADD_FINALIZER: "add_finalizers",
    Reason.FAILED_REMOVE_FINALIZER: "remove_finalizers",
    Reason.FAILED_UPDATE_STATUS: "update_status",
    Reason.FAILED_CLEANUP_STATUS: "cleanup_status",
}
"""What the stages are called in the metric ``awslbc_controller_reconcile_stage_duration``."""
IGNORED_VALUE = "IgnoredValue"
WAITING = "Waiting"


class Teller:
    """Emits the Events of one controller, and remembers which objects failed last, and of what they were warned.

    measure: what surrounds each stage, by its name.
    """

    def __init__(
        self, events: EventSink, measure: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext()
    ) -> None:
        self._events, self._measure = events, measure
        self._remembered: dict[str, _Memory] = {}
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, objs: Sequence[Obj], reason: Reason) -> Iterator[None]:
        """Whatever this stage raises on purpose is told to the objects, and raised on. Waiting is no failure."""
        try:
            with self._measure(_STAGES[reason]):
                yield
        except NotYet as e:
            self.waiting(objs, e)
            raise
        except NotLeading:
            raise
        except ControllerError as e:
            self.failure(objs, reason, e)
            raise

    def failure(self, objs: Sequence[Obj], reason: Reason, error: ControllerError) -> None:
        """A Warning on each object; a later success is then told even if it has nothing to change."""
        for obj in objs:
            with self._memory_of(obj) as memory:
                memory.failed = True
            self._events.emit(obj, reason, f"{_STAGE_WORDS[reason]} {error}", "Warning")

    def waiting(self, objs: Sequence[Obj], wait: NotYet) -> None:
        """What is waited for, where that may take long."""
        if wait.told:
            for obj in objs:
                self._events.emit(obj, WAITING, str(wait), "Normal")

    def success(self, objs: Sequence[Obj], *, changed: bool) -> None:
        """Told when something was changed, and to objects whose last reconcile failed."""
        for obj in objs:
            if changed | self._forget_failure(obj):
                self._events.emit(obj, Reason.SUCCESSFULLY_RECONCILED, "Successfully reconciled", "Normal")

    def passed_over(self, obj: Obj, problems: Sequence[Problem], *, found: str = "reading") -> None:
        """What an object says without effect, each thing once for as long as it stays. found: when it was seen."""
        now = frozenset(map(str, problems))
        with self._memory_of(obj) as memory:
            before = memory.passed_over.pop(found, frozenset())
            if now:
                memory.passed_over[found] = now
        for problem in problems:
            if str(problem) not in before:
                self._events.emit(obj, IGNORED_VALUE, str(problem), "Warning")

    def forget(self, name: str) -> None:
        """The object ``namespace/name`` is gone."""
        with self._lock:
            self._remembered.pop(name, None)

    def _forget_failure(self, obj: Obj) -> bool:
        with self._memory_of(obj) as memory:
            failed, memory.failed = memory.failed, False
        return failed

    @contextmanager
    def _memory_of(self, obj: Obj) -> Iterator[_Memory]:
        """Kept only while there is something to remember; another object of the same name has one of its own."""
        name, uid = full_name(obj), obj["metadata"]["uid"]
        with self._lock:
            memory = self._remembered.pop(name, None)
            if memory is None or memory.uid != uid:
                memory = _Memory(uid)
            yield memory
            if memory.failed or memory.passed_over:
                self._remembered[name] = memory


@dataclass(slots=True)
class _Memory:
    """Of one object: whether its last reconcile failed, and of what it was warned, by when that was found."""

    uid: str
    failed: bool = False
    passed_over: dict[str, frozenset[str]] = field(default_factory=dict)
