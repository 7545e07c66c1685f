"""Whatever becomes of a TLS listener's certificates, in the order AWS is asked: on values alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import canon
from aws_lb_controller.plan.plan import plan
from builders_model import a_stack, a_tls_listener
from carrying_out import built, carried_out, states

certificates = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, unique=True).map(tuple)


def stack_with(arns: tuple[str, ...]) -> Stack:
    return a_stack(listeners=(a_tls_listener(certificates=arns),), rules=())


def served(observed: ObservedStack) -> frozenset[str]:
    """The certificates that a client may be shown: the default one, and those on the list."""
    [listener] = observed.listeners
    return canon.certificate_list(listener.resource) | frozenset(listener.resource.certificates[:1])


@given(certificates, certificates)
def test_a_certificate_that_stays_is_served_at_every_moment(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    observed, stack = built(stack_with(before)), stack_with(after)

    kept = frozenset(before) & frozenset(after)
    assert all(kept <= served(state) for state in states(plan(stack, observed), observed, stack))


@given(certificates, certificates)
def test_no_old_certificate_goes_before_all_new_ones_are_served(
    before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    observed, stack = built(stack_with(before)), stack_with(after)
    seen = [served(state) for state in states(plan(stack, observed), observed, stack)]

    assert [] == [now for now in seen if not frozenset(before) <= now and not frozenset(after) <= now]


@given(certificates, certificates)
def test_all_that_is_wanted_ends_on_the_list_and_nothing_else(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    observed, stack = built(stack_with(before)), stack_with(after)
    left = carried_out(plan(stack, observed), observed, stack)
    [listener] = left.listeners

    assert frozenset(after) == canon.certificate_list(listener.resource)
    assert after[0] == listener.resource.certificates[0]
    assert () == plan(stack, left)
