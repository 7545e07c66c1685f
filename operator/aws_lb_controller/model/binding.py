"""TargetGroupBindings as a stack wants them: the Kubernetes half of a target group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_lb_controller.model.refs import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkingPort:
    """``spec.networking.ingress[].ports[]``; port None means all ports of the protocol."""

    protocol: str | None
    port: int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkingPeer:
    """``spec.networking.ingress[].from[]``: exactly one of a CIDR and a security group's id."""

    cidr: str | None = None
    security_group: Value | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkingRule:
    """``spec.networking.ingress[]``: who may reach the targets, on which ports."""

    peers: tuple[NetworkingPeer, ...]
    ports: tuple[NetworkingPort, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A ``TargetGroupBinding`` (elbv2.k8s.aws/v1beta1) of the stack.

    target_group: the target group's ARN; networking None: the targets' security groups are not ours to touch.
    node_selector is a ``LabelSelector`` as in the API, None without one.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    target_group: Value
    target_group_protocol: str
    target_type: str
    ip_address_type: str
    vpc_id: str | None
    service_name: str
    service_port: int | str
    networking: tuple[NetworkingRule, ...] | None
    node_selector: Mapping[str, object] | None = None
    multi_cluster: bool = False
    annotations: Mapping[str, str] | None = None
