"""What stands behind a TargetGroupBinding right now: the endpoints or nodes of its Service port, from the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import orjson

from aws_lb_controller.aws.network_interfaces import PodPlace
from aws_lb_controller.cluster import quic, views
from aws_lb_controller.cluster.indexes import full_name, spec_of
from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import ControllerError, Problem, SpecError
from aws_lb_controller.intent.binding import BindingIntent
from aws_lb_controller.plan.targets import (
    CandidateNode,
    PodEndpoint,
    Target,
    node_targets,
    nodes_to_register,
    pod_targets,
    pods_to_register,
)
from aws_lb_controller.reconcile.ports import Obj


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


def wanted_targets(binding: BindingIntent, backend: Backend) -> tuple[Target, ...]:
    """The targets that a binding's target group ought to have."""
    if binding.target_type == "ip":
        return pod_targets(backend.pods, with_server_ids=binding.uses_server_ids)
    return node_targets(backend.nodes, backend.node_port)


class Backends:
    """Finds backends. fail_open: rather register what has not been heard of than nothing. server_id_variable: where
    containers have their QUIC server id.
    """

    def __init__(self, store: Store, *, fail_open: bool, server_id_variable: str = quic.VARIABLE) -> None:
        self._store, self._fail_open, self._server_id_variable = store, fail_open, server_id_variable

    def find(self, binding: BindingIntent) -> Backend:
        """Raises `BackendMissing`, and `SpecError` for a Service that has no node ports to register."""
        service = self._store.get(SERVICE, binding.namespace, binding.service_name)
        if service is None:
            raise BackendMissing(f"Service {binding.namespace}/{binding.service_name} does not exist", service=True)
        port = _port(binding, service)
        if binding.target_type == "ip":
            return Backend(pods=self._pods(binding, port_name=port.name))
        return Backend(nodes=self._nodes(binding), node_port=_node_port(service, port))

    def places(self, pods: Iterable[PodEndpoint]) -> dict[str, PodPlace]:
        """Pod uid → where its network interface is to be looked for."""
        return {pod.pod_uid: self._place(pod) for pod in pods}

    def _pods(self, binding: BindingIntent, *, port_name: str) -> tuple[PodEndpoint, ...]:
        slices = self._store.by_index(ENDPOINT_SLICE, "service", f"{binding.namespace}/{binding.service_name}")
        family = "IPv6" if binding.ip_address_type == "ipv6" else "IPv4"
        endpoints = (e for s in slices for e in views.endpoints(s) if e.address_type == family)
        found = (each for e in endpoints for each in self._endpoints(e, port_name))
        return pods_to_register(found, fail_open=self._fail_open)

    def _endpoints(self, endpoint: views.Endpoint, port_name: str) -> Iterator[PodEndpoint]:
        """One for each port, if the endpoint is a pod that exists."""
        ports = endpoint.numbers(port_name)
        pod = self._pod(endpoint.pod) if endpoint.pod and ports else None
        if pod is None:
            return
        node = self._node(pod.node)
        for port in ports:
            yield PodEndpoint(
                address=endpoint.address,
                port=port,
                pod=pod.name,
                pod_uid=pod.uid,
                ready=endpoint.ready,
                terminating=endpoint.terminating,
                containers_ready=pod.containers_ready,
                node_ready=(node.ready if node else None) or "False",
                container_ports=pod.named_ports,
                server_id=quic.server_id_of(pod.server_ids, self._server_id_variable, port),
                zone=(node.zone if node else None) or endpoint.zone,
            )

    def _nodes(self, binding: BindingIntent) -> tuple[CandidateNode, ...]:
        nodes = (_candidate(views.node(obj)) for obj in self._store.list(NODE))
        return nodes_to_register(nodes, selector=binding.node_selector, fail_open=self._fail_open)

    def _place(self, endpoint: PodEndpoint) -> PodPlace:
        pod = self._pod(endpoint.pod)
        node = self._node(pod.node) if pod else None
        address = (pod.ip if pod else None) or endpoint.address
        return PodPlace(
            uid=endpoint.pod_uid,
            name=endpoint.pod,
            address=address,
            instance_id=node.instance_id if node else None,
            interface_id=_own_interface(pod.eni, address) if pod and pod.eni else None,
            kind=_kind(node),
            node_address=node.internal_ip if node else None,
        )

    def _pod(self, name: str) -> views.Pod | None:
        obj = self._store.get(POD, *name.split("/"))
        return views.pod(obj) if obj else None

    def _node(self, name: str | None) -> views.Node | None:
        obj = self._store.get(NODE, "", name) if name else None
        return views.node(obj) if obj else None


def _port(binding: BindingIntent, service: Obj) -> views.ServicePort:
    port = views.service_port(service, binding.service_port)
    if port is None:
        raise BackendMissing(f"Service {full_name(service)} has no port {binding.service_port}", service=False)
    return port


def _node_port(service: Obj, port: views.ServicePort) -> int:
    name, kind = f"Service {full_name(service)}", spec_of(service).get("type") or "ClusterIP"
    if kind not in ("NodePort", "LoadBalancer"):
        remedy = "make it NodePort or LoadBalancer, for nodes are its targets (or let pods be)"
        raise SpecError([Problem(name, "spec.type", kind, remedy)])
    if not port.node_port:
        remedy = "let node ports be allocated, for nodes are its targets (or let pods be)"
        raise SpecError([Problem(name, "spec.ports[].nodePort", "", remedy)])
    return port.node_port


def _candidate(node: views.Node) -> CandidateNode:
    return CandidateNode(
        name=node.name,
        labels=node.labels,
        ready=node.ready or "False",
        instance_id=node.instance_id,
        excluded=node.excluded,
        leaving=node.leaving,
    )


def _kind(node: views.Node | None) -> Literal["ec2", "fargate", "hyperpod", "hybrid"]:
    labels: Mapping[str, str] = node.labels if node else {}
    match labels.get(views.COMPUTE_TYPE_LABEL), labels.get("sagemaker.amazonaws.com/compute-type"):
        case "fargate", _:
            return "fargate"
        case _, "hyperpod":
            return "hyperpod"
        case "hybrid", _:
            return "hybrid"
        case _:
            return "hybrid" if node and node.hybrid else "ec2"


def _own_interface(written: str, address: str) -> str | None:
    """The branch interface that the VPC's CNI gave the pod (security groups for pods), as its annotation names it."""
    try:
        interfaces = orjson.loads(written)
    except orjson.JSONDecodeError:
        return None  # not ours to mend; the pod is looked for on its node
    for interface in interfaces if isinstance(interfaces, list) else ():
        if isinstance(interface, dict) and address in (interface.get("privateIp"), interface.get("ipv6Addr")):
            return cast("str | None", interface.get("eniId"))
    return None
