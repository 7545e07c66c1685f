"""A small world for TargetGroupBindings: moto's AWS with nodes and pods' addresses, a store, and the reconcilers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_builders import CLUSTER, our_clients

from aws_lb_controller.aws.accounts import Accounts
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.aws.network_interfaces import NetworkInterfaces
from aws_lb_controller.aws.security_group_rules import SecurityGroupRules
from aws_lb_controller.aws.targets import Targets
from aws_lb_controller.cluster.config_maps import ConfigMaps
from aws_lb_controller.cluster.kinds import CONFIG_MAP, ENDPOINT_SLICE, NODE, POD, SERVICE, TARGET_GROUP_BINDING, Kind
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.cluster.writes import merged
from aws_lb_controller.errors import NotYet
from aws_lb_controller.plan.node_rules import DESCRIPTION
from aws_lb_controller.reconcile.access import AccessOpener
from aws_lb_controller.reconcile.access_desk import AccessDesk
from aws_lb_controller.reconcile.access_ledger import AccessLedger
from aws_lb_controller.reconcile.backend_security_group import BackendSecurityGroupReconciler
from aws_lb_controller.reconcile.backends import Backends
from aws_lb_controller.reconcile.binding import BindingReconciler
from aws_lb_controller.reconcile.keys import NODE_SECURITY_GROUPS, Key
from aws_lb_controller.reconcile.multi_cluster import TrackedTargets
from aws_lb_controller.reconcile.node_security_groups import NodeSecurityGroupsReconciler
from fake_api import FakeApi

IMAGE = "ami-0123456789abcdef0"
FINALIZER = "elbv2.k8s.aws/resources"
_versions = itertools.count(1)


def versioned(obj: Mapping[str, Any]) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(next(_versions))}}


@dataclass
class StoreWriter:
    """What the API server would do, done to the store."""

    store: Store
    writes: list[str] = field(default_factory=list)

    def _put(self, kind: Kind, obj: Mapping[str, Any], what: str) -> dict[str, Any]:
        self.writes.append(what)
        new = versioned(obj)
        self.store.upsert(kind, new)
        return new

    def add_finalizer(self, kind: Kind, obj: Any, finalizer: str) -> Any:
        held = obj["metadata"].get("finalizers") or []
        if finalizer in held:
            return obj
        return self._put(kind, merged(obj, {"metadata": {"finalizers": [*held, finalizer]}}), "add finalizer")

    def remove_finalizer(self, kind: Kind, obj: Any, finalizer: str) -> Any:
        self.writes.append("remove finalizer")
        self.store.remove(kind, obj["metadata"]["namespace"], obj["metadata"]["name"])

    def patch_status(self, kind: Kind, obj: Any, status: Mapping[str, Any]) -> Any:
        held = self.store.get(kind, obj["metadata"]["namespace"], obj["metadata"]["name"]) or obj
        new = merged(held, {"status": status})
        return held if new == held else self._put(kind, new, "patch status")

    def patch(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any]) -> Any:
        return self._put(kind, merged(self.store.get(kind, namespace, name), body), "patch")

    def create(self, kind: Kind, body: Mapping[str, Any]) -> Any:
        return self._put(kind, body, "create")

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        self.store.remove(kind, namespace, name)


@dataclass
class Told:
    """Events, as (reason, message)."""

    events: list[tuple[str, str]] = field(default_factory=list)

    def emit(self, obj: Any, reason: str, message: str, type: str = "Normal") -> None:
        self.events.append((str(reason), message))

    def reasons(self) -> list[str]:
        return [reason for reason, _ in self.events]


class BindingWorld:
    """Two nodes with forty pod addresses each (192.168.97.x, 192.168.113.x); Service shop/web on port 80 (http)."""

    def __init__(self, aws: Any) -> None:
        self.aws, self.group = aws, aws.world.node_security_group_id
        self.clients: Clients = our_clients(aws.world.vpc_id)
        self.now = 0.0
        self.api: Any = FakeApi()
        self.store, self.events, self.queue = Store(), Told(), list[Key]()
        self.writer = StoreWriter(self.store)
        self.backend_group = aws.security_group("backend")
        self.instances = [self._run_node("node-0", "a", 97), self._run_node("node-1", "b", 113)]
        self.service()
        self.restart()

    def restart(self) -> None:
        """A controller that remembers nothing."""
        self.ledger = AccessLedger(restricted=True)
        backends = Backends(self.store, fail_open=True)
        self.rules = SecurityGroupRules(self.clients, cluster=CLUSTER)
        self.interfaces = NetworkInterfaces(self.clients, self.rules, cluster=CLUSTER, tags={})
        self.opener = AccessOpener(backends=backends, interfaces=self.interfaces, rules=self.rules, ledger=self.ledger)
        self.desk = AccessDesk(
            store=self.store,
            backends=backends,
            opener=self.opener,
            ledger=self.ledger,
            enqueue=self.queue.append,
            clock=lambda: self.now,
        )
        self.accounts = Accounts(self.clients)
        self.targets = Targets(self.clients, accounts=self.accounts, clock=lambda: self.now)
        self.binding_reconciler = BindingReconciler(
            store=self.store,
            writer=self.writer,
            events=self.events,
            backends=backends,
            targets=self.targets,
            tracked=TrackedTargets(ConfigMaps(self.api, namespace="", may_write=lambda: None)),
            desk=self.desk,
            ledger=self.ledger,
            vpc_networks=self.interfaces.known.vpc_networks,
            enqueue=self.queue.append,
            clock=lambda: self.now,
        )
        self.node_groups = NodeSecurityGroupsReconciler(
            store=self.store,
            backends=backends,
            opener=self.opener,
            rules=self.rules,
            ledger=self.ledger,
            clock=lambda: self.now,
        )

    def shared_group(self, **settings: Any) -> tuple[BackendSecurityGroup, BackendSecurityGroupReconciler]:
        from aws_builders import settings as make_settings  # noqa: PLC0415 - the name is the builder's

        group = BackendSecurityGroup(self.clients, make_settings(**settings))
        return group, BackendSecurityGroupReconciler(store=self.store, group=group, node_groups=self.node_groups)

    # ---- AWS

    def _run_node(self, name: str, zone: str, third: int) -> str:
        instance = self.aws.ec2.run_instances(
            ImageId=IMAGE,
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[
                {"DeviceIndex": 0, "SubnetId": self.aws.world.subnets[f"private-{zone}"], "Groups": [self.group]}
            ],
        )["Instances"][0]
        addresses = [f"192.168.{third}.{host}" for host in range(1, 41)]
        interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
        self.aws.ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=addresses)
        self.node(name, instance["InstanceId"])
        return str(instance["InstanceId"])

    def our_rules(self, group: str | None = None) -> set[tuple[str, int, int, str]]:
        """(protocol, first port, last port, source) of the rules with our description."""
        found = self.rules.read([group or self.group])[group or self.group]
        return {
            (r.protocol, r.from_port or 0, r.to_port or 0, str(r.source.value))
            for r in found
            if r.description == DESCRIPTION
        }

    def registered(self, arn: str) -> set[tuple[str, int]]:
        return {target for target, state in self.aws.target_states(arn).items() if state != "draining"}

    # ---- Kubernetes

    def put(self, kind: Kind, obj: Mapping[str, Any]) -> None:
        self.store.upsert(kind, versioned(obj))

    def node(self, name: str, instance: str, *, ready: str = "True") -> None:
        self.put(
            NODE,
            {
                "metadata": {"name": name, "labels": {}},
                "spec": {"providerID": f"aws:///us-west-2a/{instance}"},
                "status": {"conditions": [{"type": "Ready", "status": ready}]},
            },
        )

    def service(self, name: str = "web", **spec: Any) -> None:
        port = {"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080}
        self.put(
            SERVICE,
            {"metadata": {"namespace": "shop", "name": name}, "spec": {"type": "NodePort", "ports": [port], **spec}},
        )

    def pods(self, *addresses: str, service: str = "web", port: int = 8080, **conditions: Any) -> None:
        """The pods behind the Service are these, all ready."""
        for address in addresses:
            self._pod(address, port)
        endpoints = [
            {
                "addresses": [address],
                "conditions": {"ready": True, **conditions},
                "targetRef": {"kind": "Pod", "namespace": "shop", "name": f"pod-{address}"},
            }
            for address in addresses
        ]
        labels = {"kubernetes.io/service-name": service}
        self.put(
            ENDPOINT_SLICE,
            {
                "metadata": {"namespace": "shop", "name": f"{service}-1", "labels": labels},
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": port}],
                "endpoints": endpoints,
            },
        )

    def _pod(self, address: str, port: int) -> None:
        node = "node-0" if address.startswith("192.168.97.") else "node-1"
        self.put(
            POD,
            {
                "metadata": {"namespace": "shop", "name": f"pod-{address}", "uid": f"uid-{address}"},
                "spec": {"nodeName": node, "containers": [{"ports": [{"name": "http", "containerPort": port}]}]},
                "status": {"podIP": address, "conditions": [{"type": "ContainersReady", "status": "True"}]},
            },
        )

    def binding(self, arn: str, name: str = "web", *, port: Any = 8080, metadata: Any = None, **spec: Any) -> None:
        """A binding of target type ip that lets the backend group in on a port."""
        networking = {
            "ingress": [{"from": [{"securityGroup": {"groupID": self.backend_group}}], "ports": [{"port": port}]}]
        }
        given = {
            "targetGroupARN": arn,
            "targetType": "ip",
            "serviceRef": {"name": "web", "port": 80},
            "networking": networking,
            **spec,
        }
        held = self.store.get(TARGET_GROUP_BINDING, "shop", name) or {"metadata": {"generation": 0}}
        now = {
            **held["metadata"],
            "namespace": "shop",
            "name": name,
            "generation": held["metadata"]["generation"] + 1,
            **(metadata or {}),
        }
        self.put(TARGET_GROUP_BINDING, {**held, "metadata": now, "spec": given})

    def delete_binding(self, name: str = "web") -> None:
        held = self.store.get(TARGET_GROUP_BINDING, "shop", name) or {}
        self.put(TARGET_GROUP_BINDING, merged(held, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}))

    def stored(self, name: str = "web") -> Any:
        return self.store.get(TARGET_GROUP_BINDING, "shop", name)

    def tracked(self, name: str = "web") -> str | None:
        """What the ConfigMap of a binding says."""
        held = self.api.objects.get(CONFIG_MAP.path_of("shop", f"aws-lbc-targets-{name}"))
        return held["data"]["targets"] if held else None

    def track(self, targets: str, name: str = "web") -> None:
        """Another life of ours, or the controller before us, wrote this."""
        metadata = {"namespace": "shop", "name": f"aws-lbc-targets-{name}"}
        self.api.put(CONFIG_MAP.path_of("shop", metadata["name"]), {"metadata": metadata, "data": {"targets": targets}})

    # ---- the controller

    def reconcile(self, name: str = "web") -> None:
        """The binding, and the opening of security groups that it asks for, until it waits for that no more."""
        access, binding = Key("access", f"shop/{name}"), Key("binding", f"shop/{name}")
        while True:
            try:
                self.binding_reconciler.reconcile(binding.name)
            except NotYet:
                if access not in self.queue:
                    raise
            if access not in self.queue:
                return
            self.queue.remove(access)
            self.desk.reconcile(access.name)
            self.queue.remove(binding)

    def settle(self) -> None:
        """The clean-up that was asked for, once."""
        if NODE_SECURITY_GROUPS in self.queue:
            self.queue[:] = [key for key in self.queue if key != NODE_SECURITY_GROUPS]
            self.node_groups.reconcile("")
