"""EC2 security groups and their inbound rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aws_lb_controller.model.refs import Value

SourceKind = Literal["ipv4", "ipv6", "prefix-list", "security-group"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule lets traffic come from: a CIDR, a prefix list's id or a security group's id."""

    kind: SourceKind
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressRule:
    """One inbound permission with one source, as EC2 keeps it (``IpPermission`` with a single range or pair).

    protocol: ``tcp``, ``udp``, ``icmp``, ``icmpv6`` or ``-1``; ports: inclusive, None for all (ICMP: type and code).
    """

    protocol: str
    from_port: int | None
    to_port: int | None
    source: Source
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroup:
    """A security group of the stack. EC2 does not let `name` and `description` be changed."""

    id: str
    name: str
    description: str
    tags: Mapping[str, str]
    ingress: frozenset[IngressRule]
