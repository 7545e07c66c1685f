"""The workers: each takes a key, runs its reconcile in a thread, and decides, alone in the program, when to look again.

What a reconcile raised says whose move it is:

==================================== ================================================
returned                             forget the key until something changes
`NotYet`                             look again when it says
`SpecError`                          the user's move: wait for an edit
`ForbiddenChange`                    the user's move, perhaps in AWS: wait for an edit, and look again after a while
other `ControllerError`              look again, later each time
`NotLeading`                         drop it: the new leader looks at everything
anything else                        a bug of ours: log it whole, look again, later each time
==================================== ================================================
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from aws_lb_controller.errors import ControllerError, ForbiddenChange, NotLeading, NotYet, SpecError
from aws_lb_controller.reconcile.keys import Controller, Key
from aws_lb_controller.runtime import logs
from aws_lb_controller.runtime.metrics import CONTROLLER_LABELS, Metrics
from aws_lb_controller.runtime.workqueue import WorkQueue

log = logging.getLogger(__name__)

HANG_SECONDS = 1200.0
"""Longer than any reconcile with every AWS call timing out and retried: one that takes more will never end."""

STOP_SECONDS = 7.0
"""For what is under way to end by itself: the pod has 10 in all, and then gives the Lease back."""

FORBIDDEN_SECONDS = 600.0
"""Until we look whether what forbade a change is gone: somebody may have turned off a protection in AWS itself."""

Reconcile = Callable[[str], None]


class Workers:
    """Runs reconciles while `run` runs.

    reconcilers: per controller what to do with a key's name; concurrency: per controller how many at once (1 if not
    given).
    """

    def __init__(
        self,
        queue: WorkQueue,
        reconcilers: Mapping[Controller, Reconcile],
        *,
        concurrency: Mapping[Controller, int],
        metrics: Metrics,
        hang_seconds: float = HANG_SECONDS,
        stop_seconds: float = STOP_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue, self._reconcilers, self._metrics, self._clock = queue, dict(reconcilers), metrics, clock
        self._hang_seconds, self._stop_seconds = hang_seconds, stop_seconds
        self._counts = {controller: concurrency.get(controller, 1) for controller in self._reconcilers}
        self._threads = ThreadPoolExecutor(sum(self._counts.values()) or 1, thread_name_prefix="reconcile")
        self._started: dict[Key, float] = {}
        self._jobs: set[asyncio.Future[None]] = set()

    async def run(self) -> None:
        """Work until cancelled; then take no more keys, and wait a while for the reconciles that run.

        One that outlasts the wait still ends in its thread, and its key is held until then. May be called again after.
        """
        tasks = [
            asyncio.create_task(self._work(controller), name=f"{controller}-{n}")
            for controller, count in self._counts.items()
            for n in range(count)
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            if self._jobs:
                await asyncio.wait(self._jobs, timeout=self._stop_seconds)

    def close(self) -> None:
        """Let the threads go; none is waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def hanging(self) -> tuple[Key, ...]:
        """The keys whose reconcile should long have ended: this process will not do them any more."""
        return tuple(key for key, seconds in self.running().items() if seconds > self._hang_seconds)

    def running(self) -> dict[Key, float]:
        """The keys whose reconcile runs now, and for how many seconds. For any thread."""
        now = self._clock()
        return {key: now - started for key, started in [*self._started.items()]}

    @property
    def limits(self) -> Mapping[Controller, int]:
        """How many workers each controller has."""
        return self._counts

    async def _work(self, controller: Controller) -> None:
        while True:
            key = await self._queue.get(controller)
            # shielded: a key is not free for another worker before its thread has ended
            job = asyncio.ensure_future(self._look_at(key))
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
            await asyncio.shield(job)

    async def _look_at(self, key: Key) -> None:
        self._started[key] = self._clock()
        try:
            wrong = await asyncio.get_running_loop().run_in_executor(self._threads, self._reconcile, key)
            self._decide(key, wrong)
        finally:
            del self._started[key]
            self._queue.done(key)

    def _reconcile(self, key: Key) -> Exception | None:
        """In a thread: run it, log and measure how it went; what it raised is returned."""
        started = time.monotonic()
        with logs.about(controller=CONTROLLER_LABELS[key.controller], **logs.object_of(key)):
            try:
                self._reconcilers[key.controller](key.name)
            except Exception as wrong:
                self._report(key, wrong)
                result = "requeue_after" if isinstance(wrong, NotYet) else "error"
                self._metrics.reconciled(key, result=result, seconds=time.monotonic() - started)
                return wrong
            seconds = time.monotonic() - started
            log.debug("reconciled", extra={"seconds": round(seconds, 3)})
        self._metrics.reconciled(key, result="success", seconds=seconds)
        return None

    def _report(self, key: Key, wrong: Exception) -> None:
        if isinstance(wrong, NotYet | NotLeading):
            log.info("%s", wrong)
            return
        self._metrics.failed(key.controller, wrong)
        expected = isinstance(wrong, ControllerError)
        log.error("%s: %s", type(wrong).__name__, wrong, exc_info=None if expected else wrong)

    def _decide(self, key: Key, wrong: Exception | None) -> None:
        if wrong is None or isinstance(wrong, SpecError | NotLeading):
            self._queue.forget(key)
        elif isinstance(wrong, ForbiddenChange):
            self._queue.forget(key)
            self._queue.add_after(key, FORBIDDEN_SECONDS)
        elif isinstance(wrong, NotYet):
            self._queue.forget(key)
            self._queue.add_after(key, wrong.after)
        else:
            self._queue.retry(key)
