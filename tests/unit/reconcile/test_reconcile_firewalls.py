"""Guards are looked at only where a stack says something of them, and what AWS refuses is gathered, not raised."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aws_lb_controller.errors import AwsDenied, AwsError, AwsInUse, NotYet
from aws_lb_controller.intent.values import Blame, FirewallIntent
from aws_lb_controller.model.firewall import Firewall, Guard
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.reconcile import firewalls
from aws_lb_controller.reconcile.firewalls import Unguarded
from builders_intent import an_alb_intent, an_ingress_stack_intent
from builders_model import a_load_balancer, a_stack
from carrying_out import built

DENIED = AwsDenied("GetWebACLForResource", "AccessDeniedException", "no")
SOON = AwsInUse("AssociateWebACL", "WAFUnavailableEntityException", "not yet")


class SmallObserver:
    """Knows a stack whose load balancer has these guards, unless AWS refuses to tell."""

    def __init__(self, observed: ObservedStack, has: dict[Guard, dict[str, Any] | AwsError]) -> None:
        self.observed, self.has = observed, has
        self.asked: list[Guard] = []

    def look_at_guard(self, _stack: StackId, guard: Guard) -> ObservedStack:
        self.asked.append(guard)
        found = self.has[guard]
        if isinstance(found, AwsError):
            raise found
        [lb] = self.observed.load_balancers
        firewall = replace(lb.resource.firewall, **found)
        return replace(self.observed, load_balancers=(replace(lb, resource=replace(lb.resource, firewall=firewall)),))


def guarded_by(firewall: Firewall) -> Stack:
    return a_stack(load_balancers=(a_load_balancer(firewall=firewall),))


def unknown() -> ObservedStack:
    observed = built(a_stack())
    [lb] = observed.load_balancers
    return replace(observed, load_balancers=(replace(lb, resource=replace(lb.resource, firewall=Firewall())),))


def look(stack: Stack, has: dict[Guard, dict[str, Any] | AwsError]) -> tuple[Firewall, list[Guard], list[Guard]]:
    """What is then known, who was asked, and who would not tell."""
    before = unknown()
    observer: Any = SmallObserver(before, has)
    observed, unguarded = firewalls.look(stack, before, observer)
    return observed.load_balancers[0].resource.firewall, observer.asked, [one.guard for one in unguarded]


def test_a_stack_that_says_nothing_of_firewalls_asks_nobody() -> None:
    assert (Firewall(), [], []) == look(guarded_by(Firewall()), {})


def test_only_the_guards_that_a_stack_speaks_of_are_looked_at() -> None:
    found = look(guarded_by(Firewall(web_acl="")), {"wafv2": {"web_acl": "arn:b"}})
    assert (Firewall(web_acl="arn:b"), ["wafv2"], []) == found


def test_a_guard_that_cannot_be_looked_at_hinders_no_other() -> None:
    stack = guarded_by(Firewall(web_acl="arn:a", shield=True))
    assert (Firewall(shield=False), ["wafv2", "shield"], ["wafv2"]) == look(
        stack, {"wafv2": DENIED, "shield": {"shield": False}}
    )


def test_what_aws_takes_later_is_waited_for_and_not_told() -> None:
    unguarded = [Unguarded(guard="wafv2", error=SOON)]
    wait = firewalls.soon(unguarded)
    assert isinstance(wait, NotYet)
    assert firewalls.SOON == wait.after
    assert () == firewalls.problems(unguarded, an_ingress_stack_intent())


def test_what_aws_refuses_is_told_to_who_asked_for_it() -> None:
    blame = {"wafv2": Blame(object="Ingress shop/web", field="wafv2-acl-arn")}
    lb = an_alb_intent(firewall=FirewallIntent(web_acl="arn:a"), blame=blame)
    unguarded = [Unguarded(guard="wafv2", error=DENIED)]
    (problem,) = firewalls.problems(unguarded, an_ingress_stack_intent(load_balancer=lb))
    assert ("Ingress shop/web", "wafv2-acl-arn", "arn:a") == (problem.object, problem.field, problem.value)
    assert "GetWebACLForResource: AccessDeniedException: no" in problem.remedy
    assert firewalls.soon(unguarded) is None
