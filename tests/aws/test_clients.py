"""Every call is fenced, recorded, retried a little, and fails with an error of ours."""

from __future__ import annotations

from typing import Any

import pytest
from aws_builders import LOG, answering, our_clients, settings

from aws_lb_controller.aws.clients import Attempt, Call, Clients, make_clients
from aws_lb_controller.errors import AwsAlreadyExists, AwsNotFound, AwsThrottled, AwsUnavailable, NotLeading, UsageError


@pytest.fixture
def ours(aws: Any) -> Clients:
    return our_clients(aws.world.vpc_id)


def refuse() -> None:
    raise NotLeading("another replica leads")


def test_a_replica_that_does_not_lead_cannot_write(ours: Clients) -> None:
    LOG.may_write = refuse
    with pytest.raises(NotLeading):
        ours.ec2.create_security_group(GroupName="a", Description="a", VpcId=ours.vpc_id)
    assert [] == LOG.calls


def test_a_replica_that_does_not_lead_may_read_with_paginators_too(ours: Clients) -> None:
    LOG.may_write = refuse
    for _ in ours.elbv2.get_paginator("describe_load_balancers").paginate():
        pass
    assert ["DescribeLoadBalancers"] == LOG.operations()


def test_every_call_is_recorded_with_its_service_and_outcome(ours: Clients) -> None:
    with pytest.raises(AwsNotFound):
        ours.elbv2.describe_target_groups(Names=["nowhere"])
    [call] = LOG.calls
    expected = Call(
        service="Elastic Load Balancing v2",
        operation="DescribeTargetGroups",
        code="TargetGroupNotFound",
        status=400,
        seconds=call.seconds,
        retries=0,
    )
    assert expected == call


def test_a_call_that_aws_could_not_serve_is_tried_again(ours: Clients) -> None:
    with answering(ours.elbv2, "DescribeLoadBalancers", status=503, code="ServiceUnavailable"):
        ours.elbv2.describe_load_balancers()
    assert [("", 1)] == [(call.code, call.retries) for call in LOG.calls]


def test_leading_is_asked_before_each_attempt(ours: Clients) -> None:
    asked: list[str] = []

    def lost_meanwhile() -> None:
        if asked:
            refuse()
        asked.append("once")

    LOG.may_write = lost_meanwhile
    with answering(ours.ec2, "CreateSecurityGroup", status=503, code="Unavailable"), pytest.raises(NotLeading):
        ours.ec2.create_security_group(GroupName="a", Description="a", VpcId=ours.vpc_id)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(400, "Throttling", AwsThrottled), (500, "Whatever", AwsUnavailable), (503, "ServiceUnavailable", AwsUnavailable)],
)
def test_a_call_that_keeps_failing_is_left_to_the_worker(
    ours: Clients, status: int, code: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with answering(ours.elbv2, "DescribeRules", status=status, code=code, times=99), pytest.raises(error):
        ours.elbv2.describe_rules(ListenerArn="arn")
    assert [(code, 3)] == [(call.code, call.retries) for call in LOG.calls]


def test_a_name_that_is_taken_is_told_as_such(ours: Clients) -> None:
    ours.ec2.create_security_group(GroupName="a", Description="a", VpcId=ours.vpc_id)
    with pytest.raises(AwsAlreadyExists):
        ours.ec2.create_security_group(GroupName="a", Description="a", VpcId=ours.vpc_id)


def test_each_attempt_at_a_call_is_recorded(aws: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    attempts: list[Attempt] = []
    clients = make_clients(
        settings(), may_write=refuse, record=lambda _: None, record_attempt=attempts.append, metadata=Metadata()
    )
    with answering(clients.elbv2, "DescribeRules", status=400, code="Throttling", times=2):
        clients.elbv2.describe_load_balancers()
        with pytest.raises(AwsNotFound):
            clients.elbv2.describe_rules(ListenerArn="arn")
    rules = [(a.status, a.code) for a in attempts if a.operation == "DescribeRules"]
    assert [(400, "Throttling"), (400, "Throttling"), (400, "ListenerNotFound")] == rules


class Metadata:
    """An instance that knows where it is."""

    def region(self) -> str:
        return "us-west-2"

    def vpc_id(self) -> str:
        return "vpc-of-instance"


class NoMetadata:
    def region(self) -> str:
        raise AwsUnavailable("InstanceMetadata", "NoAnswer", "timed out")

    vpc_id = region


def made(metadata: Any, **more: Any) -> Clients:
    return make_clients(settings(**more), may_write=refuse, record=lambda _: None, metadata=metadata)


def test_region_and_vpc_come_from_the_instance_where_nothing_else_says_them(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    clients = made(Metadata(), aws_region=None, aws_vpc_id=None)
    assert ("us-west-2", "vpc-of-instance") == (clients.region, clients.vpc_id)


def test_the_flag_for_the_region_wins_over_the_environment(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert "us-west-2" == made(NoMetadata()).region


def test_a_vpc_is_found_by_its_tags(aws: Any) -> None:
    aws.ec2.create_tags(Resources=[aws.world.vpc_id], Tags=[{"Key": "team", "Value": "shop"}])
    assert aws.world.vpc_id == made(NoMetadata(), aws_vpc_id=None, aws_vpc_tags={"team": "shop"}).vpc_id


def test_tags_that_no_vpc_has_are_a_usage_error_naming_the_flag(aws: Any) -> None:
    with pytest.raises(UsageError, match="--aws-vpc-tags=team=nobody: no VPC has these tags"):
        made(NoMetadata(), aws_vpc_id=None, aws_vpc_tags={"team": "nobody"})


def test_a_vpc_that_nobody_tells_is_a_usage_error_naming_the_flag(aws: Any) -> None:
    with pytest.raises(UsageError, match="--aws-vpc-id: must be given"):
        made(NoMetadata(), aws_vpc_id=None)
