"""One lean list-and-watch: a path is listed page by page, then watched from the list's resourceVersion, for ever.

A watch that ends or stalls goes on where it was; one that is too old (410) is listed anew. Of each object only what is
to be kept is handed on, and of a long list it is all that is ever held.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from aws_lb_controller.cluster.client import KubeClient, Stream
from aws_lb_controller.cluster.indexes import Obj
from aws_lb_controller.errors import KubernetesError

log = logging.getLogger(__name__)

PAGE = 500
LIST_SECONDS = 60.0
STALL_SECONDS = 90.0
"""The API server sends a bookmark about once a minute: a watch that is silent for longer is dead."""

WATCH_SECONDS = (240, 480)
SHORT_WATCH_SECONDS = 1.0
"""A watch that the server ends sooner than that is taken for a failure, and not begun again at once."""

BACKOFF_SECONDS = (0.5, 30.0)


class Expired(Exception):  # says what happened to the resourceVersion; it never leaves this package
    """The resourceVersion or continue token is too old for the server."""


class Backoff:
    """How long to wait after one more failure in a row: doubling, with jitter so that replicas do not act in step."""

    def __init__(self, first: float = BACKOFF_SECONDS[0], most: float = BACKOFF_SECONDS[1]) -> None:
        self._first, self._most = first, most
        self._failures = 0

    def next(self) -> float:
        """Seconds until the next try."""
        # beyond 2**32 the cap rules anyway, and the power of a day's failures would be no float
        delay = min(self._most, self._first * 2 ** min(self._failures, 32))
        self._failures += 1
        return float(delay * random.uniform(0.5, 1.0))

    def reset(self) -> None:
        """It worked: the next failure is the first again."""
        self._failures = 0


class Listener(Protocol):
    """Who is told. Called in the thread that lists or watches."""

    def listed(self, objs: Sequence[Obj], version: str) -> None:
        """All there are at a resourceVersion."""

    def changed(self, obj: Obj) -> None:
        """One was made or changed."""

    def deleted(self, obj: Obj) -> None:
        """One is gone; its resourceVersion is that of the deletion."""

    def heard(self) -> None:
        """The server said something, be it a bookmark."""


class ListWatch:
    """Lists and watches one path. keep: the part of an object that the listener is given of what is there.

    name: what it is, for the log; query: selectors.
    """

    def __init__(
        self,
        client: KubeClient,
        listener: Listener,
        *,
        keep: Callable[[Obj], Obj],
        path: str,
        name: str,
        query: Mapping[str, str] | None = None,
        stall_seconds: float = STALL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._listener, self._keep = client, listener, keep
        self._path, self._name, self._query = path, name, dict(query or {})
        self._stall_seconds, self._clock = stall_seconds, clock
        self._stream: Stream | None = None
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End the watch; `keep_watching` then returns."""
        self._stopping.set()
        if (stream := self._stream) is not None:
            stream.stop()

    # ---- list

    def list_once(self) -> str:
        """Tell of a complete list; returns its resourceVersion. Raises `Expired` and `KubernetesError`."""
        objs: list[Obj] = []
        version = ""
        for page in self._pages():
            version = page["metadata"].get("resourceVersion") or version
            objs += [self._keep(item) for item in page.get("items") or ()]
        self._listener.listed(objs, version)
        self._listener.heard()
        return version

    def _pages(self) -> Iterator[Mapping[str, Any]]:
        query = {**self._query, "limit": str(PAGE)}
        while True:
            try:
                page = self._client.get(self._path, query, seconds=LIST_SECONDS)
            except KubernetesError as wrong:
                raise _expired_or(wrong) from wrong
            yield page
            if not (token := page["metadata"].get("continue")):
                return
            query = {**query, "continue": token}

    # ---- watch

    def keep_watching(self, version: str = "") -> None:
        """Watch until stopped. version: of a list that was told already; "": list first."""
        backoff = Backoff()
        while not self._stopping.is_set():
            started = self._clock()
            try:
                version = version or self.list_once()
                for version in self._events(version):  # noqa: B007, B020  # where to go on, if it breaks off
                    backoff.reset()
            except Expired:
                log.info("watching %s: resourceVersion %s is too old, listing anew", self._name, version)
                version = ""
            except KubernetesError as wrong:
                if not self._stopping.is_set():
                    log.info("watching %s: %s", self._name, wrong)
            except Exception:
                log.exception("watching %s: a bug; listing anew", self._name)
                version = ""
            else:
                if self._clock() - started > SHORT_WATCH_SECONDS:
                    continue
            self._stopping.wait(backoff.next())

    def _events(self, version: str) -> Iterator[str]:
        """Watch once, and give the resourceVersion reached after each event; ends when the server ends the watch."""
        query = {
            **self._query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(random.randint(*WATCH_SECONDS)),
        }
        try:
            with self._client.stream(self._path, query, stall_seconds=self._stall_seconds) as stream:
                self._stream = stream
                for event in stream if not self._stopping.is_set() else ():
                    yield self._take(event)
        except KubernetesError as wrong:
            raise _expired_or(wrong) from wrong
        finally:
            self._stream = None

    def _take(self, event: Mapping[str, Any]) -> str:
        obj = event["object"]
        if event["type"] == "ERROR":
            raise _expired_or(KubernetesError(f"watch {self._name}", obj.get("code", 0), obj.get("message", "")))
        self._listener.heard()
        if event["type"] == "DELETED":
            self._listener.deleted(obj)
        elif event["type"] in ("ADDED", "MODIFIED"):
            self._listener.changed(self._keep(obj))
        version: str = obj["metadata"]["resourceVersion"]
        return version


def _expired_or(wrong: KubernetesError) -> Exception:
    return Expired(wrong.message) if wrong.status == 410 else wrong
