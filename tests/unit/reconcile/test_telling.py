"""What users are told of a reconcile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aws_lb_controller.api.names import Reason
from aws_lb_controller.errors import NotYet, Problem, SpecError
from aws_lb_controller.reconcile.telling import Teller
from builders_kube import a_service

PROBLEM = Problem("Service shop/web", "spec", "x", "write y")


class Heard:
    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def emit(self, obj: Any, reason: str, message: str, type: str = "Normal") -> None:
        self.events.append((type, str(reason), message))


def test_a_stage_that_fails_is_told_with_everything_that_is_wrong() -> None:
    heard = Heard()
    with pytest.raises(SpecError), Teller(heard).stage([a_service()], Reason.FAILED_BUILD_MODEL):
        raise SpecError([PROBLEM])
    told = "Failed build model due to Service shop/web: spec = 'x': write y"
    assert [("Warning", "FailedBuildModel", told)] == heard.events


def test_waiting_is_no_failure() -> None:
    heard = Heard()
    with pytest.raises(NotYet), Teller(heard).stage([a_service()], Reason.FAILED_DEPLOY_MODEL):
        raise NotYet("soon", after=1)
    assert [] == heard.events


def test_each_stage_is_measured_by_its_name() -> None:
    measured: list[str] = []

    @contextmanager
    def measure(stage: str) -> Iterator[None]:
        measured.append(stage)
        yield

    with Teller(Heard(), measure).stage([], Reason.FAILED_BUILD_MODEL):
        pass
    assert ["build_model"] == measured


def test_success_is_told_when_something_was_changed_or_failed_before() -> None:
    heard = Heard()
    teller = Teller(heard)
    teller.success([a_service()], changed=False)
    assert [] == heard.events
    teller.failure([a_service()], Reason.FAILED_BUILD_MODEL, SpecError([PROBLEM]))
    for _ in range(2):
        teller.success([a_service()], changed=False)
    teller.success([a_service()], changed=True)
    reasons = [reason for _, reason, _ in heard.events]
    assert ["FailedBuildModel", "SuccessfullyReconciled", "SuccessfullyReconciled"] == reasons


def test_a_wait_that_may_take_long_is_told() -> None:
    heard = Heard()
    with pytest.raises(NotYet), Teller(heard).stage([a_service()], Reason.FAILED_DEPLOY_MODEL):
        raise NotYet("load balancer a takes over later", after=5, told=True)
    assert ["Waiting"] == [reason for _, reason, _ in heard.events]


def test_what_has_no_effect_is_told_once_for_as_long_as_it_stays() -> None:
    heard = Heard()
    teller = Teller(heard)
    for problems in ([PROBLEM], [PROBLEM], [], [PROBLEM]):
        teller.passed_over(a_service(), problems)
    assert ["IgnoredValue", "IgnoredValue"] == [reason for _, reason, _ in heard.events]


def test_what_is_gone_is_forgotten() -> None:
    heard = Heard()
    teller = Teller(heard)
    teller.failure([a_service()], Reason.FAILED_BUILD_MODEL, SpecError([PROBLEM]))
    for gone in ("shop/other", "shop/web"):
        teller.passed_over(a_service(), [PROBLEM])
        teller.forget(gone)
    teller.passed_over(a_service(), [PROBLEM])
    teller.success([a_service()], changed=False)
    assert ["FailedBuildModel", "IgnoredValue", "IgnoredValue"] == [reason for _, reason, _ in heard.events]


def test_an_object_is_told_what_another_of_its_name_was_told() -> None:
    heard = Heard()
    teller, anew = Teller(heard), a_service()
    anew["metadata"] |= {"uid": "another"}
    teller.failure([a_service()], Reason.FAILED_BUILD_MODEL, SpecError([PROBLEM]))
    for service in (a_service(), anew):
        teller.passed_over(service, [PROBLEM])
    teller.success([anew], changed=False)
    assert ["FailedBuildModel", "IgnoredValue", "IgnoredValue"] == [reason for _, reason, _ in heard.events]
