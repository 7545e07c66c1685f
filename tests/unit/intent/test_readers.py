"""Annotation text is read as Go reads it."""

from __future__ import annotations

import pytest

from aws_lb_controller.intent.readers import (
    Unreadable,
    fold,
    integer_between,
    one_of,
    read_bool,
    read_int,
    read_int32,
    read_json,
    read_list,
    read_load_balancer_name,
    read_map,
)


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("t", True), ("TRUE", True), ("true", True), ("F", False), ("0", False)]
)
def test_booleans_have_the_spellings_of_go(text: str, value: bool) -> None:
    assert value == read_bool(text)


@pytest.mark.parametrize("text", ["yes", "tRUE", " true", ""])
def test_any_other_boolean_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match='write "true" or "false"'):
        read_bool(text)


@pytest.mark.parametrize(("text", "value"), [("+20", 20), ("007", 7), ("-3", -3)])
def test_integers_may_have_a_sign_and_leading_zeros(text: str, value: int) -> None:
    assert value == read_int(text)


@pytest.mark.parametrize(("text", "value"), [("2147483647", 2**31 - 1), ("-2147483648", -(2**31)), ("0" * 5000, 0)])
def test_integers_of_32_bits_are_read_up_to_their_ends(text: str, value: int) -> None:
    assert value == read_int32(text)


@pytest.mark.parametrize("text", ["2147483648", "-2147483649", "9" * 5000])
def test_integers_that_are_too_large_for_32_bits_are_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="write a whole number"):
        read_int32(text)


@pytest.mark.parametrize("text", [" 20 ", "2.0", "", "1_000", "٣", "9223372036854775808", "9" * 5000])
def test_integers_with_anything_else_are_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_int(text)


def test_an_integer_outside_its_range_names_the_range() -> None:
    with pytest.raises(Unreadable, match="from 1 to 5"):
        integer_between(1, 5)("6")


def test_a_word_that_is_not_allowed_names_those_that_are() -> None:
    with pytest.raises(Unreadable, match="internal, internet-facing"):
        one_of("internal", "internet-facing")("public")


def test_lists_trim_items_and_drop_empty_ones() -> None:
    assert ("a", "b c") == read_list(" a,, b c ,")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1,b=2", {"a": "1", "b": "2"}),
        (" a = 1 , b = ", {"a": "1", "b": ""}),
        (r"a=x\,y,b=2", {"a": "x,y", "b": "2"}),
        ("a=1=2", {"a": "1=2"}),
        ("a=1,a=2", {"a": "2"}),
        ("", {}),
    ],
)
def test_maps_trim_keys_and_values_and_take_escaped_commas(text: str, value: dict[str, str]) -> None:
    assert value == read_map(text)


@pytest.mark.parametrize("text", ["a", "=1", "a=1,b"])
def test_a_pair_without_key_or_equals_sign_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="key=value"):
        read_map(text)


@pytest.mark.parametrize("text", ["{", "NaN", "[-Infinity]", ""])
def test_json_that_is_none_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable, match="valid JSON"):
        read_json(text)


def test_json_nested_beyond_measure_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="nested"):
        read_json("[" * 100_000)


@pytest.mark.parametrize(("text", "value"), [(r'"\ud83d\ude00"', "\U0001f600"), (r'["\ud800x"]', ["\ufffdx"])])
def test_half_a_surrogate_pair_in_json_is_replaced_as_nothing_can_send_it(text: str, value: object) -> None:
    assert value == read_json(text)


def test_json_keys_match_in_any_case_and_unknown_ones_are_ignored() -> None:
    assert {"statusCode": "200"} == fold({"STATUSCODE": "200", "other": 1, "messageBody": None}, ["statusCode"])


@pytest.mark.parametrize("name", ["", "x" * 33, "-shop", "shop-", "internal-shop", "shop_front", "shop."])
def test_a_load_balancer_name_that_aws_would_refuse_is_unreadable(name: str) -> None:
    with pytest.raises(Unreadable, match="write 1 to 32 letters, digits and hyphens"):
        read_load_balancer_name(name)


def test_a_load_balancer_name_is_kept_as_written() -> None:
    assert "Shop-1" == read_load_balancer_name("Shop-1")
