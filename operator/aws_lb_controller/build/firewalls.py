"""What guards a stack's load balancer. What AWS will not tell costs that guard alone: it is left as AWS has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from aws_lb_controller.build.facts import Facts, Question, ShieldSubscription, Unanswered, WebAclArns
from aws_lb_controller.build.problems import blamed
from aws_lb_controller.errors import Problem, UnmetNeed
from aws_lb_controller.intent.ingress_member import MemberFirewall
from aws_lb_controller.intent.values import StackIntent
from aws_lb_controller.model.firewall import Firewall, Guard

WITHOUT_LEAVE: dict[Guard, str] = {
    "wafv2": "give the controller the permission, or set --enable-wafv2=false",
    "waf-regional": "give the controller the permission, or set --enable-waf=false",
    "shield": "give the controller the permission, or set --enable-shield=false",
}
"""The remedy where AWS refuses a call about a guard."""


def questions(intent: StackIntent) -> Iterator[Question[Any]]:
    """What `build_firewall` needs to know; nothing for a user who says nothing of firewalls."""
    firewall = intent.load_balancer.firewall
    if firewall.web_acl_name or intent.mentions.web_acls:
        yield WebAclArns()
    if firewall.shield is not None:
        yield ShieldSubscription()


def build_firewall(intent: StackIntent, facts: Facts) -> Firewall:
    """Raises UnmetNeed where no web ACL has the name."""
    wanted = intent.load_balancer.firewall
    return Firewall(
        web_acl=_web_acl_by_name(wanted.web_acl_name, intent, facts) if wanted.web_acl_name else wanted.web_acl,
        classic_web_acl=wanted.classic_web_acl,
        shield=wanted.shield if wanted.shield is not None and facts[ShieldSubscription()] is True else None,
    )


def _web_acl_by_name(name: str, intent: StackIntent, facts: Facts) -> str | None:
    arns = facts[WebAclArns()]
    found = None if isinstance(arns, Unanswered) else arns.get(name)
    found = found or intent.load_balancer.firewall.web_acl_found
    if found or isinstance(arns, Unanswered):
        return found
    remedy = "name a web ACL of WAF (v2) that exists in this region"
    raise UnmetNeed([blamed(intent.load_balancer.blame, "wafv2", remedy=remedy, stack=intent.stack, value=name)])


def found_firewall(firewall: MemberFirewall, facts: Facts) -> MemberFirewall:
    """The same with the ARN that a web ACL's name was found to have."""
    name = firewall.web_acl_name
    arns = facts[WebAclArns()] if name and name.value else {}
    if not name or isinstance(arns, Unanswered) or name.value not in arns:
        return firewall
    return replace(firewall, web_acl_found=arns[name.value])


def without_subscription(intent: StackIntent, facts: Facts) -> Iterator[Problem]:
    """A protection that is asked for in an account that has not subscribed to Shield Advanced."""
    if intent.load_balancer.firewall.shield and facts[ShieldSubscription()] is False:
        remedy = "has no effect; the account has no subscription of Shield Advanced"
        yield blamed(intent.load_balancer.blame, "shield", remedy=remedy, stack=intent.stack, value="true")


def unanswered(intent: StackIntent, facts: Facts) -> tuple[Problem, ...]:
    """What AWS would not tell of the guards that are asked for."""
    wanted = intent.load_balancer.firewall
    asked: dict[Guard, Question[Any]] = {"wafv2": WebAclArns()} if wanted.web_acl_name else {}
    asked |= {"shield": ShieldSubscription()} if wanted.shield is not None else {}
    answers = {guard: facts[question] for guard, question in asked.items()}
    return tuple(
        refused(guard, answer, intent=intent) for guard, answer in answers.items() if isinstance(answer, Unanswered)
    )


def refused(guard: Guard, error: Unanswered, *, intent: StackIntent) -> Problem:
    """Tells whoever asked for a guard that AWS refused a call about it."""
    remedy = f"it is left as AWS has it, and all else is done ({error}): "
    remedy += WITHOUT_LEAVE[guard] if error.denied else "see to it in AWS"
    return blamed(intent.load_balancer.blame, guard, remedy=remedy, stack=intent.stack, value=_written(guard, intent))


def _written(guard: Guard, intent: StackIntent) -> str:
    firewall = intent.load_balancer.firewall
    match guard:
        case "wafv2":
            return firewall.web_acl_name or firewall.web_acl or ""
        case "waf-regional":
            return firewall.classic_web_acl or ""
        case "shield":
            return "true" if firewall.shield else "false"
