"""What is kept of an object. Pods, EndpointSlices and Nodes are many and large: only the fields that something reads.

A kept object has the shape of the API's JSON, with less in it. Texts that repeat (label keys, node names) are shared.
What a Node's heartbeat changes is not kept, so a heartbeat leaves the kept object as it was but for its version.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aws_lb_controller.api.names import READINESS_GATE_PREFIX, Label
from aws_lb_controller.cluster import quic
from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, NODE, POD, SECRET, Kind
from aws_lb_controller.intent import oidc_client

Json = dict[str, Any]

POD_CONDITIONS = frozenset({"ContainersReady", "Ready"})
POD_ENI_ANNOTATION = "vpc.amazonaws.com/pod-eni"
"""Set by the VPC CNI on pods with security groups of their own: their branch network interfaces, as JSON."""


def lean(kind: Kind, obj: Mapping[str, Any]) -> Json:
    """The part of an object that the store keeps; kinds that are few stay whole, without ``managedFields``."""
    return _LEAN.get(kind, _whole)(kind, obj)


def _whole(kind: Kind, obj: Mapping[str, Any]) -> Json:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    # items of a list lack these two
    return {**obj, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


def _pod(_kind: Kind, obj: Mapping[str, Any]) -> Json:
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    annotations = _only(metadata.get("annotations") or {}, (POD_ENI_ANNOTATION, quic.CONTAINERS_ANNOTATION))
    with_ids = quic.CONTAINERS_ANNOTATION in annotations
    kept = {
        "labels": _shared(metadata.get("labels") or {}),
        "annotations": annotations or None,
        "creationTimestamp": _intern(metadata.get("creationTimestamp")),
        "deletionTimestamp": metadata.get("deletionTimestamp"),
    }
    return {
        "metadata": _identity(metadata, **kept),
        "spec": _present(
            nodeName=_intern(spec.get("nodeName")),
            readinessGates=spec.get("readinessGates"),
            containers=_containers(spec.get("containers") or (), with_ids),
            initContainers=_containers((c for c in spec.get("initContainers") or () if _stays(c)), with_ids),
        ),
        "status": _present(
            podIP=status.get("podIP"),
            podIPs=status.get("podIPs") if len(status.get("podIPs") or ()) > 1 else None,
            conditions=[_pod_condition(each) for each in status.get("conditions") or () if _is_kept(each["type"])],
        ),
    }


def _is_kept(type_: str) -> bool:
    return type_ in POD_CONDITIONS or type_.startswith(READINESS_GATE_PREFIX)


def _pod_condition(condition: Mapping[str, Any]) -> Json:
    """Of our gates all that we write, for it is only written when it differs."""
    ours = condition["type"].startswith(READINESS_GATE_PREFIX)
    kept = ("type", "status", "reason", "message", "lastTransitionTime") if ours else ("type", "status")
    return {key: _intern(condition[key]) for key in kept if condition.get(key)}


def _stays(container: Mapping[str, Any]) -> bool:
    """Whether an init container is a sidecar; what is kept of one does not say it again."""
    return bool(container.get("restartPolicy"))


def _containers(containers: Iterable[Mapping[str, Any]], with_ids: bool) -> list[Json] | None:
    kept = (_container(container, with_ids) for container in containers)
    return [container for container in kept if container] or None


def _container(container: Mapping[str, Any], with_ids: bool) -> Json:
    """The ports that have a name, for others cannot be referred to; with a QUIC server id that, and all ports."""
    environment = quic.environment(container) if with_ids else []
    ports = [port for port in container.get("ports") or () if environment or port.get("name")]
    return _present(ports=ports or None, env=environment or None)


def _node(_kind: Kind, obj: Mapping[str, Any]) -> Json:
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    kept = {"labels": _shared(metadata.get("labels") or {}), "deletionTimestamp": metadata.get("deletionTimestamp")}
    return {
        "metadata": _identity(metadata, **kept),
        "spec": _present(
            providerID=spec.get("providerID"), taints=spec.get("taints"), unschedulable=spec.get("unschedulable")
        ),
        "status": _present(
            addresses=status.get("addresses"), conditions=_conditions(status, lambda type_: type_ == "Ready")
        ),
    }


def _endpoint_slice(_kind: Kind, obj: Mapping[str, Any]) -> Json:
    metadata = obj["metadata"]
    labels = _shared(_only(metadata.get("labels") or {}, (Label.SERVICE_NAME,)))
    return {
        "metadata": _identity(metadata, labels=labels),
        "addressType": _intern(obj.get("addressType")),
        "ports": obj.get("ports") or [],
        "endpoints": [_endpoint(endpoint) for endpoint in obj.get("endpoints") or ()],
    }


def _endpoint(endpoint: Mapping[str, Any]) -> Json:
    target = endpoint.get("targetRef") or {}
    return _present(
        addresses=endpoint.get("addresses"),
        conditions=endpoint.get("conditions"),
        nodeName=_intern(endpoint.get("nodeName")),
        zone=_intern(endpoint.get("zone")),
        targetRef=_only(target, ("kind", "namespace", "name", "uid")) or None,
    )


def _secret(kind: Kind, obj: Mapping[str, Any]) -> Json:
    """An OIDC client: of its secret a mark, so that the secret itself rests nowhere in memory."""
    return {"apiVersion": kind.api_version, "kind": kind.kind, **oidc_client.kept(obj)}


_LEAN: Mapping[Kind, Callable[[Kind, Mapping[str, Any]], Json]] = {
    POD: _pod,
    NODE: _node,
    ENDPOINT_SLICE: _endpoint_slice,
    SECRET: _secret,
}


def _identity(metadata: Mapping[str, Any], **more: Any) -> Json:
    names = {key: metadata.get(key) for key in ("name", "uid", "resourceVersion")}
    return _present(**names, namespace=_intern(metadata.get("namespace")), **more)


def _conditions(status: Mapping[str, Any], wanted: Callable[[str], bool]) -> list[Json]:
    conditions = (each for each in status.get("conditions") or () if wanted(each["type"]))
    return [{"type": _intern(each["type"]), "status": _intern(each["status"])} for each in conditions]


def _only(values: Mapping[str, Any], keys: Iterable[str]) -> Json:
    return {str(key): values[key] for key in keys if key in values}


def _present(**values: Any) -> Json:
    return {key: value for key, value in values.items() if value is not None}


def _shared(labels: Mapping[str, str]) -> Json:
    return {sys.intern(key): sys.intern(value) for key, value in labels.items()}


def _intern(text: str | None) -> str | None:
    return sys.intern(text) if text is not None else None
