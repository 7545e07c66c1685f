"""A cluster in memory for tests of the whole controller: an API server, and what else changes objects in a cluster.

The API server gives uids that depend on nothing but the object's path and how often it was made, so that two runs of a
test give AWS resources the same names. Deployments have their pods at once, and Services their EndpointSlices.
"""

from __future__ import annotations

import base64
import copy
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from aws_lb_controller.cluster.kinds import (
    CONFIG_MAP,
    ENDPOINT_SLICE,
    INGRESS,
    INGRESS_CLASS,
    INGRESS_CLASS_PARAMS,
    NAMESPACE,
    NODE,
    POD,
    SECRET,
    SERVICE,
    TARGET_GROUP_BINDING,
    Kind,
)
from aws_lb_controller.cluster.quic import CONTAINERS_ANNOTATION, VARIABLE
from aws_lb_controller.cluster.writes import merged
from fake_api import FakeApi
from localworld.control_plane import NodePlace

Obj = dict[str, Any]

DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment")
WATCHED = (
    SERVICE,
    INGRESS,
    INGRESS_CLASS,
    INGRESS_CLASS_PARAMS,
    TARGET_GROUP_BINDING,
    ENDPOINT_SLICE,
    POD,
    NODE,
)
KINDS = {kind.kind: kind for kind in (*WATCHED, NAMESPACE, DEPLOYMENT, CONFIG_MAP, SECRET)}
SERVERS_OWN = ("uid", "resourceVersion", "generation", "finalizers", "deletionTimestamp", "deletionGracePeriodSeconds")

SAMPLES = Path(__file__).resolve().parents[1] / "deploy" / "samples"


DEMO = ("ingress-class", "2048-game", "2048-game-instance", "echo-nlb", "echo-nlb-instance")
"""The samples that the demo applies."""


def samples(*names: str) -> list[Obj]:
    """The objects of files of deploy/samples."""
    return [obj for name in names for obj in yaml.safe_load_all((SAMPLES / f"{name}.yaml").read_text())]


def path_of(obj: Mapping[str, Any]) -> str:
    metadata = obj["metadata"]
    return KINDS[obj["kind"]].path_of(metadata.get("namespace") or "", metadata["name"])


@dataclass(frozen=True)
class Heard:
    """What a watch tells of one change; gone: deleted for good."""

    kind: Kind
    obj: Obj
    gone: bool


