"""Every name that we give to an AWS resource. They must not change: a cluster's existing resources carry them.

A generated name is readable in front (namespace and name, shortened to what AWS allows) and ends in ten hexadecimal
digits of a SHA-256 over what makes the resource another one. The order of the hashed fields is part of the name; it
differs between the target groups of Ingresses and of Services. AWS allows 32 characters for load balancers and target
groups, 255 for security groups.

`group` is an IngressGroup's id as text: ``namespace/name`` for an Ingress alone, the group's name for an explicit one.
"""

from __future__ import annotations

import hashlib
import re


def application_load_balancer(*, cluster: str, group: str, scheme: str) -> str:
    """The ALB of an IngressGroup."""
    return _of_group(group, _digest(cluster, group, scheme))


def ingress_security_group(*, cluster: str, group: str) -> str:
    """The security group that we manage for an IngressGroup's ALB."""
    return _of_group(group, _digest(cluster, group))


def ingress_target_group(
    *,
    cluster: str,
    group: str,
    ingress_namespace: str,
    ingress_name: str,
    service_namespace: str,
    service_name: str,
    service_uid: str,
    service_port: int | str,
    port: int,
    target_type: str,
    protocol: str,
    protocol_version: str,
    target_control_port: int | None = None,
) -> str:
    """The target group of an Ingress's backend.

    service_port: as the Ingress writes it, number or name; port: the target group's ``Port`` in AWS.
    """
    control = () if target_control_port is None else (target_control_port,)
    digest = _digest(
        cluster,
        group,
        ingress_namespace,
        ingress_name,
        service_uid,
        service_port,
        port,
        target_type,
        protocol,
        protocol_version,
        *control,
    )
    return _of_object(service_namespace, service_name, digest)


def frontend_network_load_balancer(*, alb: str) -> str:
    """The NLB in front of an ALB, from the ALB's name."""
    return f"{alb[:28]}-nlb"


def other_frontend_network_load_balancer(*, alb: str, scheme: str) -> str:
    """The same while an NLB of the other scheme, which it replaces, has that name."""
    return f"{alb[:17].rstrip('-')}-{_digest(alb, scheme)}-nlb"


def frontend_target_group(
    *,
    cluster: str,
    group: str,
    port: int,
    protocol: str,
    health_check_port: int | str,
    health_check_protocol: str,
    target_type: str = "alb",
) -> str:
    """The target group by which a frontend NLB reaches its ALB, for one listener's port."""
    digest = _digest(cluster, group, port, target_type, protocol, health_check_port, health_check_protocol)
    return _of_group(group, digest)


def network_load_balancer(*, cluster: str, namespace: str, name: str, uid: str, scheme: str) -> str:
    """The NLB of a Service."""
    return _of_object(namespace, name, _digest(cluster, uid, scheme))


def service_security_group(*, cluster: str, namespace: str, name: str, uid: str) -> str:
    """The security group that we manage for a Service's NLB."""
    return _of_object(namespace, name, _digest(cluster, name, namespace, uid))


def service_target_group(
    *,
    cluster: str,
    namespace: str,
    name: str,
    uid: str,
    service_port: int | str,
    port: int,
    target_type: str,
    protocol: str,
    health_check_protocol: str,
    health_check_interval_seconds: int,
    base_service_uid: str | None = None,
) -> str:
    """The target group of a Service's port.

    namespace, name, uid and service_port are those of the Service whose pods are the targets. Where that is another one
    than the Service whose NLB it is (weighted backends), base_service_uid is the latter's. port: the target group's
    ``Port`` in AWS.
    """
    digest = _digest(
        cluster,
        base_service_uid or "",
        uid,
        port,
        service_port,
        target_type,
        protocol,
        health_check_protocol,
        health_check_interval_seconds,
    )
    return _of_object(namespace, name, digest)


def backend_security_group(*, cluster: str) -> str:
    """The security group that all load balancers of a cluster share towards the targets."""
    return f"k8s-traffic-{_plain(cluster)[:232]}-{_digest(cluster)}"


def successor(name: str) -> str:
    """Another name of the same shape, for what replaces something that still has its name in AWS."""
    return f"{name[:-10]}{_digest(name)}"


def _of_group(group: str, digest: str) -> str:
    namespace, slash, name = group.partition("/")
    return _of_object(namespace, name, digest) if slash else f"k8s-{_plain(group)[:17]}-{digest}"


def _of_object(namespace: str, name: str, digest: str) -> str:
    return f"k8s-{_plain(namespace)[:8]}-{_plain(name)[:8]}-{digest}"


def _plain(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", text)


def _digest(*fields: str | int) -> str:
    return hashlib.sha256("".join(map(str, fields)).encode()).hexdigest()[:10]
