"""Keeps our calls below AWS's published rates: asking faster than the account's bucket refills only buys refusals.

The buckets stand in the settings as data (``--aws-api-throttle``); a call takes a token of the first bucket that its
operation's name matches, and waits for it where the bucket is empty.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from re import Pattern

from aws_lb_controller.settings.readers import ThrottleRule


class TokenBucket:
    """burst tokens, refilled by rate a second. Thread-safe; takers wait in the order in which they came."""

    def __init__(self, *, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._at = float(burst), clock()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Takes a token, if need be one that is not there yet; returns the seconds until it is (0.0: it is there)."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
            self._tokens -= 1
            return max(0.0, -self._tokens / self._rate)


@dataclass(frozen=True)
class _Bucket:
    pattern: Pattern[str]
    tokens: TokenBucket


class Throttle:
    """The buckets of all services. rules: AWS service id (``Elastic Load Balancing v2``) → its buckets."""

    def __init__(
        self,
        rules: Mapping[str, tuple[ThrottleRule, ...]],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._buckets = {
            service: tuple(
                _Bucket(rule.operation, TokenBucket(rate=rule.rate, burst=rule.burst, clock=clock)) for rule in own
            )
            for service, own in rules.items()
        }

    def wait(self, service: str, operation: str) -> None:
        """Returns as soon as the operation may be called. An operation that no bucket matches never waits."""
        for bucket in self._buckets.get(service, ()):
            if bucket.pattern.search(operation):
                if seconds := bucket.tokens.take():
                    self._sleep(seconds)
                return
