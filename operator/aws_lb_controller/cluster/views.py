"""Typed views of Services, EndpointSlices, Pods and Nodes: what binding targets, and building, need of them.

Pure functions from the store's objects to frozen values. They take what the API server has validated, so they do not
raise for objects that came from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aws_lb_controller.cluster import quic
from aws_lb_controller.cluster.indexes import Obj, full_name, is_deleting, labels_of, namespace_of, spec_of
from aws_lb_controller.cluster.lean import POD_ENI_ANNOTATION

EXCLUDE_LABELS = (
    "node.kubernetes.io/exclude-from-external-load-balancers",
    "alpha.service-controller.kubernetes.io/exclude-balancer",
    "node-role.kubernetes.io/master",
)
"""Labels whose presence, whatever the value, keeps a node from being a target."""

COMPUTE_TYPE_LABEL = "eks.amazonaws.com/compute-type"
ZONE_LABEL = "topology.kubernetes.io/zone"
LEAVING_TAINTS = {"ToBeDeletedByClusterAutoscaler": None, "karpenter.sh/disrupted": "NoSchedule"}
"""Taints of nodes about to go, and the effect they must have to count (None: any)."""

HYBRID_PROVIDER = "eks-hybrid://"

ConditionStatus = Literal["True", "False", "Unknown"]


# --- Services ---


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """``spec.ports[]``; name "" where there is one port without; target_port as written, or the port if left out."""

    name: str
    port: int
    target_port: int | str
    node_port: int | None
    protocol: str


def service_ports(service: Obj) -> tuple[ServicePort, ...]:
    """The Service's ports in written order."""
    return tuple(_service_port(port) for port in spec_of(service).get("ports") or ())


def service_port(service: Obj, port: int | str) -> ServicePort | None:
    """The Service's port of that number, or, for a text, of that name; None if there is none."""
    wanted = (each for each in service_ports(service) if port == (each.port if isinstance(port, int) else each.name))
    return next(wanted, None)


def _service_port(port: Mapping[str, Any]) -> ServicePort:
    return ServicePort(
        name=port.get("name") or "",
        port=port["port"],
        target_port=port.get("targetPort") or port["port"],
        node_port=port.get("nodePort") or None,
        protocol=port.get("protocol") or "TCP",
    )


# --- EndpointSlices ---


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPort:
    """``ports[]`` of a slice; name is that of the Service's port, "" where it has none."""

    name: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint of a slice, with the slice's ports.

    address: the first one, which by the API's rule stands for all; ready: an unknown state counts as yes; pod:
    ``namespace/name`` of the pod behind it, None for an endpoint without.
    """

    address: str
    address_type: str
    ready: bool
    terminating: bool
    pod: str | None
    pod_uid: str | None
    node: str | None
    zone: str | None
    ports: tuple[EndpointPort, ...]

    def numbers(self, service_port_name: str) -> tuple[int, ...]:
        """The port numbers behind a Service's port of that name; "" (a Service with one nameless port): all of them."""
        return tuple(each.port for each in self.ports if service_port_name in ("", each.name))


def endpoints(endpoint_slice: Obj) -> tuple[Endpoint, ...]:
    """The slice's endpoints that have an address."""
    ports = tuple(_endpoint_ports(endpoint_slice))
    found = endpoint_slice.get("endpoints") or ()
    return tuple(_endpoint(each, endpoint_slice, ports) for each in found if each.get("addresses"))


def _endpoint_ports(endpoint_slice: Obj) -> Iterator[EndpointPort]:
    for port in endpoint_slice.get("ports") or ():
        if port.get("port"):  # none: all ports of the pods, which no target can express
            yield EndpointPort(name=port.get("name") or "", port=port["port"], protocol=port.get("protocol") or "TCP")


def _endpoint(endpoint: Mapping[str, Any], endpoint_slice: Obj, ports: tuple[EndpointPort, ...]) -> Endpoint:
    conditions, target = endpoint.get("conditions") or {}, endpoint.get("targetRef") or {}
    is_pod = target.get("kind") == "Pod"
    return Endpoint(
        address=endpoint["addresses"][0],
        address_type=endpoint_slice.get("addressType") or "IPv4",
        ready=conditions.get("ready") is not False,
        terminating=bool(conditions.get("terminating")),
        pod=f"{target.get('namespace') or namespace_of(endpoint_slice)}/{target['name']}" if is_pod else None,
        pod_uid=target.get("uid") if is_pod else None,
        node=endpoint.get("nodeName"),
        zone=endpoint.get("zone"),
        ports=ports,
    )


