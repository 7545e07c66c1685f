"""A target group's health check: what the user gave, else defaults by load balancer, protocol and Service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.problems import blamed
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.readers import Unreadable, read_int32
from aws_lb_controller.intent.values import HealthCheckIntent, TargetGroupIntent
from aws_lb_controller.model.load_balancer import LoadBalancerType
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.model.target_group import HealthCheck

T = TypeVar("T")

TRAFFIC_PORT = "traffic-port"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Defaults:
    """Fields as in `HealthCheck`; codes is the matcher for protocols that have one."""

    protocol: str
    port: str = TRAFFIC_PORT
    path: str = "/"
    interval: int
    timeout: int
    healthy: int
    unhealthy: int
    codes: str


def build_health_check(
    intent: TargetGroupIntent, *, load_balancer: LoadBalancerType, stack: StackId, config: BuildConfig
) -> HealthCheck:
    """Raises SpecError for a port's name that leads to no port."""
    asked, usual = intent.health_check, _defaults(intent, load_balancer)
    protocol = (asked.protocol or usual.protocol).upper()
    codes = _given(asked.success_codes, usual.codes) if _has_matcher(protocol, load_balancer, config) else None
    grpc = intent.protocol_version == "GRPC"
    return HealthCheck(
        protocol=protocol,
        port=_port(intent, _given(asked.port, usual.port), stack=stack),
        path=None if protocol == "TCP" else _given(asked.path, usual.path),
        interval_seconds=_given(asked.interval_seconds, usual.interval),
        timeout_seconds=_given(asked.timeout_seconds, usual.timeout),
        healthy_threshold=_given(asked.healthy_threshold, usual.healthy),
        unhealthy_threshold=_given(asked.unhealthy_threshold, usual.unhealthy),
        http_codes=None if grpc else codes,
        grpc_codes=codes if grpc else None,
    )


def build_frontend_health_check(asked: HealthCheckIntent) -> HealthCheck:
    """How an NLB asks the ALB behind it."""
    return HealthCheck(
        protocol=asked.protocol or "HTTP",
        port=asked.port or TRAFFIC_PORT,
        path=asked.path or "/",
        interval_seconds=_given(asked.interval_seconds, 15),
        timeout_seconds=_given(asked.timeout_seconds, 5),
        healthy_threshold=_given(asked.healthy_threshold, 2),
        unhealthy_threshold=_given(asked.unhealthy_threshold, 2),
        http_codes=asked.success_codes or "200",
    )


def _given(asked: T | None, usual: T) -> T:
    """An empty text is the user's too: AWS judges it."""
    return usual if asked is None else asked


def _has_matcher(protocol: str, load_balancer: LoadBalancerType, config: BuildConfig) -> bool:
    return protocol != "TCP" and (load_balancer == "application" or config.nlb_health_check_advanced_config)


def _defaults(intent: TargetGroupIntent, load_balancer: LoadBalancerType) -> _Defaults:
    if load_balancer == "application":
        grpc = intent.protocol_version == "GRPC"
        return _Defaults(
            protocol=intent.protocol,
            path="/AWS.ALB/healthcheck" if grpc else "/",
            interval=15,
            timeout=5,
            healthy=2,
            unhealthy=2,
            codes="12" if grpc else "200",
        )
    if _asks_nodes_for_local_pods(intent):
        return _Defaults(
            protocol="HTTP",
            port=str(intent.service.health_check_node_port or TRAFFIC_PORT),
            path="/healthz",
            interval=10,
            timeout=6,
            healthy=2,
            unhealthy=2,
            codes="200-399",
        )
    return _Defaults(protocol="TCP", interval=10, timeout=10, healthy=3, unhealthy=3, codes="200-399")


def _asks_nodes_for_local_pods(intent: TargetGroupIntent) -> bool:
    """With externalTrafficPolicy Local only some nodes serve; which, kube-proxy tells on the health check node port."""
    service = intent.service
    return (
        intent.target_type == "instance"
        and service.external_traffic_policy == "Local"
        and service.type == "LoadBalancer"
    )


def _port(intent: TargetGroupIntent, text: str, *, stack: StackId) -> str:
    """A number of more than 32 bits counts as a name, and an empty text is that of a port without one."""
    if text == TRAFFIC_PORT:
        return text
    try:
        return str(read_int32(text))
    except Unreadable:
        return str(_numbered(intent, text, stack=stack))


def _numbered(intent: TargetGroupIntent, name: str, *, stack: StackId) -> int:
    """The number behind the name of one of the Service's ports, as the targets see it."""
    port = intent.service.find_port(name)
    if port is None:
        known = ", ".join(p.name for p in intent.service.ports if p.name) or "none"
        remedy = f"Service {intent.service.namespace}/{intent.service.name} has no port of that name (it has: {known})"
    elif intent.target_type == "instance":
        if port.node_port:
            return port.node_port
        remedy = "this port of the Service has no node port, which instance targets need"
    elif isinstance(port.target_port, int):
        return port.target_port
    else:
        remedy = f"this port's targetPort is a name ({port.target_port}), which may differ between pods; write a number"
    raise SpecError([blamed(intent.blame, "healthcheck-port", remedy=remedy, stack=stack, value=name)])
