"""What a user asked for, typed and merged, before anything of AWS is known. Services and Ingresses speak the same
words.

None always means that the user was silent: the builder, or AWS, chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_lb_controller.model.listener import (
    Authenticate,
    Condition,
    FixedResponse,
    MutualAuthentication,
    Redirect,
    Transform,
)
from aws_lb_controller.model.load_balancer import LoadBalancerType, Scheme
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.model.target_group import TargetType


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """Whom a problem is told to: the object (``Service shop/web``) and the annotation key or field path it stands
    in.

    member: the Ingress (``namespace/name``) that suffers where the object is another one, such as its class's
    parameters; "" where the object itself does.
    """

    object: str
    field: str
    member: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetChoice:
    """Which subnets: by ids or Name tags, or by tags (key → allowed values); both None: discovery by role tags."""

    names_or_ids: tuple[str, ...] | None = None
    tags: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedAddresses:
    """An NLB's addresses, one an item for each subnet."""

    eip_allocations: tuple[str, ...] | None = None
    private_ipv4: tuple[str, ...] | None = None
    ipv6: tuple[str, ...] | None = None
    source_nat_ipv6_prefixes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendAccess:
    """Who may reach the listeners, where the security group is managed: CIDRs (IPv4 and IPv6) and prefix lists.

    All empty: everyone; but with prefix_lists_only (they were asked for, be it none) nobody. icmp: let ICMP
    "fragmentation needed" in, for path MTU discovery (NLB). ports: (``tcp`` or ``udp``, port) to open; None: those of
    the listeners.
    """

    cidrs: tuple[str, ...] = ()
    prefix_lists: tuple[str, ...] = ()
    prefix_lists_only: bool = False
    icmp: bool = False
    ports: tuple[tuple[str, int], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroupChoice:
    """groups: ids or Name tags of the user's own; None: one managed by us. none_at_all: an NLB without any.

    manage_backend_rules: with groups of the user's own, still open the targets' groups for the load balancer.
    backend_rules_refused: the user wrote that the targets' groups are not ours to touch; matters with no group at all.
    """

    groups: tuple[str, ...] | None = None
    none_at_all: bool = False
    manage_backend_rules: bool = False
    backend_rules_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallIntent:
    """What is to guard the load balancer. web_acl: the ARN of a WAFv2 web ACL; web_acl_name: its name instead;
    web_acl_found: the ARN that the name was last found to have; classic_web_acl: the id of one of WAF Classic;
    shield: whether Shield Advanced protects it.

    "" is the wish that there be no web ACL.
    """

    web_acl: str | None = None
    web_acl_name: str | None = None
    web_acl_found: str | None = None
    classic_web_acl: str | None = None
    shield: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancerIntent:
    """The load balancer that a Service, or the members of a group together, ask for.

    scheme None: the user was silent, so an existing load balancer keeps its own and a new one is `default_scheme`.
    scheme_contested: members of a group ask for several, so an existing load balancer keeps its own as well.
    blame: field → whom to tell, for problems that are only found with facts (``subnets``, ``security-groups`` …).
    """

    type: LoadBalancerType
    scheme: Scheme | None
    default_scheme: Scheme = "internal"
    scheme_contested: bool = False
    name: str | None = None
    ip_address_type: str | None = None
    subnets: SubnetChoice = SubnetChoice()
    addresses: FixedAddresses = FixedAddresses()
    security_groups: SecurityGroupChoice = SecurityGroupChoice()
    access: FrontendAccess = FrontendAccess()
    tags: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    customer_owned_ipv4_pool: str | None = None
    ipv4_ipam_pool_id: str | None = None
    minimum_capacity_units: int | None = None
    inbound_rules_on_private_link: str | None = None
    prefix_for_ipv6_source_nat: str | None = None
    firewall: FirewallIntent = FirewallIntent()
    blame: Mapping[str, Blame] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheckIntent:
    """Health check settings as far as the user gave them; port is ``traffic-port``, a number or a port's name."""

    protocol: str | None = None
    port: str | None = None
    path: str | None = None
    interval_seconds: int | None = None
    timeout_seconds: int | None = None
    healthy_threshold: int | None = None
    unhealthy_threshold: int | None = None
    success_codes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """A port of a Service (``spec.ports[]``). target_port: a number, or a container port's name."""

    name: str
    port: int
    target_port: int | str
    node_port: int | None
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """The part of a Service that a target group depends on. cluster IP families decide the address type."""

    namespace: str
    name: str
    uid: str
    type: str
    ports: tuple[ServicePort, ...]
    ip_families: tuple[str, ...]
    external_traffic_policy: str
    health_check_node_port: int | None
    annotations: Mapping[str, str]

    def find_port(self, wanted: int | str) -> ServicePort | None:
        """The port of a number or of a name: the first that fits, whatever its protocol."""
        return next((p for p in self.ports if wanted == (p.name if isinstance(wanted, str) else p.port)), None)

    def ports_in_words(self) -> str:
        """The ports, as problems tell of them."""
        return ", ".join(f"{p.port} ({p.name})" if p.name else str(p.port) for p in self.ports) or "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroupIntent:
    """A target group that is asked for: one port of one Service, seen from one owner.

    id: the resource's id in the stack; port_as_written: the Service port as the user wrote it (number or name),
    which the name's hash and the binding's ``serviceRef.port`` take; owner: ``namespace/name`` of the Ingress (""
    for a Service's own).
    """

    id: str
    owner: str
    service: ServiceFacts
    service_port: ServicePort
    port_as_written: int | str
    target_type: TargetType
    protocol: str
    protocol_version: str | None = None
    health_check: HealthCheckIntent = HealthCheckIntent()
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, Any] | None = None
    multi_cluster: bool = False
    target_control_port: int | None = None
    blame: Mapping[str, Blame] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardTo:
    """One destination of a forward: a target group of this stack (its id), or a foreign one by ARN or name."""

    target_group: str | None = None
    arn: str | None = None
    name: str | None = None
    weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardIntent:
    """A forward action before ARNs are known."""

    to: tuple[ForwardTo, ...]
    stickiness_seconds: int | None = None


