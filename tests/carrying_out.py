"""Plans carried out on observed values alone, with AWS's refusals: a step that AWS would not take fails the test."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import Any

from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.listener import Forward
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Ref, references, resolve
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.model.target_group import TargetGroup
from aws_lb_controller.plan import match
from aws_lb_controller.plan.effects import Given, after
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.steps import Plan, Step, gives

_numbers = count(1)


def give(step: Step) -> Given:
    """What AWS might answer: an ARN that was never given before, and that sorts in no particular way."""
    number = next(_numbers)
    return Given(arn=f"arn-{number * 7919 % 10007}-{type(step).__name__}-{number}", dns_name=f"lb-{number}.example")


def carried_out(steps: Plan, observed: ObservedStack, stack: Stack) -> ObservedStack:
    """The observed stack after all the steps."""
    return list(states(steps, observed, stack))[-1]


def states(steps: Plan, observed: ObservedStack, stack: Stack) -> Iterable[ObservedStack]:
    """The observed stack before the first and after each step, checked against what AWS would accept."""
    known = dict(match.known(stack, observed))
    yield observed
    for planned in steps:
        step = resolve(planned, known)
        assert not list(references(step)), f"needs what nobody gave: {step}"
        given = give(step)
        if (ref := gives(planned)) is not None:
            known[ref] = given.arn
        observed = after(observed, step, given)
        assert_possible(observed)
        yield observed


def built(stack: Stack) -> ObservedStack:
    """What is observed once `stack` was made from nothing."""
    return brought_to(stack, ObservedStack())


def brought_to(stack: Stack, observed: ObservedStack) -> ObservedStack:
    """What is observed once a new plan for `stack` was carried out."""
    return carried_out(plan(stack, observed), observed, stack)


def assert_possible(observed: ObservedStack) -> None:
    """No state that AWS or Kubernetes would have refused to come to."""
    groups = {s.arn for s in observed.target_groups}
    pointed_at = set(_forwards(observed))
    assert pointed_at <= groups, "a target group was deleted while listeners or rules forward to it"
    assert {s.resource.target_group for s in observed.bindings} <= groups, "a target group went before its binding"
    security_groups = {s.arn for s in observed.security_groups} | {observed.backend_security_group}
    used = {g for s in observed.load_balancers for g in s.resource.security_groups}
    named = {r.source.value for s in observed.security_groups for r in s.resource.ingress if "group" in r.source.kind}
    assert used | named <= security_groups, "a security group was deleted while it is used"
    _assert_unique((s.resource.listener, s.resource.priority) for s in observed.rules)
    _assert_unique((s.resource.load_balancer, s.resource.port) for s in observed.listeners)
    _assert_unique(s.resource.name for s in observed.load_balancers)
    _assert_unique(s.resource.name for s in observed.target_groups)
    _assert_unique((s.resource.namespace, s.resource.name) for s in observed.bindings)
    _assert_unique(group for group, _ in set(_served(observed)))
    _assert_that_targets_listen(observed)


def _assert_that_targets_listen(observed: ObservedStack) -> None:
    """AWS registers no load balancer that does not listen, and deletes neither it nor its listener while it is one."""
    places = {(s.resource.load_balancer, s.resource.port) for s in observed.listeners}
    targets = [s.resource.target for s in observed.target_groups if s.resource.target is not None]
    assert {(t.load_balancer, t.port) for t in targets} <= places, "a target went before it was deregistered"


def _assert_unique(keys: Iterable[object]) -> None:
    assert [] == [key for key, times in Counter(keys).items() if times > 1]


def _forwards(observed: ObservedStack) -> Iterable[object]:
    return (group for group, _ in _served(observed))


def _served(observed: ObservedStack) -> Iterable[tuple[object, object]]:
    """(target group, load balancer that sends to it): AWS lets a target group serve one load balancer."""
    place = {s.arn: s.resource.load_balancer for s in observed.listeners}
    for listener in observed.listeners:
        for arn in _arns(listener.resource.default_actions):
            yield arn, listener.resource.load_balancer
    for rule in observed.rules:
        for arn in _arns(rule.resource.actions):
            yield arn, place[rule.resource.listener]


def _arns(actions: Iterable[object]) -> Iterable[object]:
    return (group.arn for action in actions if isinstance(action, Forward) for group in action.target_groups)


def without_arns(observed: ObservedStack) -> dict[str, Any]:
    """The observed stack with every made-up ARN replaced by what it stands for, in no particular order.

    Names of target groups, bindings and the NLB in front are left out, as which one is free depends on what stood when
    it was made, and so are ids of Shield protections.
    """
    names: dict[str, str] = {}
    for noun in ("security_groups", "target_groups", "load_balancers"):
        names |= {s.arn: f"{noun}/{s.resource.id}" for s in getattr(observed, noun)}
    names |= {s.arn: f"listener/{names[s.resource.load_balancer]}/{s.resource.port}" for s in observed.listeners}
    if observed.backend_security_group is not None:
        names[observed.backend_security_group] = "backend"
    return {
        f.name: sorted(repr(_named(_nameless(s.resource), names)) for s in getattr(observed, f.name))
        for f in dataclasses.fields(observed)
        if f.name != "backend_security_group"
    }


def _nameless(resource: Any) -> Any:
    if isinstance(resource, LoadBalancer):
        resource = dataclasses.replace(resource, name="") if resource.id == "FrontendNlb" else resource
        return dataclasses.replace(resource, firewall=dataclasses.replace(resource.firewall, protection_id=""))
    return dataclasses.replace(resource, name="") if isinstance(resource, TargetGroup | Binding) else resource


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, frozenset):
        return sorted(repr(_named(v, names)) for v in value)
    if isinstance(value, tuple):
        return [_named(v, names) for v in value]
    if isinstance(value, dict):
        return {k: _named(v, names) for k, v in sorted(value.items())}
    if dataclasses.is_dataclass(value) and not isinstance(value, Ref):
        return {f.name: _named(getattr(value, f.name), names) for f in dataclasses.fields(value)}
    return value
