"""The store holds the newest of each object, tells of changes, and finds objects by what they name."""

from __future__ import annotations

from typing import Any

from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, INGRESS, NODE, POD, SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from builders_cluster import a_binding, a_node, a_pod, a_slice, an_ingress

Change = tuple[str | None, str | None]


def told(store: Store) -> list[Change]:
    """The versions, old and new, that subscribers are told of from now on."""
    changes: list[Change] = []

    def version(obj: Any) -> str | None:
        return obj["metadata"]["resourceVersion"] if obj else None

    store.subscribe(lambda _kind, old, new: changes.append((version(old), version(new))))
    return changes


def held(store: Store) -> dict[str, str]:
    return {pod["metadata"]["name"]: pod["metadata"]["resourceVersion"] for pod in store.list(POD)}


def test_what_was_put_in_is_found_by_name() -> None:
    store, pod = Store(), a_pod()
    store.upsert(POD, pod)
    assert pod == store.get(POD, "shop", "web-1")
    assert store.get(POD, "other", "web-1") is None


def test_a_kind_without_namespaces_has_the_empty_one() -> None:
    store, node = Store(), a_node()
    store.upsert(NODE, node)
    assert node == store.get(NODE, "", "node-0")


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    store = Store()
    changes = told(store)
    for version in (9, 10, 9, 10):
        store.upsert(POD, a_pod(version=version))
    assert [(None, "9"), ("9", "10")] == changes


def test_a_deleted_object_does_not_come_back_by_an_older_answer() -> None:
    store = Store()
    store.upsert(POD, a_pod(version=5))
    store.remove(POD, "shop", "web-1", version="7")
    store.upsert(POD, a_pod(version=6))
    assert store.get(POD, "shop", "web-1") is None
    store.upsert(POD, a_pod(version=8))
    assert {"web-1": "8"} == held(store)


def test_a_deletion_that_is_older_than_the_object_is_passed_over() -> None:
    store = Store()
    store.upsert(POD, a_pod(version=8))
    store.remove(POD, "shop", "web-1", version="7")
    assert {"web-1": "8"} == held(store)


def test_a_deletion_that_comes_before_the_object_still_counts() -> None:
    store = Store()
    changes = told(store)
    store.remove(POD, "shop", "web-1", version="7")
    store.upsert(POD, a_pod(version=6))
    assert ([], {}) == (changes, held(store))


def test_a_list_takes_away_ghosts_and_tells_of_it() -> None:
    store = Store()
    for name in ("a", "b"):
        store.upsert(POD, a_pod(name, version=3))
    changes = told(store)
    store.replace(POD, [a_pod("a", version=3), a_pod("c", version=4)], "5")
    assert {"a": "3", "c": "4"} == held(store)
    assert {(None, "4"), ("3", None)} == {*changes}


def test_a_list_does_not_take_away_what_was_made_after_it() -> None:
    store = Store()
    store.upsert(POD, a_pod("late", version=6))
    store.replace(POD, [], "5")
    assert {"late": "6"} == held(store)


def test_a_list_does_not_bring_back_what_was_changed_or_deleted_after_it() -> None:
    store = Store()
    store.upsert(POD, a_pod("changed", version=6))
    store.remove(POD, "shop", "deleted", version="7")
    store.replace(POD, [a_pod("changed", version=2), a_pod("deleted", version=2)], "5")
    assert {"changed": "6"} == held(store)


def test_versions_that_are_no_numbers_let_the_last_one_win() -> None:
    store = Store()
    for version in ("b", "a"):
        pod = a_pod()
        pod["metadata"]["resourceVersion"] = version
        store.upsert(POD, pod)
    assert {"web-1": "a"} == held(store)
    store.replace(POD, [], "z")
    assert {} == held(store)


def test_subscribers_see_the_change_in_the_store() -> None:
    store = Store()
    seen: list[object] = []
    store.subscribe(lambda kind, _old, _new: seen.append(store.get(kind, "shop", "web-1")))
    store.upsert(POD, a_pod())
    store.remove(POD, "shop", "web-1")
    assert [a_pod(), None] == seen


def test_a_subscriber_that_raises_hides_no_change_from_others() -> None:
    store = Store()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    store.subscribe(broken)
    changes = told(store)
    store.replace(POD, [a_pod("a"), a_pod("b")], "5")
    assert 2 == len(changes)


def test_an_index_follows_what_objects_say() -> None:
    store = Store()
    store.upsert(INGRESS, an_ingress(services=("web", "api"), version=1))
    assert 1 == len(store.by_index(INGRESS, "service", "shop/api"))
    store.upsert(INGRESS, an_ingress(services=("web",), version=2))
    assert [] == store.by_index(INGRESS, "service", "shop/api")
    assert ["2"] == [i["metadata"]["resourceVersion"] for i in store.by_index(INGRESS, "service", "shop/web")]
    store.remove(INGRESS, "shop", "web")
    assert [] == store.by_index(INGRESS, "service", "shop/web")


def test_an_index_added_later_knows_what_is_held() -> None:
    store = Store()
    store.upsert(NODE, a_node())
    store.add_index(NODE, "provider", lambda node: [node["spec"]["providerID"]])
    assert [a_node()] == store.by_index(NODE, "provider", "aws:///us-west-2a/i-0123456789abcdef0")


def test_slices_and_bindings_are_found_by_what_binds_them() -> None:
    store = Store()
    store.upsert(ENDPOINT_SLICE, a_slice())
    store.upsert(TARGET_GROUP_BINDING, a_binding(labels={"ingress.k8s.aws/stack": "shop"}))
    assert [a_slice()] == store.by_index(ENDPOINT_SLICE, "service", "shop/web")
    assert [a_slice()] == store.by_index(ENDPOINT_SLICE, "pod", "shop/web-1")
    assert 1 == len(store.by_index(TARGET_GROUP_BINDING, "service", "shop/web"))
    assert 1 == len(store.by_index(TARGET_GROUP_BINDING, "stack", "ingress:shop"))


def test_kinds_do_not_mix() -> None:
    store = Store()
    store.upsert(POD, a_pod())
    store.replace(SERVICE, [], "9")
    assert (1, 0) == (store.count(POD), store.count(SERVICE))


def test_what_is_forgotten_is_told_to_nobody_and_may_come_back_as_it_is() -> None:
    store, told = Store(), []
    store.upsert(ENDPOINT_SLICE, a_slice())
    store.subscribe(lambda _kind, _old, new: told.append(new))
    store.forget(ENDPOINT_SLICE, "shop", "web-abc")
    assert ([], [], 0) == (
        told,
        store.by_index(ENDPOINT_SLICE, "service", "shop/web"),
        store.count(ENDPOINT_SLICE),
    )
    store.upsert(ENDPOINT_SLICE, a_slice())
    assert ([a_slice()], 1) == (told, store.count(ENDPOINT_SLICE))


def test_forgetting_what_is_not_there_does_nothing() -> None:
    store = Store()
    store.forget(POD, "shop", "web-1")
    assert 0 == store.count(POD)
