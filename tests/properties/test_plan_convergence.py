"""Whatever is wanted and whatever exists: a plan leads there, from every point at which it may be cut."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from aws_lb_controller.model.observed import ObservedStack, Seen
from aws_lb_controller.model.security_group import SecurityGroup
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import canon, match
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.steps import (
    AwaitTargets,
    AwaitTraffic,
    CreateRule,
    DeleteRule,
    ModifyRule,
    PublishStatus,
    SetListenerCertificates,
    SetRulePriorities,
)
from builders_model import STACK_ID
from carrying_out import brought_to, built, carried_out, states, without_arns
from exploring import examples
from stacks import stacks

EMPTY = Stack(id=STACK_ID)
NO_AWS_WRITES = (AwaitTargets, AwaitTraffic, PublishStatus)
RULE_CALLS = (CreateRule, DeleteRule, ModifyRule, SetRulePriorities)


@given(stacks())
def test_carrying_out_a_plan_from_nothing_leaves_an_empty_plan(stack: Stack) -> None:
    assert () == plan(stack, built(stack))


@given(stacks(), stacks())
def test_carrying_out_a_plan_from_another_stack_leaves_an_empty_plan(before: Stack, stack: Stack) -> None:
    assert () == plan(stack, brought_to(stack, built(before)))


@given(stacks(), stacks(), st.data())
def test_a_plan_cut_anywhere_and_made_anew_ends_in_the_same_state(
    before: Stack, stack: Stack, data: st.DataObject
) -> None:
    observed = built(before)
    steps = plan(stack, observed)
    cut = data.draw(st.integers(0, len(steps)))

    crashed = carried_out(steps[:cut], observed, stack)

    assert without_arns(carried_out(steps, observed, stack)) == without_arns(brought_to(stack, crashed))


@given(stacks())
def test_an_empty_stack_deletes_all_that_is_observed(stack: Stack) -> None:
    gone = brought_to(EMPTY, built(stack))

    assert ObservedStack(backend_security_group=gone.backend_security_group) == gone


@given(stacks(), stacks())
@settings(max_examples=examples(200))
def test_a_rule_that_stays_is_never_missing_in_between(before: Stack, stack: Stack) -> None:
    observed = built(before)
    seen = list(states(plan(stack, observed), observed, stack))
    kept = _rules(seen[0]) & _rules(seen[-1])

    assert all(kept <= _rules(state) for state in seen)


@given(stacks(), stacks())
def test_no_step_touches_what_is_as_wanted(before: Stack, stack: Stack) -> None:
    observed = built(before)
    steps = plan(stack, observed)
    seen = list(states(steps, observed, stack))
    idle = [step for step, then, now in zip(steps, seen, seen[1:], strict=False) if then == now]

    # adding certificates again after a change of the default one is the exception, see listeners.py
    assert [] == [step for step in idle if not isinstance(step, (SetListenerCertificates, *NO_AWS_WRITES))]


@given(stacks(), stacks())
@settings(max_examples=examples(200))
def test_what_takes_requests_moves_to_a_target_group_only_after_its_targets_were_waited_for(
    before: Stack, stack: Stack
) -> None:
    observed = built(before)
    serving = {seen.arn for seen in observed.listeners}
    served = set(match.forwarded_to(observed))
    ready: set[object] = set()
    steps = plan(stack, observed)
    seen = list(states(steps, observed, stack))
    bound = {s.resource.target_group for s in seen[-1].bindings}
    for step, now in zip(steps, seen[1:], strict=True):
        if isinstance(step, AwaitTargets):
            ready |= {s.resource.target_group for s in now.bindings if s.resource.name == step.name}
        through = replace(
            now,
            listeners=tuple(s for s in now.listeners if s.arn in serving),
            rules=tuple(s for s in now.rules if s.resource.listener in serving),
        )
        assert set() == (set(match.forwarded_to(through)) & bound) - served - ready


@given(stacks(), stacks())
@settings(max_examples=examples(200))
def test_a_port_that_is_listened_on_before_and_after_is_listened_on_at_every_moment(
    before: Stack, stack: Stack
) -> None:
    observed = built(before)
    seen = list(states(plan(stack, observed), observed, stack))
    kept = _ports(seen[0]) & _ports(seen[-1])

    assert [] == [state for state in seen if not kept <= _ports(state)]


@given(stacks(), stacks(), st.data())
def test_what_was_made_twice_because_an_answer_got_lost_is_made_once_again(
    before: Stack, stack: Stack, data: st.DataObject
) -> None:
    observed = built(before)
    steps = plan(stack, observed)
    cut = data.draw(st.integers(0, len(steps)))
    crashed = carried_out(steps[:cut], observed, stack)
    twice = replace(crashed, security_groups=_doubled(crashed.security_groups))

    assert without_arns(brought_to(stack, observed)) == without_arns(brought_to(stack, twice))


@given(stacks(), stacks())
def test_rules_take_no_more_calls_than_there_are_differences(before: Stack, stack: Stack) -> None:
    observed = built(before)
    steps = plan(stack, observed)
    there = {(place, canon.rule(s.resource)) for place, s in _placed(observed)}
    wanted = {(place, canon.rule(s.resource)) for place, s in _placed(brought_to(stack, observed))}
    calls = [step for step in steps if isinstance(step, RULE_CALLS)]

    assert len(calls) <= len(there ^ wanted)


def _doubled(groups: tuple[Seen[SecurityGroup], ...]) -> tuple[Seen[SecurityGroup], ...]:
    return (*groups, *(replace(group, arn=f"arn-0-{group.arn}") for group in groups))


def _ports(observed: ObservedStack) -> set[tuple[str, int]]:
    ids = {s.arn: s.resource.id for s in observed.load_balancers}
    return {(ids[str(s.resource.load_balancer)], s.resource.port) for s in observed.listeners}


def _rules(observed: ObservedStack) -> set[object]:
    return {(s.resource.listener, canon.rule(s.resource)) for s in observed.rules}


def _placed(observed: ObservedStack) -> list[tuple[object, object]]:
    return [((s.resource.listener, s.resource.priority), s) for s in observed.rules]


@given(stacks(), stacks())
@settings(max_examples=examples(300))
def test_a_port_that_leads_to_a_load_balancer_before_and_after_leads_to_one_at_every_moment(
    before: Stack, stack: Stack
) -> None:
    observed = built(before)
    seen = list(states(plan(stack, observed), observed, stack))
    kept = _leading_to_a_load_balancer(seen[0]) & _leading_to_a_load_balancer(seen[-1])

    assert [] == [state for state in seen if not kept <= _leading_to_a_load_balancer(state)]


def _leading_to_a_load_balancer(observed: ObservedStack) -> set[int]:
    """Ports of the NLB in front whose target group has a target."""
    filled = {s.arn for s in observed.target_groups if s.resource.target is not None}
    actions = [(s.resource.port, s.resource.default_actions) for s in observed.listeners]
    return {port for port, action in actions if filled & set(match.targets_of(action))}
