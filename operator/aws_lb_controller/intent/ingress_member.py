"""What one Ingress of a group asks for, before the members are brought together: values, each with whom to blame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from aws_lb_controller.errors import Problem
from aws_lb_controller.intent.annotations import Annotation, AnnotationReader
from aws_lb_controller.intent.ingress_class import Classified
from aws_lb_controller.intent.values import ActionIntent, Blame, RuleIntent, SubnetChoice, TargetGroupIntent
from aws_lb_controller.model.listener import MutualAuthentication
from aws_lb_controller.model.load_balancer import Scheme

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberInput:
    """An Ingress as the API gives it, and how it is ours."""

    ingress: Mapping[str, Any]
    classified: Classified


@dataclass(frozen=True, slots=True)
class Asked(Generic[T_co]):
    """A value that somebody asked for: the class's parameters, or else the Ingress."""

    value: T_co
    blame: Blame


def asked_of(notes: AnnotationReader, annotation: Annotation[T]) -> Asked[T] | None:
    """What the Ingress's own annotation asks for."""
    value = notes.get(annotation)
    return None if value is None else Asked(value, notes.blame(annotation))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A map of the Ingress, and the class's, whose keys win."""

    own: Asked[Mapping[str, str]] | None = None
    by_class: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberListener:
    """A listener that one member asks for.

    certificate_hosts: hosts to find certificates for where it gives no ARN; found_certificates: the ARNs of those that
    were found for a member that is set aside now.
    """

    port: int
    protocol: str
    cidrs: Asked[tuple[str, ...]] | None = None
    prefix_lists: Asked[tuple[str, ...]] | None = None
    certificates: tuple[str, ...] = ()
    certificate_hosts: frozenset[str] = frozenset()
    found_certificates: frozenset[str] = frozenset()
    ssl_policy: Asked[str] | None = None
    mutual_authentication: Asked[MutualAuthentication] | None = None
    attributes: Settled = Settled()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFirewall:
    """What is to guard the load balancer, by one member: fields as in `FirewallIntent`."""

    web_acl: Asked[str] | None = None
    web_acl_name: Asked[str] | None = None
    web_acl_found: str | None = None
    classic_web_acl: Asked[str] | None = None
    shield: Asked[bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberHealthCheck:
    """What one member asks of the health checks of a frontend NLB; the fields of `HealthCheckIntent`."""

    protocol: Asked[str] | None = None
    port: Asked[str] | None = None
    path: Asked[str] | None = None
    interval_seconds: Asked[int] | None = None
    timeout_seconds: Asked[int] | None = None
    healthy_threshold: Asked[int] | None = None
    unhealthy_threshold: Asked[int] | None = None
    success_codes: Asked[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFrontend:
    """What one member asks of an NLB in front of the group's ALB. ports: the NLB's port → that of an ALB listener."""

    enabled: Asked[bool] | None = None
    scheme: Asked[Scheme] | None = None
    subnets: Asked[tuple[str, ...]] | None = None
    security_groups: Asked[tuple[str, ...]] | None = None
    eip_allocations: Asked[tuple[str, ...]] | None = None
    tags: Asked[Mapping[str, str]] | None = None
    attributes: Asked[Mapping[str, str]] | None = None
    ports: Asked[Mapping[int, int]] | None = None
    health_check: MemberHealthCheck = MemberHealthCheck()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberIntent:
    """One Ingress, read. Its rules stand on each of its listeners.

    name: ``namespace/name``; order: ``group.order``; default_actions None: it has no default backend; listen_blame:
    whom to tell of its ports. ssl_redirect's value is None where the class gives a port that is no number: then the
    whole group goes without.
    """

    name: str
    order: int
    listen_blame: Blame
    listeners: tuple[MemberListener, ...]
    rules: tuple[RuleIntent, ...] = ()
    default_actions: tuple[ActionIntent, ...] | None = None
    target_groups: tuple[TargetGroupIntent, ...] = ()
    scheme: Asked[Scheme] | None = None
    load_balancer_name: Asked[str] | None = None
    ip_address_type: Asked[str] | None = None
    subnets: Asked[SubnetChoice] | None = None
    security_groups: Asked[tuple[str, ...]] | None = None
    manage_backend_rules: Asked[bool] | None = None
    attributes: Settled = Settled()
    tags: Mapping[str, str] = field(default_factory=dict)
    tags_blame: Blame
    capacity_units: Asked[int] | None = None
    class_capacity_units: int | None = None
    customer_owned_pool: Asked[str] | None = None
    ipam_pool: Asked[str] | None = None
    class_ipam_pool: str | None = None
    ssl_redirect: Asked[int | None] | None = None
    frontend: MemberFrontend = MemberFrontend()
    firewall: MemberFirewall = MemberFirewall()
    warnings: tuple[Problem, ...] = ()
