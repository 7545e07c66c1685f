"""Which security group stands in front of a pod or a node: the one of its network interface.

Instances are described in batches and remembered, with all addresses of their interfaces: a pod's interface is mostly
among those of its node. Pods with an interface of their own (Fargate, security groups for pods) are looked up by id
or address.
"""

from __future__ import annotations

import itertools
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
from aws_lb_controller.aws.wire.vpc import networks
from aws_lb_controller.errors import AwsNotFound, Problem, UnmetNeed
from aws_lb_controller.plan.targets import batches

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef, InstanceNetworkInterfaceTypeDef, NetworkInterfaceTypeDef

    from aws_lb_controller.aws.clients import Clients

Network = IPv4Network | IPv6Network
Tags = Mapping[str, str]
_Vpc = tuple[Network, ...] | AwsNotFound

# what an interface is asked by; one value goes to the VPC's id
_ADDRESSES_PER_CALL = FILTER_VALUES - 1

_ANYWHERE: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPlace:
    """Where a pod runs, as far as it matters for its network interface.

    uid: the pod's; address: ``status.podIP``. instance_id: its node's, None if that is no EC2 instance. interface_id:
    of its own (branch) interface, as the annotation ``vpc.amazonaws.com/pod-eni`` names it. kind ``hybrid``: outside
    AWS, without any; ``hyperpod``: on an instance of another account. node_address: the node's first internal one.
    """

    uid: str
    name: str
    address: str
    instance_id: str | None = None
    interface_id: str | None = None
    kind: Literal["ec2", "fargate", "hyperpod", "hybrid"] = "ec2"
    node_address: str | None = None


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


class NotRead(Exception):
    """What is asked is not known without a call to AWS."""


K = TypeVar("K")
V = TypeVar("V")


