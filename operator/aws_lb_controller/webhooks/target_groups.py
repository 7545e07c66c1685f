"""What AWS says of the target group that a TargetGroupBinding names: its type, addresses, VPC and protocol.

None of these ever changes in AWS, so an answer by ARN is kept for a while: the defaulting webhook asks, and a moment
later the validating one. A name may pass to another target group, so it is asked for each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from aws_lb_controller.aws.accounts import Accounts
from aws_lb_controller.aws.cache import Cache
from aws_lb_controller.errors import AwsError, Problem, UnmetNeed
from aws_lb_controller.intent.binding import AssumedRole, role_of

Obj = Mapping[str, Any]
KEPT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A target group by ARN, or else by name, in the account of a role (None: our own)."""

    arn: str | None
    name: str | None
    role: AssumedRole | None = None


Describe = Callable[[Query], Sequence[Mapping[str, Any]]]
"""``TargetGroups`` of DescribeTargetGroups for a query, by the role's credentials. Raises `AwsError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundGroup:
    """A target group's ``TargetGroupArn``, ``TargetType``, ``IpAddressType``, ``VpcId`` and ``Protocol``.

    ip_address_type: ipv4 where AWS says nothing; vpc_id, protocol: "" where it has none.
    """

    arn: str
    target_type: str
    ip_address_type: str
    vpc_id: str
    protocol: str


class TargetGroups:
    """Target groups as webhooks need them; thread-safe."""

    def __init__(self, describe: Describe) -> None:
        self._describe = describe
        self._found: Cache[Query, FoundGroup] = Cache(ttl=KEPT_SECONDS)

    def of_binding(self, spec: Obj, *, object_ref: str) -> FoundGroup:
        """The target group of a binding's spec. Raises `UnmetNeed` where AWS names none or several."""
        query = query_of(spec)
        if query.arn is not None:
            return self._found.get(query, lambda: self._one(query, object_ref))
        found = self._one(query, object_ref)
        self._found.put(replace(query, arn=found.arn, name=None), found)
        return found

    def _one(self, query: Query, object_ref: str) -> FoundGroup:
        field, value = ("targetGroupARN", query.arn) if query.arn else ("targetGroupName", query.name)
        problem = Problem(object_ref, f"spec.{field}", value or "", "")
        try:
            found = self._describe(query)
        except AwsError as wrong:
            raise UnmetNeed([replace(problem, remedy=f"AWS does not tell the target group: {wrong}")]) from wrong
        if len(found) != 1:
            remedy = f"expecting a single target group, but AWS has {len(found)}: name one that exists"
            raise UnmetNeed([replace(problem, remedy=remedy)])
        return _found(found[0])


def query_of(spec: Obj) -> Query:
    """How the target group of a binding's spec is found: its ARN goes before its name."""
    arn, name = spec.get("targetGroupARN") or None, spec.get("targetGroupName") or None
    return Query(arn=arn, name=None if arn else name, role=role_of({"spec": spec}))


def describing(accounts: Accounts) -> Describe:
    """DescribeTargetGroups, by the clients of the roles' accounts."""

    def describe(query: Query) -> Sequence[Mapping[str, Any]]:
        elbv2 = accounts.elbv2(query.role)
        if query.arn is not None:
            answer = elbv2.describe_target_groups(TargetGroupArns=[query.arn])
        else:
            answer = elbv2.describe_target_groups(Names=[query.name or ""])
        return cast(Sequence[Mapping[str, Any]], answer["TargetGroups"])

    return describe


def _found(group: Mapping[str, Any]) -> FoundGroup:
    return FoundGroup(
        arn=group["TargetGroupArn"],
        target_type=group.get("TargetType") or "",
        ip_address_type=group.get("IpAddressType") or "ipv4",
        vpc_id=group.get("VpcId") or "",
        protocol=group.get("Protocol") or "",
    )
