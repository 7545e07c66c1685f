"""Which security group stands in front of a pod or a node: the one of its network interface.

Instances are described in batches and remembered, with all addresses of their interfaces: a pod's interface is mostly
among those of its node. Pods with an interface of their own (Fargate, security groups for pods) are looked up by id
or address.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from aws_lb_controller.api.names import cluster_tag
from aws_lb_controller.aws.cache import Cache
from aws_lb_controller.aws.security_group_rules import FILTER_VALUES, SecurityGroupRules
from aws_lb_controller.errors import Problem, UnmetNeed
from aws_lb_controller.plan.targets import batches

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef, InstanceNetworkInterfaceTypeDef, NetworkInterfaceTypeDef

    from aws_lb_controller.aws.clients import Clients

Network = IPv4Network | IPv6Network

# what an interface is asked by; one value goes to the VPC's id
_ADDRESSES_PER_CALL = FILTER_VALUES - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPlace:
    """Where a pod runs, as far as it matters for its network interface.

    uid: the pod's; address: ``status.podIP``. instance_id: its node's, None if that is no EC2 instance. interface_id:
    of its own (branch) interface, as the annotation ``vpc.amazonaws.com/pod-eni`` names it. kind ``hybrid``: outside
    AWS, without any.
    """

    uid: str
    name: str
    address: str
    instance_id: str | None = None
    interface_id: str | None = None
    kind: Literal["ec2", "fargate", "hyperpod", "hybrid"] = "ec2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface (``NetworkInterface``, or the one in ``Instances[].NetworkInterfaces[]``).

    networks: delegated prefixes. primary: device index 0.
    """

    id: str
    security_groups: tuple[str, ...]
    addresses: frozenset[str]
    networks: tuple[Network, ...] = ()
    primary: bool = False

    def carries(self, address: str) -> bool:
        """Whether an address is one of its own, or within a prefix delegated to it."""
        return address in self.addresses or any(ip_address(address) in network for network in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointGroup:
    """The security group that is opened for an interface; warning: what the cluster's operator should mend, or None."""

    id: str
    warning: str | None = None


K = TypeVar("K")
V = TypeVar("V")


class _Memory(Generic[K, V]):
    """What was read lately. Pods and instances come and go for ever, so only so many are remembered."""

    def __init__(self, *, ttl: float, clock: Callable[[], float], limit: int = 20_000) -> None:
        self._ttl, self._clock, self._limit = ttl, clock, limit
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._lock = threading.Lock()

    def peek(self, key: K) -> V | None:
        with self._lock:
            value, expires = self._entries.get(key, (None, 0.0))
            return value if expires > self._clock() else None

    def put(self, key: K, value: V) -> None:
        with self._lock:
            self._entries.pop(key, None)
            self._entries[key] = (value, self._clock() + self._ttl)
            while len(self._entries) > self._limit:
                self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        with self._lock:
            self._entries.pop(key, None)


class NetworkInterfaces:
    """Finds interfaces and their endpoint security groups. Safe for several threads.

    tags: beside the cluster's own, those that tell which of several groups is the one to open. ttl: seconds that what
    was read counts.
    """

    def __init__(
        self,
        clients: Clients,
        rules: SecurityGroupRules,
        *,
        cluster: str,
        tags: Mapping[str, str],
        ttl: float = 600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ec2, self._vpc_id, self._rules = clients.ec2, clients.vpc_id, rules
        self._cluster, self._wanted_tags = cluster, dict(tags)
        self._of_instances: _Memory[str, tuple[Interface, ...]] = _Memory(ttl=ttl, clock=clock)
        self._of_pods: _Memory[tuple[str, str], Interface] = _Memory(ttl=ttl, clock=clock)
        self._group_tags: Cache[str, dict[str, str]] = Cache(ttl=ttl, clock=clock)
        self._networks: Cache[str, tuple[Network, ...]] = Cache(ttl=ttl, clock=clock)

    def vpc_networks(self, vpc_id: str | None = None) -> tuple[Network, ...]:
        """The networks associated with a VPC (DescribeVpcs), by default the cluster's. Raises `AwsError`."""
        return self._networks.get(vpc_id or self._vpc_id, lambda: self._read_networks(vpc_id or self._vpc_id))

    def of_pods(self, pods: Iterable[PodPlace]) -> dict[str, Interface]:
        """Pod uid → its interface; pods without one, or whose one is not found, are left out. Raises `AwsError`."""
        pods = [pod for pod in pods if pod.kind != "hybrid"]
        found = {pod.uid: known for pod in pods if (known := self._of_pods.peek((pod.uid, pod.address)))}
        for look_up in (self._by_id, self._by_node, self._by_node_read_anew, self._by_address):
            unknown = [pod for pod in pods if pod.uid not in found]
            for pod, interface in look_up(unknown) if unknown else ():
                found[pod.uid] = interface
                self._of_pods.put((pod.uid, pod.address), interface)
        return found

    def of_instances(self, instance_ids: Iterable[str]) -> dict[str, Interface]:
        """Instance id → its primary interface; instances that are not found are left out. Raises `AwsError`."""
        interfaces = self._interfaces(instance_ids)
        primary = {i: next((x for x in of_one if x.primary), None) for i, of_one in interfaces.items()}
        return {instance: interface for instance, interface in primary.items() if interface}

    def endpoint_group(self, interface: Interface) -> EndpointGroup:
        """Which of the interface's groups to open: the only one, or the one that bears the cluster's tag.

        Where several bear it, the first by id, with a warning. Raises `UnmetNeed` where none does, and `AwsError`.
        """
        if len(interface.security_groups) == 1:
            return EndpointGroup(id=interface.security_groups[0])
        tagged = sorted(group for group in interface.security_groups if self._is_tagged(group, interface))
        if not tagged:
            raise UnmetNeed([self._no_group(interface)])
        return EndpointGroup(id=tagged[0], warning=self._too_many(interface, tagged) if len(tagged) > 1 else None)

    def _is_tagged(self, group: str, interface: Interface) -> bool:
        tags = self._group_tags.peek(group)
        if tags is None:
            for read, its_tags in self._rules.tags(interface.security_groups).items():
                self._group_tags.put(read, its_tags)
            tags = self._group_tags.peek(group) or {}
        return cluster_tag(self._cluster) in tags and self._wanted_tags.items() <= tags.items()

    def _no_group(self, interface: Interface) -> Problem:
        return Problem(
            f"network interface {interface.id}",
            "security groups",
            ", ".join(interface.security_groups),
            f"tag exactly one of them with {self._tag_text()}",
        )

    def _too_many(self, interface: Interface, tagged: Sequence[str]) -> str:
        return (
            f"network interface {interface.id}: the security groups {', '.join(tagged)} are all tagged with "
            f"{self._tag_text()}; {tagged[0]} is opened: take the tag from the others"
        )

    def _tag_text(self) -> str:
        others = "".join(f" and {key}={value}" for key, value in sorted(self._wanted_tags.items()))
        return f"{cluster_tag(self._cluster)}{others}"

    def _by_id(self, pods: Sequence[PodPlace]) -> Iterator[tuple[PodPlace, Interface]]:
        ids = sorted({pod.interface_id for pod in pods if pod.interface_id})
        filters: list[FilterTypeDef] = []
        for batch in batches(ids, FILTER_VALUES):
            filters = [{"Name": "network-interface-id", "Values": list(batch)}]
            by_id = {interface.id: interface for interface in self._described(filters)}
            yield from ((pod, by_id[pod.interface_id]) for pod in pods if pod.interface_id in by_id)

    def _by_node(self, pods: Sequence[PodPlace]) -> Iterator[tuple[PodPlace, Interface]]:
        on_nodes = [(pod, pod.instance_id) for pod in pods if pod.kind == "ec2" and pod.instance_id]
        interfaces = self._interfaces(instance for _, instance in on_nodes)
        for pod, instance in on_nodes:
            for interface in interfaces.get(instance, ()):
                if interface.carries(pod.address):
                    yield pod, interface
                    break

    def _by_node_read_anew(self, pods: Sequence[PodPlace]) -> Iterator[tuple[PodPlace, Interface]]:
        # a node gets addresses while it lives: what is known of it may be from before
        for pod in pods:
            if pod.kind == "ec2" and pod.instance_id:
                self._of_instances.drop(pod.instance_id)
        return self._by_node(pods)

    def _by_address(self, pods: Sequence[PodPlace]) -> Iterator[tuple[PodPlace, Interface]]:
        for name, chosen in (
            ("addresses.private-ip-address", [pod for pod in pods if ":" not in pod.address]),
            ("ipv6-addresses.ipv6-address", [pod for pod in pods if ":" in pod.address]),
        ):
            for batch in batches(sorted({pod.address for pod in chosen}), _ADDRESSES_PER_CALL):
                filters: list[FilterTypeDef] = [
                    {"Name": "vpc-id", "Values": [self._vpc_id]},
                    {"Name": name, "Values": list(batch)},
                ]
                interfaces = list(self._described(filters))
                yield from ((pod, i) for i in interfaces for pod in chosen if pod.address in i.addresses)

    def _interfaces(self, instance_ids: Iterable[str]) -> dict[str, tuple[Interface, ...]]:
        ids = sorted(set(instance_ids))
        unknown = [instance for instance in ids if self._of_instances.peek(instance) is None]
        for batch in batches(unknown, FILTER_VALUES):
            for instance, interfaces in self._describe_instances(batch):
                self._of_instances.put(instance, interfaces)
        return {i: known for i in ids if (known := self._of_instances.peek(i)) is not None}

    def _describe_instances(self, ids: Sequence[str]) -> Iterator[tuple[str, tuple[Interface, ...]]]:
        # by filter: naming one id that is gone would fail the call for all
        pages = self._ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-id", "Values": list(ids)}]
        )
        for page in pages:
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    interfaces = map(_interface_of_instance, instance.get("NetworkInterfaces", ()))
                    yield instance["InstanceId"], tuple(interfaces)

    def _described(self, filters: Sequence[FilterTypeDef]) -> Iterator[Interface]:
        pages = self._ec2.get_paginator("describe_network_interfaces").paginate(Filters=filters)
        for page in pages:
            yield from map(_interface, page["NetworkInterfaces"])

    def _read_networks(self, vpc_id: str) -> tuple[Network, ...]:
        vpc = self._ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
        v4 = (
            block["CidrBlock"]
            for block in vpc.get("CidrBlockAssociationSet", ())
            if block.get("CidrBlockState", {}).get("State") == "associated"
        )
        v6 = (
            block["Ipv6CidrBlock"]
            for block in vpc.get("Ipv6CidrBlockAssociationSet", ())
            if block.get("Ipv6CidrBlockState", {}).get("State") == "associated"
        )
        return tuple(ip_network(cidr) for cidr in (*v4, *v6))


def _interface_of_instance(raw: InstanceNetworkInterfaceTypeDef) -> Interface:
    return Interface(
        id=raw["NetworkInterfaceId"],
        security_groups=tuple(group["GroupId"] for group in raw.get("Groups", ())),
        addresses=frozenset(
            (
                *(a["PrivateIpAddress"] for a in raw.get("PrivateIpAddresses", ())),
                *(a["Ipv6Address"] for a in raw.get("Ipv6Addresses", ())),
            )
        ),
        networks=(
            *(ip_network(p["Ipv4Prefix"]) for p in raw.get("Ipv4Prefixes", ())),
            *(ip_network(p["Ipv6Prefix"]) for p in raw.get("Ipv6Prefixes", ())),
        ),
        primary=raw.get("Attachment", {}).get("DeviceIndex") == 0,
    )


def _interface(raw: NetworkInterfaceTypeDef) -> Interface:
    return Interface(
        id=raw["NetworkInterfaceId"],
        security_groups=tuple(group["GroupId"] for group in raw.get("Groups", ())),
        addresses=frozenset(
            (
                *(a["PrivateIpAddress"] for a in raw.get("PrivateIpAddresses", ())),
                *(a["Ipv6Address"] for a in raw.get("Ipv6Addresses", ())),
            )
        ),
        networks=(
            *(ip_network(p["Ipv4Prefix"]) for p in raw.get("Ipv4Prefixes", ())),
            *(ip_network(p["Ipv6Prefix"]) for p in raw.get("Ipv6Prefixes", ())),
        ),
    )
