"""The reflector makes the store like the cluster, whatever becomes of its watches, and opens the gate only then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.kinds import NODE, POD, SERVICE
from aws_lb_controller.cluster.list_watch import Backoff
from aws_lb_controller.cluster.reflector import Reflector
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesError, KubernetesNotFound
from builders_cluster import a_node, a_pod
from builders_kube import a_service
from fake_api import FakeApi, no_answer, until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "next", lambda _self: 0.001)


@contextmanager
def reflecting(api: FakeApi, store: Store, **more: Any) -> Iterator[Reflector]:
    reflector = Reflector(cast("KubeClient", api), store, **{"watched": (POD,), "heard": (SERVICE,), **more})
    reflector.start()
    try:
        yield reflector
    finally:
        reflector.stop()


def pods(store: Store) -> set[str]:
    return {pod["metadata"]["name"] for pod in store.list(POD)}


def addresses(store: Store) -> list[str]:
    return [pod["status"]["podIP"] for pod in store.list(POD)]


def pod_path(name: str) -> str:
    return f"{POD.path}/{name}"


def test_every_page_of_a_list_is_taken_and_opens_the_gate() -> None:
    api, store = FakeApi(), Store()
    for n in range(5):
        api.put(pod_path(f"p{n}"), a_pod(f"p{n}"))
    api.put(f"{SERVICE.path}/web", a_service())
    with reflecting(api, store) as reflector:
        assert reflector.listed.wait(10)
        assert ({f"p{n}" for n in range(5)}, 1) == (pods(store), store.count(SERVICE))
        assert {POD, SERVICE} == set(reflector.ages())


def test_the_gate_stays_shut_while_one_kind_cannot_be_listed() -> None:
    api, store = FakeApi(), Store()
    tries: list[str] = []

    def refuse(_method: str, path: str) -> None:
        if path == SERVICE.path:
            tries.append(path)
            raise KubernetesNotFound(path, 404, "no such kind")

    api.before = refuse
    with reflecting(api, store) as reflector:
        until(lambda: len(tries) > 3, "tries")
        assert not reflector.listed.is_set()
        api.before = lambda _method, _path: None
        assert reflector.listed.wait(10)


def test_a_watch_brings_what_is_made_changed_and_deleted() -> None:
    api, store = FakeApi(), Store()
    with reflecting(api, store):
        stream = api.stream_of(POD.path)
        stream.put("ADDED", a_pod("a", version=201))
        stream.put("ADDED", a_pod("b", version=202))
        stream.put("MODIFIED", a_pod("a", version=203, ip="10.9.9.9"))
        stream.put("DELETED", a_pod("b", version=204))
        until(lambda: pods(store) == {"a"} and addresses(store) == ["10.9.9.9"])


def test_a_watch_that_ends_or_breaks_goes_on_where_it_was() -> None:
    api, store = FakeApi(), Store()
    with reflecting(api, store):
        api.stream_of(POD.path).put("BOOKMARK", a_pod("", version=300))
        api.stream_of(POD.path).end()
        until(lambda: len(api.watched_from) == 2)
        api.stream_of(POD.path).put("ADDED", a_pod("a", version=301))
        api.stream_of(POD.path).fail(no_answer("watch"))
        until(lambda: len(api.watched_from) == 3)
        assert ["100", "300", "301"] == api.watched_from
        assert 1 == api.requests.count(("GET", POD.path))


def test_a_version_that_is_too_old_is_listed_anew_and_ghosts_go() -> None:
    api, store = FakeApi(), Store()
    api.put(pod_path("ghost"), a_pod("ghost"))
    with reflecting(api, store):
        stream = api.stream_of(POD.path)
        api.drop(pod_path("ghost"))
        api.put(pod_path("new"), a_pod("new"))
        stream.put("ERROR", {"code": 410, "message": "too old"})
        until(lambda: pods(store) == {"new"})


def test_a_watch_refused_with_410_is_listed_anew() -> None:
    api, store = FakeApi(), Store()
    refused: list[str] = []

    def refuse_once(method: str, path: str) -> None:
        if method == "WATCH" and not refused:
            refused.append(path)
            raise KubernetesError(path, 410, "gone")

    api.before = refuse_once
    with reflecting(api, store):
        until(lambda: api.requests.count(("GET", POD.path)) == 2 and POD.path in api.streams)


def test_an_error_inside_a_watch_that_is_not_410_goes_on_where_it_was() -> None:
    api, store = FakeApi(), Store()
    with reflecting(api, store):
        api.stream_of(POD.path).put("ERROR", {"code": 500, "message": "etcd"})
        until(lambda: len(api.watched_from) == 2)
        assert 1 == api.requests.count(("GET", POD.path))


def test_a_list_that_expires_between_pages_begins_again() -> None:
    api, store = FakeApi(), Store()
    for n in range(3):
        api.put(pod_path(f"p{n}"), a_pod(f"p{n}"))
    pages: list[int] = []

    def expire_second(method: str, path: str) -> None:
        if (method, path) == ("GET", POD.path):
            pages.append(1)
            if len(pages) == 2:
                raise KubernetesError(path, 410, "the continue token has expired")

    api.before = expire_second
    with reflecting(api, store):
        until(lambda: pods(store) == {"p0", "p1", "p2"})
        assert 4 == len(pages)


def test_what_kopf_hears_is_listed_again_and_ghosts_go() -> None:
    api, store = FakeApi(), Store()
    api.put(f"{SERVICE.path}/web", a_service())
    with reflecting(api, store, relist_seconds=0.001) as reflector:
        assert reflector.listed.wait(10)
        api.drop(f"{SERVICE.path}/web")
        until(lambda: store.count(SERVICE) == 0)


def test_only_the_watched_namespace_is_asked_for_except_for_cluster_wide_kinds() -> None:
    api, store = FakeApi(), Store()
    api.put("/api/v1/namespaces/shop/pods/a", a_pod("a"))
    api.put(f"{NODE.path}/node-0", a_node())
    with reflecting(api, store, namespace="shop", watched=(POD, NODE)) as reflector:
        assert reflector.listed.wait(10)
        assert ({"a"}, 1) == (pods(store), store.count(NODE))
        listed = {path for method, path in api.requests if method == "GET"}
        assert {"/api/v1/namespaces/shop/pods", "/api/v1/namespaces/shop/services", "/api/v1/nodes"} == listed


def test_an_outage_ends_nothing() -> None:
    api, store = FakeApi(), Store()
    asked: list[str] = []

    def no_server(method: str, path: str) -> None:
        asked.append(path)
        raise no_answer(method)

    api.before = no_server
    with reflecting(api, store) as reflector:
        until(lambda: len(asked) > 20)
        api.before = lambda _method, _path: None
        assert reflector.listed.wait(10)


def test_stopping_ends_a_silent_watch_at_once() -> None:
    api, store = FakeApi(), Store()
    with reflecting(api, store) as reflector:
        api.stream_of(POD.path)
    assert [] == [thread.name for thread in reflector._threads if thread.is_alive()]


def test_a_backoff_doubles_up_to_its_cap_and_starts_over() -> None:
    # undo the quick one of this file: the real thing is asked
    backoff = Backoff(1.0, 8.0)
    real = [min(8.0, 2.0**n) for n in range(6)]
    waits = [_real_next(backoff) for _ in range(6)]
    assert all(0.5 * most <= wait <= most for wait, most in zip(waits, real, strict=True))
    backoff.reset()
    assert 1.0 >= _real_next(backoff)


_real_next = Backoff.next
