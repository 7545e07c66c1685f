"""What stands behind a TargetGroupBinding right now: the endpoints or nodes of its Service port, from the store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson

from aws_lb_controller.aws.network_interfaces import PodPlace
from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import ControllerError, Problem, SpecError
from aws_lb_controller.intent.binding import BindingIntent
from aws_lb_controller.plan.targets import (
    CandidateNode,
    ConditionStatus,
    PodEndpoint,
    Taint,
    nodes_to_register,
    pods_to_register,
)
from aws_lb_controller.reconcile.ports import Obj

_INSTANCE = re.compile(r"i-[^/]+")
_POD_INTERFACES = "vpc.amazonaws.com/pod-eni"
_COMPUTE_TYPE = "eks.amazonaws.com/compute-type"


class BackendMissing(ControllerError):
    """The Service, or its port, does not exist; service: whether it is the Service."""

    def __init__(self, why: str, *, service: bool) -> None:
        self.service = service
        super().__init__(why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What is to be registered: pods for target type ``ip``, nodes with the node port for ``instance``."""

    pods: tuple[PodEndpoint, ...] = ()
    nodes: tuple[CandidateNode, ...] = ()
    node_port: int = 0


NO_BACKEND = Backend()


class Backends:
    """Finds backends. fail_open: rather register what has not been heard of than nothing."""

    def __init__(self, store: Store, *, fail_open: bool) -> None:
        self._store, self._fail_open = store, fail_open

    def find(self, binding: BindingIntent) -> Backend:
        """Raises `BackendMissing`, and `SpecError` for a Service that has no node ports to register."""
        service = self._store.get(SERVICE, binding.namespace, binding.service_name)
        if service is None:
            raise BackendMissing(f"Service {binding.namespace}/{binding.service_name} does not exist", service=True)
        port = _port(binding, service)
        if binding.target_type == "ip":
            return Backend(pods=self._pods(binding, port_name=port.get("name") or ""))
        return Backend(nodes=self._nodes(binding), node_port=_node_port(service, port))

    def places(self, pods: Iterable[PodEndpoint]) -> dict[str, PodPlace]:
        """Pod uid → where its network interface is to be looked for."""
        return {pod.pod_uid: self._place(pod) for pod in pods}

    def _pods(self, binding: BindingIntent, *, port_name: str) -> tuple[PodEndpoint, ...]:
        slices = self._store.by_index(ENDPOINT_SLICE, "service", f"{binding.namespace}/{binding.service_name}")
        family = "IPv6" if binding.ip_address_type == "ipv6" else "IPv4"
        chosen = (s for s in slices if s.get("addressType") == family)
        return pods_to_register(
            (e for s in chosen for e in self._endpoints(s, binding.namespace, port_name)), fail_open=self._fail_open
        )

    def _endpoints(self, one: Obj, namespace: str, port_name: str) -> Iterator[PodEndpoint]:
        # a Service port without a name has slices without a name, or slices made by hand: all their ports count
        ports = [p["port"] for p in one.get("ports") or () if p.get("port") and port_name in ("", p.get("name"))]
        for endpoint in one.get("endpoints") or () if ports else ():
            reference = endpoint.get("targetRef") or {}
            pod = self._pod(reference, namespace)
            if pod is None or not endpoint.get("addresses"):
                continue
            for port in ports:
                yield self._endpoint(endpoint, pod, port)

    def _pod(self, reference: Mapping[str, Any], namespace: str) -> Obj | None:
        if reference.get("kind") != "Pod":
            return None
        return self._store.get(POD, reference.get("namespace") or namespace, reference.get("name") or "")

    def _endpoint(self, endpoint: Mapping[str, Any], pod: Obj, port: int) -> PodEndpoint:
        metadata, conditions = pod["metadata"], endpoint.get("conditions") or {}
        node_name = (pod.get("spec") or {}).get("nodeName") or ""
        return PodEndpoint(
            address=endpoint["addresses"][0],
            port=port,
            pod=f"{metadata['namespace']}/{metadata['name']}",
            pod_uid=metadata.get("uid", ""),
            node=node_name,
            ready=conditions.get("ready"),
            terminating=bool(conditions.get("terminating")),
            containers_ready=_condition(pod, "ContainersReady") == "True",
            node_ready=_condition(self._store.get(NODE, "", node_name) if node_name else None, "Ready"),
            container_ports=_container_ports(pod),
        )

    def _nodes(self, binding: BindingIntent) -> tuple[CandidateNode, ...]:
        nodes = map(_candidate, self._store.list(NODE))
        return nodes_to_register(nodes, selector=binding.node_selector, fail_open=self._fail_open)

    def _place(self, endpoint: PodEndpoint) -> PodPlace:
        pod = self._store.get(POD, *endpoint.pod.split("/")) or {}
        node = self._store.get(NODE, "", endpoint.node) if endpoint.node else None
        address = (pod.get("status") or {}).get("podIP") or endpoint.address
        return PodPlace(
            uid=endpoint.pod_uid,
            name=endpoint.pod,
            address=address,
            instance_id=_instance_id(node) if node else None,
            interface_id=_own_interface(pod, address),
            kind=_kind(node),
        )


