"""ELBv2 target groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aws_lb_controller.model.refs import Value

TargetType = Literal["instance", "ip", "alb"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """A target group's health check; port is ``traffic-port`` or a number as text, times are seconds.

    path, http_codes and grpc_codes (the ``Matcher``) are None where the protocol has none or the user is silent.
    """

    protocol: str
    port: str
    path: str | None
    interval_seconds: int
    timeout_seconds: int
    healthy_threshold: int
    unhealthy_threshold: int
    http_codes: str | None = None
    grpc_codes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancerTarget:
    """The one target of a target group of type ``alb``: an ALB's ARN, and the port of one of its listeners."""

    load_balancer: Value
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """A target group of the stack. id is the value of its ``…k8s.aws/resource`` tag.

    attributes holds only what we set: whatever is not in it is left as AWS has it. target: for the type ``alb`` only,
    None in an observed one that has no target; the targets of other types are their bindings' business.
    """

    id: str
    name: str
    target_type: TargetType
    port: int
    protocol: str
    protocol_version: str | None
    ip_address_type: str
    vpc_id: str
    health_check: HealthCheck
    tags: Mapping[str, str]
    attributes: Mapping[str, str]
    target_control_port: int | None = None
    target: LoadBalancerTarget | None = None
