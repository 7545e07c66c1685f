"""A firewall is built from what AWS says; what AWS will not say costs that guard alone, and is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.build.facts import (
    Existing,
    PublicSubnets,
    ShieldSubscription,
    Unanswered,
    VpcSubnets,
    WebAclArns,
)
from aws_lb_controller.build.firewalls import found_firewall, refused, unanswered
from aws_lb_controller.build.ignored import passed_over
from aws_lb_controller.build.stack import build, questions
from aws_lb_controller.errors import UnmetNeed
from aws_lb_controller.intent.ingress_member import Asked, MemberFirewall
from aws_lb_controller.intent.values import Blame, FirewallIntent, StackIntent
from aws_lb_controller.model.firewall import Firewall
from builders_intent import ALB_STACK, a_build_config, an_alb_intent, an_ingress_stack_intent, facts

DENIED = Unanswered(operation="ListWebACLs", code="AccessDeniedException", message="no", denied=True)
GONE = Unanswered(operation="ListWebACLs", code="NoAnswer", message="no such host", denied=False)
BLAME = {guard: Blame(object="Ingress shop/web", field=guard) for guard in ("wafv2", "waf-regional", "shield")}


def wishing(**wanted: Any) -> StackIntent:
    return an_ingress_stack_intent(load_balancer=an_alb_intent(firewall=FirewallIntent(**wanted), blame=BLAME))


def built(intent: StackIntent, **known: Any) -> Firewall:
    [lb] = build(intent, facts(intent, **known), a_build_config()).load_balancers
    return lb.firewall


def told(intent: StackIntent, **known: Any) -> list[str]:
    return [str(problem) for problem in unanswered(intent, facts(intent, **known))]


def test_who_says_nothing_of_firewalls_asks_nothing_and_leaves_all_as_aws_has_it() -> None:
    intent = wishing()
    assert {Existing(ALB_STACK), VpcSubnets(), PublicSubnets()} == questions(intent, a_build_config())
    assert Firewall() == built(intent)


def test_an_arn_an_id_or_none_at_all_need_no_question() -> None:
    intent = wishing(web_acl="arn:a", classic_web_acl="")
    assert {Existing(ALB_STACK), VpcSubnets(), PublicSubnets()} == questions(intent, a_build_config())
    assert Firewall(web_acl="arn:a", classic_web_acl="") == built(intent)


def test_a_name_is_looked_up() -> None:
    intent = wishing(web_acl_name="shop")
    assert WebAclArns() in questions(intent, a_build_config())
    assert Firewall(web_acl="arn:a") == built(intent, web_acls={"shop": "arn:a", "other": "arn:b"})


def test_a_name_that_no_web_acl_has_is_an_unmet_need_of_who_wrote_it() -> None:
    with pytest.raises(UnmetNeed) as caught:
        built(wishing(web_acl_name="shop"), web_acls={"Shop": "arn:a"})
    (problem,) = caught.value.problems
    assert ("Ingress shop/web", "wafv2", "shop") == (problem.object, problem.field, problem.value)


def test_names_that_may_not_be_looked_up_leave_the_web_acl_as_it_is_and_are_told() -> None:
    intent = wishing(web_acl_name="shop")
    assert Firewall() == built(intent, web_acls=DENIED)
    (problem,) = told(intent, web_acls=DENIED)
    assert problem.startswith("Ingress shop/web: wafv2 = 'shop': it is left as AWS has it, and all else is done")
    assert problem.endswith(
        "(ListWebACLs: AccessDeniedException: no): give the controller the permission, or set --enable-wafv2=false"
    )


def test_a_service_that_does_not_answer_is_no_matter_of_permissions() -> None:
    (problem,) = told(wishing(web_acl_name="shop"), web_acls=GONE)
    assert problem.endswith("see to it in AWS")


@pytest.mark.parametrize("wanted", [True, False])
def test_shield_is_asked_of_a_subscribed_account(wanted: bool) -> None:
    intent = wishing(shield=wanted)
    assert ShieldSubscription() in questions(intent, a_build_config())
    assert Firewall(shield=wanted) == built(intent, shield_subscription=True)


@pytest.mark.parametrize(("wanted", "ignored"), [(True, ["shield"]), (False, [])])
def test_without_a_subscription_only_the_wish_for_protection_is_passed_over_and_told(
    wanted: bool, ignored: list[str]
) -> None:
    intent = wishing(shield=wanted)
    known = facts(intent, shield_subscription=False)
    stack = build(intent, known, a_build_config())
    assert Firewall() == stack.load_balancers[0].firewall
    assert ignored == [problem.field for problem in passed_over(intent, known, stack)]
    assert () == unanswered(intent, known)


def test_a_subscription_that_may_not_be_asked_for_is_told() -> None:
    intent = wishing(shield=True)
    denied = Unanswered(operation="GetSubscriptionState", code="AccessDeniedException", message="no", denied=True)
    assert Firewall() == built(intent, shield_subscription=denied)
    (problem,) = told(intent, shield_subscription=denied)
    assert problem.startswith("Ingress shop/web: shield = 'true': ")
    assert problem.endswith("set --enable-shield=false")


def test_a_refused_call_about_waf_classic_names_its_id_and_flag() -> None:
    problem = refused("waf-regional", DENIED, intent=wishing(classic_web_acl="id"))
    assert ("waf-regional", "id") == (problem.field, problem.value)
    assert problem.remedy.endswith("set --enable-waf=false")


def test_what_a_member_gave_has_its_web_acl_by_arn() -> None:
    named = MemberFirewall(web_acl_name=Asked("shop", BLAME["wafv2"]), shield=Asked(True, BLAME["shield"]))
    known = facts(wishing(web_acl_name="shop"), web_acls={"shop": "arn:a"})
    expected = replace(named, web_acl_found="arn:a")
    assert expected == found_firewall(named, known)


def test_what_a_member_gave_stays_as_it_is_where_names_could_not_be_looked_up() -> None:
    named = MemberFirewall(web_acl_name=Asked("shop", BLAME["wafv2"]))
    assert named == found_firewall(named, facts(wishing(web_acl_name="shop"), web_acls=DENIED))
