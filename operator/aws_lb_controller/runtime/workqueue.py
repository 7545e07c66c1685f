"""Which key is to be looked at next: many events become one key, urgent ones overtake, and no key runs twice at once.

A key waits in a lane, runs, or waits for a time; `Lanes` is the bookkeeping, without clock or threads, and `WorkQueue`
puts asyncio around it. A key that is added while it runs is queued again when it is done, because what it read may be
old.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from aws_lb_controller.reconcile.keys import Controller, Key

PATIENCE_SECONDS = 30.0
"""A key that has waited for longer goes first, whatever its lane: a stream of urgent ones must not starve the rest."""


class Lane(IntEnum):
    """How soon a key is to be looked at."""

    LEAVING = 0
    """Endpoints have gone: traffic may be going nowhere."""
    URGENT = 1
    """Endpoints have come."""
    NORMAL = 2
    """Someone has made an edit and waits."""
    BACKGROUND = 3
    """A resync or audit."""


GATHER_SECONDS = {Lane.LEAVING: 0.1, Lane.URGENT: 0.3}
"""How long a key waits for more of its kind before it is looked at. Endpoints of a Service change in bursts, while AWS
takes 20 RegisterTargets and DeregisterTargets at once and then 4 a second: fuller calls are sooner done.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long a key that failed waits, in seconds: `first`, doubled with each failure in a row, at most `most`.

    jitter: up to this part of the delay is taken off at random, so that keys that failed together do not come together.
    """

    first: float = 1.0
    most: float = 300.0
    jitter: float = 0.2

    def delay(self, failures: int, chance: float) -> float:
        """The wait after this many failures in a row; chance is from 0 to 1."""
        # beyond 2**40 `most` rules for any sensible `first`, and greater powers overflow
        plain = min(self.most, self.first * 2.0 ** min(failures - 1, 40))
        return plain * (1 - self.jitter * chance)


class Listener(Protocol):
    """Is told what a queue does, in the queue's loop."""

    def added(self, controller: Controller) -> None:
        """A key waits for a worker now, that did not before."""

    def taken(self, controller: Controller, waited: float) -> None:
        """A worker has taken a key that waited for so many seconds."""

    def retried(self, controller: Controller) -> None:
        """A key failed, and waits for its next try."""


class _Nobody:
    """Listens to nothing."""

    def added(self, controller: Controller) -> None: ...
    def taken(self, controller: Controller, waited: float) -> None: ...
    def retried(self, controller: Controller) -> None: ...


@dataclass(slots=True)
class _Waiting:
    """Keys of one controller that are ready: per lane, in order of arrival, with the time since which each waits."""

    lanes: tuple[dict[Key, float], ...] = field(default_factory=lambda: tuple({} for _ in Lane))

    def put(self, key: Key, lane: Lane, now: float) -> bool:
        """Whether it did not wait before."""
        is_new = True
        for held in Lane:
            if key in self.lanes[held]:
                if held <= lane:
                    return False
                now, is_new = self.lanes[held].pop(key), False
        self.lanes[lane][key] = now
        return is_new

    def take(self, now: float) -> tuple[Key, float] | None:
        """A key, and since when it waited."""
        heads = [(lane, *next(iter(keys.items()))) for lane, keys in enumerate(self.lanes) if keys]
        if not heads:
            return None
        starving = [head for head in heads if now - head[2] > PATIENCE_SECONDS]
        lane, key, since = min(starving, key=lambda head: head[2]) if starving else heads[0]
        del self.lanes[lane][key]
        return key, since

    def __len__(self) -> int:
        return sum(map(len, self.lanes))

    def since(self) -> float | None:
        return min((since for keys in self.lanes for since in keys.values()), default=None)


class Lanes:
    """The bookkeeping of a queue. Times are seconds of any clock that only goes forward; the caller says the time."""

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener or _Nobody()
        self._waiting: dict[Controller, _Waiting] = {}
        self._running: dict[Key, Lane | None] = {}
        self._due: dict[Key, tuple[float, Lane]] = {}
        self._heap: list[tuple[float, Key]] = []

    def add(self, key: Key, lane: Lane, now: float) -> None:
        """Look at the key soon. Where it is waiting already, the more urgent lane counts."""
        if key in self._running:
            again = self._running[key]
            self._running[key] = lane if again is None else min(again, lane)
            is_new = again is None
        else:
            is_new = self._put(key, lane, now)
        if is_new:
            self._listener.added(key.controller)

    def add_at(self, key: Key, when: float, lane: Lane) -> None:
        """Look at the key at that time, or before if something else asks for it."""
        held = self._due.get(key)
        if held is None or when < held[0]:
            self._due[key] = (when, lane)
            heapq.heappush(self._heap, (when, key))

    def ripen(self, now: float) -> None:
        """Queue the keys whose time has come."""
        while self._heap and self._heap[0][0] <= now:
            when, key = heapq.heappop(self._heap)
            if self._due.get(key, (None,))[0] == when:
                self.add(key, self._due.pop(key)[1], now)

    def next_due(self) -> float | None:
        """When the next key ripens."""
        while self._heap and self._due.get(self._heap[0][1], (None,))[0] != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, controller: Controller, now: float) -> Key | None:
        """The key to run now, if there is one. The time that it was waiting for is forgotten: running it tells anew."""
        waiting = self._waiting.get(controller)
        taken = waiting.take(now) if waiting else None
        if taken is None:
            return None
        key, since = taken
        self._running[key] = None
        self._due.pop(key, None)
        self._listener.taken(controller, now - since)
        return key

    def done(self, key: Key, now: float) -> None:
        """The key no longer runs; it is queued if it was asked for meanwhile."""
        again = self._running.pop(key)
        if again is not None:
            self._put(key, again, now)

    def _put(self, key: Key, lane: Lane, now: float) -> bool:
        return self._waiting.setdefault(key.controller, _Waiting()).put(key, lane, now)

    def depth(self, controller: Controller) -> int:
        """How many keys are ready and wait for a worker."""
        waiting = self._waiting.get(controller)
        return len(waiting) if waiting else 0

    def oldest(self, controller: Controller, now: float) -> float:
        """For how long the oldest ready key has waited; 0 without one."""
        waiting = self._waiting.get(controller)
        since = waiting.since() if waiting else None
        return now - since if since is not None else 0.0

    def is_idle(self) -> bool:
        """Whether no key is ready or running."""
        return not self._running and not any(map(len, self._waiting.values()))


