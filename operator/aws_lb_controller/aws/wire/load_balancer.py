"""Load balancers: CreateLoadBalancer, SetSubnets and SetSecurityGroups one way, DescribeLoadBalancers the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lb_controller.aws.wire.tags import Json, to_aws, without_none
from aws_lb_controller.model.load_balancer import LoadBalancer, SubnetMapping
from aws_lb_controller.model.observed import SeenLoadBalancer
from aws_lb_controller.plan.steps import ModifyCapacityReservation, ModifyIpPools, SetSecurityGroups, SetSubnets


def create(lb: LoadBalancer) -> dict[str, Any]:
    """The parameters of CreateLoadBalancer."""
    return without_none(
        {
            "Name": lb.name,
            "Type": lb.type,
            "Scheme": lb.scheme,
            "IpAddressType": lb.ip_address_type,
            "SubnetMappings": [_mapping(subnet) for subnet in lb.subnets],
            "SecurityGroups": [str(group) for group in lb.security_groups],
            "CustomerOwnedIpv4Pool": lb.customer_owned_ipv4_pool,
            "EnablePrefixForIpv6SourceNat": lb.prefix_for_ipv6_source_nat,
            "IpamPools": without_none({"Ipv4IpamPoolId": lb.ipv4_ipam_pool_id}),
            "Tags": to_aws(lb.tags),
        }
    )


def set_subnets(step: SetSubnets) -> dict[str, Any]:
    """The parameters of SetSubnets; only a network load balancer has a source NAT switch."""
    nat = step.prefix_for_ipv6_source_nat if step.type == "network" else None
    mappings = [_mapping(subnet) for subnet in step.subnets]
    return without_none({"LoadBalancerArn": step.arn, "SubnetMappings": mappings, "EnablePrefixForIpv6SourceNat": nat})


def set_security_groups(step: SetSecurityGroups) -> dict[str, Any]:
    """The parameters of SetSecurityGroups. The list is sent even if it is empty."""
    switch = {"EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": step.inbound_rules_on_private_link}
    groups = [str(group) for group in step.security_groups]
    return {"LoadBalancerArn": step.arn, "SecurityGroups": groups, **without_none(switch)}


def modify_ip_pools(step: ModifyIpPools) -> dict[str, Any]:
    """The parameters of ModifyIpPools."""
    if step.ipv4_ipam_pool_id is None:
        return {"LoadBalancerArn": step.arn, "RemoveIpamPools": ["ipv4"]}
    return {"LoadBalancerArn": step.arn, "IpamPools": {"Ipv4IpamPoolId": step.ipv4_ipam_pool_id}}


def modify_capacity(step: ModifyCapacityReservation) -> dict[str, Any]:
    """The parameters of ModifyCapacityReservation."""
    if step.units == 0:
        return {"LoadBalancerArn": step.load_balancer, "ResetCapacityReservation": True}
    return {"LoadBalancerArn": step.load_balancer, "MinimumLoadBalancerCapacity": {"CapacityUnits": step.units}}


def seen_capacity(described: Json) -> int:
    """The capacity units that DescribeCapacityReservation tells; 0 without a reservation."""
    reserved: Json = described.get("MinimumLoadBalancerCapacity") or {}
    return int(reserved.get("CapacityUnits", 0))


def _mapping(subnet: SubnetMapping) -> dict[str, Any]:
    return without_none(
        {
            "SubnetId": subnet.subnet_id,
            "AllocationId": subnet.allocation_id,
            "PrivateIPv4Address": subnet.private_ipv4_address,
            "IPv6Address": subnet.ipv6_address,
            "SourceNatIpv6Prefix": subnet.source_nat_ipv6_prefix,
        }
    )


def seen(
    described: Json, *, resource_tag: str, tags: Mapping[str, str], attributes: Mapping[str, str]
) -> SeenLoadBalancer:
    """A load balancer of DescribeLoadBalancers, which tells no capacity.

    resource_tag: the key of the tag that holds its id within the stack.
    """
    return SeenLoadBalancer(
        arn=described["LoadBalancerArn"],
        dns_name=described.get("DNSName", ""),
        hosted_zone_id=described.get("CanonicalHostedZoneId", ""),
        state=described.get("State", {}).get("Code", "active"),
        resource=LoadBalancer(
            id=tags.get(resource_tag, ""),
            name=described["LoadBalancerName"],
            type=described["Type"],
            scheme=described.get("Scheme", "internal"),
            ip_address_type=described.get("IpAddressType", "ipv4"),
            subnets=_subnets(described),
            security_groups=tuple(described.get("SecurityGroups", ())),
            tags=tags,
            attributes=attributes,
            customer_owned_ipv4_pool=described.get("CustomerOwnedIpv4Pool"),
            ipv4_ipam_pool_id=(described.get("IpamPools") or {}).get("Ipv4IpamPoolId"),
            inbound_rules_on_private_link=described.get("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"),
            prefix_for_ipv6_source_nat=described.get("EnablePrefixForIpv6SourceNat"),
        ),
    )


def _subnets(described: Json) -> tuple[SubnetMapping, ...]:
    zones = sorted(described.get("AvailabilityZones", ()), key=lambda zone: str(zone.get("SubnetId", "")))
    return tuple(_subnet(zone) for zone in zones)


def _subnet(zone: Json) -> SubnetMapping:
    address: Json = next(iter(zone.get("LoadBalancerAddresses", ())), {})
    return SubnetMapping(
        subnet_id=zone["SubnetId"],
        allocation_id=address.get("AllocationId"),
        private_ipv4_address=address.get("PrivateIPv4Address"),
        ipv6_address=address.get("IPv6Address"),
        source_nat_ipv6_prefix=next(iter(zone.get("SourceNatIpv6Prefixes", ())), None),
    )
