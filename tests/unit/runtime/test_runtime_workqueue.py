"""Many events become one key, urgent ones overtake, failures slow a key down, and no key runs twice at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.runtime.workqueue import PATIENCE_SECONDS, Backoff, Lane, Lanes, WorkQueue

A, B, C = (Key("binding", f"shop/{name}") for name in "abc")


def taken(lanes: Lanes, now: float = 0.0) -> list[Key]:
    """Every key that can be taken now, in turn."""
    keys = []
    while (key := lanes.take("binding", now)) is not None:
        keys.append(key)
    return keys


def test_many_additions_of_a_key_are_one() -> None:
    lanes = Lanes()
    for _ in range(10):
        lanes.add(A, Lane.NORMAL, 0.0)
    assert [A] == taken(lanes)


def test_keys_of_one_lane_come_in_order_of_arrival() -> None:
    lanes = Lanes()
    for key in (B, A, C, B):
        lanes.add(key, Lane.NORMAL, 0.0)
    assert [B, A, C] == taken(lanes)


def test_urgent_keys_overtake_and_a_waiting_key_moves_up() -> None:
    lanes = Lanes()
    lanes.add(A, Lane.BACKGROUND, 0.0)
    lanes.add(B, Lane.NORMAL, 0.0)
    lanes.add(C, Lane.BACKGROUND, 0.0)
    lanes.add(C, Lane.URGENT, 0.0)
    assert [C, B, A] == taken(lanes)


def test_a_less_urgent_reason_does_not_move_a_key_down() -> None:
    lanes = Lanes()
    lanes.add(A, Lane.URGENT, 0.0)
    lanes.add(B, Lane.NORMAL, 0.0)
    lanes.add(A, Lane.BACKGROUND, 0.0)
    assert [A, B] == taken(lanes)


def test_a_key_that_waited_too_long_goes_first() -> None:
    lanes = Lanes()
    lanes.add(A, Lane.BACKGROUND, 0.0)
    lanes.add(B, Lane.URGENT, PATIENCE_SECONDS)
    assert [A, B] == taken(lanes, PATIENCE_SECONDS + 1)


def test_a_key_added_while_it_runs_comes_again_when_it_is_done() -> None:
    lanes = Lanes()
    lanes.add(A, Lane.NORMAL, 0.0)
    assert [A] == taken(lanes)
    lanes.add(A, Lane.BACKGROUND, 1.0)
    lanes.add(A, Lane.URGENT, 1.0)
    assert [] == taken(lanes, 1.0)
    lanes.add(B, Lane.NORMAL, 1.0)
    lanes.done(A, 2.0)
    assert [A, B] == taken(lanes, 2.0)


def test_controllers_have_queues_of_their_own() -> None:
    lanes = Lanes()
    lanes.add(Key("service", "shop/web"), Lane.URGENT, 0.0)
    lanes.add(A, Lane.NORMAL, 0.0)
    assert [A] == taken(lanes)


def test_a_key_that_waits_for_a_time_comes_then_and_the_earliest_time_counts() -> None:
    lanes = Lanes()
    for when in (9.0, 5.0, 7.0):
        lanes.add_at(A, when, Lane.NORMAL)
    assert 5.0 == lanes.next_due()
    lanes.ripen(4.9)
    assert [] == taken(lanes, 4.9)
    lanes.ripen(5.0)
    assert [A] == taken(lanes, 5.0)
    assert lanes.next_due() is None


def test_running_a_key_forgets_the_time_it_waited_for() -> None:
    lanes = Lanes()
    lanes.add_at(A, 5.0, Lane.NORMAL)
    lanes.add(A, Lane.NORMAL, 1.0)
    assert [A] == taken(lanes, 1.0)
    lanes.done(A, 2.0)
    lanes.ripen(6.0)
    assert [] == taken(lanes, 6.0)


def test_depth_and_age_tell_of_what_waits() -> None:
    lanes = Lanes()
    assert (0, 0.0) == (lanes.depth("binding"), lanes.oldest("binding", 9.0))
    lanes.add(A, Lane.NORMAL, 1.0)
    lanes.add(A, Lane.URGENT, 3.0)
    lanes.add(B, Lane.NORMAL, 2.0)
    assert (2, 8.0) == (lanes.depth("binding"), lanes.oldest("binding", 9.0))


def test_a_backoff_doubles_from_its_first_delay_to_its_last() -> None:
    backoff = Backoff(first=1, most=10, jitter=0.5)
    assert [1, 2, 4, 8, 10, 10] == [backoff.delay(n, 0.0) for n in (1, 2, 3, 4, 5, 5000)]
    assert 2 == backoff.delay(3, 1.0)


# --- with an event loop ---


def in_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(test(), 10)

    asyncio.run(limited())


def test_a_getter_waits_for_a_key_of_its_controller() -> None:
    async def test() -> None:
        queue = WorkQueue()
        getter = asyncio.create_task(queue.get("binding"))
        queue.add(Key("service", "shop/web"))
        await asyncio.sleep(0)
        assert not getter.done()
        queue.add(A)
        assert await getter == A

    in_a_loop(test)


def test_a_key_can_be_posted_from_another_thread() -> None:
    async def test() -> None:
        queue = WorkQueue()
        threading.Thread(target=queue.post, args=(A, Lane.URGENT)).start()
        assert await queue.get("binding") == A

    in_a_loop(test)


def test_what_a_reconcile_asks_for_is_not_gathered() -> None:
    async def test() -> None:
        queue = WorkQueue()
        queue.post(A, Lane.URGENT)
        queue.post(B, Lane.URGENT, gather=False)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (1, B) == (queue.depth("binding"), await queue.get("binding"))

    in_a_loop(test)


def test_posting_after_the_loop_has_closed_does_nothing() -> None:
    async def make() -> WorkQueue:
        return WorkQueue()

    asyncio.run(make()).post(A)


def test_a_failing_key_waits_longer_each_time_until_it_is_forgotten() -> None:
    async def test() -> None:
        queue = WorkQueue(backoffs={"binding": Backoff(first=1, most=3)}, chance=lambda: 0.0)
        assert [1, 2, 3, 3] == [queue.retry(A) for _ in range(4)]
        queue.forget(A)
        assert queue.retry(A) == 1

    in_a_loop(test)


def test_a_key_added_after_a_time_is_given_then() -> None:
    async def test() -> None:
        queue = WorkQueue()
        queue.add_after(A, 0.01)
        assert await queue.get("binding") == A

    in_a_loop(test)


def test_a_cancelled_getter_loses_no_key() -> None:
    async def test() -> None:
        queue = WorkQueue()
        first, second = (asyncio.create_task(queue.get("binding")) for _ in range(2))
        await asyncio.sleep(0)
        queue.add(A)
        first.cancel()
        assert await second == A

    in_a_loop(test)


def test_every_worker_gets_something_when_keys_abound() -> None:
    async def test() -> None:
        queue = WorkQueue()
        getters = [asyncio.create_task(queue.get("binding")) for _ in range(3)]
        await asyncio.sleep(0)
        for key in (A, B, C):
            queue.add(key)
        assert {*await asyncio.gather(*getters)} == {A, B, C}
        assert not queue.is_idle()
        for key in (A, B, C):
            queue.done(key)
        assert queue.is_idle()

    in_a_loop(test)