class WorkQueue:
    """The keys to look at, for one event loop. `post` may be called from any thread, everything else in the loop's.

    backoffs: per controller how failures slow a key down; `Backoff()` where there is none.
    """

    def __init__(
        self,
        *,
        backoffs: Mapping[Controller, Backoff] | None = None,
        listener: Listener | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._backoffs, self._clock, self._chance = dict(backoffs or {}), clock, chance
        self._listener = listener or _Nobody()
        self._lanes = Lanes(self._listener)
        self._failures: dict[Key, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._getters: dict[Controller, list[asyncio.Future[None]]] = {}

    # ---- adding

    def add(self, key: Key, lane: Lane = Lane.NORMAL) -> None:
        """Look at the key soon."""
        self._lanes.add(key, lane, self._clock())
        self._wake(key.controller)

    def post(self, key: Key, lane: Lane = Lane.NORMAL, *, gather: bool = True) -> None:
        """As `add`, from any thread; after the loop has closed it does nothing.

        gather: once the lane's gathering time is over.
        """
        if self._loop.is_closed():
            return
        if gather and (seconds := GATHER_SECONDS.get(lane)):
            self._loop.call_soon_threadsafe(self.add_after, key, seconds, lane)
        else:
            self._loop.call_soon_threadsafe(self.add, key, lane)

    def add_after(self, key: Key, seconds: float, lane: Lane = Lane.NORMAL) -> None:
        """Look at the key after that time, or before if something else asks for it."""
        self._lanes.add_at(key, self._clock() + seconds, lane)
        self._set_timer()

    def retry(self, key: Key) -> float:
        """The key failed: look again after its backoff. Returns the seconds."""
        self._failures[key] = failures = self._failures.get(key, 0) + 1
        seconds = self._backoffs.get(key.controller, Backoff()).delay(failures, self._chance())
        self.add_after(key, seconds)
        self._listener.retried(key.controller)
        return seconds

    def forget(self, key: Key) -> None:
        """The key is fine: its next failure is the first again."""
        self._failures.pop(key, None)

    # ---- taking

    async def get(self, controller: Controller) -> Key:
        """The next key of the controller; wait for one. `done` must follow."""
        while (key := self._lanes.take(controller, self._clock())) is None:
            getter: asyncio.Future[None] = self._loop.create_future()
            getters = self._getters.setdefault(controller, [])
            getters.append(getter)
            try:
                await getter
            finally:
                if getter in getters:
                    getters.remove(getter)
                else:
                    self._wake(controller)  # if this getter is being cancelled, its wake-up is another's
        return key

    def done(self, key: Key) -> None:
        """The key has been looked at."""
        self._lanes.done(key, self._clock())
        self._wake(key.controller)

    # ---- looking

    def depth(self, controller: Controller) -> int:
        """How many keys wait for a worker."""
        return self._lanes.depth(controller)

    def oldest(self, controller: Controller) -> float:
        """For how many seconds the oldest of them has waited."""
        return self._lanes.oldest(controller, self._clock())

    def is_idle(self) -> bool:
        """Whether nothing waits for a worker or runs (keys may wait for a time)."""
        return self._lanes.is_idle()

    # ---- waking

    def _wake(self, controller: Controller) -> None:
        """Wake one getter for each key that is ready."""
        getters = self._getters.get(controller) or []
        for getter in [*getters[: self._lanes.depth(controller)]]:
            getters.remove(getter)
            if not getter.done():
                getter.set_result(None)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._lanes.next_due()
        self._timer = None if due is None else self._loop.call_later(max(0.0, due - self._clock()), self._ripen)

    def _ripen(self) -> None:
        self._lanes.ripen(self._clock())
        for controller in [*self._getters]:
            self._wake(controller)
        self._set_timer()
