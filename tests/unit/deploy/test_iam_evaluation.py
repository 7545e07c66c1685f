"""How a policy is evaluated in the tests: as IAM does it, for as much as deploy/ needs."""

from __future__ import annotations

from typing import Any

import pytest

from iam_policy import Ask, Policy, Values

KEY, TAGS = "aws:ResourceTag/team", "aws:TagKeys"


def allows(condition: dict[str, Any] | None, **statement: Any) -> bool:
    """Whether a statement for `x:Do` on everything allows it where `team` is shop and the request has tags a and b."""
    context: dict[str, Values] = {KEY: "shop", TAGS: ("a", "b")}
    document = {"Effect": "Allow", "Action": "x:Do", "Resource": "*", "Condition": condition or {}, **statement}
    return Policy({"Statement": [document]}).allows(Ask("x:Do", "arn:aws:x:here:1:thing/one/2", context))


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringEquals": {KEY: ["shop", "other"]}}, True),
        ({"StringEquals": {KEY: "sh*"}}, False),
        ({"StringLike": {KEY: "sh*"}}, True),
        ({"StringLike": {KEY: "*"}}, True),
        ({"StringNotEquals": {KEY: "shop"}}, False),
        ({"Null": {KEY: "false"}}, True),
        ({"Null": {KEY: "true"}}, False),
        ({"StringEquals": {KEY: "shop"}, "Null": {"aws:ResourceTag/stage": "false"}}, False),
        ({"ForAllValues:StringEquals": {TAGS: ["a", "b", "c"]}}, True),
        ({"ForAllValues:StringEquals": {TAGS: "a"}}, False),
        ({"ForAllValues:StringNotEquals": {TAGS: "c"}}, True),
        ({"ForAllValues:StringNotEquals": {TAGS: "b"}}, False),
        ({"ForAnyValue:StringEquals": {TAGS: "a"}}, True),
        ({"ForAnyValue:StringEquals": {TAGS: "c"}}, False),
    ],
)
def test_conditions_hold_as_in_iam(condition: dict[str, Any], allowed: bool) -> None:
    assert allowed == allows(condition)


@pytest.mark.parametrize(
    ("operator", "allowed"),
    [
        ("StringEquals", False),
        ("StringLike", False),
        ("StringNotEquals", True),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
    ],
)
def test_a_key_that_the_request_lacks_fails_what_asks_for_a_value(operator: str, allowed: bool) -> None:
    assert allowed == allows({operator: {"aws:RequestTag/team": "*"}})


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        ("arn:*:x:*:*:thing/*/*", True),
        ("arn:aws:x:*:*:thing/*", True),
        ("arn:aws:x:*:*:other/*", False),
        (["arn:aws:x:*:*:other/*", "*"], True),
    ],
)
def test_a_star_in_a_resource_stands_for_anything(resource: str | list[str], allowed: bool) -> None:
    assert allowed == allows(None, Resource=resource)


def test_an_action_without_a_resource_is_allowed_by_what_is_for_everything_only() -> None:
    statement = {"Effect": "Allow", "Action": ["x:Do"], "Resource": "arn:aws:x:*:*:thing/*"}
    assert not Policy({"Statement": [statement]}).allows(Ask("x:Do"))
    assert Policy({"Statement": [{**statement, "Resource": "*"}]}).allows(Ask("x:Do"))


def test_what_is_not_understood_is_no_permission() -> None:
    with pytest.raises(KeyError):
        allows({"StringEqualsIgnoreCase": {KEY: "shop"}})
    with pytest.raises(AssertionError):
        allows(None, NotAction="x:Other")
    with pytest.raises(AssertionError, match="several values"):
        allows({"StringEquals": {TAGS: "a"}})
