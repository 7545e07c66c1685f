"""Calls keep within the buckets that the settings give."""

from __future__ import annotations

import re

from aws_lb_controller.aws.throttle import Throttle
from aws_lb_controller.settings import ThrottleRule

ELBV2 = "Elastic Load Balancing v2"


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def throttle(clock: Clock, *rules: ThrottleRule) -> Throttle:
    return Throttle({ELBV2: rules}, clock=clock, sleep=clock.sleep)


def rule(operation: str, *, rate: float = 10, burst: int = 3) -> ThrottleRule:
    return ThrottleRule(re.compile(operation), rate, burst)


def test_a_burst_does_not_wait_and_what_follows_waits_for_the_refill() -> None:
    clock = Clock()
    under_test = throttle(clock, rule("^Describe"))
    for _ in range(5):
        under_test.wait(ELBV2, "DescribeRules")
    assert [0.1, 0.1] == [round(seconds, 6) for seconds in clock.slept]


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    clock = Clock()
    under_test = throttle(clock, rule("^Describe", burst=1))
    clock.now = 3600
    under_test.wait(ELBV2, "DescribeRules")
    under_test.wait(ELBV2, "DescribeRules")
    assert 1 == len(clock.slept)


def test_the_first_bucket_that_matches_counts() -> None:
    clock = Clock()
    under_test = throttle(clock, rule("^DescribeRules", burst=2), rule("^Describe", burst=1))
    under_test.wait(ELBV2, "DescribeRules")
    under_test.wait(ELBV2, "DescribeRules")
    under_test.wait(ELBV2, "DescribeTags")
    assert [] == clock.slept


def test_an_operation_or_service_without_a_bucket_never_waits() -> None:
    clock = Clock()
    under_test = throttle(clock, rule("^Describe", burst=1))
    for _ in range(9):
        under_test.wait(ELBV2, "CreateRule")
        under_test.wait("EC2", "DescribeSubnets")
    assert [] == clock.slept
