"""The cache asks once, tells failures to all, and never keeps what was dropped while it was loaded."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aws_lb_controller.aws.cache import Cache


class Source:
    """Counts the loads and gives their number."""

    def __init__(self) -> None:
        self.loads = 0

    def __call__(self) -> int:
        self.loads += 1
        return self.loads


def test_an_entry_is_loaded_once_until_it_is_too_old() -> None:
    now = [0.0]
    cache: Cache[str, int] = Cache(ttl=60, clock=lambda: now[0])
    source = Source()
    assert [1, 1] == [cache.get("a", source), cache.get("a", source)]
    now[0] = 60
    assert 2 == cache.get("a", source)


def test_a_refresh_loads_what_is_there_already() -> None:
    cache: Cache[str, int] = Cache()
    source = Source()
    cache.get("a", source)
    assert 2 == cache.get("a", source, refresh=True)


def test_what_was_put_or_dropped_counts_at_once() -> None:
    cache: Cache[str, int] = Cache()
    cache.put("a", 9)
    assert (9, {"a": 9}) == (cache.peek("a"), cache.items())
    cache.drop("a")
    assert (None, 1) == (cache.peek("a"), cache.get("a", Source()))


def test_the_last_entry_is_told_however_old_it_is() -> None:
    now = [0.0]
    cache: Cache[str, int] = Cache(ttl=60, clock=lambda: now[0])
    assert None is cache.last("a")
    cache.put("a", 9)
    now[0] = 60
    assert (9, None) == (cache.last("a"), cache.peek("a"))


def test_of_many_who_ask_at_once_only_one_loads() -> None:
    cache: Cache[str, int] = Cache()
    source, gate = Source(), threading.Event()

    def load() -> int:
        assert gate.wait(10)
        return source()

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(cache.get, "a", load) for _ in range(8)]
        gate.set()
        assert [1] * 8 == [future.result(10) for future in asked]


def test_a_failure_is_told_and_not_kept() -> None:
    cache: Cache[str, int] = Cache()

    def fail() -> int:
        raise OSError("no answer")

    with pytest.raises(OSError, match="no answer"):
        cache.get("a", fail)
    assert 1 == cache.get("a", Source())


def test_what_is_dropped_while_it_is_loaded_is_not_kept() -> None:
    cache: Cache[str, int] = Cache()
    source = Source()

    def load() -> int:
        cache.drop("a")
        return source()

    assert 1 == cache.get("a", load)
    assert cache.peek("a") is None


def test_what_is_put_while_it_is_loaded_wins() -> None:
    cache: Cache[str, int] = Cache()

    def load() -> int:
        cache.put("a", 9)
        return 1

    cache.get("a", load)
    assert 9 == cache.peek("a")
