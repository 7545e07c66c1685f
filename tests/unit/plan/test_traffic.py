"""When a new load balancer may take the place of the old one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.plan.traffic import why_not_yet

NONE: Counter[str] = Counter()
STATES = ("healthy", "unhealthy", "unused", "draining", "unavailable", "initial")


def targets(**states: int) -> Counter[str]:
    """One target group's targets, by state."""
    return Counter(states)


groups = st.lists(
    st.dictionaries(st.sampled_from(STATES), st.integers(min_value=1, max_value=3)).map(Counter), min_size=1, max_size=4
)


@pytest.mark.parametrize("state", ["provisioning", "failed"])
def test_one_that_takes_no_requests_takes_nothing_over(state: str) -> None:
    assert f"it is {state}" == why_not_yet(state, new=[targets(healthy=2)], old=[targets(healthy=2)])


@pytest.mark.parametrize("state", ["active", "active_impaired"])
def test_one_that_takes_requests_and_has_healthy_targets_takes_over(state: str) -> None:
    assert why_not_yet(state, new=[targets(healthy=1, unhealthy=1)], old=[targets(healthy=2)]) is None


def test_first_health_checks_are_waited_for_in_every_group_whatever_the_old_one_has() -> None:
    new = [targets(healthy=2), targets(initial=1), targets(initial=2)]
    assert "the first health checks of 3 targets are under way" == why_not_yet("active", new=new, old=[NONE])


def test_the_old_one_stays_while_only_its_targets_are_healthy() -> None:
    why = why_not_yet("active", new=[targets(unhealthy=2)], old=[targets(healthy=1, unhealthy=1)])
    assert "0 target groups behind it have healthy targets, and behind the old one 1 have" == why


def test_the_old_one_stays_while_nothing_is_registered_behind_the_new_one() -> None:
    assert why_not_yet("active", new=[NONE], old=[targets(healthy=1)]) is not None


def test_the_old_one_stays_while_one_of_several_groups_serves_nobody() -> None:
    old = [targets(healthy=1), targets(healthy=1)]
    assert why_not_yet("active", new=[targets(healthy=2), targets(unhealthy=1)], old=old) is not None


def test_groups_that_are_wanted_no_more_need_nobody_in_their_place() -> None:
    assert why_not_yet("active", new=[targets(healthy=1)], old=[targets(healthy=1), targets(healthy=1)]) is None


def test_a_new_group_without_targets_holds_nothing_up_where_the_others_serve() -> None:
    old = [targets(healthy=1), targets(healthy=1)]
    assert why_not_yet("active", new=[targets(healthy=1), NONE], old=old) is None


@given(old=groups.map(lambda all_: [Counter({s: n for s, n in one.items() if s != "healthy"}) for one in all_]))
def test_an_old_one_that_serves_nobody_is_not_waited_for(old: list[Counter[str]]) -> None:
    assert why_not_yet("active", new=[NONE], old=old) is None


@given(each=groups)
def test_one_that_serves_as_the_old_one_does_takes_over_once_the_first_checks_are_done(
    each: list[Counter[str]],
) -> None:
    checked = [Counter({s: n for s, n in one.items() if s != "initial"}) for one in each]
    assert why_not_yet("active", new=checked, old=each) is None
