"""AWS's error codes by meaning."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from aws_lb_controller.aws.errors import CODES, calling, meaning_of, tolerating
from aws_lb_controller.errors import (
    AwsAlreadyExists,
    AwsDenied,
    AwsError,
    AwsInUse,
    AwsNotFound,
    AwsRefused,
    AwsThrottled,
    AwsUnavailable,
)


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        ("Throttling", 400, AwsThrottled),
        ("RequestLimitExceeded", 503, AwsThrottled),
        ("AnythingNew", 429, AwsThrottled),
        ("AnythingNew", 500, AwsUnavailable),
        ("InternalError", 500, AwsUnavailable),
        ("TargetGroupNotFound", 400, AwsNotFound),
        ("InvalidSubnetID.NotFound", 400, AwsNotFound),
        ("PriorityInUse", 400, AwsAlreadyExists),
        ("InvalidPermission.Duplicate", 400, AwsAlreadyExists),
        ("DependencyViolation", 400, AwsInUse),
        ("ResourceInUse", 400, AwsInUse),
        ("CapacityReservationPending", 400, AwsInUse),
        ("PriorRequestNotComplete", 429, AwsInUse),
        ("UnauthorizedOperation", 403, AwsDenied),
        ("TooManyRules", 400, AwsRefused),
        ("ValidationError", 400, AwsRefused),
    ],
)
def test_a_code_means(code: str, status: int, meaning: type[AwsError]) -> None:
    assert meaning is meaning_of(code, status)


def test_no_code_has_two_meanings() -> None:
    every = [code for codes in CODES.values() for code in codes]
    assert sorted(set(every)) == sorted(every)


def test_an_error_names_the_operation_and_the_code() -> None:
    answer = {"Error": {"Code": "TargetGroupNotFound", "Message": "One or more"}, "ResponseMetadata": {}}
    with pytest.raises(AwsNotFound) as raised, calling("DescribeTargetGroups"):
        raise ClientError(answer, "DescribeTargetGroups")  # type: ignore[arg-type]  # only what is looked at
    assert ("DescribeTargetGroups", "TargetGroupNotFound") == (raised.value.operation, raised.value.code)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (ReadTimeoutError(endpoint_url="http://aws"), AwsUnavailable),
        (EndpointConnectionError(endpoint_url="http://aws"), AwsUnavailable),
        (NoCredentialsError(), AwsDenied),
    ],
)
def test_a_call_without_an_answer_means(error: Exception, meaning: type[AwsError]) -> None:
    with pytest.raises(meaning), calling("DescribeRules"):
        raise error


def test_a_bug_of_ours_passes_through() -> None:
    with pytest.raises(KeyError), calling("DescribeRules"):
        raise KeyError("a")


def test_only_errors_of_the_given_meanings_are_tolerated() -> None:
    with tolerating(AwsNotFound):
        raise AwsNotFound("DeleteRule", "RuleNotFound", "")
    with pytest.raises(AwsInUse), tolerating(AwsNotFound):
        raise AwsInUse("DeleteTargetGroup", "ResourceInUse", "")
