"""Rules of an Ingress, whatever its paths: their order depends on nothing but the rule for it, and none is lost."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.intent.rules import ordered
from builders_ingress import FIXED, a_rule, an_action_path, an_ingress, only_listener, paths_of, wish

KINDS = st.sampled_from(["Exact", "Prefix", "ImplementationSpecific"])
SEGMENTS = st.text("abcé-/", max_size=8).map(lambda text: f"/{text}")
PATHS = st.lists(st.builds(lambda path, kind: an_action_path(path, kind=kind), SEGMENTS, KINDS), max_size=8)
ORDERS = st.integers(-1000, 1000)


def member(name: str, number: int, paths: list[dict[str, Any]]) -> dict[str, Any]:
    alb = {"group.name": "g", "group.order": str(number), "actions.hi": FIXED}
    return an_ingress(name, alb=alb, rules=[a_rule(*paths)] if paths else [])


@given(PATHS)
def test_ordering_paths_loses_none_and_is_done_once(paths: list[dict[str, Any]]) -> None:
    once = ordered(paths)
    assert sorted(map(str, paths)) == sorted(map(str, once))
    assert once == ordered(once)


@given(PATHS)
def test_a_longer_prefix_never_stands_behind_a_shorter_one(paths: list[dict[str, Any]]) -> None:
    lengths = [len(p["path"].encode()) for p in ordered(paths) if p["pathType"] == "Prefix"]
    assert sorted(lengths, reverse=True) == lengths


@given(PATHS)
def test_without_redirects_every_path_is_one_rule(paths: list[dict[str, Any]]) -> None:
    assert len(paths) == len(only_listener(wish(member("a", 0, paths))).rules)


@given(st.lists(st.tuples(ORDERS, PATHS), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_a_group_reads_the_same_in_whatever_order_its_members_come(
    written: list[tuple[int, list[dict[str, Any]]]], random: Any
) -> None:
    members = [member(f"m{i}", number, paths) for i, (number, paths) in enumerate(written)]
    shuffled = random.sample(members, len(members))
    assert wish(*members) == wish(*shuffled)


@given(st.lists(st.tuples(ORDERS, PATHS), min_size=1, max_size=4))
def test_a_group_has_the_rules_of_its_members_one_after_the_other(
    written: list[tuple[int, list[dict[str, Any]]]],
) -> None:
    members = [member(f"m{i}", number, paths) for i, (number, paths) in enumerate(written)]
    in_order = [m for _, m in sorted(zip([n for n, _ in written], members, strict=True), key=lambda pair: pair[0])]
    alone = [patterns for m in in_order for patterns in paths_of(only_listener(wish(m)).rules)]
    assert alone == paths_of(only_listener(wish(*members)).rules)
