"""Keeps the store like the cluster: our own lean list-and-watch for what is many, and periodic lists of what is few.

Pods, EndpointSlices and Nodes: one thread per kind lists page by page, then watches from the list's resourceVersion.
A watch that ends or stalls goes on where it was; one that is too old (410) is listed anew and compared with what is
held.

What kopf hears is listed here too: once before anything is reconciled, because kopf never says when it has heard it all
and a group built from half of its members would delete rules; and every few minutes after, because an object that went
while a watch was down is never told as deleted.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from aws_lb_controller.cluster.client import KubeClient, Stream
from aws_lb_controller.cluster.indexes import Obj, namespace_of
from aws_lb_controller.cluster.kinds import HEARD_BY_KOPF, REFLECTED, Kind
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesError, KubernetesNotFound

log = logging.getLogger(__name__)

PAGE = 500
LIST_SECONDS = 60.0
STALL_SECONDS = 90.0
"""The API server sends a bookmark about once a minute: a watch that is silent for longer is dead."""

WATCH_SECONDS = (240, 480)
SHORT_WATCH_SECONDS = 1.0
"""A watch that the server ends sooner than that is taken for a failure, and not begun again at once."""

RELIST_SECONDS = 180.0
BACKOFF_SECONDS = (0.5, 30.0)
STOP_SECONDS = 5.0


class Expired(Exception):  # says what happened to the resourceVersion; it never leaves this module
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


class Reflector:
    """Fills a store from the cluster until stopped.

    namespace: the one to look at, None for all (cluster-wide kinds are seen in any case). `listed` is set once every
    kind has been listed completely: before that, what the store lacks may well exist.
    """

    def __init__(
        self,
        client: KubeClient,
        store: Store,
        *,
        namespace: str | None = None,
        watched: Sequence[Kind] = REFLECTED,
        heard: Sequence[Kind] = HEARD_BY_KOPF,
        relist_seconds: float = RELIST_SECONDS,
        stall_seconds: float = STALL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.listed = threading.Event()
        self.heard_listed = threading.Event()
        self._client, self._store, self._namespace = client, store, namespace
        self._watched, self._heard = tuple(watched), tuple(heard)
        self._relist_seconds, self._stall_seconds, self._clock = relist_seconds, stall_seconds, clock
        self._seen: dict[Kind, float] = {}
        self._streams: dict[Kind, Stream] = {}
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    # ---- life

    def start(self) -> None:
        """Start the threads; returns at once."""
        tasks: list[tuple[str, Callable[[], None]]] = [("lists", self._keep_listing)]
        tasks += [(f"watch-{kind.plural}", lambda kind=kind: self._keep_watching(kind)) for kind in self._watched]  # type: ignore[misc]  # a default binds the loop's kind
        self._threads = [threading.Thread(target=task, name=name, daemon=True) for name, task in tasks]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the watches and wait a moment for the threads."""
        self._stopping.set()
        for stream in [*self._streams.values()]:
            stream.stop()
        until = self._clock() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - self._clock()))

    def ages(self) -> dict[Kind, float]:
        """Seconds since each kind was last heard of (list, event, bookmark); kinds never heard of are left out."""
        now = self._clock()
        return {kind: now - seen for kind, seen in [*self._seen.items()]}

    # ---- lists

    def list_once(self, kind: Kind) -> str:
        """Bring the store to a complete list of the kind; returns the list's resourceVersion."""
        objs: list[Obj] = []
        version = ""
        for page in self._pages(kind):
            version = page["metadata"].get("resourceVersion") or version
            objs += [lean(kind, item) for item in page.get("items") or ()]
        self._store.replace(kind, objs, version)
        self._has_been_seen(kind)
        return version

    def _pages(self, kind: Kind) -> Iterator[Mapping[str, Any]]:
        query = {"limit": str(PAGE)}
        while True:
            try:
                page = self._client.get(self._path(kind), query, seconds=LIST_SECONDS)
            except KubernetesError as wrong:
                raise _expired_or(wrong) from wrong
            yield page
            if not (token := page["metadata"].get("continue")):
                return
            query = {"limit": str(PAGE), "continue": token}

    def _keep_listing(self) -> None:
        waiting, backoff = list(self._heard), Backoff()
        while not self._stopping.is_set():
            waiting = [kind for kind in waiting if not self._stopping.is_set() and not self._try_list(kind)]
            if not waiting:
                backoff.reset()
                self.heard_listed.set()
                self._open_gate()
            self._stopping.wait(backoff.next() if waiting else self._relist_seconds * random.uniform(0.8, 1.2))
            waiting = waiting or list(self._heard)

    def _try_list(self, kind: Kind) -> bool:
        try:
            self.list_once(kind)
        except KubernetesNotFound:
            log.error("the API server does not know %s: are the CRDs installed?", kind.plural)
        except (KubernetesError, Expired) as wrong:
            log.warning("listing %s failed: %s", kind.plural, wrong)
        else:
            return True
        return False

    # ---- watches

    def _keep_watching(self, kind: Kind) -> None:
        version, backoff = "", Backoff()
        while not self._stopping.is_set():
            started = self._clock()
            try:
                if not version:
                    version = self.list_once(kind)
                    self._open_gate()
                for version in self._events(kind, version):  # noqa: B007, B020  # where to go on, if it breaks off
                    backoff.reset()
            except Expired:
                log.info("watching %s: resourceVersion %s is too old, listing anew", kind.plural, version)
                version = ""
            except KubernetesError as wrong:
                if not self._stopping.is_set():
                    log.info("watching %s: %s", kind.plural, wrong)
            except Exception:
                log.exception("watching %s: a bug; listing anew", kind.plural)
                version = ""
            else:
                if self._clock() - started > SHORT_WATCH_SECONDS:
                    continue
            self._stopping.wait(backoff.next())

    def _events(self, kind: Kind, version: str) -> Iterator[str]:
        """Watch once, and give the resourceVersion reached after each event; ends when the server ends the watch."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(random.randint(*WATCH_SECONDS)),
        }
        try:
            with self._client.stream(self._path(kind), query, stall_seconds=self._stall_seconds) as stream:
                self._streams[kind] = stream
                for event in stream if not self._stopping.is_set() else ():
                    yield self._take(kind, event)
        except KubernetesError as wrong:
            raise _expired_or(wrong) from wrong
        finally:
            self._streams.pop(kind, None)

    def _take(self, kind: Kind, event: Mapping[str, Any]) -> str:
        obj = event["object"]
        if event["type"] == "ERROR":
            raise _expired_or(KubernetesError(f"watch {kind.plural}", obj.get("code", 0), obj.get("message", "")))
        self._has_been_seen(kind)
        version: str = obj["metadata"]["resourceVersion"]
        if event["type"] == "DELETED":
            self._store.remove(kind, namespace_of(obj), obj["metadata"]["name"], version=version)
        elif event["type"] in ("ADDED", "MODIFIED"):
            self._store.upsert(kind, lean(kind, obj))
        return version

    # ---- small things

    def _open_gate(self) -> None:
        if set(self._seen) >= {*self._watched, *self._heard}:
            self.listed.set()

    def _has_been_seen(self, kind: Kind) -> None:
        self._seen[kind] = self._clock()

    def _path(self, kind: Kind) -> str:
        if self._namespace is None or not kind.namespaced:
            return kind.path
        return kind.path_of(self._namespace, "").rstrip("/")


def _expired_or(wrong: KubernetesError) -> Exception:
    return Expired(wrong.message) if wrong.status == 410 else wrong
