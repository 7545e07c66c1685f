"""Everything is compared with AWS once in a period, spread over it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.runtime.audit import audit

KEYS = [Key("service", f"shop/{name}") for name in "abcd"]


class Enough(Exception):
    pass


def audited(keys: list[Key], *, pauses: int, period: float = 100) -> tuple[list[float], list[Key]]:
    """The pauses of an audit and the keys that it looked at, until it has slept so often."""
    slept: list[float] = []
    looked_at: list[Key] = []

    async def sleep(seconds: float) -> None:
        if len(slept) == pauses:
            raise Enough
        slept.append(seconds)

    with pytest.raises(Enough):
        asyncio.run(audit(timedelta(seconds=period), everything=lambda: keys, look_at=looked_at.append, sleep=sleep))
    return slept, looked_at


def test_nothing_is_looked_at_before_the_first_period_is_over_and_then_one_key_after_the_other() -> None:
    slept, looked_at = audited(KEYS, pauses=4)
    assert [100, 25, 25, 25] == slept
    assert sorted(KEYS) == sorted(looked_at)


def test_a_round_is_followed_by_the_next_and_each_takes_a_period() -> None:
    slept, looked_at = audited(KEYS, pauses=12)
    assert 100 == sum(slept[1:5])
    assert sorted(KEYS * 3) == sorted(looked_at)


def test_an_empty_cluster_is_asked_once_in_a_period() -> None:
    assert ([100, 100, 100], []) == audited([], pauses=3)


def test_a_period_of_zero_means_never() -> None:
    async def run() -> list[Key]:
        looked_at: list[Key] = []
        never = audit(timedelta(0), everything=lambda: KEYS, look_at=looked_at.append)
        task = asyncio.create_task(never)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        return looked_at

    assert [] == asyncio.run(run())
