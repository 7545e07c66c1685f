"""Which targets a target group ought to have, and what to deregister and register so that it has them.

All of it is about values: endpoints and nodes as Kubernetes shows them, targets as AWS does. Rules of who counts as
ready are those that users of this controller know; `pods_to_register` and `nodes_to_register` spell them out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from types import MappingProxyType
from typing import Literal, TypeVar

from aws_lb_controller.api.selector import LabelSelector

T = TypeVar("T")
Identity = tuple[str, int, str | None]
"""Address or instance, port, and server id of a target: what tells it from others."""

ConditionStatus = Literal["True", "False", "Unknown"]

TARGETS_PER_CALL = 200
"""RegisterTargets and DeregisterTargets take at most so many targets a call."""

ALL_ZONES = "all"
"""The availability zone of a target outside the target group's VPC."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Target:
    """``TargetDescription``: id is an IP address or an instance's id.

    availability_zone is only given where AWS cannot tell it. server_id: ``QuicServerId``.
    """

    id: str
    port: int
    server_id: str | None = None
    availability_zone: str | None = None

    @property
    def identity(self) -> Identity:
        """What tells targets apart: AWS fills in zones by itself, so they do not count."""
        return (self.id, self.port, self.server_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodEndpoint:
    """An address of an EndpointSlice (``endpoints[].addresses[0]``) on one port, and what is known of its pod and node.

    pod: ``namespace/name`` of a pod that exists; pod_uid tells it from a later one of that name. ready:
    ``conditions.ready``, which counts as true where the slice is silent. node_ready: the status of the node's Ready
    condition, ``False`` for a node that is unknown or has none. container_ports: name → number, of the pod's named
    ports. server_id: of a pod behind QUIC listeners. zone: its node's availability zone, if known.
    """

    address: str
    port: int
    pod: str
    pod_uid: str
    ready: bool
    terminating: bool
    containers_ready: bool
    node_ready: ConditionStatus
    container_ports: Mapping[str, int]
    server_id: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateNode:
    """A node that may take traffic at its node ports. instance_id: None if its ``providerID`` names no EC2 instance.

    excluded: labels keep it from load balancers. leaving: an autoscaler's taint says that it is about to go.
    """

    name: str
    labels: Mapping[str, str]
    ready: ConditionStatus
    instance_id: str | None
    excluded: bool = False
    leaving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChange:
    """What to call, each in a fixed order: `deregister` comes first and waits for nothing, then `register`, and then
    `replaced`, the targets that give way to what was registered: the same address or instance on another port.
    """

    deregister: tuple[Target, ...] = ()
    register: tuple[Target, ...] = ()
    replaced: tuple[Target, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.deregister or self.register or self.replaced)


def pods_to_register(endpoints: Iterable[PodEndpoint], *, fail_open: bool) -> tuple[PodEndpoint, ...]:
    """The endpoints that are to be targets, each address and port once.

    One that is ready; one that is not, if its containers are and its node is Ready (its pod waits for a readiness
    gate); never one that is terminating. With fail_open, where nothing else is left, those whose node has not been
    heard of, even if they are terminating: that is how Kubernetes clears nodes which only it cannot reach.
    """
    endpoints = tuple(endpoints)
    ready = [e for e in endpoints if not e.terminating and _counts_as_ready(e)]
    if not ready and fail_open:
        ready = [e for e in endpoints if not e.ready and e.containers_ready and e.node_ready == "Unknown"]
    return tuple({(e.address, e.port): e for e in ready}.values())


def _counts_as_ready(endpoint: PodEndpoint) -> bool:
    return endpoint.ready or (endpoint.containers_ready and endpoint.node_ready == "True")


def pod_targets(endpoints: Iterable[PodEndpoint], *, with_server_ids: bool = False) -> tuple[Target, ...]:
    """Their targets; with_server_ids leaves out those without one."""
    return tuple(
        Target(id=e.address, port=e.port, server_id=e.server_id if with_server_ids else None)
        for e in endpoints
        if e.server_id is not None or not with_server_ids
    )


def with_zones(
    targets: Iterable[Target],
    vpc_networks: Collection[IPv4Network | IPv6Network],
    zones: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Target, ...]:
    """Address targets ready to be registered: AWS must be told a zone for those outside the target group's VPC.

    zones: the zones of addresses; those that are not in it are for all zones.
    """
    return tuple(
        t if _within(t.id, vpc_networks) else dataclasses.replace(t, availability_zone=zones.get(t.id, ALL_ZONES))
        for t in targets
    )


def _within(address: str, networks: Collection[IPv4Network | IPv6Network]) -> bool:
    parsed = ip_address(address)
    return any(parsed in network for network in networks)


def nodes_to_register(
    nodes: Iterable[CandidateNode], *, selector: LabelSelector | None, fail_open: bool
) -> tuple[CandidateNode, ...]:
    """The nodes that are to be targets: EC2 instances that are Ready, selected, and neither excluded nor about to go.

    With fail_open, where none is Ready, those that have not been heard of.
    """
    fit = [n for n in nodes if _takes_traffic(n) and (selector is None or selector.matches(n.labels))]
    ready = [n for n in fit if n.ready == "True"]
    if not ready and fail_open:
        ready = [n for n in fit if n.ready == "Unknown"]
    return tuple(ready)


def _takes_traffic(node: CandidateNode) -> bool:
    return node.instance_id is not None and not node.excluded and not node.leaving


def node_targets(nodes: Iterable[CandidateNode], node_port: int) -> tuple[Target, ...]:
    """Their targets on a Service's node port."""
    return tuple(Target(id=n.instance_id, port=node_port) for n in nodes if n.instance_id is not None)


def change_targets(
    wanted: Iterable[Target],
    registered: Iterable[Target],
    *,
    ours: Collection[Identity] | None = None,
    limit: int = 0,
) -> TargetChange:
    """What to do so that the registered targets become the wanted ones.

    registered: without those that drain, so that one that comes back is registered anew. ours: identities of the
    targets that may be deregistered, None for all. limit: at most so many targets in the group, 0 for no limit; what
    would be replaced leaves first where there is no room for both.
    """
    want = {t.identity: t for t in wanted}
    have = {t.identity: t for t in registered}
    leaving = sorted((t for i, t in have.items() if i not in want and (ours is None or i in ours)), key=_order)
    coming = sorted((t for identity, t in want.items() if identity not in have), key=_order)
    if limit:
        coming = coming[: max(0, limit - (len(have) - len(leaving)))]
    replaced = _replaced(leaving, coming)
    if limit:
        room = limit - (len(have) - len(leaving)) - len(coming)
        replaced = replaced[: max(0, room)]
    later = frozenset(replaced)
    first = tuple(t for t in leaving if t not in later)
    return TargetChange(deregister=first, register=tuple(coming), replaced=replaced)


def _replaced(leaving: Iterable[Target], coming: Iterable[Target]) -> tuple[Target, ...]:
    """Of what leaves, the targets whose address or instance stays, on a port that is yet to be registered.

    One that only its server id tells from what comes is none of them: it is in the way.
    """
    coming = tuple(coming)
    moving = {target.id for target in coming}
    taken = {(target.id, target.port) for target in coming}
    return tuple(t for t in leaving if t.id in moving and (t.id, t.port) not in taken)


def _order(target: Target) -> tuple[str, int, str]:
    return (target.id, target.port, target.server_id or "")


def batches(items: Sequence[T], size: int = TARGETS_PER_CALL) -> Iterator[Sequence[T]]:
    """The items in order, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
