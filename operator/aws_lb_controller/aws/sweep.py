"""One paged look over everything that bears the cluster's tags: who owns what, and how AWS describes it.

It costs the pages of DescribeLoadBalancers, DescribeTargetGroups and DescribeSecurityGroups, and one DescribeTags for
twenty resources. Whose a load balancer or target group is never changes, so a later sweep asks only for the tags of
what it has not met before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from aws_lb_controller.api.names import CLUSTER_TAG_OF_V1, Tag
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.aws.errors import each_that_is_there
from aws_lb_controller.aws.wire import tags as wire_tags
from aws_lb_controller.aws.wire.tags import Json
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.plan.targets import batches

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

ARNS_PER_CALL = 20
"""DescribeTags takes no more."""

PAGE = 400
"""The largest page of ELBv2."""

GROUPS_PAGE = 1000
"""The largest page of DescribeSecurityGroups."""

Tags = Mapping[str, str]


@dataclass(slots=True)
class Holdings:
    """What one stack owns, as AWS describes it. tags: those that were read just now, by ARN."""

    load_balancers: list[Json] = field(default_factory=list)
    target_groups: list[Json] = field(default_factory=list)
    security_groups: list[Json] = field(default_factory=list)
    tags: dict[str, Tags] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Sweep:
    """What a sweep found. at: the tick at which it began; security_groups: all of the cluster's, among others."""

    at: int
    holdings: dict[StackId, Holdings]
    security_groups: Sequence[Json]


def describe_tags(elbv2: ElasticLoadBalancingv2Client, arns: Iterable[str]) -> dict[str, Tags]:
    """The tags of ELBv2 resources by ARN (DescribeTags); what is gone meanwhile is left out. Raises `AwsError`."""
    found: dict[str, Tags] = {}
    for batch in batches(list(arns), ARNS_PER_CALL):
        found.update(each_that_is_there(partial(_tags_of, elbv2), batch))
    return found


def _tags_of(elbv2: ElasticLoadBalancingv2Client, arns: Sequence[str]) -> dict[str, Tags]:
    described = elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"]
    return {found["ResourceArn"]: wire_tags.from_aws(found.get("Tags", ())) for found in described}


class Sweeper:
    """Sweeps one cluster's VPC. Not thread-safe: one sweep at a time."""

    def __init__(self, clients: Clients, *, cluster: str) -> None:
        self._elbv2, self._ec2, self._vpc_id = clients.elbv2, clients.ec2, clients.vpc_id
        self._cluster = cluster
        self._owners: dict[str, StackId | None] = {}

    def sweep(self, at: int) -> Sweep:
        """Looks at everything now. Raises `AwsError`."""
        load_balancers, target_groups = self._load_balancers(), self._target_groups()
        security_groups = self._security_groups()
        tags = self._meet([*load_balancers, *target_groups])
        holdings: defaultdict[StackId, Holdings] = defaultdict(Holdings)
        for arn, described in load_balancers.items():
            if stack := self._owners[arn]:
                holdings[stack].load_balancers.append(described)
        for arn, described in target_groups.items():
            if stack := self._owners[arn]:
                holdings[stack].target_groups.append(described)
        for described in security_groups:
            if stack := self._owner(wire_tags.from_aws(described.get("Tags", ()))):
                holdings[stack].security_groups.append(described)
        for arn, read in tags.items():
            if stack := self._owners[arn]:
                holdings[stack].tags[arn] = read
        return Sweep(at=at, holdings=dict(holdings), security_groups=security_groups)

    def _meet(self, arns: Sequence[str]) -> dict[str, Tags]:
        """Learns whose these are; returns the tags of those that were not known yet."""
        tags = describe_tags(self._elbv2, [arn for arn in arns if arn not in self._owners])
        known = {arn: self._owners[arn] for arn in arns if arn in self._owners}
        self._owners = {**dict.fromkeys(arns), **known, **{arn: self._owner(read) for arn, read in tags.items()}}
        return tags

    def _owner(self, tags: Tags) -> StackId | None:
        return wire_tags.owner(tags, cluster=self._cluster)

    def _load_balancers(self) -> dict[str, Json]:
        pages = self._elbv2.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": PAGE})
        found = (described for page in pages for described in page["LoadBalancers"])
        return {lb["LoadBalancerArn"]: lb for lb in found if lb.get("VpcId") == self._vpc_id}

    def _target_groups(self) -> dict[str, Json]:
        pages = self._elbv2.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": PAGE})
        found = (described for page in pages for described in page["TargetGroups"])
        return {group["TargetGroupArn"]: group for group in found if group.get("VpcId") == self._vpc_id}

    def _security_groups(self) -> list[Json]:
        pages = self._ec2.get_paginator("describe_security_groups").paginate(
            Filters=[
                {"Name": "tag-key", "Values": [Tag.CLUSTER, CLUSTER_TAG_OF_V1]},  # one call for both
                {"Name": "vpc-id", "Values": [self._vpc_id]},
            ],
            PaginationConfig={"PageSize": GROUPS_PAGE},
        )
        return [group for page in pages for group in page["SecurityGroups"]]