class ApiServer(FakeApi):
    """Gives uids and generations, and tells of every change in `heard`, as watches do."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Heard] = []
        self._made: dict[str, int] = {}

    def put(self, path: str, obj: Mapping[str, Any]) -> Obj:
        held = self.objects.get(path)
        stored = super().put(path, merged(obj, {"metadata": self._marks(path, obj, held)}))
        self.objects[path] = copy.deepcopy(stored)
        self.heard.append(Heard(KINDS[stored["kind"]], stored, gone=False))
        return stored

    def drop(self, path: str) -> None:
        held = self.objects.get(path)
        super().drop(path)
        if held is not None:
            last = merged(held, {"metadata": {"resourceVersion": str(self.version)}})
            self.heard.append(Heard(KINDS[held["kind"]], last, gone=True))

    def of(self, kind: Kind) -> list[Obj]:
        """Every object of a kind."""
        return [copy.deepcopy(obj) for obj in self.objects.values() if obj["kind"] == kind.kind]

    def _marks(self, path: str, obj: Mapping[str, Any], held: Obj | None) -> Obj:
        if held is None:
            self._made[path] = self._made.get(path, 0) + 1
            return {"uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{path}#{self._made[path]}")), "generation": 1}
        same = held.get("spec") == obj.get("spec") and _leaving(held) == _leaving(obj)
        return {"uid": held["metadata"]["uid"], "generation": held["metadata"]["generation"] + (0 if same else 1)}


def _leaving(obj: Mapping[str, Any]) -> bool:
    return "deletionTimestamp" in obj["metadata"]


class Cluster:
    """What users do with kubectl, and what a cluster's own controllers make of it.

    nodes: the EC2 instances that the cluster's nodes are.
    """

    def __init__(self, nodes: Iterable[NodePlace]) -> None:
        self.api = ApiServer()
        self._places = tuple(nodes)
        self._pods_made = 0
        for place in self._places:
            self.apply(a_node_at(place))

    # ---- users

    def apply(self, *objs: Mapping[str, Any]) -> None:
        """``kubectl apply``: what the server and others wrote into objects that exist stays."""
        for obj in objs:
            self._apply(obj)

    def edit(self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any]) -> None:
        """``kubectl patch --type=merge``."""
        self.api.put(kind.path_of(namespace, name), merged(self.get(kind, namespace, name), patch))
        self._follow(kind, namespace)

    def annotate(self, kind: Kind, namespace: str, name: str, annotations: Mapping[str, str | None]) -> None:
        """``kubectl annotate --overwrite``; None takes an annotation away."""
        self.edit(kind, namespace, name, {"metadata": {"annotations": annotations}})

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """``kubectl delete --wait=false``; what does not exist is fine."""
        path = kind.path_of(namespace, name)
        if path in self.api.objects:
            self.api._delete(path, {}, None)
            self._follow(kind, namespace)

    def delete_all(self, objs: Iterable[Mapping[str, Any]]) -> None:
        """``kubectl delete -f``."""
        for obj in objs:
            self.delete(KINDS[obj["kind"]], obj["metadata"].get("namespace") or "", obj["metadata"]["name"])

    def scale(self, namespace: str, deployment: str, replicas: int) -> None:
        """``kubectl scale``."""
        self.edit(DEPLOYMENT, namespace, deployment, {"spec": {"replicas": replicas}})

    def get(self, kind: Kind, namespace: str, name: str) -> Obj:
        """``kubectl get``."""
        return copy.deepcopy(self.api.objects[kind.path_of(namespace, name)])

    def _apply(self, obj: Mapping[str, Any]) -> None:
        kind, path = KINDS[obj["kind"]], path_of(obj)
        held = self.api.objects.get(path) or {"metadata": {}}
        kept = {key: held["metadata"][key] for key in SERVERS_OWN if key in held["metadata"]}
        status = {"status": held["status"]} if "status" in held else {}
        wanted = merged(_with_defaults(obj), {"metadata": kept, **status})
        if {**wanted, "metadata": {**wanted["metadata"], **kept}} != held:
            self.api.put(path, wanted)
        self._follow(kind, obj["metadata"].get("namespace") or "")

    # ---- the cluster's own controllers

    def _follow(self, kind: Kind, namespace: str) -> None:
        if kind == DEPLOYMENT:
            self._bring_pods(namespace)
        if kind in (DEPLOYMENT, SERVICE, POD):
            self._bring_endpoint_slices(namespace)

    def _bring_pods(self, namespace: str) -> None:
        wanted: dict[str, Obj] = {}
        for deployment in self._in(DEPLOYMENT, namespace):
            for number in range(deployment["spec"]["replicas"]):
                wanted[f"{deployment['metadata']['name']}-{number}"] = deployment
        for pod in self._in(POD, namespace):
            if pod["metadata"]["name"] not in wanted:
                self.api.drop(path_of(pod))
        held = {pod["metadata"]["name"] for pod in self._in(POD, namespace)}
        for name, deployment in wanted.items():
            if name not in held:
                pod = self._a_pod(name, deployment)
                self.api.put(path_of(pod), pod)

    def _a_pod(self, name: str, deployment: Obj) -> Obj:
        """Pods go to the nodes in turn; no address is given twice."""
        turn, place = divmod(self._pods_made, len(self._places))
        self._pods_made += 1
        address = self._places[place].pod_cidr.replace(".0/24", f".{turn + 1}")
        return a_running_pod(name, deployment, node=self._places[place].name, address=address)

    def _bring_endpoint_slices(self, namespace: str) -> None:
        pods = self._in(POD, namespace)
        wanted = {f"{service['metadata']['name']}-eps": service for service in self._in(SERVICE, namespace)}
        for endpoint_slice in self._in(ENDPOINT_SLICE, namespace):
            if endpoint_slice["metadata"]["name"] not in wanted:
                self.api.drop(path_of(endpoint_slice))
        for name, service in wanted.items():
            self._apply(an_endpoint_slice(name, service, pods))

    def _in(self, kind: Kind, namespace: str) -> list[Obj]:
        return [obj for obj in self.api.of(kind) if obj["metadata"].get("namespace") == namespace]


# ---- objects


def a_node_at(place: NodePlace) -> Obj:
    """A Ready node on an EC2 instance."""
    labels = {"kubernetes.io/hostname": place.name, "topology.kubernetes.io/zone": place.zone}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": place.name, "labels": labels},
        "spec": {"providerID": place.provider_id},
        "status": {
            "addresses": [{"type": "InternalIP", "address": place.ip}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def a_running_pod(name: str, deployment: Obj, *, node: str, address: str) -> Obj:
    """A ready pod of a Deployment, with a QUIC server id from the webhook if it asks for one."""
    template = copy.deepcopy(deployment["spec"]["template"])
    if CONTAINERS_ANNOTATION in template["metadata"].get("annotations", {}):
        server_id = base64.b64encode(address.encode().rjust(8)[-8:]).decode()
        template["spec"]["containers"][0]["env"] = [{"name": VARIABLE, "value": server_id}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": deployment["metadata"]["namespace"],
            "name": name,
            "labels": template["metadata"]["labels"],
            "annotations": template["metadata"].get("annotations", {}),
        },
        "spec": {"nodeName": node, "containers": template["spec"]["containers"]},
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": kind, "status": "True"} for kind in ("ContainersReady", "Ready")],
        },
    }


def an_endpoint_slice(name: str, service: Obj, pods: Iterable[Obj]) -> Obj:
    """The endpoints of a Service: those of the pods that it selects."""
    metadata = service["metadata"]
    ports = [
        {"name": port.get("name") or "", "port": port["targetPort"], "protocol": port.get("protocol") or "TCP"}
        for port in service["spec"]["ports"]
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": metadata["namespace"],
            "name": name,
            "labels": {"kubernetes.io/service-name": metadata["name"]},
        },
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": [*_endpoints(service["spec"].get("selector") or {}, pods)],
    }


def _endpoints(selector: Mapping[str, str], pods: Iterable[Obj]) -> Iterator[Obj]:
    for pod in pods:
        metadata = pod["metadata"]
        if selector and selector.items() <= metadata["labels"].items():
            target = {"kind": "Pod", **{key: metadata[key] for key in ("namespace", "name", "uid")}}
            yield {
                "addresses": [pod["status"]["podIP"]],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": pod["spec"]["nodeName"],
                "targetRef": target,
            }


def _with_defaults(obj: Mapping[str, Any]) -> Obj:
    """What the API server fills in; node ports depend on nothing but the Service's name and port."""
    full = copy.deepcopy(dict(obj))
    if full["kind"] == "Service":
        spec = full["spec"]
        full["spec"] = {"ipFamilies": ["IPv4"], "type": "ClusterIP", **spec}
        if full["spec"]["type"] != "ClusterIP":
            full["spec"].setdefault("externalTrafficPolicy", "Cluster")
        full["spec"]["ports"] = [_port(path_of(obj), port, full["spec"]["type"]) for port in spec["ports"]]
    return full


def _port(path: str, port: Mapping[str, Any], service_type: str) -> Obj:
    number = 30000 + zlib.crc32(f"{path}:{port['port']}".encode()) % 2768
    given = {} if service_type == "ClusterIP" else {"nodePort": number}
    return {"protocol": "TCP", "targetPort": port["port"], **given, **port}