# --- Pods ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod. name: ``namespace/name``; ip: ``status.podIP``, None before it has one; ips: all of them.

    conditions: condition type to status, for those that are kept (readiness and our gates); named_ports: the
    containers' ports that have a name; eni: the VPC CNI's annotation about branch interfaces, as written; server_ids:
    of its containers behind QUIC listeners.
    """

    name: str
    uid: str
    ip: str | None
    ips: tuple[str, ...]
    node: str | None
    labels: Mapping[str, str]
    readiness_gates: tuple[str, ...]
    conditions: Mapping[str, str]
    named_ports: Mapping[str, int] = field(default_factory=dict)
    deleting: bool = False
    eni: str | None = None
    server_ids: tuple[quic.ServerId, ...] = ()

    @property
    def containers_ready(self) -> bool:
        """Whether the condition ``ContainersReady`` is True."""
        return self.conditions.get("ContainersReady") == "True"


def pod(obj: Obj) -> Pod:
    """The view of a Pod."""
    spec, status = spec_of(obj), obj.get("status") or {}
    ips = dict.fromkeys((status.get("podIP"), *(each.get("ip") for each in status.get("podIPs") or ())))
    return Pod(
        name=full_name(obj),
        uid=obj["metadata"].get("uid", ""),
        ip=status.get("podIP") or None,
        ips=tuple(ip for ip in ips if ip),
        node=spec.get("nodeName") or None,
        labels=labels_of(obj),
        readiness_gates=tuple(gate["conditionType"] for gate in spec.get("readinessGates") or ()),
        conditions=_conditions(obj),
        named_ports=_named_ports(spec),
        deleting=is_deleting(obj),
        eni=(obj["metadata"].get("annotations") or {}).get(POD_ENI_ANNOTATION),
        server_ids=quic.server_ids(obj),
    )


def _named_ports(spec: Mapping[str, Any]) -> dict[str, int]:
    """The first port of each name: sidecars come after the containers."""
    containers: Iterable[Mapping[str, Any]] = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    ports = [port for container in containers for port in container.get("ports") or () if port.get("name")]
    return {port["name"]: port["containerPort"] for port in reversed(ports)}


# --- Nodes ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """``spec.taints[]``."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node. instance_id: the EC2 instance behind ``spec.providerID``, None for a node without or of another provider.

    ready: the status of the condition ``Ready``, None before there is one; hybrid: an EKS hybrid node, which is no EC2
    instance.
    """

    name: str
    instance_id: str | None
    ready: ConditionStatus | None
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    internal_ips: tuple[str, ...]
    hybrid: bool = False

    @property
    def internal_ip(self) -> str | None:
        """The first internal address."""
        return self.internal_ips[0] if self.internal_ips else None

    @property
    def zone(self) -> str | None:
        """The availability zone."""
        return self.labels.get(ZONE_LABEL)

    @property
    def excluded(self) -> bool:
        """Whether labels keep it from being a target: those of `EXCLUDE_LABELS`, and Fargate's compute type."""
        fargate = self.labels.get(COMPUTE_TYPE_LABEL) == "fargate"
        return fargate or any(label in self.labels for label in EXCLUDE_LABELS)

    @property
    def leaving(self) -> bool:
        """Whether an autoscaler has marked it to go."""
        return any(LEAVING_TAINTS.get(each.key, "no such effect") in (None, each.effect) for each in self.taints)


def node(obj: Obj) -> Node:
    """The view of a Node."""
    spec = spec_of(obj)
    provider_id = spec.get("providerID") or ""
    addresses = (obj.get("status") or {}).get("addresses") or ()
    return Node(
        name=obj["metadata"]["name"],
        instance_id=_instance_id(provider_id),
        ready=_conditions(obj).get("Ready"),  # type: ignore[arg-type]  # the API server lets no other status in
        labels=labels_of(obj),
        taints=tuple(_taint(each) for each in spec.get("taints") or ()),
        internal_ips=tuple(each["address"] for each in addresses if each["type"] == "InternalIP"),
        hybrid=provider_id.startswith(HYBRID_PROVIDER),
    )


def _instance_id(provider_id: str) -> str | None:
    """``i-…`` of ``aws:///us-west-2a/i-…``."""
    last = provider_id.rsplit("/", 1)[-1]
    return last if last.startswith("i-") and not provider_id.startswith(HYBRID_PROVIDER) else None


def _taint(taint: Mapping[str, Any]) -> Taint:
    return Taint(key=taint["key"], value=taint.get("value") or "", effect=taint.get("effect") or "")


def _conditions(obj: Obj) -> dict[str, str]:
    return {each["type"]: each["status"] for each in (obj.get("status") or {}).get("conditions") or ()}
