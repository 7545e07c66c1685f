"""QUIC server ids of pods: what the webhook put into their containers' environment, as targets are registered with it.

A load balancer finds the pod of a QUIC connection by the id that the pod puts into its connection ids. In the
environment it stands in base64; AWS takes it in hexadecimal.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CONTAINERS_ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers"
"""On pods: the names of the containers that have a server id, with commas between them."""

VARIABLE = "AWS_LBC_QUIC_SERVER_ID"
"""The environment variable, unless the flag ``--quic-environment-variable-name`` says otherwise."""

_EIGHT_BYTES = re.compile(r"[A-Za-z0-9+/]{11}=")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerId:
    """One container's. variable: where it stands; value: ``0x`` and 16 hexadecimal digits; ports: the container's."""

    variable: str
    value: str
    ports: tuple[int, ...]


def environment(container: Mapping[str, Any]) -> list[dict[str, str]]:
    """Of a container's environment, what could be a server id: other things are not ours to keep."""
    variables = (each for each in container.get("env") or () if _EIGHT_BYTES.fullmatch(each.get("value") or ""))
    return [{"name": each["name"], "value": each["value"]} for each in variables]


def server_ids(pod: Mapping[str, Any]) -> tuple[ServerId, ...]:
    """The server ids of a pod that wants some, in the containers' order; sidecars come last."""
    if CONTAINERS_ANNOTATION not in (pod["metadata"].get("annotations") or {}):
        return ()
    spec = pod.get("spec") or {}
    return tuple(_server_ids((*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))))


def _server_ids(containers: Iterable[Mapping[str, Any]]) -> Iterator[ServerId]:
    for container in containers:
        ports = tuple(port["containerPort"] for port in container.get("ports") or ())
        for each in environment(container):
            value = base64.b64decode(each["value"]).hex()
            yield ServerId(variable=each["name"], value=f"0x{value}", ports=ports)


def server_id_of(ids: Iterable[ServerId], variable: str, port: int) -> str | None:
    """The id of the container that has the port, else of the first container that has one."""
    ids = [each for each in ids if each.variable == variable]
    by_port = {number: each.value for each in ids for number in each.ports}
    return by_port.get(port, ids[0].value if ids else None)
