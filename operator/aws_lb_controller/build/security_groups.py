"""Which security groups a load balancer has: one that we manage and the shared one, the user's own, or none.

The shared backend group is what the targets' groups let in; where it is switched off, the managed group stands for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Facts, SecurityGroupIds
from aws_lb_controller.build.owner import own_service
from aws_lb_controller.build.problems import blamed
from aws_lb_controller.build.tags import resource_tags
from aws_lb_controller.errors import SpecError, UnmetNeed
from aws_lb_controller.intent.values import FrontendAccess, ListenerIntent, LoadBalancerIntent, StackIntent
from aws_lb_controller.model import naming
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref, Value
from aws_lb_controller.model.security_group import IngressRule, SecurityGroup, Source
from aws_lb_controller.model.stack import StackId

MANAGED = "ManagedLBSecurityGroup"
"""The id, within the stack, of the security group that we manage for a load balancer."""

_DESCRIPTION = "[k8s] Managed SecurityGroup for LoadBalancer"
_TRANSPORTS: Mapping[str, tuple[str, ...]] = {
    "UDP": ("udp",),
    "QUIC": ("udp",),
    "TCP_UDP": ("tcp", "udp"),
    "TCP_QUIC": ("tcp", "udp"),
}
# type and code of "fragmentation needed" (RFC 792) and of "packet too big" (RFC 4443)
_PATH_MTU = {"ipv4": ("icmp", 3, 4), "ipv6": ("icmpv6", 2, 0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """What was chosen. managed: the group to make; frontend: those on the load balancer, in order.

    backend: the group from which the targets are reached; None: by addresses, or the targets' groups are not ours.
    """

    managed: SecurityGroup | None = None
    frontend: tuple[Value, ...] = ()
    backend: Value | None = None


def choose_groups(
    intent: StackIntent, *, ip_address_type: str, existing: LoadBalancer | None, facts: Facts, config: BuildConfig
) -> Groups:
    """Raises SpecError or UnmetNeed where the wanted groups cannot be had.

    AWS lets an NLB have security groups only if it was made with some, and never without any again.
    """
    lb = intent.load_balancer
    if lb.type == "network" and existing is not None and not existing.security_groups:
        return Groups()
    if lb.security_groups.none_at_all:
        _check_that_none_is_possible(lb, stack=intent.stack, existing=existing)
        return Groups()
    if lb.security_groups.groups:
        return _own_groups(lb, lb.security_groups.groups, stack=intent.stack, facts=facts, config=config)
    managed = _managed_group(intent, ip_address_type=ip_address_type, config=config)
    itself = Ref("SecurityGroup", managed.id)
    if not config.enable_backend_security_group:
        return Groups(managed=managed, frontend=(itself,), backend=itself)
    return Groups(managed=managed, frontend=(itself, BACKEND_SECURITY_GROUP), backend=BACKEND_SECURITY_GROUP)


def _check_that_none_is_possible(lb: LoadBalancerIntent, *, stack: StackId, existing: LoadBalancer | None) -> None:
    if existing is not None:
        remedy = (
            "AWS cannot take all security groups from a load balancer that has some; take this away, or make it anew"
        )
        raise SpecError([blamed(lb.blame, "disable-nlb-sg", remedy=remedy, stack=stack)])


def _own_groups(
    lb: LoadBalancerIntent, wanted: Sequence[str], *, stack: StackId, facts: Facts, config: BuildConfig
) -> Groups:
    if lb.security_groups.manage_backend_rules and not config.enable_backend_security_group:
        remedy = "needs the flag --enable-backend-security-group=true"
        raise SpecError([blamed(lb.blame, "manage-backend-security-group-rules", remedy=remedy, stack=stack)])
    if doubled := [name for name, times in Counter(wanted).items() if times > 1 and name.startswith("sg-")]:
        remedy = f"name {', '.join(doubled)} once"
        problem = blamed(lb.blame, "security-groups", remedy=remedy, stack=stack, value=", ".join(wanted))
        raise SpecError([problem])
    found = facts[SecurityGroupIds(frozenset(wanted))]
    if missing := [name for name in wanted if name not in found]:
        remedy = f"{config.vpc_id} has no security group {', '.join(missing)}; name groups of it by id or Name tag"
        problem = blamed(lb.blame, "security-groups", remedy=remedy, stack=stack, value=", ".join(wanted))
        raise UnmetNeed([problem])
    # all groups that bear a name: a tag need not be unique
    frontend: tuple[Value, ...] = tuple(dict.fromkeys(group for name in wanted for group in found[name]))
    if not lb.security_groups.manage_backend_rules:
        return Groups(frontend=frontend)
    return Groups(frontend=(*frontend, BACKEND_SECURITY_GROUP), backend=BACKEND_SECURITY_GROUP)


def _managed_group(intent: StackIntent, *, ip_address_type: str, config: BuildConfig) -> SecurityGroup:
    if intent.load_balancer.type == "network" and ip_address_type == "ipv4":
        _check_that_no_ipv6_is_let_in(intent.load_balancer, stack=intent.stack)
    return SecurityGroup(
        id=MANAGED,
        name=_managed_name(intent, cluster=config.cluster_name),
        description=_DESCRIPTION,
        tags=resource_tags(intent.load_balancer.tags, stack=intent.stack, resource=MANAGED, config=config),
        ingress=frozenset(
            rule
            for access, transport, port in _openings(intent)
            for rule in _rules(access, transport, port, ipv6=ip_address_type != "ipv4")
        ),
    )


def _check_that_no_ipv6_is_let_in(lb: LoadBalancerIntent, *, stack: StackId) -> None:
    if ipv6 := [cidr for cidr in lb.access.cidrs if ":" in cidr]:
        remedy = "an IPv6 network needs the address type dualstack"
        raise SpecError([blamed(lb.blame, "source-ranges", remedy=remedy, stack=stack, value=", ".join(ipv6))])


def _managed_name(intent: StackIntent, *, cluster: str) -> str:
    if intent.stack.owner == "ingress":
        return naming.ingress_security_group(cluster=cluster, group=intent.stack.name)
    service = own_service(intent)
    return naming.service_security_group(
        cluster=cluster, namespace=service.namespace, name=service.name, uid=service.uid
    )


def _openings(intent: StackIntent) -> Iterator[tuple[FrontendAccess, str, int]]:
    """Who may reach which port by which transport protocol."""
    general = intent.load_balancer.access
    if general.ports is not None:
        yield from ((general, transport, port) for transport, port in general.ports)
        return
    for listener in intent.listeners:
        for transport in transports(listener.protocol):
            yield _access(listener, general), transport, listener.port


def _access(listener: ListenerIntent, general: FrontendAccess) -> FrontendAccess:
    return general if listener.access is None else listener.access


def transports(protocol: str) -> tuple[str, ...]:
    """The transport protocols (``tcp``, ``udp``) under a listener's or target group's protocol."""
    return _TRANSPORTS.get(protocol, ("tcp",))


def _rules(access: FrontendAccess, transport: str, port: int, *, ipv6: bool) -> Iterator[IngressRule]:
    """The rules for one port. IPv6 networks have no meaning on an IPv4 ALB and are passed over."""
    for cidr in _cidrs(access):
        kind = "ipv6" if ":" in cidr else "ipv4"
        if kind == "ipv6" and not ipv6:
            continue
        source = Source("ipv6" if kind == "ipv6" else "ipv4", cidr)
        yield IngressRule(protocol=transport, from_port=port, to_port=port, source=source)
        if access.icmp:
            protocol, icmp_type, code = _PATH_MTU[kind]
            yield IngressRule(protocol=protocol, from_port=icmp_type, to_port=code, source=source)
    for prefix_list in access.prefix_lists:
        yield IngressRule(protocol=transport, from_port=port, to_port=port, source=Source("prefix-list", prefix_list))


def _cidrs(access: FrontendAccess) -> tuple[str, ...]:
    everyone = () if access.prefix_lists or access.prefix_lists_only else ("0.0.0.0/0", "::/0")
    return access.cidrs or everyone
