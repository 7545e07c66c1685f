"""What is to guard a load balancer: names before ARNs, one value for all members, and silence is no wish."""

from __future__ import annotations

import pytest

from aws_lb_controller.intent.values import Blame, FirewallIntent
from builders_ingress import a_member, an_ingress, problems, settings_with, warnings, wish

ARN = "arn:aws:wafv2:us-west-2:123456789012:regional/webacl/shop/1"
OTHER = "arn:aws:wafv2:us-west-2:123456789012:regional/webacl/other/2"


def firewall(*members: dict[str, str]) -> FirewallIntent:
    ingresses = [
        an_ingress(name, alb={"group.name": "g", **annotations})
        for name, annotations in zip("abc", members, strict=False)
    ]
    return wish(*ingresses).load_balancer.firewall


def test_who_says_nothing_wishes_nothing() -> None:
    assert FirewallIntent() == firewall({})


@pytest.mark.parametrize(
    ("annotations", "wanted"),
    [
        ({"wafv2-acl-arn": ARN}, FirewallIntent(web_acl=ARN)),
        ({"wafv2-acl-arn": "none"}, FirewallIntent(web_acl="")),
        ({"wafv2-acl-arn": ""}, FirewallIntent(web_acl="")),
        ({"wafv2-acl-name": "shop"}, FirewallIntent(web_acl_name="shop")),
        ({"wafv2-acl-name": "none"}, FirewallIntent(web_acl="")),
        ({"wafv2-acl-name": ""}, FirewallIntent()),
        ({"wafv2-acl-name": "shop", "wafv2-acl-arn": ARN}, FirewallIntent(web_acl_name="shop")),
        ({"wafv2-acl-name": "", "wafv2-acl-arn": ARN}, FirewallIntent(web_acl=ARN)),
        ({"waf-acl-id": "id"}, FirewallIntent(classic_web_acl="id")),
        ({"waf-acl-id": "none"}, FirewallIntent(classic_web_acl="")),
        ({"waf-acl-id": ""}, FirewallIntent()),
        ({"web-acl-id": "id"}, FirewallIntent(classic_web_acl="id")),
        ({"waf-acl-id": "new", "web-acl-id": "old"}, FirewallIntent(classic_web_acl="new")),
        ({"waf-acl-id": "", "web-acl-id": "old"}, FirewallIntent()),
        ({"shield-advanced-protection": "true"}, FirewallIntent(shield=True)),
        ({"shield-advanced-protection": "false"}, FirewallIntent(shield=False)),
    ],
)
def test_annotations_are_read(annotations: dict[str, str], wanted: FirewallIntent) -> None:
    assert wanted == firewall(annotations)


@pytest.mark.parametrize(
    ("of_class", "wanted"),
    [
        ({"wafv2AclArn": OTHER}, FirewallIntent(web_acl=OTHER)),
        ({"wafv2AclArn": "none"}, FirewallIntent(web_acl="")),
        ({"wafv2AclName": "shop"}, FirewallIntent(web_acl_name="shop")),
        ({"wafv2AclName": "none"}, FirewallIntent(web_acl="")),
        ({"wafv2AclName": "shop", "wafv2AclArn": OTHER}, FirewallIntent(web_acl_name="shop")),
    ],
)
def test_the_classs_parameters_win(of_class: dict[str, str], wanted: FirewallIntent) -> None:
    member = a_member(an_ingress(alb={"wafv2-acl-arn": ARN}), **of_class)
    assert wanted == wish(member).load_balancer.firewall


def test_a_name_of_the_annotation_wins_over_the_classs_arn() -> None:
    member = a_member(an_ingress(alb={"wafv2-acl-name": "shop"}), wafv2AclArn=OTHER)
    assert FirewallIntent(web_acl_name="shop") == wish(member).load_balancer.firewall


def test_a_member_that_says_nothing_agrees_with_all() -> None:
    assert FirewallIntent(web_acl=ARN, shield=True) == firewall(
        {}, {"wafv2-acl-arn": ARN}, {"shield-advanced-protection": "1"}
    )


