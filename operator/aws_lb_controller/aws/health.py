"""What AWS says of load balancers and targets at this moment: read for each question, and never remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.errors import AwsNotFound


class Health:
    """Safe for several threads, as the clients are."""

    def __init__(self, clients: Clients) -> None:
        self._elbv2 = clients.elbv2

    def of_load_balancer(self, arn: str) -> str:
        """``State.Code`` (DescribeLoadBalancers): ``provisioning``, ``active`` … Raises `AwsError`."""
        described = self._elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
        return described[0]["State"]["Code"]

    def of_targets(self, arns: Iterable[str]) -> Counter[str]:
        """How many targets of these groups are in which ``TargetHealth.State`` (DescribeTargetHealth).

        A group that is gone has none. Raises `AwsError`.
        """
        return Counter(state for arn in arns for state in self._states(arn))

    def _states(self, arn: str) -> list[str]:
        try:
            answer = self._elbv2.describe_target_health(TargetGroupArn=arn)
        except AwsNotFound:
            return []
        return [health["TargetHealth"]["State"] for health in answer["TargetHealthDescriptions"]]
