"""Inbound rules of security groups that are not ours, but of nodes and pods: always read afresh.

Nothing is cached here, for a rule revoked on the strength of old knowledge is an outage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypedDict

from aws_lb_controller.api.names import cluster_tag
from aws_lb_controller.aws.errors import tolerating
from aws_lb_controller.aws.wire.security_group import ingress
from aws_lb_controller.aws.wire.tags import Json, from_aws
from aws_lb_controller.errors import AwsAlreadyExists, AwsNotFound
from aws_lb_controller.model.security_group import IngressRule
from aws_lb_controller.plan.targets import batches

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef, IpPermissionTypeDef, UserIdGroupPairTypeDef

    from aws_lb_controller.aws.clients import Clients

FILTER_VALUES = 200
"""EC2 takes at most so many values in the filters of one call."""


class SecurityGroupRules:
    """Reads and changes inbound rules by security group id; cluster tells which groups are the cluster's."""

    def __init__(self, clients: Clients, *, cluster: str) -> None:
        self._ec2, self._vpc_id, self._cluster = clients.ec2, clients.vpc_id, cluster

    def read(self, group_ids: Iterable[str]) -> dict[str, frozenset[IngressRule]]:
        """Each group's inbound rules (DescribeSecurityGroups); a group that does not exist is left out."""
        rules: dict[str, frozenset[IngressRule]] = {}
        for ids in batches(sorted(set(group_ids)), FILTER_VALUES):
            rules.update(_rules_by_group(self._described([{"Name": "group-id", "Values": list(ids)}])))
        return rules

    def read_groups_of_the_cluster(self) -> dict[str, frozenset[IngressRule]]:
        """As `read`, for the VPC's groups tagged ``kubernetes.io/cluster/NAME``: rules of ours may be in them."""
        tag: FilterTypeDef = {"Name": f"tag:{cluster_tag(self._cluster)}", "Values": ["owned", "shared"]}
        return _rules_by_group(self._described([tag, {"Name": "vpc-id", "Values": [self._vpc_id]}]))

    def tags(self, group_ids: Iterable[str]) -> dict[str, dict[str, str]]:
        """Each group's tags (DescribeSecurityGroups); a group that does not exist is left out."""
        return {
            group["GroupId"]: from_aws(group.get("Tags", ()))
            for ids in batches(sorted(set(group_ids)), FILTER_VALUES)
            for group in self._described([{"Name": "group-id", "Values": list(ids)}])
        }

    def authorize(self, group_id: str, rules: Iterable[IngressRule]) -> None:
        """AuthorizeSecurityGroupIngress. Rules that exist already are fine. Raises `AwsError`."""
        permissions = [_permission(rule) for rule in sorted(rules, key=_order)]
        if not permissions:
            return
        try:
            self._authorize(group_id, permissions)
        except AwsAlreadyExists:
            # one that exists refuses them all, so each for itself
            for permission in permissions:
                with tolerating(AwsAlreadyExists):
                    self._authorize(group_id, [permission])

    def revoke(self, group_id: str, rules: Iterable[IngressRule]) -> None:
        """RevokeSecurityGroupIngress. Rules that are gone already are fine. Raises `AwsError`."""
        permissions = [_permission(rule) for rule in sorted(rules, key=_order)]
        if not permissions:
            return
        try:
            self._revoke(group_id, permissions)
        except AwsNotFound:
            for permission in permissions:
                with tolerating(AwsNotFound):
                    self._revoke(group_id, [permission])

    def _described(self, filters: Sequence[FilterTypeDef]) -> Iterator[Json]:
        pages = self._ec2.get_paginator("describe_security_groups").paginate(
            Filters=filters, PaginationConfig={"PageSize": 1000}
        )
        for page in pages:
            yield from page["SecurityGroups"]

    def _authorize(self, group_id: str, permissions: Sequence[IpPermissionTypeDef]) -> None:
        self._ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=permissions)

    def _revoke(self, group_id: str, permissions: Sequence[IpPermissionTypeDef]) -> None:
        self._ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=permissions)


def _rules_by_group(groups: Iterable[Json]) -> dict[str, frozenset[IngressRule]]:
    return {group["GroupId"]: ingress(group) for group in groups}


def _permission(rule: IngressRule) -> IpPermissionTypeDef:
    permission: IpPermissionTypeDef = {"IpProtocol": rule.protocol}
    if rule.from_port is not None and rule.to_port is not None:
        permission["FromPort"], permission["ToPort"] = rule.from_port, rule.to_port
    value, described = str(rule.source.value), _described(rule)
    match rule.source.kind:
        case "ipv4":
            permission["IpRanges"] = [{"CidrIp": value, **described}]
        case "ipv6":
            permission["Ipv6Ranges"] = [{"CidrIpv6": value, **described}]
        case "prefix-list":
            permission["PrefixListIds"] = [{"PrefixListId": value, **described}]
        case "security-group":
            pair: UserIdGroupPairTypeDef = {"GroupId": value}
            if rule.description:
                pair["Description"] = rule.description
            permission["UserIdGroupPairs"] = [pair]
    return permission


class _Described(TypedDict, total=False):
    Description: str


def _described(rule: IngressRule) -> _Described:
    return {"Description": rule.description} if rule.description else {}


def _order(rule: IngressRule) -> tuple[str, int, int, str, str]:
    return (rule.protocol, rule.from_port or 0, rule.to_port or 0, rule.source.kind, str(rule.source.value))
