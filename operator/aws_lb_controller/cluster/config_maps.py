"""ConfigMaps of our own: read when they are needed, written whole, and never kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.kinds import CONFIG_MAP
from aws_lb_controller.errors import KubernetesConflict, KubernetesNotFound

Part = Literal["binaryData", "data"]
"""``binaryData`` has base64 texts, ``data`` plain ones."""


class ConfigMaps:
    """Those of one namespace, for any thread. Everything raises `KubernetesError`.

    part: where in a ConfigMap the texts stand. may_write is asked before each write and raises `NotLeading` where
    nothing may be written.
    """

    def __init__(self, client: KubeClient, *, namespace: str, may_write: Callable[[], None]) -> None:
        self._client, self._namespace, self._may_write = client, namespace, may_write

    def within(self, namespace: str) -> ConfigMaps:
        """Those of another namespace."""
        return ConfigMaps(self._client, namespace=namespace, may_write=self._may_write)

    def read(self, name: str, part: Part = "binaryData") -> Mapping[str, str] | None:
        """The texts by key; None where there is no such ConfigMap."""
        try:
            found = self._client.get(CONFIG_MAP.path_of(self._namespace, name))
        except KubernetesNotFound:
            return None
        return found.get(part) or {}

    def write(
        self, name: str, data: Mapping[str, str], *, labels: Mapping[str, str] | None = None, part: Part = "binaryData"
    ) -> None:
        """The ConfigMap exists and holds just this."""
        metadata = {"namespace": self._namespace, "name": name, **({"labels": dict(labels)} if labels else {})}
        body = {"apiVersion": "v1", "kind": CONFIG_MAP.kind, "metadata": metadata, part: dict(data)}
        self._may_write()
        try:
            self._client.request("PUT", CONFIG_MAP.path_of(self._namespace, name), body=body)
        except KubernetesNotFound:
            self._create(name, body)

    def _create(self, name: str, body: Mapping[str, Any]) -> None:
        try:
            self._client.request("POST", CONFIG_MAP.path_in(self._namespace), body=body)
        except KubernetesConflict:  # somebody made it in between
            self._client.request("PUT", CONFIG_MAP.path_of(self._namespace, name), body=body)

    def delete(self, name: str) -> None:
        """Gone already is fine."""
        self._may_write()
        try:
            self._client.request("DELETE", CONFIG_MAP.path_of(self._namespace, name))
        except KubernetesNotFound:
            return
