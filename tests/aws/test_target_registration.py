"""Targets are read once, known from our own writes, and written in batches that AWS takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aws_builders import LOG, RawAnswer, answering, our_clients
from botocore.awsrequest import AWSResponse
from moto.core.models import botocore_stubber

from aws_lb_controller.aws.targets import Targets
from aws_lb_controller.errors import AwsNotFound, AwsRefused, AwsUnavailable
from aws_lb_controller.plan.targets import Target

GONE = "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/gone/0123456789abcdef"


def some(count: int) -> list[Target]:
    return [Target(id=f"192.168.{97 + n // 200}.{1 + n % 200}", port=8080) for n in range(count)]


@pytest.fixture
def targets(aws: Any) -> Targets:
    return Targets(our_clients(aws.world.vpc_id))


@pytest.fixture
def arn(aws: Any) -> str:
    return str(aws.target_group())


def test_a_group_is_read_once_and_then_known_from_our_own_writes(targets: Targets, arn: str) -> None:
    assert () == targets.registered(arn)
    targets.register(arn, some(3))
    targets.deregister(arn, some(1))
    assert set(some(3)[1:]) == set(targets.registered(arn))
    assert ["DescribeTargetHealth", "RegisterTargets", "DeregisterTargets"] == LOG.operations()


def test_many_targets_are_written_two_hundred_at_a_time(targets: Targets, arn: str, aws: Any) -> None:
    targets.register(arn, some(450))
    assert 450 == len(aws.target_states(arn))
    targets.deregister(arn, some(450))
    assert [*["RegisterTargets"] * 3, *["DeregisterTargets"] * 3] == LOG.operations()


def test_a_target_that_drains_counts_as_gone(targets: Targets, arn: str) -> None:
    targets.register(arn, some(2))
    targets.deregister(arn, some(1))
    targets.forget(arn)
    assert some(2)[1:] == list(targets.registered(arn))


def test_the_zone_of_a_target_comes_back_as_it_was_given(targets: Targets, arn: str) -> None:
    outside = Target(id="10.77.0.8", port=80, availability_zone="all")
    targets.register(arn, [outside])
    assert (outside,) == targets.registered(arn)


def test_after_a_write_that_failed_the_group_is_read_anew(targets: Targets, arn: str, aws: Any) -> None:
    targets.registered(arn)
    with (
        answering(
            our_clients(aws.world.vpc_id).elbv2, "RegisterTargets", status=503, code="ServiceUnavailable", times=9
        ),
        pytest.raises(AwsUnavailable),
    ):
        targets.register(arn, some(1))
    LOG.clear()
    targets.registered(arn)
    assert ["DescribeTargetHealth"] == LOG.operations()


def test_a_group_that_does_not_exist_is_an_error_unless_one_only_wants_to_empty_it(targets: Targets, arn: str) -> None:
    with pytest.raises(AwsNotFound):
        targets.registered(GONE)
    assert () == targets.registered_now(GONE)


def test_an_audit_is_due_after_its_time(aws: Any, arn: str) -> None:
    now = [0.0]
    targets = Targets(our_clients(aws.world.vpc_id), audit_seconds=60, clock=lambda: now[0])
    assert not targets.audit_is_due(arn)
    targets.registered(arn)
    assert not targets.audit_is_due(arn)
    now[0] = 60
    assert targets.audit_is_due(arn)
    targets.forget(arn)
    targets.registered(arn)
    assert not targets.audit_is_due(arn)


def test_what_another_thread_registers_while_we_read_is_not_forgotten(targets: Targets, arn: str, aws: Any) -> None:
    pending = [some(2)]

    def meanwhile(**_: Any) -> None:
        if pending:
            targets.register(arn, pending.pop())

    our_clients(aws.world.vpc_id).elbv2.meta.events.register(
        "after-call.elastic-load-balancing-v2.DescribeTargetHealth", meanwhile
    )
    targets.registered(arn)
    assert set(some(2)) == set(targets.registered(arn))


class TestWhatAwsDoesNotTake:
    """AWS takes all targets of a call or none."""

    @pytest.fixture
    def refusing(self, targets: Targets, arn: str, aws: Any) -> Iterator[set[str]]:
        """The addresses that AWS does not take."""
        refused: set[str] = set()
        events: Any = our_clients(aws.world.vpc_id).elbv2.meta.events

        def instead(*, event_name: str, request: Any, **_: Any) -> AWSResponse | None:
            asked = {each for each in refused if f"={each}&" in f"{request.body}&"}
            if event_name.endswith("Targets") and asked:
                body = b"<ErrorResponse><Error><Code>InvalidTarget</Code><Message>-</Message></Error></ErrorResponse>"
                return AWSResponse("http://aws", 400, {}, RawAnswer(body))
            return botocore_stubber(event_name, request)

        events.unregister("before-send", botocore_stubber)
        events.register("before-send", instead)
        yield refused
        events.unregister("before-send", instead)
        events.register("before-send", botocore_stubber)

    def test_keeps_none_of_the_others_out(self, targets: Targets, arn: str, aws: Any, refusing: set[str]) -> None:
        wanted = some(64)
        refusing |= {wanted[10].id, wanted[50].id}
        with pytest.raises(AwsRefused):
            targets.register(arn, wanted)
        assert {(t.id, t.port) for t in wanted if t.id not in refusing} == set(aws.target_states(arn))
        assert LOG.operations().count("RegisterTargets") <= 1 + 2 * 2 * 6

    def test_keeps_none_of_the_others_in(self, targets: Targets, arn: str, aws: Any, refusing: set[str]) -> None:
        targets.register(arn, some(8))
        refusing.add(some(8)[3].id)
        with pytest.raises(AwsRefused):
            targets.deregister(arn, some(8))
        stay = {one for one, state in aws.target_states(arn).items() if state != "draining"}
        assert {(some(8)[3].id, 8080)} == stay

    def test_is_refused_with_one_call_where_it_is_alone(
        self, targets: Targets, arn: str, aws: Any, refusing: set[str]
    ) -> None:
        refusing.add(some(1)[0].id)
        with pytest.raises(AwsRefused):
            targets.register(arn, some(1))
        assert ["RegisterTargets"] == LOG.operations()
