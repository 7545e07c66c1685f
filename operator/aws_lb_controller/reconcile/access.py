"""What a binding needs of its targets' security groups, and how that is opened. Nothing is revoked here.

What is known to be open already costs no call. Everything else costs some, of EC2, which may take long or never answer:
so it is not for whoever registers and deregisters targets to make them (`access_desk`).
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from aws_lb_controller.aws.network_interfaces import EndpointGroup, Interface, NotRead, PodPlace
from aws_lb_controller.errors import AwsNotFound, Problem, UnmetNeed
from aws_lb_controller.intent.binding import BindingIntent
from aws_lb_controller.model.security_group import IngressRule
from aws_lb_controller.plan.node_rules import Access, rules_of
from aws_lb_controller.plan.targets import CandidateNode, PodEndpoint
from aws_lb_controller.reconcile.access_ledger import AccessLedger
from aws_lb_controller.reconcile.backends import Backend, Backends


class Interfaces(Protocol):
    """Whose security group is which."""

    def of_pods(self, pods: Iterable[PodPlace]) -> Mapping[str, Interface]:
        """Pod uid → interface."""

    def of_instances(self, instance_ids: Iterable[str]) -> Mapping[str, Interface]:
        """Instance id → primary interface."""

    def endpoint_group(self, interface: Interface) -> EndpointGroup:
        """The group to open."""


class KnownInterfaces(Interfaces, Protocol):
    """`aws.network_interfaces.KnownInterfaces`: everything raises `NotRead` rather than ask AWS."""

    def can_place(self, addresses: Iterable[str], *, vpc_id: str | None = None) -> bool:
        """Whether it can be told which of the addresses are within a VPC."""


class ReadInterfaces(Interfaces, Protocol):
    """`aws.network_interfaces.NetworkInterfaces`: what is not known is read."""

    @property
    def known(self) -> KnownInterfaces:
        """The same from memory."""

    def vpc_networks(self, vpc_id: str | None = None) -> object:
        """The networks of a VPC."""


class GroupRules(Protocol):
    """Inbound rules in AWS: `aws.security_group_rules.SecurityGroupRules`."""

    def read(self, group_ids: Iterable[str]) -> dict[str, frozenset[IngressRule]]:
        """Read afresh."""

    def read_groups_of_the_cluster(self) -> dict[str, frozenset[IngressRule]]:
        """Read afresh, the groups tagged for the cluster."""

    def authorize(self, group_id: str, rules: Iterable[IngressRule]) -> None:
        """Grants."""

    def revoke(self, group_id: str, rules: Iterable[IngressRule]) -> None:
        """Revokes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a binding needs: the access as far as it is known, what kept the rest from being known, and warnings."""

    access: Access
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


class AccessOpener:
    """Finds out what bindings need, and opens it. Safe for several threads: one at a time changes a security group."""

    def __init__(
        self, *, backends: Backends, interfaces: ReadInterfaces, rules: GroupRules, ledger: AccessLedger
    ) -> None:
        self._backends, self._interfaces, self._rules, self._ledger = backends, interfaces, rules, ledger
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def open(self, binding: BindingIntent, backend: Backend) -> Found:
        """Lets in what the binding's networking names, to all of the backend; what it needed before stays entered.

        Raises `UnmetNeed` where some target's security group cannot be found (the others are open then), and
        `AwsError`.
        """
        self._read_networks(binding, backend)
        found = self.find(binding, backend)
        self._ledger.add(binding.key, found.access)
        for group in sorted(found.access):
            if self._ledger.lacks(binding.key, group):
                self._grant(binding.key, group)
        if found.problems:
            raise UnmetNeed(found.problems)
        return found

    def find(self, binding: BindingIntent, backend: Backend) -> Found:
        """What the binding needs, without doing anything about it. Raises `AwsError`."""
        return self._find(binding, backend, self._interfaces)

    def read_interfaces(self, bindings: Iterable[tuple[BindingIntent, Backend]]) -> None:
        """Reads at once what `find` would read for each binding by itself. Raises `AwsError`."""
        backends = [backend for binding, backend in bindings if binding.networking is not None]
        pods = (pod for backend in backends for pod in backend.pods)
        self._interfaces.of_pods(self._backends.places(pods).values())
        nodes = (node for backend in backends for node in backend.nodes)
        self._interfaces.of_instances(node.instance_id for node in nodes if node.instance_id)

    def find_known(self, binding: BindingIntent, backend: Backend) -> Found | None:
        """As `find`, without any call: None where that cannot tell, or cannot place the targets in their VPC."""
        if not self._can_place(binding, backend):
            return None
        try:
            return self._find(binding, backend, self._interfaces.known)
        except NotRead:
            return None

    def _find(self, binding: BindingIntent, backend: Backend, interfaces: Interfaces) -> Found:
        if binding.networking is None or binding.bad_networking:
            return Found(access={}, problems=binding.bad_networking)
        if binding.target_type == "ip":
            return self._find_for_pods(binding, backend.pods, interfaces)
        return self._find_for_nodes(binding, backend.nodes, interfaces)

    def _can_place(self, binding: BindingIntent, backend: Backend) -> bool:
        addresses = [pod.address for pod in backend.pods] if binding.target_type == "ip" else []
        return not addresses or self._interfaces.known.can_place(addresses, vpc_id=binding.vpc_id)

    def _read_networks(self, binding: BindingIntent, backend: Backend) -> None:
        if not self._can_place(binding, backend):
            with suppress(AwsNotFound):  # what that means is for whoever registers to say
                self._interfaces.vpc_networks(binding.vpc_id)

    @contextmanager
    def alone_with(self, group: str) -> Iterator[None]:
        """Nobody else changes the group meanwhile."""
        with self._lock:
            lock = self._locks[group]
        with lock:
            yield

    def _find_for_pods(self, binding: BindingIntent, pods: Iterable[PodEndpoint], interfaces: Interfaces) -> Found:
        pods = tuple(pods)
        places = self._backends.places(pods)
        found = interfaces.of_pods(places.values())
        lost = [p for uid, p in places.items() if uid not in found and p.kind != "hybrid"]
        groups, warnings, problems = _groups(found, interfaces)
        by_group: defaultdict[str, list[PodEndpoint]] = defaultdict(list)
        for pod in pods:
            if pod.pod_uid in groups:
                by_group[groups[pod.pod_uid]].append(pod)
        access = {group: _rules(binding, behind) for group, behind in by_group.items()}
        nameless = _without_port(binding, [pod for behind in by_group.values() for pod in behind])
        return Found(access=access, problems=(*problems, *map(_lost_pod, lost), *nameless), warnings=warnings)

    def _find_for_nodes(self, binding: BindingIntent, nodes: Iterable[CandidateNode], interfaces: Interfaces) -> Found:
        names = {node.instance_id: node.name for node in nodes if node.instance_id}
        found = interfaces.of_instances(names)
        groups, warnings, problems = _groups(found, interfaces)
        rules = _rules(binding, ())
        lost = (_lost_node(names[instance], instance) for instance in names if instance not in found)
        return Found(access=dict.fromkeys(groups.values(), rules), problems=(*problems, *lost), warnings=warnings)

    def _grant(self, binding: str, group: str) -> None:
        with self.alone_with(group):
            if not self._ledger.lacks(binding, group):
                return  # somebody has just granted it
            there = self._rules.read([group]).get(group)
            if there is None:
                raise UnmetNeed([Problem(f"security group {group}", "id", "", "it does not exist any more")])
            missing = self._ledger.to_grant(binding, group, there)
            if missing:
                self._rules.authorize(group, missing)
                self._ledger.granted(group, missing)


def _groups(
    found: Mapping[str, Interface], interfaces: Interfaces
) -> tuple[dict[str, str], tuple[str, ...], tuple[Problem, ...]]:
    """For each interface the group to open, what is to be warned of, and where there is none."""
    groups: dict[str, str] = {}
    warnings: dict[str, None] = {}
    problems: dict[Problem, None] = {}
    for key, interface in found.items():
        try:
            chosen = interfaces.endpoint_group(interface)
        except UnmetNeed as need:
            problems.update(dict.fromkeys(need.problems))
            continue
        groups[key] = chosen.id
        if chosen.warning:
            warnings[chosen.warning] = None
    return groups, tuple(warnings), tuple(problems)


def _rules(binding: BindingIntent, pods: Iterable[PodEndpoint]) -> frozenset[IngressRule]:
    pods = tuple(pods)

    def numbers(name: str) -> set[int]:
        return {pod.container_ports[name] for pod in pods if name in pod.container_ports}

    return rules_of(binding.networking or (), numbers)


def _without_port(binding: BindingIntent, pods: Iterable[PodEndpoint]) -> Iterator[Problem]:
    """Each pod once that has no container port of a name that the binding's networking goes by."""
    ports = (port.port for rule in binding.networking or () if rule.peers for port in rule.ports)
    names = dict.fromkeys(name for name in ports if isinstance(name, str))
    for pod, named in {pod.pod: pod.container_ports for pod in pods}.items():
        for name in names:
            if name not in named:
                remedy = f"spec.networking of TargetGroupBinding {binding.key} goes by the name of a container port"
                yield Problem(f"Pod {pod}", "spec.containers[].ports[].name", name, f"no port has it: {remedy}")


def _lost_pod(place: PodPlace) -> Problem:
    return Problem(
        f"Pod {place.name}", "status.podIP", place.address, "no network interface of the cluster's VPC has this address"
    )


def _lost_node(name: str, instance: str) -> Problem:
    return Problem(f"Node {name}", "spec.providerID", instance, "no such EC2 instance is found")
