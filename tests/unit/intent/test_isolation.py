"""Who of a group is set aside, what then counts, and who is to blame for what AWS refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent.group import read_members
from aws_lb_controller.intent.ingress_member import MemberIntent
from aws_lb_controller.intent.isolation import Draft
from aws_lb_controller.intent.merge import merge
from aws_lb_controller.intent.values import StackIntent
from builders_ingress import SETTINGS, a_member, a_path, a_rule, an_ingress
from builders_kube import a_service

WRONG = SpecError([Problem("Ingress shop/b", "x", "y", "write z")])
BOTH_PORTS = '[{"HTTP": 80}, {"HTTPS": 443}]'
SECURE = {"listen-ports": BOTH_PORTS, "certificate-arn": "arn:cert"}


def members(**alb: dict[str, str]) -> dict[str, MemberIntent]:
    """By ``namespace/name``: Ingresses of namespace shop with these annotations, each with a path to Service web."""
    inputs = [
        a_member(an_ingress(name, alb={"group.name": "g", **more}, rules=[a_rule(a_path(f"/{name}"))]))
        for name, more in alb.items()
    ]
    readings = read_members(
        inputs,
        services=lambda namespace, name: a_service(name, namespace),
        secrets=lambda _namespace, _name: None,
        settings=SETTINGS,
    )
    assert {} == readings.unreadable
    return dict(readings.read)


def together(draft: Draft) -> StackIntent:
    return merge("g", draft.members, settings=SETTINGS).intent


def blamed(about: tuple[str, str] | None, now: dict[str, MemberIntent], before: dict[str, MemberIntent]) -> set[str]:
    """Whom AWS's refusal is blamed on, by name alone."""
    draft = Draft(fresh=now)
    return {name.removeprefix("shop/") for name in draft.to_blame_for(together(draft), about, before.get)}


def nothing(_name: str) -> None:
    """No member ever gave anything."""


# ---- who counts


def test_in_the_place_of_a_member_set_aside_counts_what_it_last_gave() -> None:
    now, last = members(a={}, b={"tags": "new=1"}), members(b={"tags": "old=1"})
    draft = Draft(fresh=now).set_aside({"shop/b": WRONG}, last.get)
    assert ({"shop/a"}, {"shop/b": WRONG}) == (draft.fresh.keys(), draft.aside)
    assert (now["shop/a"], last["shop/b"]) == draft.members
    assert {"old": "1"} == together(draft).load_balancer.tags


def test_a_member_that_never_gave_anything_does_not_count() -> None:
    now = members(a={}, b={})
    draft = Draft(fresh=now).set_aside({"shop/b": WRONG}, nothing)
    assert ((now["shop/a"],), {}) == (draft.members, draft.last)


def test_members_are_set_aside_one_after_the_other() -> None:
    now = members(a={}, b={}, c={})
    draft = Draft(fresh=now).set_aside({"shop/b": WRONG}, now.get).set_aside({"shop/a": WRONG}, nothing)
    assert ({"shop/c"}, {"shop/b"}, {"shop/a", "shop/b"}) == (draft.fresh.keys(), draft.last.keys(), draft.aside.keys())


def test_who_was_never_read_can_be_set_aside() -> None:
    last = members(b={})
    draft = Draft(fresh=members(a={})).set_aside({"shop/b": WRONG}, last.get)
    assert {"shop/a", "shop/b"} == {member.name for member in draft.members}


# ---- whose a problem is