def test_where_one_member_gives_a_name_no_members_arn_counts() -> None:
    assert FirewallIntent(web_acl_name="shop") == firewall(
        {"wafv2-acl-arn": ARN}, {"wafv2-acl-name": "shop"}, {"wafv2-acl-arn": OTHER}
    )


def test_two_ways_of_wishing_for_no_web_acl_agree() -> None:
    assert FirewallIntent(web_acl="") == firewall({"wafv2-acl-arn": "none"}, {"wafv2-acl-arn": ""})


@pytest.mark.parametrize(
    ("annotation", "first", "second"),
    [
        ("wafv2-acl-arn", ARN, OTHER),
        ("wafv2-acl-arn", ARN, "none"),
        ("wafv2-acl-name", "shop", "other"),
        ("waf-acl-id", "id", "none"),
        ("shield-advanced-protection", "true", "false"),
    ],
)
def test_members_that_differ_are_told_whose_value_holds(annotation: str, first: str, second: str) -> None:
    members = [
        an_ingress(name, alb={"group.name": "g", annotation: value}) for name, value in (("a", first), ("b", second))
    ]
    (problem,) = problems(*members)
    assert problem.startswith(f"Ingress shop/b: {annotation}")
    assert f"{annotation} of Ingress shop/a" in problem


@pytest.mark.parametrize(
    ("annotations", "problem"),
    [
        ({"wafv2-acl-arn": "shop"}, "write the ARN of a regional web ACL, or none"),
        ({"shield-advanced-protection": "yes"}, 'write "true" or "false"'),
    ],
)
def test_a_value_that_cannot_be_read_is_an_error_whatever_the_flags(annotations: dict[str, str], problem: str) -> None:
    for flags in ((), ("--enable-wafv2=false", "--enable-shield=false")):
        (told,) = problems(an_ingress(alb=annotations), settings=settings_with("--default-target-type=ip", *flags))
        assert told.endswith(problem)


@pytest.mark.parametrize(
    ("annotation", "value", "flag"),
    [
        ("wafv2-acl-arn", ARN, "enable-wafv2"),
        ("wafv2-acl-name", "shop", "enable-wafv2"),
        ("waf-acl-id", "id", "enable-waf"),
        ("web-acl-id", "id", "enable-waf"),
        ("shield-advanced-protection", "true", "enable-shield"),
    ],
)
def test_what_a_flag_turns_off_is_passed_over_with_a_warning(annotation: str, value: str, flag: str) -> None:
    settings = settings_with("--default-target-type=ip", f"--{flag}=false")
    ingress = an_ingress(alb={annotation: value})
    assert FirewallIntent() == wish(ingress, settings=settings).load_balancer.firewall
    (warning,) = warnings(ingress, settings=settings)
    assert warning.startswith(f"Ingress shop/web: {annotation} = '{value}'")
    assert flag in warning


def test_a_classs_web_acl_that_a_flag_turns_off_is_passed_over_with_a_warning() -> None:
    settings = settings_with("--default-target-type=ip", "--enable-wafv2=false")
    member = a_member(wafv2AclName="shop")
    assert FirewallIntent() == wish(member, settings=settings).load_balancer.firewall
    assert any(
        "spec.wafv2AclName" in warning and "enable-wafv2" in warning for warning in warnings(member, settings=settings)
    )


def test_whoever_asked_first_is_to_be_told_of_what_aws_says() -> None:
    prefix = "alb.ingress.kubernetes.io"
    members = [
        an_ingress("a", alb={"group.name": "g", "wafv2-acl-arn": ARN}),
        an_ingress("b", alb={"group.name": "g", "wafv2-acl-name": "shop", "shield-advanced-protection": "true"}),
    ]
    blame = wish(*members).load_balancer.blame
    assert Blame(object="Ingress shop/b", field=f"{prefix}/wafv2-acl-name") == blame["wafv2"]
    assert Blame(object="Ingress shop/b", field=f"{prefix}/shield-advanced-protection") == blame["shield"]
    assert "waf-regional" not in blame
