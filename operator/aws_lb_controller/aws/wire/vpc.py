"""DescribeVpcs and DescribeSubnets: the networks that are associated with a VPC or subnet."""

from __future__ import annotations

from aws_lb_controller.aws.wire.tags import Json
from aws_lb_controller.build.facts import VpcCidrs


def networks(vpc: Json) -> VpcCidrs:
    """The networks of a ``Vpc``."""
    ipv4 = (
        association["CidrBlock"]
        for association in vpc.get("CidrBlockAssociationSet", ())
        if association.get("CidrBlockState", {}).get("State") == "associated"
    )
    return VpcCidrs(ipv4=tuple(ipv4), ipv6=ipv6_networks(vpc))


def ipv6_networks(described: Json) -> tuple[str, ...]:
    """The IPv6 networks of a ``Vpc`` or ``Subnet``."""
    return tuple(
        association["Ipv6CidrBlock"]
        for association in described.get("Ipv6CidrBlockAssociationSet", ())
        if association.get("Ipv6CidrBlockState", {}).get("State") == "associated"
    )
