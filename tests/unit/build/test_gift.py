"""What a member gave is kept in a form that can be built when AWS no longer tells what it was found by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lb_controller.build.facts import Certificate
from aws_lb_controller.build.gift import gift
from aws_lb_controller.build.stack import build
from aws_lb_controller.intent.group import read_members
from aws_lb_controller.intent.ingress_member import MemberIntent
from aws_lb_controller.intent.merge import merge
from aws_lb_controller.intent.values import ForwardIntent, StackIntent
from builders_ingress import SETTINGS, a_member, a_path, a_rule, an_action_path, an_ingress
from builders_intent import a_build_config, facts
from builders_kube import a_service

CERTIFICATE = Certificate(arn="arn:cert", domains=("shop.example.com",))
HTTPS = '[{"HTTPS": 443}]'
NAMED = '{"type": "forward", "forwardConfig": {"targetGroups": [{"targetGroupName": "theirs", "weight": 1}]}}'
VERIFY = '[{"port": 443, "mode": "verify", "trustStore": "store"}]'


def member(alb: Mapping[str, str], *, rule: dict[str, Any] | None = None, name: str = "a", **spec: Any) -> MemberIntent:
    ingress = an_ingress(name, alb={"group.name": "g", **alb}, rules=[rule or a_rule(a_path(f"/{name}"))], **spec)
    service = a_service(annotations={"alb.ingress.kubernetes.io/healthcheck-path": "/s"})
    readings = read_members(
        [a_member(ingress)],
        services=lambda _namespace, _name: service,
        secrets=lambda _namespace, _name: None,
        settings=SETTINGS,
    )
    return readings.read[f"shop/{name}"]


def together(*members: MemberIntent) -> StackIntent:
    merged = merge("g", members, settings=SETTINGS)
    assert ({}, {}) == (merged.outvoted, merged.impossible)
    return merged.intent


def given(one: MemberIntent, **known: Any) -> MemberIntent:
    intent = together(one)
    return gift(one, intent, facts(intent, **known))


def same_stack(one: MemberIntent, gave: MemberIntent, **known: Any) -> bool:
    """It makes the same stack as the member did, and asks AWS for nothing more than its load balancer and subnets."""
    config, was, now = a_build_config(), together(one), together(gave)
    return build(was, facts(was, **known), config) == build(now, facts(now), config)


def test_certificates_found_by_host_stay_when_they_leave_acm() -> None:
    one = member({"listen-ports": HTTPS}, rule=a_rule(a_path("/a"), host="shop.example.com"))
    gave = given(one, certificates=(CERTIFICATE,))
    assert frozenset({"arn:cert"}) == gave.listeners[0].found_certificates
    assert same_stack(one, gave, certificates=(CERTIFICATE,))


def test_a_target_group_found_by_name_stays_when_the_name_is_gone() -> None:
    one = member(
        {"actions.theirs": NAMED},
        rule=a_rule(an_action_path("/a", action="theirs")),
        defaultBackend={"service": {"name": "theirs", "port": {"name": "use-annotation"}}},
    )
    gave = given(one, target_groups={"theirs": "arn:theirs"})
    forwards = [a for a in (*gave.rules[0].actions, *(gave.default_actions or ())) if isinstance(a, ForwardIntent)]
    assert ["arn:theirs", "arn:theirs"] == [to.arn for forward in forwards for to in forward.to]
    assert same_stack(one, gave, target_groups={"theirs": "arn:theirs"})


def test_a_web_acl_found_by_name_stays_when_the_name_is_gone() -> None:
    one = member({"wafv2-acl-name": "shop"})
    gave = given(one, web_acls={"shop": "arn:acl"})
    assert same_stack(one, gave, web_acls={"shop": "arn:acl"})


def test_a_web_acl_by_name_still_counts_before_anothers_arn() -> None:
    named, by_arn = (
        member({"wafv2-acl-name": "shop"}),
        member({"wafv2-acl-arn": "arn:b", "group.order": "-1"}, name="b"),
    )
    gave = given(named, web_acls={"shop": "arn:acl"})
    now = together(gave, by_arn)
    assert "arn:acl" == build(now, facts(now), a_build_config()).load_balancers[0].firewall.web_acl


def test_what_does_not_hold_in_the_group_is_looked_up_all_the_same() -> None:
    plain, none = (
        member({"group.order": "-2"}, name="b"),
        member({"wafv2-acl-name": "none", "group.order": "-1"}, name="c"),
    )
    outvoted = member(
        {"listen-ports": '[{"HTTPS": 80}]', "wafv2-acl-name": "shop", "actions.theirs": NAMED},
        rule=a_rule(an_action_path("/a", action="theirs"), host="shop.example.com"),
    )
    intent = merge("g", [plain, none, outvoted], settings=SETTINGS).intent
    known = facts(
        intent, certificates=(CERTIFICATE,), web_acls={"shop": "arn:acl"}, target_groups={"theirs": "arn:theirs"}
    )
    alone = given(
        outvoted, certificates=(CERTIFICATE,), web_acls={"shop": "arn:acl"}, target_groups={"theirs": "arn:theirs"}
    )
    assert alone == gift(outvoted, intent, known)


def test_members_who_name_the_same_trust_store_still_say_the_same() -> None:
    asked = {"listen-ports": HTTPS, "certificate-arn": "arn:cert", "mutual-authentication": VERIFY}
    one, other = member(asked), member(asked, name="b")
    gave = given(one, trust_stores={"store": "arn:store"})
    assert "store" == together(gave, other).listeners[0].mutual_authentication.trust_store_arn  # type: ignore[union-attr]


def test_services_annotations_and_warnings_are_left_out_for_they_are_read_already() -> None:
    one = member({})
    gave = given(one)
    assert ("/s", {}, ()) == (
        gave.target_groups[0].health_check.path,
        gave.target_groups[0].service.annotations,
        gave.warnings,
    )
    assert same_stack(one, gave)


def test_without_facts_what_they_would_tell_is_left_as_it_is() -> None:
    one = member({"listen-ports": HTTPS}, rule=a_rule(a_path("/a"), host="shop.example.com"))
    gave = gift(one, together(one), None)
    assert (one.listeners, one.rules) == (gave.listeners, gave.rules)


def test_what_was_given_once_is_given_again() -> None:
    one = member({"listen-ports": HTTPS}, rule=a_rule(a_path("/a"), host="shop.example.com"))
    gave = given(one, certificates=(CERTIFICATE,))
    assert gave == given(gave)
