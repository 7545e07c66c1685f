"""ELBv2 load balancers: an ALB and an NLB are one noun, what differs is data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aws_lb_controller.model.firewall import SILENT, Firewall
from aws_lb_controller.model.refs import Ref, Value

LoadBalancerType = Literal["application", "network"]
Scheme = Literal["internal", "internet-facing"]

LOAD_BALANCER = "LoadBalancer"
"""The id of the load balancer within its stack."""

FRONTEND = "FrontendNlb"
"""The id of the NLB in front of it."""

DELETION_PROTECTION = "deletion_protection.enabled"
"""The attribute by which AWS refuses to delete a load balancer: ``true`` or ``false``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetMapping:
    """One subnet of a load balancer, with the fixed addresses an NLB may have there."""

    subnet_id: str
    allocation_id: str | None = None
    private_ipv4_address: str | None = None
    ipv6_address: str | None = None
    source_nat_ipv6_prefix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """A load balancer of the stack. id is the value of its ``…k8s.aws/resource`` tag.

    AWS does not let name, type and scheme be changed. other_name: what it is to be called where another load balancer
    of the stack has `name` (None: nothing else will do). security_groups is empty for an NLB without any. attributes
    holds only what we set: whatever is not in it is left as AWS has it. ipv4_ipam_pool_id None: AWS's own addresses.
    None anywhere else means: leave it as AWS has it.
    """

    id: str
    name: str
    type: LoadBalancerType
    scheme: Scheme
    ip_address_type: str
    subnets: tuple[SubnetMapping, ...]
    security_groups: tuple[Value, ...]
    tags: Mapping[str, str]
    attributes: Mapping[str, str]
    customer_owned_ipv4_pool: str | None = None
    ipv4_ipam_pool_id: str | None = None
    minimum_capacity_units: int | None = None
    inbound_rules_on_private_link: str | None = None
    prefix_for_ipv6_source_nat: str | None = None
    other_name: str | None = None
    firewall: Firewall = SILENT

    @property
    def ref(self) -> Ref:
        """The reference to this load balancer's ARN."""
        return Ref("LoadBalancer", self.id)
