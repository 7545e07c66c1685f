"""What users are told of a reconcile: a Warning when a stage fails, a Normal Event when something came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from aws_lb_controller.api.names import Reason
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
        self._failed: set[str] = set()
        self._passed_over: dict[tuple[str, str], frozenset[str]] = {}
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
        with self._lock:
            self._failed.update(obj["metadata"]["uid"] for obj in objs)
        for obj in objs:
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
        with self._lock:
            before = self._passed_over.get((obj["metadata"]["uid"], found), frozenset())
            self._passed_over[obj["metadata"]["uid"], found] = now
        for problem in problems:
            if str(problem) not in before:
                self._events.emit(obj, IGNORED_VALUE, str(problem), "Warning")

    def _forget_failure(self, obj: Obj) -> bool:
        uid = obj["metadata"]["uid"]
        with self._lock:
            failed = uid in self._failed
            self._failed.discard(uid)
        return failed
