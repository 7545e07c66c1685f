"""Who may reach the targets, on which ports: the ``networking`` of a stack's TargetGroupBindings.

Where the load balancer has security groups, its backend group is let in. An NLB without any is let in by its subnets'
addresses; where the targets see the clients' addresses, by those of the clients, and the health checks by the subnets'.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Facts, Subnet, VpcNetworks
from aws_lb_controller.build.health_checks import TRAFFIC_PORT
from aws_lb_controller.build.security_groups import Groups, transports
from aws_lb_controller.intent.readers import read_bool
from aws_lb_controller.intent.values import LoadBalancerIntent, TargetGroupIntent
from aws_lb_controller.model.binding import NetworkingPeer, NetworkingPort, NetworkingRule
from aws_lb_controller.model.load_balancer import Scheme
from aws_lb_controller.model.refs import Value
from aws_lb_controller.model.target_group import TargetGroup

_EVERYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How one load balancer reaches its targets; subnets and scheme are those that it will have."""

    load_balancer: LoadBalancerIntent
    scheme: Scheme
    subnets: tuple[Subnet, ...]
    groups: Groups
    facts: Facts
    config: BuildConfig

    def rules(self, wanted: TargetGroupIntent, target_group: TargetGroup) -> tuple[NetworkingRule, ...] | None:
        """The binding's ``networking.ingress``; None: the targets' security groups are not ours to touch."""
        if self.groups.frontend:
            if self.groups.backend is None:
                return None
            return self._from_group(self.groups.backend, wanted, target_group)
        if self.load_balancer.security_groups.backend_rules_refused:
            return None
        return self._from_addresses(wanted, target_group)

    # -- by the backend security group

    def _from_group(
        self, group: Value, wanted: TargetGroupIntent, target_group: TargetGroup
    ) -> tuple[NetworkingRule, ...]:
        """One rule for each port (ALB) or one for all of them (NLB); what is open is the same."""
        peers = (NetworkingPeer(security_group=group),)
        if self.load_balancer.type == "network":
            return (NetworkingRule(peers=peers, ports=tuple(self._network_ports(wanted, target_group))),)
        ports = self._application_ports(wanted, target_group)
        return tuple(NetworkingRule(peers=peers, ports=(port,)) for port in ports)

    def _application_ports(self, wanted: TargetGroupIntent, target_group: TargetGroup) -> list[NetworkingPort]:
        if self.config.disable_restricted_sg_rules:
            return [_tcp(None)]
        ports = [_tcp(traffic_port(wanted))]
        if target_group.health_check.port != TRAFFIC_PORT:
            ports.append(_tcp(int(target_group.health_check.port)))
        if wanted.target_control_port is not None:
            ports.append(_tcp(wanted.target_control_port))
        return ports

    def _network_ports(self, wanted: TargetGroupIntent, target_group: TargetGroup) -> list[NetworkingPort]:
        has_udp = "udp" in transports(target_group.protocol)
        if self.config.disable_restricted_sg_rules:
            return [_tcp(None), *([_udp(None)] if has_udp else [])]
        port = traffic_port(wanted)
        same_port = _checks_traffic_port(wanted, target_group)
        # health checks go by TCP, whatever the protocol of the traffic
        has_tcp = "tcp" in transports(target_group.protocol) or same_port
        ports = [*([_udp(port)] if has_udp else []), *([_tcp(port)] if has_tcp else [])]
        return ports if same_port else [*ports, _tcp(int(target_group.health_check.port))]

    # -- by addresses

    def _from_addresses(self, wanted: TargetGroupIntent, target_group: TargetGroup) -> tuple[NetworkingRule, ...]:
        sources, given = self._traffic_sources(wanted, target_group)
        port = traffic_port(wanted)
        ports = tuple(NetworkingPort(protocol=t.upper(), port=port) for t in transports(target_group.protocol))
        rules = [NetworkingRule(peers=_cidrs(sources), ports=ports)]
        if self._checks_need_a_rule(wanted, target_group, sources=sources, given=given):
            check = target_group.health_check.port
            check_port = port if check == TRAFFIC_PORT else int(check)
            peers = _cidrs(self._subnet_networks(target_group))
            rules.append(NetworkingRule(peers=peers, ports=(_tcp(check_port),)))
        return tuple(rules)

    def _traffic_sources(self, wanted: TargetGroupIntent, target_group: TargetGroup) -> tuple[tuple[str, ...], bool]:
        """The networks that packets come from, and whether the user gave them."""
        if not _preserves_client_addresses(wanted) and "udp" not in transports(target_group.protocol):
            return self._subnet_networks(target_group), False
        if self.load_balancer.access.cidrs:
            return self.load_balancer.access.cidrs, True
        return self._all_clients(target_group), False

    def _all_clients(self, target_group: TargetGroup) -> tuple[str, ...]:
        ipv6 = target_group.ip_address_type == "ipv6"
        if self.scheme == "internet-facing":
            return ("::/0",) if ipv6 else ("0.0.0.0/0",)
        vpc = self.facts[VpcNetworks()]
        return vpc.ipv6 if ipv6 else vpc.ipv4

    def _subnet_networks(self, target_group: TargetGroup) -> tuple[str, ...]:
        if target_group.ip_address_type == "ipv6":
            return tuple(network for subnet in self.subnets for network in subnet.ipv6_cidrs)
        return tuple(subnet.cidr for subnet in self.subnets)

    def _checks_need_a_rule(
        self, wanted: TargetGroupIntent, target_group: TargetGroup, *, sources: tuple[str, ...], given: bool
    ) -> bool:
        """Whether health checks, which come from the subnets by TCP, are not let in by the rule for traffic."""
        if target_group.protocol == "UDP" or not _checks_traffic_port(wanted, target_group):
            return True
        return _preserves_client_addresses(wanted) and given and not set(sources) & set(_EVERYWHERE)


def traffic_port(wanted: TargetGroupIntent) -> int | str:
    """The port on which the targets take traffic: the node port, or the pods' port (number or name)."""
    port = wanted.service_port
    return port.node_port or 0 if wanted.target_type == "instance" else port.target_port


def _checks_traffic_port(wanted: TargetGroupIntent, target_group: TargetGroup) -> bool:
    return target_group.health_check.port in (TRAFFIC_PORT, str(traffic_port(wanted)))


def _preserves_client_addresses(wanted: TargetGroupIntent) -> bool:
    """Whether targets see the clients' addresses: AWS's default for nodes, of choice with TCP and TLS."""
    given = wanted.attributes.get("preserve_client_ip.enabled")
    return wanted.target_type == "instance" if given is None else read_bool(given)


def _tcp(port: int | str | None) -> NetworkingPort:
    return NetworkingPort(protocol="TCP", port=port)


def _udp(port: int | str | None) -> NetworkingPort:
    return NetworkingPort(protocol="UDP", port=port)


def _cidrs(networks: Iterable[str]) -> tuple[NetworkingPeer, ...]:
    return tuple(NetworkingPeer(cidr=network) for network in networks)