@pytest.mark.parametrize(
    ("problem", "whose"),
    [
        (Problem("Ingress shop/b", "x", "", "y"), {"shop/b"}),
        (Problem("IngressClassParams p", "x", "", "y", member="shop/b"), {"shop/b"}),
        (Problem("Service shop/web", "x", "", "y", member="shop/b"), {"shop/b"}),
        (Problem("Service shop/web", "x", "", "y"), {"shop/a", "shop/b"}),
        (Problem("Service shop/other", "x", "", "y"), set()),
        (Problem("Ingress shop/gone", "x", "", "y"), set()),
        (Problem("IngressGroup g", "subnets", "", "y"), set()),
    ],
)
def test_a_problem_is_that_of_whoever_suffers_by_it(problem: Problem, whose: set[str]) -> None:
    found = Draft(fresh=members(a={}, b={})).to_blame([problem], nothing)
    assert dict.fromkeys(whose, (problem,)) == found


def test_what_is_nobodys_fault_sets_nobody_aside() -> None:
    own, nobodys = Problem("Ingress shop/b", "x", "", "y"), Problem("IngressGroup g", "subnets", "", "y")
    draft = Draft(fresh=members(a={}, b={}))
    assert {} == draft.to_blame([nobodys], nothing)
    assert {"shop/b": (own,)} == draft.to_blame([own, nobodys], nothing)


def test_what_names_nobody_is_the_fault_of_who_asks_for_another_place() -> None:
    problem = Problem("IngressGroup g", "subnets", "", "y")
    before = members(a={"scheme": "internal"}, b={})
    now = members(a={"scheme": "internal", "tags": "x=y"}, b={"scheme": "internet-facing"})
    assert {"shop/b": (problem,)} == Draft(fresh=now).to_blame([problem], before.get)
    assert {} == Draft(fresh=before).to_blame([problem], before.get)


def test_each_member_is_told_its_own_problems_once() -> None:
    one, other, mine = (Problem("Ingress shop/b", field, "", "y") for field in "xyz")
    mine = replace(mine, object="Ingress shop/a")
    found = Draft(fresh=members(a={}, b={})).to_blame([one, mine, other, one], nothing)
    assert {"shop/a": (mine,), "shop/b": (one, other)} == found


SUBNETS = Problem("Ingress shop/a", "subnets", "one", "they have no IPv6 network", "shop/b")
"""The subnets that a asks for do not go with the address type that b asks for."""


def test_of_two_who_do_not_go_together_the_one_who_came_to_it_is_told() -> None:
    subnets, dual_stack = {"subnets": "one, two"}, {"ip-address-type": "dualstack"}
    now = Draft(fresh=members(a=subnets, b=dual_stack))
    assert {"shop/b": (SUBNETS,)} == now.to_blame([SUBNETS], members(a=subnets, b={}).get)
    assert {"shop/a": (SUBNETS,)} == now.to_blame([SUBNETS], members(a={}, b=dual_stack).get)
    assert {"shop/b": (SUBNETS,)} == now.to_blame([SUBNETS], nothing)


def test_while_somebody_has_a_problem_of_its_own_nobody_is_told_what_does_not_go_together() -> None:
    own = Problem("Ingress shop/c", "certificate-arn", "arn:x", "there is none")
    draft = Draft(fresh=members(a={}, b={}, c={}))
    assert {"shop/c": (own,)} == draft.to_blame([SUBNETS, own], nothing)


# ---- who is to blame for what AWS refuses


def test_what_is_one_members_own_is_its_fault() -> None:
    now = members(a={}, b={})
    [group] = now["shop/b"].target_groups
    assert {"b"} == blamed(("TargetGroup", group.id), now, {})
    assert {"a"} == blamed(("Rule", "80:1"), now, {})
    assert {"b"} == blamed(("Rule", "80:2"), now, {})


def test_who_gave_just_that_before_is_not_to_blame_but_who_changed() -> None:
    before, now = members(a={}, b={}), members(a={"scheme": "internal"}, b={})
    [group] = now["shop/b"].target_groups
    assert {"a"} == blamed(("TargetGroup", group.id), now, before)
    assert set() == blamed(("TargetGroup", group.id), before, before)


