"""Whatever the order in which news of the cluster reach the store, it ends up like the cluster."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE
from aws_lb_controller.cluster.store import Store
from builders_cluster import a_slice

NAMES = ("a", "b", "c")
SERVICES = ("web", "api")

Write = tuple[str, str | None]
"""An object's name, and the Service it then belongs to; None: it is deleted."""

histories = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([*SERVICES, None])), max_size=12)


def news_of(history: list[Write]) -> tuple[list[Any], dict[str, dict[str, Any]]]:
    """What a watch would tell of a history, and the state it ends in."""
    state: dict[str, dict[str, Any]] = {}
    news = []
    for version, (name, service) in enumerate(history, 1):
        if service is not None:
            state[name] = a_slice(name, service=service, version=version)
            news.append(("put", state[name]))
        elif name in state:
            news.append(("drop", {**state.pop(name), "version": str(version)}))
    return news, state


def tell(store: Store, what: str, obj: dict[str, Any]) -> None:
    if what == "put":
        store.upsert(ENDPOINT_SLICE, obj)
    else:
        store.remove(ENDPOINT_SLICE, "shop", obj["metadata"]["name"], version=obj["version"])


def contents(store: Store) -> dict[str, Any]:
    return {obj["metadata"]["name"]: obj for obj in store.list(ENDPOINT_SLICE)}


@given(histories, st.data())
def test_news_in_any_order_and_doubled_lead_to_the_same_state(history: list[Write], data: st.DataObject) -> None:
    news, expected = news_of(history)
    store = Store()
    for what, obj in data.draw(st.permutations(news + news)):
        tell(store, what, obj)
    assert expected == contents(store)


@given(histories, st.integers(min_value=0), st.data())
def test_a_list_of_any_moment_among_later_news_does_no_harm(history: list[Write], at: int, data: st.DataObject) -> None:
    at %= len(history) + 1
    _, listed = news_of(history[:at])
    news, expected = news_of(history)
    store = Store()
    before = data.draw(st.integers(min_value=0, max_value=len(news)))
    for what, obj in news[:before]:
        tell(store, what, obj)
    store.replace(ENDPOINT_SLICE, listed.values(), str(at))
    for what, obj in news[before:]:
        tell(store, what, obj)
    assert expected == contents(store)


@given(histories)
def test_a_list_makes_up_for_all_news_that_were_lost(history: list[Write]) -> None:
    _, expected = news_of(history)
    store = Store()
    store.upsert(ENDPOINT_SLICE, a_slice("ghost", version=0))
    store.replace(ENDPOINT_SLICE, expected.values(), str(len(history)))
    assert expected == contents(store)


@given(histories, st.data())
def test_an_index_says_the_same_as_looking_through_everything(history: list[Write], data: st.DataObject) -> None:
    news, _ = news_of(history)
    store = Store()
    for what, obj in data.draw(st.permutations(news)):
        tell(store, what, obj)
    for service in SERVICES:
        expected = {
            name
            for name, obj in contents(store).items()
            if obj["metadata"]["labels"]["kubernetes.io/service-name"] == service
        }
        found = store.by_index(ENDPOINT_SLICE, "service", f"shop/{service}")
        assert expected == {obj["metadata"]["name"] for obj in found}


@given(histories, st.data())
def test_what_subscribers_are_told_adds_up_to_the_state(history: list[Write], data: st.DataObject) -> None:
    news, _ = news_of(history)
    store, mirror = Store(), {}

    def follow(_kind: object, old: Any, new: Any) -> None:
        name = (new or old)["metadata"]["name"]
        assert mirror.get(name) == old
        mirror[name] = new

    store.subscribe(follow)
    for what, obj in data.draw(st.permutations(news)):
        tell(store, what, obj)
    assert contents(store) == {name: obj for name, obj in mirror.items() if obj is not None}
