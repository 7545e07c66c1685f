"""``IngressClassParams`` (elbv2.k8s.aws/v1beta1): what the administrator of an IngressClass settles for its Ingresses.

Whatever is set here wins over the annotations of an Ingress.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from aws_lb_controller.api.resource import ApiModel, OptionalText, Resource
from aws_lb_controller.api.selector import LabelSelector
from aws_lb_controller.api.target_group_binding import TargetType


class IngressGroup(ApiModel):
    """``spec.group``: all Ingresses of the class share one load balancer."""

    name: str


class SubnetSelector(ApiModel):
    """``spec.subnets``: by id, or by tags (key to the values allowed)."""

    ids: (
        Annotated[tuple[Annotated[str, StringConstraints(pattern="subnet-[0-9a-f]+")], ...], Field(min_length=1)] | None
    ) = None
    tags: Mapping[str, tuple[str, ...]] | None = None


class IPAMConfiguration(ApiModel):
    """``spec.ipamConfiguration``."""

    ipv4_ipam_pool_id: OptionalText = Field(default=None, alias="ipv4IPAMPoolId")


class Tag(ApiModel):
    """``spec.tags[]``."""

    key: str
    value: str


class Attribute(ApiModel):
    """``loadBalancerAttributes[]`` and ``listeners[].listenerAttributes[]``: key and value as in ELBv2's API."""

    key: str
    value: str


class Listener(ApiModel):
    """``spec.listeners[]``: attributes of the listener on a port."""

    protocol: OptionalText = None
    port: int | None = None
    listener_attributes: tuple[Attribute, ...] = ()


class MinimumLoadBalancerCapacity(ApiModel):
    """``spec.minimumLoadBalancerCapacity``: load balancer capacity units to keep reserved."""

    capacity_units: int


class IngressClassParamsSpec(ApiModel):
    """``spec``. None: left to the Ingresses."""

    namespace_selector: LabelSelector | None = None
    group: IngressGroup | None = None
    scheme: Literal["internal", "internet-facing"] | None = None
    inbound_cidrs: tuple[str, ...] | None = Field(default=None, alias="inboundCIDRs")
    certificate_arn: tuple[str, ...] | None = None
    ssl_policy: OptionalText = None
    ssl_redirect_port: OptionalText = None
    subnets: SubnetSelector | None = None
    ip_address_type: Literal["ipv4", "dualstack", "dualstack-without-public-ipv4"] | None = None
    tags: tuple[Tag, ...] | None = None
    target_type: TargetType | None = None
    load_balancer_name: OptionalText = None
    load_balancer_attributes: tuple[Attribute, ...] | None = None
    listeners: tuple[Listener, ...] | None = None
    minimum_load_balancer_capacity: MinimumLoadBalancerCapacity | None = None
    ipam_configuration: IPAMConfiguration | None = None
    prefix_lists_ids: tuple[str, ...] | None = Field(default=None, alias="prefixListsIDs")
    prefix_lists_ids_old: tuple[str, ...] | None = Field(default=None, alias="PrefixListsIDs")
    wafv2_acl_arn: OptionalText = None
    wafv2_acl_name: OptionalText = None

    @property
    def security_group_prefix_lists(self) -> tuple[str, ...] | None:
        """The prefix lists, under whichever of the field's two spellings they are given."""
        return self.prefix_lists_ids if self.prefix_lists_ids is not None else self.prefix_lists_ids_old

    @model_validator(mode="after")
    def _one_spelling_of_prefix_lists(self) -> Self:
        if self.prefix_lists_ids is not None and self.prefix_lists_ids_old is not None:
            raise ValueError("give prefixListsIDs or PrefixListsIDs, not both")
        return self


class IngressClassParams(Resource):
    """The whole object, which may lack a ``spec``."""

    spec: IngressClassParamsSpec = IngressClassParamsSpec()
