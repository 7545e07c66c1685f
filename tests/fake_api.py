"""A very small API server in memory, in the place of `KubeClient`: versions, conflicts, patches, lists, watches."""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aws_lb_controller.cluster.client import STRATEGIC_MERGE_PATCH
from aws_lb_controller.cluster.writes import merged
from aws_lb_controller.errors import KubernetesConflict, KubernetesError, KubernetesNotFound

LIMIT_SECONDS = 10.0


def until(condition: Callable[[], bool], what: str = "it") -> None:
    """Wait until a condition holds; fail after a while."""
    pause, waited = threading.Event(), 0.0
    while not condition():
        assert waited < LIMIT_SECONDS, f"still waiting for {what}"
        pause.wait(0.005)
        waited += 0.005


class FakeStream:
    """Watch events as they are put in; `end` ends the watch as a server does."""

    def __init__(self) -> None:
        self._events: queue.Queue[dict[str, Any] | Exception | None] = queue.Queue()

    def put(self, type_: str, obj: Mapping[str, Any]) -> None:
        self._events.put({"type": type_, "object": obj})

    def fail(self, wrong: Exception) -> None:
        self._events.put(wrong)

    def end(self) -> None:
        self._events.put(None)

    stop = end

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while (event := self._events.get(timeout=LIMIT_SECONDS)) is not None:
            if isinstance(event, Exception):
                raise event
            yield event


class FakeApi:
    """Objects by path. `requests` are those made; `before` is called with method and path of each, and may raise."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.version = 100
        self.requests: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda _method, _path: None
        self.streams: dict[str, FakeStream] = {}
        self.watched_from: list[str] = []
        self.page = 2
        self._lock = threading.RLock()

    # ---- for the test

    def put(self, path: str, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Somebody else makes or changes an object."""
        with self._lock:
            self.version += 1
            stored = copy.deepcopy(dict(obj))
            stored["metadata"] = {**stored["metadata"], "resourceVersion": str(self.version)}
            self.objects[path] = stored
            return copy.deepcopy(stored)

    def drop(self, path: str) -> None:
        """Somebody else deletes it for good."""
        with self._lock:
            self.version += 1
            self.objects.pop(path, None)

    def stream_of(self, path: str) -> FakeStream:
        """The watch that stands on a path."""
        until(lambda: path in self.streams, f"a watch of {path}")
        return self.streams[path]

    # ---- as KubeClient

    def get(self, path: str, query: Mapping[str, str] | None = None, *, seconds: float = 15) -> Any:
        return self.request("GET", path, query=query, seconds=seconds)

    def request(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None, **more: Any
    ) -> Any:
        with self._lock:
            self.requests.append((method, path))
            self.before(method, path)
            if more.get("content_type") == STRATEGIC_MERGE_PATCH:
                body = self._with_conditions(path, body)
            return copy.deepcopy(getattr(self, f"_{method.lower()}")(path, query or {}, body))

    @contextmanager
    def stream(self, path: str, query: Mapping[str, str], *, stall_seconds: float) -> Iterator[FakeStream]:
        self.before("WATCH", path)
        self.watched_from.append(query["resourceVersion"])
        key = path + _selecting(query)
        stream = self.streams[key] = FakeStream()
        try:
            yield stream
        finally:
            self.streams.pop(key, None)

    def _get(self, path: str, query: Mapping[str, str], _body: Any) -> Any:
        if "limit" in query:
            return self._list(path, query)
        if path not in self.objects:
            raise KubernetesNotFound(f"GET {path}", 404, "not found")
        return self.objects[path]

    def _list(self, path: str, query: Mapping[str, str]) -> Any:
        below = [self.objects[key] for key in sorted(self.objects) if key.startswith(path + "/")]
        items = [obj for obj in below if _selected(obj, query)]
        start = int(query.get("continue", 0))
        more = {"continue": str(start + self.page)} if start + self.page < len(items) else {}
        return {"metadata": {"resourceVersion": str(self.version), **more}, "items": items[start : start + self.page]}

    def _post(self, path: str, _query: Mapping[str, str], body: Any) -> Any:
        key = f"{path}/{body['metadata']['name']}"
        if key in self.objects:
            raise KubernetesConflict(f"POST {key}", 409, "exists")
        return self.put(key, body)

    def _put(self, path: str, query: Mapping[str, str], body: Any) -> Any:
        if path not in self.objects:
            raise KubernetesNotFound(f"PUT {path}", 404, "not found")
        self._expect_version(path, body, query)
        return self.put(path, body)

    def _patch(self, path: str, query: Mapping[str, str], body: Any) -> Any:
        path = path.removesuffix("/status")
        self._expect_version(path, body, query)
        changed = merged(self.objects[path], body)
        if changed["metadata"].get("deletionTimestamp") and not changed["metadata"].get("finalizers"):
            self.drop(path)
            return changed
        return self.put(path, changed)

    def _with_conditions(self, path: str, body: Any) -> Any:
        """The merge patch for what a strategic one asks: conditions are a map by type, and a uid is a precondition."""
        held = self._get(path.removesuffix("/status"), {}, None)
        if body["metadata"]["uid"] != held["metadata"]["uid"]:
            raise KubernetesConflict(f"write {path}", 409, "Precondition failed: UID")
        conditions = {one["type"]: one for one in held["status"].get("conditions") or ()}
        for one in body["status"]["conditions"]:
            conditions[one["type"]] = merged(conditions.get(one["type"]), one)
        return merged(body, {"status": {"conditions": [*conditions.values()]}})

    def _delete(self, path: str, query: Mapping[str, str], _body: Any) -> Any:
        held = self._get(path, query, None)
        if held["metadata"].get("finalizers"):
            marks = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}
            return self.put(path, merged(held, {"metadata": marks}))
        self.drop(path)
        return {"kind": "Status", "status": "Success"}

    def _expect_version(self, path: str, body: Any, query: Mapping[str, str]) -> None:
        held = self._get(path, query, None)
        wanted = (body.get("metadata") or {}).get("resourceVersion")
        if wanted not in (None, held["metadata"]["resourceVersion"]):
            raise KubernetesConflict(f"write {path}", 409, "the object has been modified")


def _selecting(query: Mapping[str, str]) -> str:
    """As it stands behind a path: of several watches of one path each has its own selector."""
    return "".join(f"?{query[key]}" for key in ("fieldSelector",) if key in query)


def _selected(obj: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Whether an object has the name and the label that a list asks for; ``key=value`` is all that is understood."""
    metadata = obj["metadata"]
    _, _, name = query.get("fieldSelector", "").partition("metadata.name=")
    key, _, value = query.get("labelSelector", "").partition("=")
    return name in ("", metadata["name"]) and (not key or (metadata.get("labels") or {}).get(key) == value)


def no_answer(what: str = "GET") -> KubernetesError:
    """The API server does not answer."""
    return KubernetesError(what, 0, "timed out")
