"""What AWS says of load balancers and targets at this moment: read for each question, and never remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from aws_lb_controller.aws.accounts import Accounts
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.errors import AwsNotFound
from aws_lb_controller.intent.binding import AssumedRole
from aws_lb_controller.plan.gates import TargetHealth
from aws_lb_controller.plan.targets import Target

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import TargetHealthTypeDef

NAMED_TARGETS = 100
"""So many targets are asked for by name; for more, the answer about the whole group is hardly longer."""


class Health:
    """Safe for several threads, as the clients are. accounts: to be shared with others."""

    def __init__(self, clients: Clients, *, accounts: Accounts | None = None) -> None:
        self._elbv2 = clients.elbv2
        self._accounts = accounts or Accounts(clients)

    def of_load_balancer(self, arn: str) -> str:
        """``State.Code`` (DescribeLoadBalancers): ``provisioning``, ``active`` … Raises `AwsError`."""
        described = self._elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
        return described[0]["State"]["Code"]

    def of_targets(self, arns: Iterable[str]) -> Counter[str]:
        """How many targets of these groups are in which ``TargetHealth.State`` (DescribeTargetHealth).

        A group that is gone has none. Raises `AwsError`.
        """
        return Counter(state for arn in arns for state in self._states(arn))

    def of_each(
        self, arn: str, targets: Collection[Target], *, role: AssumedRole | None = None
    ) -> dict[tuple[str, int], TargetHealth]:
        """The health of these targets of one group, by id and port, in one DescribeTargetHealth.

        role: in whose account the group is, None for our own. Raises `AwsError`.
        """
        elbv2 = self._accounts.elbv2(role)
        if len(targets) > NAMED_TARGETS:
            answer = elbv2.describe_target_health(TargetGroupArn=arn)
        else:
            # without zones: those that AWS filled in by itself are not known
            named = [{"Id": target.id, "Port": target.port} for target in targets]
            answer = elbv2.describe_target_health(TargetGroupArn=arn, Targets=named)  # type: ignore[arg-type]  # the stubs want a TypedDict
        return {
            (each["Target"]["Id"], each["Target"].get("Port", 0)): _health(each.get("TargetHealth", {}))
            for each in answer["TargetHealthDescriptions"]
        }

    def _states(self, arn: str) -> list[str]:
        try:
            answer = self._elbv2.describe_target_health(TargetGroupArn=arn)
        except AwsNotFound:
            return []
        return [health["TargetHealth"]["State"] for health in answer["TargetHealthDescriptions"]]


def _health(described: TargetHealthTypeDef) -> TargetHealth:
    return TargetHealth(
        state=described.get("State", ""),
        reason=described.get("Reason", ""),
        description=described.get("Description", ""),
    )
