"""A new TargetGroupBinding need only name its target group: what AWS knows of the group is filled in.

This is the only place where ``spec.targetGroupName`` becomes an ARN: everything else goes by the ARN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aws_lb_controller.errors import Problem, UnmetNeed
from aws_lb_controller.webhooks import answers
from aws_lb_controller.webhooks.answers import Operation
from aws_lb_controller.webhooks.review import Review, Verdict
from aws_lb_controller.webhooks.target_groups import FoundGroup, TargetGroups

TARGET_TYPES = ("instance", "ip")
ADDRESS_TYPES = ("ipv4", "ipv6")
KIND = "TargetGroupBinding"

_FROM_AWS: Mapping[str, Callable[[FoundGroup], str]] = {
    "targetGroupARN": lambda group: group.arn,
    "targetType": lambda group: group.target_type,
    "ipAddressType": lambda group: group.ip_address_type,
    "vpcID": lambda group: group.vpc_id,
    "targetGroupProtocol": lambda group: group.protocol,
}
_CHECKS = {
    "targetGroupARN": "getArnFromNameIfNeeded",
    "targetType": "defaultingTargetType",
    "ipAddressType": "defaultingIPAddressType",
    "vpcID": "defaultingVpcID",
    "targetGroupProtocol": "defaultingTargetGroupProtocol",
}
_SUPPORTED = {"targetType": TARGET_TYPES, "ipAddressType": ADDRESS_TYPES}


def default_binding(review: Review, *, groups: TargetGroups) -> Verdict:
    """Fills in what a new binding leaves out, and the ARN where an update leaves it out beside a name."""
    spec = answers.spec_of(review.obj)
    missing = [field for field in _fields(review) if not spec.get(field)]
    if not missing:
        return Verdict()
    object_ref = answers.reference(KIND, review)
    if not (spec.get("targetGroupARN") or spec.get("targetGroupName")):
        return answers.refused([no_target_group(object_ref)], check="checkTargetGroupArnOrName")
    try:
        group = groups.of_binding(spec, object_ref=object_ref)
    except UnmetNeed as unmet:
        return answers.refused(unmet.problems, check=_CHECKS[missing[0]])
    if unsupported := {_CHECKS[field]: [_unsupported(field, group, object_ref)] for field in _wrong(missing, group)}:
        return answers.decided(unsupported)
    return answers.allowed([*_patch(missing, group)])


def no_target_group(object_ref: str) -> Problem:
    """What a binding without ARN and name is told."""
    return Problem(object_ref, "spec.targetGroupARN", "", "must provide either targetGroupARN or targetGroupName")


def _fields(review: Review) -> Iterator[str]:
    """The fields that may be filled in now: on an update nothing but an ARN that goes, for the name says it."""
    if review.operation == "CREATE":
        yield from _FROM_AWS
    elif review.operation == "UPDATE" and answers.spec_of(review.obj).get("targetGroupName"):
        yield from ("targetGroupARN",) if answers.spec_of(review.old).get("targetGroupARN") else ()


def _wrong(missing: list[str], group: FoundGroup) -> list[str]:
    """The fields for which AWS has a value that no binding may have."""
    return [field for field in missing if field in _SUPPORTED and _FROM_AWS[field](group) not in _SUPPORTED[field]]


def _unsupported(field: str, group: FoundGroup, object_ref: str) -> Problem:
    supported = " or ".join(_SUPPORTED[field])
    remedy = f"unsupported: name a target group whose {field} is {supported}; that of {group.arn} is not"
    return Problem(object_ref, f"spec.{field}", _FROM_AWS[field](group), remedy)


def _patch(missing: list[str], group: FoundGroup) -> Iterator[Operation]:
    values: dict[str, Any] = {field: _FROM_AWS[field](group) for field in missing}
    yield from (answers.add(value, "spec", field) for field, value in values.items() if value)
