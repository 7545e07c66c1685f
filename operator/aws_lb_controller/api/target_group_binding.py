"""``TargetGroupBinding`` (elbv2.k8s.aws/v1beta1): pods or nodes behind a Service port are an AWS target group's."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from aws_lb_controller.api.resource import ApiModel, OptionalText, Resource
from aws_lb_controller.api.selector import LabelSelector

TargetType = Literal["instance", "ip"]
Protocol = Literal["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"]


class ServiceReference(ApiModel):
    """``spec.serviceRef``: a Service of the binding's namespace and its port, by number or name."""

    name: str
    port: int | str


class IPBlock(ApiModel):
    """``from[].ipBlock``."""

    cidr: str


class SecurityGroup(ApiModel):
    """``from[].securityGroup``."""

    group_id: str = Field(alias="groupID")


class NetworkingPeer(ApiModel):
    """``spec.networking.ingress[].from[]``: a network or a security group, one of the two."""

    ip_block: IPBlock | None = None
    security_group: SecurityGroup | None = None


class NetworkingPort(ApiModel):
    """``spec.networking.ingress[].ports[]``: no protocol means TCP, no port means all of them."""

    protocol: Literal["TCP", "UDP"] | None = None
    port: int | str | None = None


class NetworkingIngressRule(ApiModel):
    """``spec.networking.ingress[]``: who may reach the targets, and on which ports."""

    from_: tuple[NetworkingPeer, ...] = Field(alias="from")
    ports: tuple[NetworkingPort, ...]


class Networking(ApiModel):
    """``spec.networking``: what to open in the targets' security groups."""

    ingress: tuple[NetworkingIngressRule, ...] = ()


class TargetGroupBindingSpec(ApiModel):
    """``spec``. One of target_group_arn and target_group_name is given; the latter is looked up in AWS."""

    service_ref: ServiceReference
    target_group_arn: OptionalText = Field(default=None, alias="targetGroupARN")
    target_group_name: OptionalText = None
    target_group_protocol: Protocol | None = None
    target_type: TargetType | None = None
    ip_address_type: Literal["ipv4", "ipv6"] | None = None
    vpc_id: OptionalText = Field(default=None, alias="vpcID")
    networking: Networking | None = None
    node_selector: LabelSelector | None = None
    multi_cluster_target_group: bool = False
    iam_role_arn_to_assume: OptionalText = None
    assume_role_external_id: OptionalText = None


class Condition(ApiModel):
    """``status.conditions[]``, of meta/v1."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: datetime
    observed_generation: int | None = None


class TargetGroupBindingStatus(ApiModel):
    """``status``."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()


class TargetGroupBinding(Resource):
    """The whole object."""

    spec: TargetGroupBindingSpec
    status: TargetGroupBindingStatus = TargetGroupBindingStatus()
