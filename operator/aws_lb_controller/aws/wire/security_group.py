"""Security groups: CreateSecurityGroup one way, DescribeSecurityGroups the other.

EC2 joins inbound rules that differ only in their source, the model does not. Rules change in `security_group_rules`.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator
from typing import Any

from aws_lb_controller.aws.wire.tags import Json, from_aws, specification, without_none
from aws_lb_controller.model.observed import Seen
from aws_lb_controller.model.security_group import IngressRule, SecurityGroup, Source, SourceKind

_SOURCES: tuple[tuple[SourceKind, str, str], ...] = (
    ("ipv4", "IpRanges", "CidrIp"),
    ("ipv6", "Ipv6Ranges", "CidrIpv6"),
    ("prefix-list", "PrefixListIds", "PrefixListId"),
    ("security-group", "UserIdGroupPairs", "GroupId"),
)
"""Kind of source, the list of an ``IpPermission`` that holds it, and the field of an entry."""


def create(group: SecurityGroup, *, vpc_id: str) -> dict[str, Any]:
    """The parameters of CreateSecurityGroup."""
    return without_none(
        {
            "VpcId": vpc_id,
            "GroupName": group.name,
            "Description": group.description,
            "TagSpecifications": specification(group.tags),
        }
    )


def seen(described: Json, *, resource_tag: str) -> Seen[SecurityGroup]:
    """A group of DescribeSecurityGroups; resource_tag: the key of the tag that holds its id within the stack."""
    tags = from_aws(described.get("Tags", ()))
    return Seen(
        arn=described["GroupId"],
        resource=SecurityGroup(
            id=tags.get(resource_tag, ""),
            name=described.get("GroupName", ""),
            description=described.get("Description", ""),
            tags=tags,
            ingress=ingress(described),
        ),
    )


def ingress(described: Json) -> frozenset[IngressRule]:
    """The inbound rules of a group of DescribeSecurityGroups."""
    return frozenset(rule for permission in described.get("IpPermissions", ()) for rule in _rules(permission))


def _rules(permission: Json) -> Iterator[IngressRule]:
    for kind, entries, field in _SOURCES:
        for entry in permission.get(entries, ()):
            yield IngressRule(
                protocol=permission["IpProtocol"],
                from_port=permission.get("FromPort"),
                to_port=permission.get("ToPort"),
                source=Source(kind, entry[field]),
                description=entry.get("Description", ""),
            )


def permits(rule: IngressRule) -> IngressRule:
    """What a rule lets in, as EC2 tells rules apart: without its description, the network without host bits."""
    return dataclasses.replace(rule, description="", source=_normal(rule.source))


def _normal(source: Source) -> Source:
    if source.kind not in ("ipv4", "ipv6"):
        return source
    return dataclasses.replace(source, value=str(ipaddress.ip_network(str(source.value), strict=False)))
