"""The plan: what is wanted against what exists gives ordered steps, and nothing where both agree."""

from __future__ import annotations

from collections.abc import Iterable

from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, references, resolve
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import (
    bindings,
    firewalls,
    listeners,
    load_balancers,
    match,
    rules,
    security_groups,
    target_groups,
)
from aws_lb_controller.plan.order import Phase, Phased, arranged
from aws_lb_controller.plan.policy import Terms
from aws_lb_controller.plan.steps import EnsureBackendSecurityGroup, Plan, PublishStatus

_NOUNS = (
    security_groups.changes,
    target_groups.changes,
    load_balancers.changes,
    firewalls.changes,
    listeners.changes,
    rules.changes,
    bindings.changes,
)


def plan(
    stack: Stack,
    observed: ObservedStack,
    *,
    external_managed_tags: frozenset[str] = frozenset(),
    deletion_protection_off: bool = False,
) -> Plan:
    """The steps that bring `observed` to `stack`, in the order of carrying out; empty if there is nothing to do.

    References to what exists are resolved in the steps; those to what earlier steps make stay (`steps.needs`). The plan
    may ask for what must not be done: see `policy.refusals`.
    """
    terms = Terms(external_managed_tags=external_managed_tags, deletion_protection_off=deletion_protection_off)
    wanted = resolve(stack, match.known(stack, observed))
    parts = (_backend_group(wanted, observed), *(changes(wanted, observed, terms) for changes in _NOUNS))
    return arranged((*parts, _status(wanted, parts)))


def _status(wanted: Stack, parts: Iterable[Phased]) -> Phased:
    """What goes goes after users were told of what stands in its place."""
    later = any(steps for part in parts for phase, steps in part.items() if phase > Phase.STATUS)
    return {Phase.STATUS: [PublishStatus()]} if later and wanted.load_balancers else {}


def _backend_group(wanted: Stack, observed: ObservedStack) -> Phased:
    """The shared group is asked for only where nobody has seen it yet and the stack names it."""
    if observed.backend_security_group is None and BACKEND_SECURITY_GROUP in references(wanted):
        return {Phase.BACKEND_SECURITY_GROUP: [EnsureBackendSecurityGroup()]}
    return {}
