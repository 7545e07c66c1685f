"""Firewalls: web ACLs and Shield protections that load balancers are to have, or are to have no longer.

Each guard is for itself, as AWS's services are. What nobody wants to be one way or the other is left alone, and so is
what could not be looked at, and a Shield protection that somebody else made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from aws_lb_controller.model.firewall import UNGUARDED, Firewall, Guard, WebAclService
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Value
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import match
from aws_lb_controller.plan.order import Phase, Phased
from aws_lb_controller.plan.policy import Terms
from aws_lb_controller.plan.steps import (
    AssociateWebAcl,
    CreateShieldProtection,
    DeleteShieldProtection,
    DisassociateWebAcl,
    FirewallStep,
    Step,
)

_WEB_ACL_SERVICES: tuple[WebAclService, ...] = ("wafv2", "waf-regional")


def changes(wanted: Stack, observed: ObservedStack, _terms: Terms) -> Phased:
    """The steps for the firewalls of the stack's load balancers, new ones included."""
    found = match.load_balancers(wanted, observed)
    new = [step for lb in found.missing for step in _steps(lb.ref, lb.firewall, UNGUARDED)]
    kept = [step for lb, seen in found.pairs for step in _steps(seen.arn, lb.firewall, seen.resource.firewall)]
    return {Phase.FIREWALLS: [*new, *kept]}


def _steps(load_balancer: Value, wanted: Firewall, seen: Firewall) -> Iterator[Step]:
    for service in _WEB_ACL_SERVICES:
        web_acl, there = wanted.web_acl_of(service), seen.web_acl_of(service)
        if web_acl is None or there is None or web_acl == there:
            continue
        if web_acl:
            yield AssociateWebAcl(load_balancer=load_balancer, service=service, web_acl=web_acl)
        else:
            yield DisassociateWebAcl(load_balancer=load_balancer, service=service)
    if wanted.shield and seen.shield is False:
        yield CreateShieldProtection(load_balancer=load_balancer)
    elif wanted.shield is False and seen.shield and seen.protection_id:
        yield DeleteShieldProtection(load_balancer=load_balancer, protection_id=seen.protection_id)


def guard_of(step: FirewallStep) -> Guard:
    """The guard that a step is about."""
    return step.service if isinstance(step, AssociateWebAcl | DisassociateWebAcl) else "shield"


def doubted(observed: ObservedStack, step: FirewallStep) -> ObservedStack:
    """The stack as it is seen after a step that failed: how its guard stands is to be looked at anew."""
    guard = guard_of(step)
    return replace(
        observed,
        load_balancers=tuple(
            replace(seen, resource=replace(seen.resource, firewall=_without(seen.resource.firewall, guard)))
            if seen.arn == step.load_balancer
            else seen
            for seen in observed.load_balancers
        ),
    )


def _without(firewall: Firewall, guard: Guard) -> Firewall:
    match guard:
        case "wafv2":
            return replace(firewall, web_acl=None)
        case "waf-regional":
            return replace(firewall, classic_web_acl=None)
        case "shield":
            return replace(firewall, shield=None, protection_id="")
