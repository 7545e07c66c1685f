"""What exists in AWS, for comparison: no id, address or time that AWS makes up is in it, but names in their place.

Read with plain boto3 from the API; of the controller's own code nothing is asked, so that no mistake of it is repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]

MADE_UP = {"LoadBalancerArn", "TargetGroupArn", "ListenerArn", "RuleArn", "CreatedTime", "GroupId", "OwnerId", "VpcId"}


class AwsPicture:
    """Looks at one account."""

    def __init__(self, elbv2: Any, ec2: Any) -> None:
        self._elbv2, self._ec2 = elbv2, ec2

    def take(self, names: Mapping[str, str]) -> Json:
        """Load balancers (with listeners and rules), target groups (with targets), security groups: each by name.

        names: what is to stand in the place of other ids and addresses.
        """
        balancers, groups = self._load_balancers(), self._target_groups()
        security_groups = self._ec2.describe_security_groups()["SecurityGroups"]
        standing = {
            **names,
            **{one["LoadBalancerArn"]: f"<{one['LoadBalancerName']}>" for one in balancers},
            **{one["TargetGroupArn"]: f"<{one['TargetGroupName']}>" for one in groups},
            **{one["GroupId"]: f"<{one['GroupName']}>" for one in security_groups},
        }
        picture = {
            "load balancers": {one["LoadBalancerName"]: self._load_balancer(one) for one in balancers},
            "target groups": {one["TargetGroupName"]: self._target_group(one) for one in groups},
            "security groups": {one["GroupName"]: _security_group(one) for one in security_groups},
        }
        named: Json = with_names(picture, standing)
        return named

    def _load_balancers(self) -> list[Json]:
        pages = self._elbv2.get_paginator("describe_load_balancers").paginate()
        return [one for page in pages for one in page["LoadBalancers"]]

    def _target_groups(self) -> list[Json]:
        pages = self._elbv2.get_paginator("describe_target_groups").paginate()
        return [one for page in pages for one in page["TargetGroups"]]

    def _load_balancer(self, described: Json) -> Json:
        arn = described["LoadBalancerArn"]
        attributes = self._elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        listeners = self._elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        tags = self._tags([arn, *(one["ListenerArn"] for one in listeners)])
        return {
            **_lasting(described),
            "AvailabilityZones": sorted(zone["SubnetId"] for zone in described["AvailabilityZones"]),
            "SecurityGroups": sorted(described.get("SecurityGroups") or []),
            "attributes": _key_values(attributes),
            "tags": tags[arn],
            "listeners": {str(one["Port"]): self._listener(one, tags[one["ListenerArn"]]) for one in listeners},
        }

    def _listener(self, described: Json, tags: dict[str, str]) -> Json:
        rules = self._elbv2.describe_rules(ListenerArn=described["ListenerArn"])["Rules"]
        others = [one for one in rules if not one["IsDefault"]]
        tags_of_rules = self._tags([one["RuleArn"] for one in others])
        return {
            **_lasting(described),
            "DefaultActions": [_action(one) for one in described["DefaultActions"]],
            "tags": tags,
            "rules": {one["Priority"]: _rule(one, tags_of_rules[one["RuleArn"]]) for one in others},
        }

    def _target_group(self, described: Json) -> Json:
        arn = described["TargetGroupArn"]
        health = self._elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        attributes = self._elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        return {
            **_lasting(described),
            "attributes": _key_values(attributes),
            "tags": self._tags([arn])[arn],
            "targets": [{**one["Target"], "State": one["TargetHealth"]["State"]} for one in health],
        }

    def _tags(self, arns: list[str]) -> dict[str, dict[str, str]]:
        described = self._elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"] if arns else []
        return {one["ResourceArn"]: _key_values(one["Tags"]) for one in described}


def with_names(picture: Any, names: Mapping[str, str]) -> Any:
    """The picture with every id replaced by a name, wherever it stands; lists count as sets."""
    if isinstance(picture, Mapping):
        return {key: with_names(value, names) for key, value in sorted(picture.items())}
    if isinstance(picture, list):
        return sorted((with_names(each, names) for each in picture), key=lambda each: json.dumps(each, sort_keys=True))
    return names.get(picture, picture) if isinstance(picture, str) else picture


def _lasting(described: Json) -> Json:
    return {key: value for key, value in described.items() if key not in MADE_UP}


def _key_values(pairs: Iterable[Json]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _rule(described: Json, tags: dict[str, str]) -> Json:
    return {**_lasting(described), "Actions": [_action(one) for one in described["Actions"]], "tags": tags}


def _action(action: Json) -> Json:
    """A forward to one target group is the same in the short and in the long form."""
    if action["Type"] != "forward":
        return action
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or [action]
    shares = {group["TargetGroupArn"]: group.get("Weight", 1) for group in groups}
    return {"Type": "forward", "TargetGroups": [list(share) for share in shares.items()]}


def _security_group(described: Json) -> Json:
    return {
        "description": described["Description"],
        "tags": _key_values(described.get("Tags") or []),
        "inbound": [*_inbound(described["IpPermissions"])],
    }


def _inbound(permissions: Iterable[Json]) -> Iterator[Json]:
    """One for each source."""
    for permission in permissions:
        ports = {key: permission.get(key) for key in ("IpProtocol", "FromPort", "ToPort")}
        for kind in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds"):
            for source in permission.get(kind) or []:
                kept = {key: value for key, value in source.items() if key != "UserId"}
                yield {**ports, **kept}
