"""All that we write to Kubernetes objects. What is so already costs no request; what is written is known at once.

Finalizers are changed under the object's resourceVersion, because a list in a merge patch replaces the whole list: two
controllers at once would otherwise undo each other. Everything else is a merge patch of the fields that are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_lb_controller.cluster.client import MERGE_PATCH, STRATEGIC_MERGE_PATCH, KubeClient
from aws_lb_controller.cluster.indexes import Obj, finalizers_of, is_deleting, namespace_of
from aws_lb_controller.cluster.kinds import POD, Kind
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesConflict, KubernetesNotFound

ATTEMPTS = 4

Finalizers = tuple[str, ...]


def merged(value: Any, patch: Any) -> Any:
    """What a JSON merge patch (RFC 7386) makes of a value."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(value) if isinstance(value, Mapping) else {}
    for key, each in patch.items():
        if each is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), each)
    return result


class Writes:
    """Writes to the API server, for any thread; the answers go into the store.

    may_write is asked before each request and raises `NotLeading` where nothing may be written.
    Every method raises the `KubernetesError` tree.
    """

    def __init__(self, client: KubeClient, store: Store, *, may_write: Callable[[], None]) -> None:
        self._client, self._store, self._may_write = client, store, may_write

    def add_finalizer(self, kind: Kind, obj: Obj, finalizer: str) -> Obj:
        """The object with the finalizer. Raises `KubernetesNotFound` if it is gone."""

        def with_it(held: Finalizers) -> Finalizers:
            return held if finalizer in held else (*held, finalizer)

        return self._change_finalizers(kind, obj, with_it)

    def remove_finalizer(self, kind: Kind, obj: Obj, finalizer: str) -> Obj | None:
        """The object without the finalizer; None if it is gone, as it may be because of this."""

        def without_it(held: Finalizers) -> Finalizers:
            return tuple(each for each in held if each != finalizer)

        try:
            changed = self._change_finalizers(kind, obj, without_it)
        except KubernetesNotFound:
            return None
        return None if _went_with_it(changed) else changed

    def patch_status(self, kind: Kind, obj: Obj, status: Mapping[str, Any]) -> Obj:
        """Merge `status` into the object's status."""
        held = obj.get("status") or {}
        if merged(held, status) == held:
            return obj
        return self._patch(kind, obj, {"status": status}, subresource="/status")

    def set_pod_condition(self, pod: Obj, condition: Mapping[str, str]) -> None:
        """Merge a condition into those of the pod's status: other types, and fields that are not given, stay.

        Raises `KubernetesConflict` where another pod has that name now, `KubernetesNotFound` where none has.
        """
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": {"conditions": [condition]}}
        # the conditions of a pod are a map by type only for this kind of patch: any other replaces the whole list
        self._patch(POD, pod, body, subresource="/status", content_type=STRATEGIC_MERGE_PATCH)

    def patch(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any]) -> Obj:
        """Merge `body` into the object."""
        held = self._store.get(kind, namespace, name)
        if held is not None and merged(held, body) == held:
            return held
        return self._patch(kind, held or {"metadata": {"namespace": namespace, "name": name}}, body)

    def create(self, kind: Kind, body: Mapping[str, Any]) -> Obj:
        """Make an object; ``apiVersion`` and ``kind`` are put in. Raises `KubernetesConflict` if there is one."""
        self._may_write()
        path = kind.path_in(namespace_of(body))
        made = self._client.request("POST", path, body={"apiVersion": kind.api_version, "kind": kind.kind, **body})
        return self._keep(kind, made)

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete an object. One with finalizers stays, marked, until they are gone; one that is gone is fine."""
        held = self._store.get(kind, namespace, name)
        if held is not None and is_deleting(held) and finalizers_of(held):
            return
        self._may_write()
        try:
            answer = self._client.request("DELETE", kind.path_of(namespace, name))
        except KubernetesNotFound:
            answer = None
        if answer and answer.get("kind") != "Status" and is_deleting(answer) and finalizers_of(answer):
            self._keep(kind, answer)
        else:
            self._store.remove(kind, namespace, name)

    def fetch(self, kind: Kind, namespace: str, name: str) -> Obj:
        """Read the object afresh from the API server."""
        return self._keep(kind, self._client.get(kind.path_of(namespace, name)))

    def _change_finalizers(self, kind: Kind, obj: Obj, change: Callable[[Finalizers], Finalizers]) -> Obj:
        for attempt in range(1, ATTEMPTS + 1):
            held = finalizers_of(obj)
            if (wanted := change(held)) == held:
                return obj
            version = obj["metadata"].get("resourceVersion")
            try:
                return self._patch(kind, obj, {"metadata": {"resourceVersion": version, "finalizers": [*wanted]}})
            except KubernetesConflict:
                if attempt == ATTEMPTS:
                    raise
            except KubernetesNotFound:
                self._store.remove(kind, namespace_of(obj), obj["metadata"]["name"])
                raise
            obj = self.fetch(kind, namespace_of(obj), obj["metadata"]["name"])
        return obj

    def _patch(
        self,
        kind: Kind,
        obj: Obj,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        content_type: str = MERGE_PATCH,
    ) -> Obj:
        self._may_write()
        path = kind.path_of(namespace_of(obj), obj["metadata"]["name"]) + subresource
        return self._keep(kind, self._client.request("PATCH", path, body=body, content_type=content_type))

    def _keep(self, kind: Kind, answer: Mapping[str, Any]) -> Obj:
        """Put an answer into the store, so that the next read sees it before any watch tells."""
        obj = lean(kind, answer)
        if _went_with_it(answer):
            metadata = obj["metadata"]
            self._store.remove(kind, namespace_of(obj), metadata["name"], version=metadata.get("resourceVersion"))
        else:
            self._store.upsert(kind, obj)
        return obj


def _went_with_it(obj: Obj) -> bool:
    """Whether the API server dropped the object together with its last finalizer. A pod in its grace period stays."""
    return is_deleting(obj) and not finalizers_of(obj) and not obj["metadata"].get("deletionGracePeriodSeconds")
