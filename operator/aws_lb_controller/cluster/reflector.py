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
from collections.abc import Callable, Sequence
from functools import partial

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.indexes import Obj, namespace_of
from aws_lb_controller.cluster.kinds import HEARD_BY_KOPF, REFLECTED, Kind
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.list_watch import STALL_SECONDS, Backoff, Expired, ListWatch
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesError, KubernetesNotFound

log = logging.getLogger(__name__)

RELIST_SECONDS = 180.0
STOP_SECONDS = 5.0


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
        self._list_watches = {kind: self._list_watch(kind) for kind in self._watched}
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    # ---- life

    def start(self) -> None:
        """Start the threads; returns at once."""
        tasks: list[tuple[str, Callable[[], None]]] = [("lists", self._keep_listing)]
        tasks += [(f"watch-{kind.plural}", watch.keep_watching) for kind, watch in self._list_watches.items()]
        self._threads = [threading.Thread(target=task, name=name, daemon=True) for name, task in tasks]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the watches and wait a moment for the threads."""
        self._stopping.set()
        for watch in self._list_watches.values():
            watch.stop()
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
        return self._list_watch(kind).list_once()

    def _list_watch(self, kind: Kind) -> ListWatch:
        return ListWatch(
            self._client,
            _IntoStore(self, self._store, kind),
            keep=partial(lean, kind),
            path=self._path(kind),
            name=kind.plural,
            stall_seconds=self._stall_seconds,
            clock=self._clock,
        )

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

    # ---- small things

    def _open_gate(self) -> None:
        if set(self._seen) >= {*self._watched, *self._heard}:
            self.listed.set()

    def has_been_heard(self, kind: Kind) -> None:
        """The server has told of the kind: a list, an event, or a bookmark."""
        self._seen[kind] = self._clock()
        if not self.listed.is_set():
            self._open_gate()

    def _path(self, kind: Kind) -> str:
        if self._namespace is None or not kind.namespaced:
            return kind.path
        return kind.path_in(self._namespace)


class _IntoStore:
    """What is heard of one kind goes into the reflector's store."""

    def __init__(self, reflector: Reflector, store: Store, kind: Kind) -> None:
        self._reflector, self._store, self._kind = reflector, store, kind

    def listed(self, objs: Sequence[Obj], version: str) -> None:
        self._store.replace(self._kind, objs, version)

    def changed(self, obj: Obj) -> None:
        self._store.upsert(self._kind, obj)

    def deleted(self, obj: Obj) -> None:
        metadata = obj["metadata"]
        self._store.remove(self._kind, namespace_of(obj), metadata["name"], version=metadata["resourceVersion"])

    def heard(self) -> None:
        self._reflector.has_been_heard(self._kind)
