"""ELBv2 in the accounts of others: a TargetGroupBinding may name a role to assume, whose account has the target group.

Only calls about targets go through the role, as users' policies for it allow: RegisterTargets, DeregisterTargets,
DescribeTargetHealth and DescribeTargetGroups. Everything of EC2 stays with our own credentials, for the targets are in
our VPC.

botocore renews the credentials of a role before they expire; each role is assumed once, whoever asks for it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from botocore.credentials import RefreshableCredentials

from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.intent.binding import AssumedRole

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client


class Accounts:
    """ELBv2 clients by role, for any thread. Sessions of different external ids are never shared."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._accounts: dict[AssumedRole, _Account] = {}
        self._lock = threading.Lock()

    def elbv2(self, role: AssumedRole | None) -> ElasticLoadBalancingv2Client:
        """The client of the role's account, without a role that of our own.

        Raises `AwsError` where the role cannot be assumed, with the operation ``AssumeRole``.
        """
        if role is None:
            return self._clients.elbv2
        with self._lock:
            account = self._accounts.setdefault(role, _Account(self._clients, role))
        return account.elbv2()


class _Account:
    """One role's client, made when it is first asked for: who waits for STS holds up nobody who asks for another."""

    def __init__(self, clients: Clients, role: AssumedRole) -> None:
        self._clients, self._role = clients, role
        self._made: tuple[RefreshableCredentials, ElasticLoadBalancingv2Client] | None = None
        self._lock = threading.Lock()

    def elbv2(self) -> ElasticLoadBalancingv2Client:
        with self._lock:
            if self._made is None:
                self._made = self._make()
        credentials, client = self._made
        credentials.get_frozen_credentials()  # renewed here, so that a refusal is no part of another call
        return client

    def _make(self) -> tuple[RefreshableCredentials, ElasticLoadBalancingv2Client]:
        credentials = RefreshableCredentials.create_from_metadata(
            metadata=self._assume(), refresh_using=self._assume, method="sts-assume-role"
        )
        return credentials, self._clients.elbv2_as(credentials)

    def _assume(self) -> dict[str, str]:
        """AssumeRole, as botocore keeps credentials."""
        asked = {"RoleArn": self._role.arn, "RoleSessionName": self._clients.session_name}
        if self._role.external_id is not None:
            asked["ExternalId"] = self._role.external_id
        given = self._clients.on_demand("sts").assume_role(**asked)["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }
