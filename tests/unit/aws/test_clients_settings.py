"""The flags that say how AWS is called."""

from __future__ import annotations

import re
from typing import Any

import pytest

from aws_lb_controller.aws import clients
from aws_lb_controller.aws.clients import MOST_ATTEMPTS, make_clients
from aws_lb_controller.settings import Settings, ThrottleRule


def made(**flags: Any) -> clients.Clients:
    settings = Settings(cluster_name="demo", aws_region="us-west-2", aws_vpc_id="vpc-1", **flags)
    return make_clients(settings, may_write=lambda: None, record=lambda _call: None)


@pytest.mark.parametrize(("retries", "attempts"), [(1, 1), (3, 3), (10, MOST_ATTEMPTS), (0, MOST_ATTEMPTS)])
def test_a_call_is_tried_as_often_as_the_flag_says_and_never_more_often_than_the_worker_can_wait(
    retries: int, attempts: int
) -> None:
    settings = Settings(cluster_name="demo", aws_max_retries=retries)
    assert {"mode": "standard", "total_max_attempts": attempts} == clients._config(settings).retries


def test_what_a_call_asks_for_is_judged_by_aws_alone() -> None:
    assert not clients._config(Settings(cluster_name="demo")).parameter_validation


def test_endpoints_of_the_flag_are_called() -> None:
    under_test = made(aws_api_endpoints={"EC2": "https://ec2.example.com"})
    assert "https://ec2.example.com" == under_test.ec2.meta.endpoint_url
    assert under_test.elbv2.meta.endpoint_url.endswith("amazonaws.com")


def test_the_throttle_of_the_flag_paces_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    throttles: list[Any] = []
    monkeypatch.setattr(clients, "Throttle", throttles.append)
    rule = ThrottleRule(re.compile("^Describe"), rate=1, burst=2)
    made(aws_api_throttle={"EC2": (rule,)})
    assert [(rule,)] == [rules["EC2"] for rules in throttles]