ActionIntent = ForwardIntent | FixedResponse | Redirect | Authenticate


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleIntent:
    """A rule before it has a priority: its place in the listener's tuple is its place in AWS. owner: whose it is."""

    owner: str
    conditions: tuple[Condition, ...]
    actions: tuple[ActionIntent, ...]
    transforms: tuple[Transform, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerIntent:
    """A listener that is asked for, with its rules in order.

    default_owner: whose the default actions are. certificates: ARNs in order; certificate_hosts: hosts to find
    certificates for where no ARN is given; found_certificates: what was found so before, and stays. first_hosts and
    first_found: those of them that the default certificate is one of (empty: it is the first of certificates).
    mutual_authentication: its trust store may be given by name. access: who may reach this port; None: as the load
    balancer's `access` says.
    """

    port: int
    protocol: str
    default_actions: tuple[ActionIntent, ...]
    default_owner: str = ""
    rules: tuple[RuleIntent, ...] = ()
    certificates: tuple[str, ...] = ()
    certificate_hosts: frozenset[str] = frozenset()
    found_certificates: frozenset[str] = frozenset()
    first_hosts: frozenset[str] = frozenset()
    first_found: frozenset[str] = frozenset()
    ssl_policy: str | None = None
    alpn_policy: str | None = None
    mutual_authentication: MutualAuthentication | None = None
    access: FrontendAccess | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    blame: Mapping[str, Blame] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendListenerIntent:
    """A TCP port of an NLB in front of an ALB. target_port: that of the ALB's listener which it leads to."""

    port: int
    target_port: int
    health_check: HealthCheckIntent = HealthCheckIntent()


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendIntent:
    """An NLB in front of a group's ALB.

    load_balancer: its address type is the ALB's, and so are its security groups where none are named.
    """

    load_balancer: LoadBalancerIntent
    listeners: tuple[FrontendListenerIntent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """What the members of an IngressGroup speak of that only AWS knows, whether it holds in the group or not: what a
    member is known to have given must not depend on what other members say.

    target_groups: names of target groups that are not of the stack. certificates: whether any are to be found by host.
    web_acls: whether any is named.
    """

    target_groups: frozenset[str] = frozenset()
    certificates: bool = False
    web_acls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StackIntent:
    """Everything one Service, or one IngressGroup, asks for; what a stack is built from."""

    stack: StackId
    load_balancer: LoadBalancerIntent
    target_groups: tuple[TargetGroupIntent, ...]
    listeners: tuple[ListenerIntent, ...]
    frontend: FrontendIntent | None = None
    mentions: Mentions = Mentions()
