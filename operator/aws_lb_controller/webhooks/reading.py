"""What handlers read of the cluster: the store where it is right, the API server where it may lag or is not filled yet.

Webhooks are asked from the first second of a replica, and milliseconds after the object before: what the store does
not have may be there all the same. What it has may be a moment old, as every answer of a webhook is when it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.indexes import Obj, namespace_of
from aws_lb_controller.cluster.kinds import Kind
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesError, KubernetesNotFound

READ_SECONDS = 2.0
"""How long one read may wait: the API server gives a webhook ten seconds for everything."""


class Live(Protocol):
    """Objects as the API server has them now. Both raise `KubernetesError`."""

    def get(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """One object, None if it is not there; namespace is "" for kinds without."""

    def list(self, kind: Kind, namespace: str) -> Sequence[Obj]:
        """The objects of a namespace; "": of all, and for kinds without."""


class ApiServer:
    """`Live`, for any thread."""

    def __init__(self, client: KubeClient, *, seconds: float = READ_SECONDS) -> None:
        self._client, self._seconds = client, seconds

    def get(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """GET of one object."""
        try:
            return lean(kind, self._client.get(kind.path_of(namespace, name), seconds=self._seconds))
        except KubernetesNotFound:
            return None

    def list(self, kind: Kind, namespace: str) -> Sequence[Obj]:
        """GET of the list; a resource that the API server does not serve has no objects."""
        path = kind.path_in(namespace) if namespace else kind.path
        try:
            answer = self._client.get(path, seconds=self._seconds)
        except KubernetesNotFound:
            return ()
        return [lean(kind, item) for item in answer["items"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The cluster's objects. ready: whether the store has been filled; watched: the one namespace served ("": all)."""

    store: Store
    live: Live
    ready: Callable[[], bool]
    watched: str = ""

    def serves(self, namespace: str) -> bool:
        """Whether objects of the namespace are the controller's."""
        return self.watched in ("", namespace)

    def find(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """One object; that it is not there is the API server's word. Raises `KubernetesError`."""
        held = self.store.get(kind, namespace, name)
        return held if held is not None else self.live.get(kind, namespace, name)

    def known(self, kind: Kind, namespace: str = "") -> Sequence[Obj]:
        """The objects of a namespace ("" for all), read afresh only where the store is not filled.

        Raises `KubernetesError`.
        """
        return self._held(kind, namespace) if self.ready() else self.live.list(kind, namespace)

    def afresh(self, kind: Kind, namespace: str = "") -> Sequence[Obj]:
        """The objects as the API server has them now, or, where it does not answer, as they were a moment ago.

        Raises `KubernetesError` while nothing is known.
        """
        try:
            return self.live.list(kind, namespace)
        except KubernetesError:
            if not self.ready():
                raise
            return self._held(kind, namespace)

    def _held(self, kind: Kind, namespace: str) -> Sequence[Obj]:
        return [obj for obj in self.store.list(kind) if namespace in ("", namespace_of(obj))]
