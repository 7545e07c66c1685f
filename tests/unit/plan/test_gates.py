"""What a readiness gate is to say, and how soon AWS is asked again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.plan.gates import (
    CALLS_PER_SECOND,
    QUICK_SECONDS,
    SLOW_SECONDS,
    Gate,
    TargetHealth,
    gate_for,
    pause,
    stretched,
)

HEALTHY = TargetHealth(state="healthy")
CHECKING = TargetHealth(
    state="initial", reason="Elb.InitialHealthChecking", description="Initial health checks in progress"
)
FAILING = TargetHealth(state="unhealthy", reason="Target.Timeout", description="Request timed out")
UNUSED = TargetHealth(state="unused", reason="Target.NotInUse", description="Target group is not configured")
LEFT = TargetHealth(state="unused", reason="Target.NotRegistered", description="Target is not registered")
LEAVING = TargetHealth(state="draining", reason="Target.DeregistrationInProgress", description="Target leaves")

PAUSES = st.floats(QUICK_SECONDS, SLOW_SECONDS)


def test_the_gate_of_a_healthy_target_is_open_and_gives_no_reason() -> None:
    assert Gate(status="True") == gate_for([HEALTHY])


@pytest.mark.parametrize("health", [CHECKING, FAILING, UNUSED])
def test_any_other_state_closes_the_gate_with_awss_words(health: TargetHealth) -> None:
    assert Gate(status="False", reason=health.reason, message=health.description) == gate_for([health])


def test_a_pod_with_several_targets_waits_for_all_of_them() -> None:
    assert Gate(status="False", reason=CHECKING.reason, message=CHECKING.description) == gate_for([HEALTHY, CHECKING])
    assert Gate(status="True") == gate_for([HEALTHY, HEALTHY])


@pytest.mark.parametrize("healths", [[], [LEFT], [LEAVING], [HEALTHY, LEFT]])
def test_nothing_is_said_of_a_target_that_is_not_there(healths: list[TargetHealth]) -> None:
    assert gate_for(healths) is None


def test_conditions_are_compared_without_their_times() -> None:
    assert Gate(status="True", since="2026-01-01T00:00:00Z").says(Gate(status="True"))
    assert not Gate(status="False", reason="a").says(Gate(status="False", reason="b"))


def test_whoever_waits_long_is_asked_for_less_often() -> None:
    assert [QUICK_SECONDS, QUICK_SECONDS, 6.0, SLOW_SECONDS] == [pause(waited) for waited in (0, 10, 60, 3600)]


def test_one_binding_alone_keeps_its_pause() -> None:
    assert stretched(QUICK_SECONDS, ()) == QUICK_SECONDS


@given(st.lists(PAUSES, min_size=1, max_size=200))
def test_all_together_never_ask_more_often_than_their_share(pauses: list[float]) -> None:
    own = (stretched(one, [*pauses[:i], *pauses[i + 1 :]]) for i, one in enumerate(pauses))
    assert sum(1 / each for each in own) <= CALLS_PER_SECOND * 1.000001


@given(st.lists(PAUSES, min_size=20, max_size=200), st.floats(1, 8))
def test_when_aws_asks_for_fewer_calls_the_share_is_smaller(pauses: list[float], slower: float) -> None:
    own = (stretched(one, [*pauses[:i], *pauses[i + 1 :]], slower=slower) for i, one in enumerate(pauses))
    assert sum(1 / each for each in own) <= CALLS_PER_SECOND / slower * 1.000001
