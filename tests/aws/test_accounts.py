"""A role is assumed once for all that ask, renewed before it expires, and shown in another account by our name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from aws_builders import LOG, answering, our_clients
from botocore.credentials import RefreshableCredentials

from aws_lb_controller.aws.accounts import Accounts
from aws_lb_controller.aws.clients import Clients, session_name
from aws_lb_controller.errors import AwsDenied, AwsNotFound
from aws_lb_controller.intent.binding import AssumedRole

OURS, THEIRS = "123456789012", "210987654321"
ROLE = AssumedRole(arn=f"arn:aws:iam::{THEIRS}:role/targets", external_id=None)


@pytest.fixture
def clients(aws: Any) -> Clients:
    return our_clients(aws.world.vpc_id)


@pytest.fixture
def accounts(clients: Clients) -> Accounts:
    return Accounts(clients)


def a_target_group(elbv2: Any) -> str:
    made = elbv2.create_target_group(Name="web", TargetType="lambda")
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def test_without_a_role_everything_is_ours(accounts: Accounts, clients: Clients) -> None:
    assert clients.elbv2 is accounts.elbv2(None)


def test_a_role_leads_into_its_account(accounts: Accounts, clients: Clients) -> None:
    arn = a_target_group(accounts.elbv2(ROLE))
    assert THEIRS == arn.split(":")[4]
    with pytest.raises(AwsNotFound):
        clients.elbv2.describe_target_groups(TargetGroupArns=[arn])


def test_a_role_is_assumed_once_whoever_asks(accounts: Accounts) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: accounts.elbv2(ROLE), range(16)))
    assert (1, ["AssumeRole"]) == (len(made), LOG.operations())


def test_sessions_with_different_external_ids_are_not_shared(accounts: Accounts) -> None:
    others = [AssumedRole(arn=ROLE.arn, external_id=each) for each in ("one", "two")]
    assert 3 == len({accounts.elbv2(role) for role in (ROLE, *others)})
    assert ["AssumeRole"] * 3 == LOG.operations()


def test_sts_is_told_who_we_are_and_the_external_id(accounts: Accounts, clients: Clients) -> None:
    asked: list[Any] = []
    events = clients.on_demand("sts").meta.events

    def note(*, params: Any, **_: Any) -> None:
        asked.append(params)

    events.register("provide-client-params.sts.AssumeRole", note)
    try:
        accounts.elbv2(AssumedRole(arn=ROLE.arn, external_id="secret"))
    finally:
        events.unregister("provide-client-params.sts.AssumeRole", note)
    assert [{"RoleArn": ROLE.arn, "RoleSessionName": "AWS-LBC-demo", "ExternalId": "secret"}] == asked


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ("demo", "AWS-LBC-demo"),
        ("de mo/(1)+:", "AWS-LBC-demo1"),
        ("a_b=c,d.e@f-g", "AWS-LBC-a_b=c,d.e@f-g"),
        ("x" * 100, "AWS-LBC-" + "x" * 56),
    ],
)
def test_a_session_bears_the_clusters_name_as_far_as_sts_takes_it(cluster: str, expected: str) -> None:
    assert expected == session_name(cluster)


def test_credentials_are_renewed_before_they_expire(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.elbv2(ROLE)
    credentials: RefreshableCredentials = accounts._accounts[ROLE]._made[0]  # type: ignore[index]
    before = credentials.get_frozen_credentials()
    expiry, now = credentials._expiry_time, credentials._time_fetcher
    monkeypatch.setattr(credentials, "_time_fetcher", lambda: expiry - timedelta(minutes=16))
    accounts.elbv2(ROLE)
    assert ["AssumeRole"] == LOG.operations()
    monkeypatch.setattr(credentials, "_time_fetcher", lambda: expiry - timedelta(minutes=1))
    accounts.elbv2(ROLE)
    monkeypatch.setattr(credentials, "_time_fetcher", now)
    assert ["AssumeRole", "AssumeRole"] == LOG.operations()
    assert before.access_key != credentials.get_frozen_credentials().access_key


def test_a_role_that_is_refused_is_asked_for_again(accounts: Accounts, clients: Clients) -> None:
    with (
        answering(clients.on_demand("sts"), "AssumeRole", status=403, code="AccessDenied"),
        pytest.raises(AwsDenied) as denied,
    ):
        accounts.elbv2(ROLE)
    assert "AssumeRole" == denied.value.operation
    assert THEIRS == a_target_group(accounts.elbv2(ROLE)).split(":")[4]


def test_calls_in_another_account_are_fenced_and_recorded_as_ours_are(accounts: Accounts) -> None:
    elbv2 = accounts.elbv2(ROLE)
    LOG.clear()
    asked: list[None] = []
    LOG.may_write = lambda: asked.append(None)
    a_target_group(elbv2)
    assert ([None], ["CreateTargetGroup"]) == (asked, LOG.operations())


def test_a_renewal_within_a_call_does_not_count_for_it(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    elbv2 = accounts.elbv2(ROLE)
    credentials: RefreshableCredentials = accounts._accounts[ROLE]._made[0]  # type: ignore[index]
    expiry = credentials._expiry_time
    monkeypatch.setattr(credentials, "_time_fetcher", lambda: expiry - timedelta(minutes=1))
    LOG.clear()
    elbv2.describe_target_groups()
    assert [("AssumeRole", 0), ("DescribeTargetGroups", 0)] == [(call.operation, call.retries) for call in LOG.calls]