class _Memory(Generic[K, V]):
    """What was read lately. Pods and instances come and go for ever, so only so many are remembered.

    Several threads may read the same at once, and the answer that comes last need not be the newest: each reader takes
    a ticket before it asks, and what was asked earlier never takes the place of what was asked later.
    """

    def __init__(self, *, ttl: float, clock: Callable[[], float], limit: int = 20_000) -> None:
        self._ttl, self._clock, self._limit = ttl, clock, limit
        self._entries: OrderedDict[K, tuple[V, float, int]] = OrderedDict()
        self._tickets = itertools.count(1)
        self._lock = threading.Lock()

    def ticket(self) -> int:
        """To be taken before AWS is asked."""
        return next(self._tickets)

    def peek(self, key: K) -> V | None:
        with self._lock:
            value, expires, _ = self._entries.get(key, (None, 0.0, 0))
            return value if expires > self._clock() else None

    def put(self, key: K, value: V, ticket: int) -> None:
        with self._lock:
            if key in self._entries and self._entries[key][2] > ticket:
                return
            self._entries.pop(key, None)
            self._entries[key] = (value, self._clock() + self._ttl, ticket)
            while len(self._entries) > self._limit:
                self._entries.popitem(last=False)


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
        self._group_tags: _Memory[str, Tags] = _Memory(ttl=ttl, clock=clock)
        self._networks: Cache[str, _Vpc] = Cache(ttl=ttl, clock=clock)

    @property
    def known(self) -> KnownInterfaces:
        """The same questions, answered from memory."""
        return KnownInterfaces(self)

    def vpc_networks(self, vpc_id: str | None = None) -> tuple[Network, ...]:
        """The networks associated with a VPC (DescribeVpcs), by default the cluster's.

        Raises `AwsError`; that there is no such VPC, or none that we may see, is remembered as well.
        """
        return _networks_of(self._networks.get(vpc_id or self._vpc_id, lambda: self._read_vpc(vpc_id or self._vpc_id)))

    def of_pods(self, pods: Iterable[PodPlace]) -> dict[str, Interface]:
        """Pod uid → its interface; pods without one, or whose one is not found, are left out. Raises `AwsError`."""
        pods = [pod for pod in pods if pod.kind != "hybrid"]
        found = {pod.uid: known for pod in pods if (known := self._of_pods.peek((pod.uid, pod.address)))}
        for look_up in (
            self._by_id,
            self._by_node,
            self._by_node_read_anew,
            self._by_address,
            self._by_address_of_node,
        ):
            unknown, ticket = [pod for pod in pods if pod.uid not in found], self._of_pods.ticket()
            for pod, interface in look_up(unknown) if unknown else ():
                found[pod.uid] = interface
                self._of_pods.put((pod.uid, pod.address), interface, ticket)
        return found

    def of_instances(self, instance_ids: Iterable[str]) -> dict[str, Interface]:
        """Instance id → its primary interface; instances that are not found are left out. Raises `AwsError`."""
        interfaces = self._interfaces(instance_ids)
        primary = {i: next((x for x in of_one if x.primary), None) for i, of_one in interfaces.items()}
        return {instance: interface for instance, interface in primary.items() if interface}

    def endpoint_group(self, interface: Interface) -> EndpointGroup:
        """Which of the interface's groups to open: the only one, or the one that bears the cluster's tag.

        Where several bear it, one that the cluster owns goes before one that it shares with others (fewer strangers
        stand behind it), and then the first by id, which never changes: every replica chooses the same, today and
        after a restart. That comes with a warning. Raises `UnmetNeed` where none bears it, and `AwsError`.
        """
        return self._choose(interface, self._tags_of)

    def known_interface(self, pod: PodPlace) -> Interface | None:
        """A pod's interface as far as it can be told without a call."""
        if found := self._of_pods.peek((pod.uid, pod.address)):
            return found
        if pod.interface_id or pod.kind != "ec2" or not pod.instance_id:
            return None
        on_node = self._of_instances.peek(pod.instance_id) or ()
        return next((interface for interface in on_node if interface.carries(pod.address)), None)

    def known_instance(self, instance_id: str) -> Interface | None:
        """An instance's primary interface as far as it can be told without a call."""
        return next((x for x in self._of_instances.peek(instance_id) or () if x.primary), None)

    def known_endpoint_group(self, interface: Interface) -> EndpointGroup:
        """As `endpoint_group`, without a call. Raises `NotRead`, and `UnmetNeed`."""
        return self._choose(interface, self._known_tags)

    def known_vpc(self, vpc_id: str | None = None) -> tuple[_Vpc | None, bool]:
        """A VPC's networks, or that it is not found, as was last read (None: never), and whether that was lately."""
        vpc_id = vpc_id or self._vpc_id
        return self._networks.last(vpc_id), self._networks.peek(vpc_id) is not None

    def _choose(self, interface: Interface, tags_of: Callable[[Sequence[str]], Mapping[str, Tags]]) -> EndpointGroup:
        if len(interface.security_groups) == 1:
            return EndpointGroup(id=interface.security_groups[0])
        tags, cluster = tags_of(interface.security_groups), cluster_tag(self._cluster)
        tagged = [g for g, its in tags.items() if cluster in its and self._wanted_tags.items() <= its.items()]
        if not tagged:
            raise UnmetNeed([self._no_group(interface)])
        tagged.sort(key=lambda group: (tags[group][cluster] != "owned", group))
        return EndpointGroup(id=tagged[0], warning=self._too_many(interface, tagged) if len(tagged) > 1 else None)

    def _tags_of(self, groups: Sequence[str]) -> dict[str, Tags]:
        if any(self._group_tags.peek(group) is None for group in groups):
            ticket, read = self._group_tags.ticket(), self._rules.tags(groups)
            tags: dict[str, Tags] = {group: read.get(group, {}) for group in groups}
            for group, its_tags in tags.items():
                self._group_tags.put(group, its_tags, ticket)
            return tags
        return self._known_tags(groups)

    def _known_tags(self, groups: Sequence[str]) -> dict[str, Tags]:
        known = {group: tags for group in groups if (tags := self._group_tags.peek(group)) is not None}
        if len(known) < len(set(groups)):
            raise NotRead
        return known

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
        for batch in batches(ids, FILTER_VALUES):
            described = self._described([{"Name": "network-interface-id", "Values": list(batch)}])
            by_id = {interface.id: interface for interface in described}
            yield from ((pod, by_id[pod.interface_id]) for pod in pods if pod.interface_id in by_id)

    def _by_node(self, pods: Sequence[PodPlace], *, anew: bool = False) -> Iterator[tuple[PodPlace, Interface]]:
        on_nodes = [(pod, pod.instance_id) for pod in pods if pod.kind == "ec2" and pod.instance_id]
        interfaces = self._interfaces((instance for _, instance in on_nodes), anew=anew)
        for pod, instance in on_nodes:
            for interface in interfaces.get(instance, ()):
                if interface.carries(pod.address):
                    yield pod, interface
                    break

    def _by_node_read_anew(self, pods: Sequence[PodPlace]) -> Iterator[tuple[PodPlace, Interface]]:
        # a node gets addresses while it lives: what is known of it may be from before
        return self._by_node(pods, anew=True)

    def _by_address(self, pods: Sequence[PodPlace]) -> Iterator[tuple[PodPlace, Interface]]:
        interfaces = list(self._with_addresses(pod.address for pod in pods))
        yield from ((pod, i) for i in interfaces for pod in pods if pod.address in i.addresses)

    def _by_address_of_node(self, pods: Sequence[PodPlace]) -> Iterator[tuple[PodPlace, Interface]]:
        """HyperPod's instances cannot be described; their interfaces are in our VPC, with the prefixes of pods."""
        on_nodes = [(pod, pod.node_address) for pod in pods if pod.kind == "hyperpod" and pod.node_address]
        interfaces = list(self._with_addresses(address for _, address in on_nodes))
        for pod, address in on_nodes:
            yield from ((pod, i) for i in interfaces if address in i.addresses and i.carries(pod.address))

    def _with_addresses(self, addresses: Iterable[str]) -> Iterator[Interface]:
        """The interfaces in the cluster's VPC that have one of the addresses."""
        by_family: dict[str, set[str]] = {"addresses.private-ip-address": set(), "ipv6-addresses.ipv6-address": set()}
        for address in addresses:
            by_family["ipv6-addresses.ipv6-address" if ":" in address else "addresses.private-ip-address"].add(address)
        for name, values in by_family.items():
            for batch in batches(sorted(values), _ADDRESSES_PER_CALL):
                filters: list[FilterTypeDef] = [
                    {"Name": "vpc-id", "Values": [self._vpc_id]},
                    {"Name": name, "Values": list(batch)},
                ]
                yield from self._described(filters)

    def _interfaces(self, instance_ids: Iterable[str], *, anew: bool = False) -> dict[str, tuple[Interface, ...]]:
        ids = sorted(set(instance_ids))
        found = {} if anew else {i: known for i in ids if (known := self._of_instances.peek(i)) is not None}
        for batch in batches([instance for instance in ids if instance not in found], FILTER_VALUES):
            ticket = self._of_instances.ticket()
            for instance, interfaces in self._describe_instances(batch):
                # what was read counts here, whatever another thread remembers meanwhile
                found[instance] = interfaces
                self._of_instances.put(instance, interfaces, ticket)
        return found

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

    def _read_vpc(self, vpc_id: str) -> _Vpc:
        try:
            return self._read_networks(vpc_id)
        except AwsNotFound as missing:
            return missing

    def _read_networks(self, vpc_id: str) -> tuple[Network, ...]:
        found = networks(self._ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0])
        return tuple(ip_network(cidr) for cidr in (*found.ipv4, *found.ipv6))


def _networks_of(vpc: _Vpc) -> tuple[Network, ...]:
    if isinstance(vpc, AwsNotFound):
        raise vpc.with_traceback(None)
    return vpc


class KnownInterfaces:
    """What `NetworkInterfaces` is asked, answered from memory alone: whoever must not wait for EC2 asks here."""

    def __init__(self, interfaces: NetworkInterfaces) -> None:
        self._interfaces = interfaces

    def vpc_networks(self, vpc_id: str | None = None) -> tuple[Network, ...]:
        """As they were last read; if they never were, every address counts as within (AWS refuses one that is not).

        Raises `AwsNotFound` if that was the answer.
        """
        vpc, _ = self._interfaces.known_vpc(vpc_id)
        return _ANYWHERE if vpc is None else _networks_of(vpc)

    def can_place(self, addresses: Iterable[str], *, vpc_id: str | None = None) -> bool:
        """Whether it can be told which of the addresses are within the VPC; outside only counts if read lately."""
        vpc, lately = self._interfaces.known_vpc(vpc_id)
        if vpc is None or isinstance(vpc, AwsNotFound):
            return lately
        return lately or all(any(ip_address(address) in network for network in vpc) for address in addresses)

    def of_pods(self, pods: Iterable[PodPlace]) -> dict[str, Interface]:
        """Pod uid → its interface. Raises `NotRead`."""
        return {pod.uid: _read(self._interfaces.known_interface(pod)) for pod in pods if pod.kind != "hybrid"}

    def of_instances(self, instance_ids: Iterable[str]) -> dict[str, Interface]:
        """Instance id → its primary interface. Raises `NotRead`."""
        return {instance: _read(self._interfaces.known_instance(instance)) for instance in instance_ids}

    def endpoint_group(self, interface: Interface) -> EndpointGroup:
        """Which of the interface's groups to open. Raises `NotRead`, and `UnmetNeed`."""
        return self._interfaces.known_endpoint_group(interface)


def _read(interface: Interface | None) -> Interface:
    if interface is None:
        raise NotRead
    return interface


def _interface_of_instance(raw: InstanceNetworkInterfaceTypeDef) -> Interface:
    return _interface(raw, primary=raw.get("Attachment", {}).get("DeviceIndex") == 0)


def _interface(raw: InstanceNetworkInterfaceTypeDef | NetworkInterfaceTypeDef, *, primary: bool = False) -> Interface:
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
        primary=primary,
    )
