"""No firewall holds up the stack that it stands before: what AWS refuses there is gathered, and told at the end.

A missing permission, a service that the region does not have or a web ACL that is gone so costs one guard, and the next
run tries again. What AWS will take a little later (a load balancer that is being made) is only waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from aws_lb_controller.build.facts import Unanswered
from aws_lb_controller.build.firewalls import refused
from aws_lb_controller.errors import AwsAlreadyExists, AwsError, AwsInUse, AwsThrottled, NotYet, Problem
from aws_lb_controller.intent.values import StackIntent
from aws_lb_controller.model.firewall import Guard
from aws_lb_controller.model.observed import ObservedStack, SeenLoadBalancer
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.reconcile.ports import Observer

_PASSING = (AwsInUse, AwsThrottled, AwsAlreadyExists)
"""Not worth telling: it will be taken soon, or was made by a call of ours whose answer was lost."""

SOON = 10.0
"""Seconds until WAF may know a load balancer that was made just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unguarded:
    """A guard of which AWS refused a call."""

    guard: Guard
    error: AwsError


def look(stack: Stack, observed: ObservedStack, observer: Observer) -> tuple[ObservedStack, tuple[Unguarded, ...]]:
    """The observed stack with the guards that `stack` says something of, and those that could not be looked at.

    Where a stack says nothing of firewalls nobody is asked.
    """
    failed: list[Unguarded] = []
    for guard in dict.fromkeys(guard for lb in stack.load_balancers for guard in lb.firewall.guards):
        try:
            observed = _with_guards_of(observer.look_at_guard(stack.id, guard), observed)
        except AwsError as error:
            failed.append(Unguarded(guard=guard, error=error))
    return observed, tuple(failed)


def _with_guards_of(looked_at: ObservedStack, observed: ObservedStack) -> ObservedStack:
    """Nothing else of an observed stack changes by a look at its guards."""
    firewalls = {seen.arn: seen.resource.firewall for seen in looked_at.load_balancers}

    def guarded(seen: SeenLoadBalancer) -> SeenLoadBalancer:
        firewall = firewalls.get(seen.arn, seen.resource.firewall)
        return replace(seen, resource=replace(seen.resource, firewall=firewall))

    return replace(observed, load_balancers=tuple(map(guarded, observed.load_balancers)))


def soon(unguarded: Iterable[Unguarded]) -> NotYet | None:
    """What to wait for, where AWS will take a call a little later."""
    waits = [NotYet(str(one.error), after=SOON) for one in unguarded if isinstance(one.error, _PASSING)]
    return waits[0] if waits else None


def problems(unguarded: Iterable[Unguarded], intent: StackIntent) -> tuple[Problem, ...]:
    """What whoever asked for a guard is told."""
    return tuple(
        refused(one.guard, Unanswered.of(one.error), intent=intent)
        for one in unguarded
        if not isinstance(one.error, _PASSING)
    )