def _port(binding: BindingIntent, service: Obj) -> Mapping[str, Any]:
    field = "name" if isinstance(binding.service_port, str) else "port"
    for port in (service.get("spec") or {}).get("ports") or ():
        if port.get(field) == binding.service_port:
            return cast("Mapping[str, Any]", port)
    name = f"{binding.namespace}/{binding.service_name}"
    raise BackendMissing(f"Service {name} has no port {binding.service_port}", service=False)


def _node_port(service: Obj, port: Mapping[str, Any]) -> int:
    metadata, spec = service["metadata"], service.get("spec") or {}
    name, kind = f"Service {metadata['namespace']}/{metadata['name']}", spec.get("type") or "ClusterIP"
    if kind not in ("NodePort", "LoadBalancer"):
        raise SpecError(
            [Problem(name, "spec.type", kind, "make it NodePort or LoadBalancer: nodes are its targets (or bind pods)")]
        )
    if not port.get("nodePort"):
        raise SpecError(
            [Problem(name, "spec.ports[].nodePort", "", "let node ports be allocated: nodes are its targets")]
        )
    return int(port["nodePort"])


def _condition(obj: Obj | None, name: str) -> ConditionStatus:
    for condition in ((obj or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == name:
            return cast("ConditionStatus", condition.get("status"))
    return "False"


def _container_ports(pod: Obj) -> dict[str, int]:
    spec = pod.get("spec") or {}
    # of init containers the store keeps those that go on running beside the others
    containers = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    ports = (p for c in containers for p in c.get("ports") or ())
    return {p["name"]: p["containerPort"] for p in ports if p.get("name")}


def _candidate(node: Obj) -> CandidateNode:
    spec = node.get("spec") or {}
    return CandidateNode(
        name=node["metadata"]["name"],
        labels=node["metadata"].get("labels") or {},
        taints=tuple(Taint(key=t["key"], effect=t.get("effect") or "") for t in spec.get("taints") or ()),
        ready=_condition(node, "Ready"),
        instance_id=_instance_id(node),
    )


def _instance_id(node: Obj) -> str | None:
    last = ((node.get("spec") or {}).get("providerID") or "").rsplit("/", 1)[-1]
    return last if _INSTANCE.fullmatch(last) else None


def _kind(node: Obj | None) -> Literal["ec2", "fargate", "hyperpod", "hybrid"]:
    labels = ((node or {}).get("metadata") or {}).get("labels") or {}
    match labels.get(_COMPUTE_TYPE), labels.get("sagemaker.amazonaws.com/compute-type"):
        case "fargate", _:
            return "fargate"
        case _, "hyperpod":
            return "hyperpod"
        case "hybrid", _:
            return "hybrid"
        case _:
            return "ec2"


def _own_interface(pod: Obj, address: str) -> str | None:
    """The branch interface that the VPC's CNI gave the pod (security groups for pods), if its annotation names one."""
    written = ((pod.get("metadata") or {}).get("annotations") or {}).get(_POD_INTERFACES)
    try:
        interfaces = orjson.loads(written) if written else []
    except orjson.JSONDecodeError:
        return None  # not ours to mend; the pod is looked for on its node
    for interface in interfaces if isinstance(interfaces, list) else ():
        if isinstance(interface, dict) and address in (interface.get("privateIp"), interface.get("ipv6Addr")):
            return cast("str | None", interface.get("eniId"))
    return None
