"""The target groups of a stack: one for each Service port that a listener or rule leads to."""

from __future__ import annotations

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.health_checks import build_health_check
from aws_lb_controller.build.owner import is_own, own_service
from aws_lb_controller.build.problems import blamed
from aws_lb_controller.build.tags import resource_tags
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.values import StackIntent, TargetGroupIntent
from aws_lb_controller.model import naming
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.model.target_group import HealthCheck, TargetGroup

_PORT_OF_A_NAME = 1
"""Where the pods' port has only a name: AWS wants a number, but each target is registered with its own."""


def build_target_group(
    wanted: TargetGroupIntent, *, intent: StackIntent, ip_address_type: str, config: BuildConfig
) -> TargetGroup:
    """ip_address_type: the load balancer's. Raises SpecError where the Service cannot be a target like this."""
    port = _port(wanted, stack=intent.stack)
    health_check = build_health_check(
        wanted, load_balancer=intent.load_balancer.type, stack=intent.stack, config=config
    )
    return TargetGroup(
        id=wanted.id,
        name=_name(wanted, intent=intent, port=port, health_check=health_check, cluster=config.cluster_name),
        target_type=wanted.target_type,
        port=port,
        protocol=wanted.protocol,
        protocol_version=wanted.protocol_version,
        ip_address_type=_ip_address_type(wanted, intent=intent, load_balancer=ip_address_type),
        vpc_id=config.vpc_id,
        health_check=health_check,
        tags=resource_tags(wanted.tags, stack=intent.stack, resource=wanted.id, config=config),
        attributes=dict(wanted.attributes),
        target_control_port=_control_port(wanted, stack=intent.stack),
    )


def _port(wanted: TargetGroupIntent, *, stack: StackId) -> int:
    if wanted.target_type != "instance":
        target_port = wanted.service_port.target_port
        return target_port if isinstance(target_port, int) else _PORT_OF_A_NAME
    if not wanted.service_port.node_port:
        service = wanted.service
        remedy = (
            f"port {wanted.service_port.port} of Service {service.namespace}/{service.name} (type {service.type}) "
            "has no node port: make it NodePort or LoadBalancer, or take ip targets"
        )
        raise SpecError([blamed(wanted.blame, "target-type", remedy=remedy, stack=stack, value="instance")])
    return wanted.service_port.node_port


def _control_port(wanted: TargetGroupIntent, *, stack: StackId) -> int | None:
    if wanted.target_control_port is not None and wanted.target_type == "instance":
        remedy = "a target control port needs ip targets"
        raise SpecError([blamed(wanted.blame, "target-control-port", remedy=remedy, stack=stack)])
    return wanted.target_control_port


def _ip_address_type(wanted: TargetGroupIntent, *, intent: StackIntent, load_balancer: str) -> str:
    if "IPv6" not in wanted.service.ip_families:
        return "ipv4"
    if load_balancer == "ipv4":
        service = f"{wanted.service.namespace}/{wanted.service.name}"
        remedy = f"write dualstack: Service {service} has IPv6 addresses, and the load balancer is {load_balancer}"
        blame = intent.load_balancer.blame
        raise SpecError([blamed(blame, "ip-address-type", remedy=remedy, stack=intent.stack)])
    return "ipv6"


def _name(wanted: TargetGroupIntent, *, intent: StackIntent, port: int, health_check: HealthCheck, cluster: str) -> str:
    service = wanted.service
    if intent.stack.owner == "service":
        return naming.service_target_group(
            cluster=cluster,
            namespace=service.namespace,
            name=service.name,
            uid=service.uid,
            base_service_uid=None if is_own(service, intent) else own_service(intent).uid,
            service_port=wanted.service_port.port,
            port=port,
            target_type=wanted.target_type,
            protocol=wanted.protocol,
            health_check_protocol=health_check.protocol,
            health_check_interval_seconds=health_check.interval_seconds,
        )
    ingress_namespace, _, ingress_name = wanted.owner.partition("/")
    return naming.ingress_target_group(
        cluster=cluster,
        group=intent.stack.name,
        ingress_namespace=ingress_namespace,
        ingress_name=ingress_name,
        service_namespace=service.namespace,
        service_name=service.name,
        service_uid=service.uid,
        service_port=wanted.port_as_written,
        port=port,
        target_type=wanted.target_type,
        protocol=wanted.protocol,
        protocol_version=wanted.protocol_version or "",
        target_control_port=wanted.target_control_port,
    )
