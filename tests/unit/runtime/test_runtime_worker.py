"""What a reconcile raises decides when its key is looked at again, and nothing else does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping

import pytest

from aws_lb_controller.errors import (
    AwsThrottled,
    ControllerError,
    KubernetesError,
    NotLeading,
    NotYet,
    Problem,
    SpecError,
    UnmetNeed,
)
from aws_lb_controller.reconcile.keys import Controller, Key
from aws_lb_controller.runtime.metrics import Metrics
from aws_lb_controller.runtime.worker import Workers
from aws_lb_controller.runtime.workqueue import Backoff, WorkQueue

KEY = Key("service", "shop/web")
PROBLEM = Problem("Service shop/web", "spec", "", "mend it")

Reconcile = Callable[[str], None]


class Queue(WorkQueue):
    """Writes down what is decided about keys."""

    def __init__(self) -> None:
        super().__init__(backoffs={"service": Backoff(first=0.0, most=0.0)})
        self.decided: list[str] = []

    def retry(self, key: Key) -> float:
        self.decided.append("retry")
        return 0.0

    def forget(self, key: Key) -> None:
        self.decided.append("forget")
        super().forget(key)

    def add_after(self, key: Key, seconds: float, lane: object = None) -> None:
        self.decided.append(f"after {seconds}")


def working(
    test: Callable[[Queue, Workers], Awaitable[None]],
    reconcilers: Mapping[Controller, Reconcile],
    *,
    metrics: Metrics | None = None,
    **more: object,
) -> None:
    """Run a test while workers work."""

    async def run() -> None:
        queue = Queue()
        concurrency: Mapping[Controller, int] = {"service": 2}
        workers = Workers(queue, reconcilers, concurrency=concurrency, metrics=metrics or Metrics(), **more)  # type: ignore[arg-type]
        task = asyncio.create_task(workers.run())
        try:
            await asyncio.wait_for(test(queue, workers), 10)
        finally:
            task.cancel()
            await asyncio.wait([task])
            workers.close()

    asyncio.run(run())


async def idle(queue: WorkQueue) -> None:
    while not queue.is_idle():
        await asyncio.sleep(0.001)


def decisions_about(raised: Exception | None) -> list[str]:
    decided: list[str] = []

    def reconcile(_name: str) -> None:
        if raised is not None:
            raise raised

    async def test(queue: Queue, _workers: Workers) -> None:
        queue.add(KEY)
        await idle(queue)
        decided.extend(queue.decided)

    working(test, {"service": reconcile})
    return decided


@pytest.mark.parametrize(
    ("raised", "decided"),
    [
        (None, ["forget"]),
        (NotYet("a load balancer is being made", after=7.0), ["forget", "after 7.0"]),
        (SpecError([PROBLEM]), ["forget"]),
        (NotLeading("another leads"), ["forget"]),
        (UnmetNeed([PROBLEM]), ["retry"]),
        (AwsThrottled("CreateLoadBalancer", "Throttling", "slow down"), ["retry"]),
        (KubernetesError("PATCH", 500, "etcd"), ["retry"]),
        (ControllerError("some other"), ["retry"]),
        (ZeroDivisionError(), ["retry"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_outcome_leads_to_its_own_decision(raised: Exception | None, decided: list[str]) -> None:
    assert decided == decisions_about(raised)


def test_a_reconcile_is_given_its_keys_name_in_a_thread() -> None:
    seen: list[tuple[str, bool]] = []

    async def test(queue: Queue, _workers: Workers) -> None:
        queue.add(KEY)
        await idle(queue)

    working(test, {"service": lambda name: seen.append((name, threading.current_thread() is threading.main_thread()))})
    assert [("shop/web", False)] == seen


def test_as_many_run_at_once_as_the_table_says_and_never_one_key_twice() -> None:
    gate, running, most = threading.Event(), [], []

    def reconcile(name: str) -> None:
        running.append(name)
        most.append(len(running))
        assert len(set(running)) == len(running)
        gate.wait(10)
        running.remove(name)

    async def test(queue: Queue, _workers: Workers) -> None:
        for n in range(4):
            queue.add(Key("service", f"shop/{n}"))
        while len(running) < 2:
            await asyncio.sleep(0.001)
        queue.add(Key("service", running[0]))
        gate.set()
        await idle(queue)

    working(test, {"service": reconcile})
    assert (2, 5) == (max(most), len(most))


def test_a_reconcile_that_hangs_is_told_of() -> None:
    gate, now = threading.Event(), [0.0]

    async def test(queue: Queue, workers: Workers) -> None:
        queue.add(KEY)
        while queue.depth("service"):
            await asyncio.sleep(0.001)
        now[0] = 59.0
        assert () == workers.hanging()
        now[0] = 61.0
        assert (KEY,) == workers.hanging()
        gate.set()
        await idle(queue)
        assert () == workers.hanging()

    working(test, {"service": lambda _name: bool(gate.wait(10)) and None}, hang_seconds=60.0, clock=lambda: now[0])


def test_a_key_stays_taken_until_its_thread_has_ended_even_when_the_workers_stop() -> None:
    gate, entered = threading.Event(), threading.Event()

    def reconcile(_name: str) -> None:
        entered.set()
        gate.wait(10)

    async def run() -> None:
        queue = Queue()
        workers = Workers(queue, {"service": reconcile}, concurrency={}, metrics=Metrics(), stop_seconds=0.01)
        first = asyncio.create_task(workers.run())
        queue.add(KEY)
        await asyncio.to_thread(entered.wait, 10)
        first.cancel()
        await asyncio.wait([first])
        assert not queue.is_idle()
        gate.set()
        await asyncio.wait_for(idle(queue), 10)
        workers.close()

    asyncio.run(run())


def test_errors_are_counted_by_what_failed() -> None:
    metrics = Metrics()

    def reconcile(name: str) -> None:
        if name == "shop/staged":
            with metrics.stage("service", "build_model"):
                raise SpecError([PROBLEM])
        raise AwsThrottled("CreateLoadBalancer", "Throttling", "slow down")

    async def test(queue: Queue, _workers: Workers) -> None:
        queue.add(Key("service", "shop/staged"))
        queue.add(Key("service", "shop/bare"))
        await idle(queue)

    working(test, {"service": reconcile}, metrics=metrics)
    name = "awslbc_controller_reconcile_errors_total"
    counted = {
        sample.labels["error_category"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }
    assert {"build_model_error": 1, "AwsThrottled": 1} == counted
