"""Kubernetes Events on users' objects: how a user learns what became of an edit, with `kubectl describe`.

They are written by one thread behind a queue with an end, so that no reconcile ever waits for the API server, and an
Event is lost rather than memory. A repeat of the same words raises the count of the Event that stands; one object gets
a burst of Events and then one in five minutes, as with the Events of other controllers.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aws_lb_controller.cluster.client import MERGE_PATCH, KubeClient
from aws_lb_controller.cluster.indexes import Obj, namespace_of
from aws_lb_controller.cluster.kinds import Kind
from aws_lb_controller.errors import KubernetesError, KubernetesNotFound

log = logging.getLogger(__name__)

EVENT = Kind("", "v1", "events", "Event")

COMPONENTS: Mapping[str, str] = {
    "Service": "service",
    "Ingress": "ingress",
    "TargetGroupBinding": "targetGroupBinding",
}
"""Who says it: the ``source.component`` per kind of object."""

WAITING = 1000
REMEMBERED = 4096
BURST = 25
REFILL_SECONDS = 300.0
REPEAT_SECONDS = 600.0
"""An Event that is older is not counted up but made anew: the API server drops Events after an hour."""

MESSAGE_LIMIT = 1024
FLUSH_SECONDS = 3.0
REQUEST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Said:
    """One Event to write. object: its ``involvedObject``."""

    object: Mapping[str, Any]
    reason: str
    message: str
    type: str

    @property
    def words(self) -> tuple[str, ...]:
        """What makes two of them the same."""
        return (
            self.object.get("uid") or self.object["name"],
            self.object["kind"],
            self.type,
            self.reason,
            self.message,
        )


@dataclass(slots=True)
class _Standing:
    """An Event that the API server holds."""

    path: str
    count: int
    since: float


@dataclass(slots=True)
class _Bucket:
    """How many Events an object may still have."""

    tokens: float
    at: float

    def take(self, now: float) -> bool:
        self.tokens = min(float(BURST), self.tokens + (now - self.at) / REFILL_SECONDS)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Events:
    """Says things about objects. `emit` may be called from any thread and never blocks."""

    def __init__(self, client: KubeClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._waiting: queue.Queue[_Said | None] = queue.Queue(WAITING)
        self._standing: OrderedDict[tuple[str, ...], _Standing] = OrderedDict()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, for a moment at most."""
        try:
            self._waiting.put(None, timeout=FLUSH_SECONDS)
        except queue.Full:
            return
        if self._thread.is_alive():
            self._thread.join(FLUSH_SECONDS)

    def emit(self, obj: Obj, reason: str, message: str, type: str = "Normal") -> None:
        """Say something of an object, which must bear ``kind`` and ``apiVersion``. type: ``Normal`` or ``Warning``."""
        said = _Said(_reference(obj), str(reason), message[:MESSAGE_LIMIT], type)
        log.info("%s", said.message, extra={"event": said.reason, "type": type, "object": _shown(said)})
        try:
            self._waiting.put_nowait(said)
        except queue.Full:
            log.warning("too many Events wait: one is lost")

    # ---- the thread

    def _run(self) -> None:
        while (said := self._waiting.get()) is not None:
            try:
                self._write(said)
            except KubernetesError as wrong:
                log.warning("cannot write an Event: %s", wrong)
            except Exception:
                log.exception("cannot write an Event: a bug")

    def _write(self, said: _Said) -> None:
        now = self._clock()
        if not self._may_speak(said, now):
            return
        standing = self._standing.get(said.words)
        if standing is None or now - standing.since >= REPEAT_SECONDS or not self._count_up(standing):
            self._make(said, now)

    def _may_speak(self, said: _Said, now: float) -> bool:
        who = f"{said.object['kind']} {said.object.get('uid') or said.object['name']}"
        bucket = self._buckets.setdefault(who, _Bucket(float(BURST), now))
        _bound(self._buckets, who)
        return bucket.take(now)

    def _count_up(self, standing: _Standing) -> bool:
        """Whether the Event still stood to be counted up."""
        body = {"count": standing.count + 1, "lastTimestamp": _timestamp()}
        try:
            self._client.request("PATCH", standing.path, body=body, content_type=MERGE_PATCH, seconds=REQUEST_SECONDS)
        except KubernetesNotFound:
            return False
        standing.count += 1
        return True

    def _make(self, said: _Said, now: float) -> None:
        body = _event(said)
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        self._client.request("POST", EVENT.path_in(namespace), body=body, seconds=REQUEST_SECONDS)
        self._standing[said.words] = _Standing(EVENT.path_of(namespace, name), 1, now)
        _bound(self._standing, said.words)


def _bound(memory: OrderedDict[Any, Any], used: Any) -> None:
    memory.move_to_end(used)
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)


def _reference(obj: Obj) -> dict[str, Any]:
    metadata = obj["metadata"]
    reference = {"kind": obj["kind"], "apiVersion": obj["apiVersion"], "name": metadata["name"]}
    more = {key: metadata.get(key) for key in ("namespace", "uid", "resourceVersion")}
    return {**reference, **{key: value for key, value in more.items() if value}}


def _event(said: _Said) -> dict[str, Any]:
    component, now = COMPONENTS.get(said.object["kind"], "aws-load-balancer-controller"), _timestamp()
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {
            # a name that cannot be taken, as the whole is made of the object's own name and of now
            "name": f"{said.object['name']}.{time.time_ns():x}",
            "namespace": namespace_of({"metadata": said.object}) or "default",
        },
        "involvedObject": said.object,
        "reason": said.reason,
        "message": said.message,
        "type": said.type,
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
    }


def _timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(said: _Said) -> str:
    namespace = said.object.get("namespace")
    return f"{said.object['kind']} {namespace + '/' if namespace else ''}{said.object['name']}"
