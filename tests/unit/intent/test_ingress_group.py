"""Which group an Ingress is in, and a group's order."""

from __future__ import annotations

import pytest

from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.group import (
    deletion_protection,
    finalizer_of,
    group_of,
)
from aws_lb_controller.model.stack import StackId
from builders_ingress import (
    FIXED,
    a_member,
    a_rule,
    an_action_path,
    an_ingress,
    only_listener,
    paths_of,
    problems,
    wish,
)


def group(name: str | None = None, **class_spec: object) -> str:
    member = a_member(an_ingress(alb={"group.name": name} if name is not None else None), **class_spec)
    return group_of(member.ingress, member.classified)


def test_an_ingress_without_a_group_is_alone_under_its_own_name() -> None:
    assert "shop/web" == group()


def test_the_annotation_names_the_group() -> None:
    assert "shared.front-1" == group("shared.front-1")


def test_the_class_names_the_group_before_the_annotation() -> None:
    assert "platform" == group("shared", group={"name": "platform"})


@pytest.mark.parametrize("name", ["", "Shop", "-shop", "shop.", "a/b", "shop\n", "a" * 64])
def test_a_name_that_is_no_group_name_is_an_error(name: str) -> None:
    with pytest.raises(SpecError, match="write at most 63"):
        group(name)


def test_a_wrong_group_name_of_the_class_is_told_to_the_class() -> None:
    with pytest.raises(SpecError, match=r"IngressClassParams platform: spec\.group\.name = 'A'"):
        group(group={"name": "A"})


def test_finalizers_tell_lone_ingresses_from_shared_groups() -> None:
    assert "ingress.k8s.aws/resources" == finalizer_of("shop/web")
    assert "group.ingress.k8s.aws/shared" == finalizer_of("shared")


def numbered(name: str, number: str | None, namespace: str = "shop") -> dict[str, object]:
    alb = {"group.name": "shared", "actions.hi": FIXED} | ({"group.order": number} if number else {})
    return an_ingress(name, namespace=namespace, alb=alb, rules=[a_rule(an_action_path(f"/{name}"))])


def test_rules_of_a_group_follow_the_members_order() -> None:
    stack = wish(numbered("z", "-5"), numbered("b", None), numbered("a", "10"), numbered("c", "0", namespace="app"))
    assert [("/z", "/z/*"), ("/c", "/c/*"), ("/b", "/b/*"), ("/a", "/a/*")] == paths_of(only_listener(stack).rules)
    assert StackId("ingress", "shared") == stack.stack


@pytest.mark.parametrize("number", ["1001", "-1001", "first"])
def test_an_order_that_is_none_is_an_error_naming_the_range(number: str) -> None:
    remedy = "write a whole number"
    assert problems(numbered("a", number))[0].startswith(f"Ingress shop/a: group.order = '{number}': {remedy}")


def test_problems_of_all_members_come_together_each_with_its_own_object() -> None:
    a, b = (
        an_ingress("a", alb={"group.name": "g", "scheme": "x"}),
        an_ingress("b", alb={"group.name": "g", "tags": "x"}),
    )
    assert [
        "Ingress shop/a: scheme = 'x': write one of internal, internet-facing",
        "Ingress shop/b: tags = 'x': write key=value pairs with commas between them",
    ] == problems(a, b)


@pytest.mark.parametrize(("text", "kept"), [("true", True), ("false", False), ("maybe", True)])
def test_deletion_protection_counts_as_on_unless_it_is_off(text: str, kept: bool) -> None:
    ingress = an_ingress(alb={"load-balancer-attributes": f"deletion_protection.enabled={text}"})
    assert kept == deletion_protection(ingress)


def test_an_ingress_that_says_nothing_keeps_no_deletion_protection() -> None:
    assert not deletion_protection(an_ingress())
