"""A cache for what AWS was asked: entries age, and of callers who ask for the same at once only one asks AWS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V
    expires: float


class Cache(Generic[K, V]):
    """Thread-safe. ttl: seconds that an entry counts. A failed load is told to all who waited for it, and not kept."""

    def __init__(self, *, ttl: float = FOREVER, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl, self._clock = ttl, clock
        self._entries: dict[K, _Entry[V]] = {}
        self._flights: dict[K, Future[V]] = {}
        self._lock = threading.Lock()

    def get(self, key: K, load: Callable[[], V], *, refresh: bool = False) -> V:
        """The entry, loaded if there is none or it is too old; refresh: what is there already does not count."""
        with self._lock:
            entry = self._entries.get(key)
            if entry and not refresh and entry.expires > self._clock():
                return entry.value
            flight = self._flights.get(key)
            ours = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if ours:
            self._fly(key, flight, load)
        return flight.result()

    def _fly(self, key: K, flight: Future[V], load: Callable[[], V]) -> None:
        try:
            value = load()
        except BaseException as error:  # whoever waits must not wait for ever, whatever it was
            self._land(key, flight, None)
            flight.set_exception(error)
        else:
            self._land(key, flight, _Entry(value, self._clock() + self._ttl))
            flight.set_result(value)

    def _land(self, key: K, flight: Future[V], entry: _Entry[V] | None) -> None:
        with self._lock:
            if self._flights.get(key) is not flight:
                return  # dropped or replaced while it was under way: what was loaded may be old news
            del self._flights[key]
            if entry:
                self._entries[key] = entry

    def put(self, key: K, value: V) -> None:
        """The entry is this from now on."""
        with self._lock:
            self._flights.pop(key, None)
            self._entries[key] = _Entry(value, self._clock() + self._ttl)

    def drop(self, key: K) -> None:
        """The next `get` loads, even if a load is under way now."""
        with self._lock:
            self._flights.pop(key, None)
            self._entries.pop(key, None)

    def peek(self, key: K) -> V | None:
        """The entry if there is one that counts; never loads."""
        with self._lock:
            entry = self._entries.get(key)
            return entry.value if entry and entry.expires > self._clock() else None

    def last(self, key: K) -> V | None:
        """The entry if there is one, however old; never loads."""
        with self._lock:
            entry = self._entries.get(key)
            return entry.value if entry else None

    def items(self) -> dict[K, V]:
        """Every entry that counts now."""
        with self._lock:
            now = self._clock()
            return {key: entry.value for key, entry in self._entries.items() if entry.expires > now}