def test_a_certificate_is_the_fault_of_all_who_name_it() -> None:
    other = {**SECURE, "certificate-arn": "arn:other"}
    now = members(a={}, b=SECURE, c=SECURE, d=other)
    assert {"b", "c"} == blamed(("Certificate", "arn:cert"), now, {})


SAID: dict[str, tuple[tuple[str, str], dict[str, Any]]] = {
    "policy": (("Listener", "443"), {**SECURE, "ssl-policy": "none"}),
    "listener attributes": (("Listener", "80"), {"listener-attributes.HTTP-80": "x=y"}),
    "networks": (("SecurityGroup", "ManagedLBSecurityGroup"), {"inbound-cidrs": "10.0.0.0/8"}),
    "prefix lists": (("SecurityGroup", "ManagedLBSecurityGroup"), {"security-group-prefix-lists": "pl-none"}),
    "attributes": (("LoadBalancer", "attributes"), {"load-balancer-attributes": "x=y"}),
    "subnets": (("LoadBalancer", "subnets"), {"subnets": "one, two"}),
    "address type": (("LoadBalancer", "ip_address_type"), {"ip-address-type": "dualstack"}),
    "security groups": (("LoadBalancer", "security_groups"), {"security-groups": "one"}),
    "tags": (("LoadBalancer", "tags"), {"tags": "x=y"}),
    "name": (("LoadBalancer", ""), {"load-balancer-name": "taken"}),
}


@pytest.mark.parametrize(("about", "said"), SAID.values(), ids=SAID)
@pytest.mark.parametrize("there", ["before", "new"])
def test_of_what_all_share_who_asks_for_something_new_is_to_blame(
    about: tuple[str, str], said: dict[str, str], there: str
) -> None:
    secure = SECURE if about == ("Listener", "443") else {}
    now = members(a=secure, b=said, c=secure)
    before = members(a=secure, b=secure, c=secure) if there == "before" else members(a=secure, c=secure)
    assert {"b"} == blamed(about, now, before)
    if about != ("LoadBalancer", ""):
        assert {"b"} == blamed(None, now, before)


@pytest.mark.parametrize("what", [what for what in SAID if what != "policy"])
def test_in_a_new_group_who_speaks_of_it_is_to_blame(what: str) -> None:
    about, said = SAID[what]
    assert {"b"} == blamed(about, members(a={}, b=said, c={}), {})


def test_an_edit_of_rules_alone_is_nobodys_fault_for_what_all_share() -> None:
    before, now = members(a={}, b={}), members(a={"group.order": "9"}, b={"tags": "x=y"})
    assert {"b"} == blamed(("LoadBalancer", ""), now, before)
    assert {"b"} == blamed(None, now, before)


def test_who_brings_a_port_is_to_blame_for_it() -> None:
    ports = {"listen-ports": '[{"HTTP": 80}, {"HTTP": 8080}]'}
    before, now = members(a={}, b={}, c=ports), members(a={}, b=ports, c=ports)
    assert {"b"} == blamed(("Listener", "8080"), now, before)


def test_nobody_is_to_blame_when_nothing_is_asked_that_was_not_before() -> None:
    now = members(a={"tags": "x=y"}, b={"load-balancer-attributes": "x=y"})
    assert set() == blamed(("LoadBalancer", "attributes"), now, now)
    assert set() == blamed(None, now, now)


def test_nobody_in_particular_is_to_blame_when_all_are_new_and_silent() -> None:
    assert set() == blamed(("LoadBalancer", ""), members(a={}, b={}), {})


def test_the_frontend_nlbs_things_are_the_fault_of_who_asks_for_it() -> None:
    before, now = members(a={}, b={}), members(a={}, b={"enable-frontend-nlb": "true"})
    assert {"b"} == blamed(("LoadBalancer", ""), now, before)
    for about in (("TargetGroup", "FrontendNlb-tg-TCP-80"), ("Listener", "FrontendNlb-ls-TCP-80")):
        assert {"b"} == blamed(about, now, before)
