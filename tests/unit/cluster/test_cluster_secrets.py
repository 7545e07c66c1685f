"""Only the Secrets that somebody names are looked at, each by itself, and of their passwords nothing is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.kinds import INGRESS, SECRET, SERVICE, Kind
from aws_lb_controller.cluster.list_watch import Backoff
from aws_lb_controller.cluster.secrets import Secrets
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesDenied, KubernetesError
from aws_lb_controller.intent.oidc_client import client_id, mark
from builders_ingress import an_ingress
from builders_kube import a_secret, a_service
from fake_api import FakeApi, no_answer, until

SECRETS = "/api/v1/namespaces/shop/secrets"
WATCH = f"{SECRETS}?metadata.name=oidc"
NAMES_IT = {"auth-idp-oidc": json.dumps({"secretName": "oidc"})}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "next", lambda _self: 0.001)


class World:
    """An API server, a store, and what is told of Secrets."""

    def __init__(self, **more: Any) -> None:
        self.api, self.store = FakeApi(), Store()
        self.secrets = Secrets(cast("KubeClient", self.api), self.store, **more)
        self.told: list[str] = []
        self.store.subscribe(self._tell)
        self.store.subscribe(self.secrets.named)

    def _tell(self, kind: Kind, _old: object, new: object) -> None:
        if kind == SECRET:
            self.told.append("gone" if new is None else "there")

    def put(self, **more: Any) -> dict[str, Any]:
        secret = a_secret(**more)
        return self.api.put(f"{SECRETS}/{secret['metadata']['name']}", secret)

    def name_it(self) -> None:
        self.store.upsert(INGRESS, an_ingress(alb=NAMES_IT))


@contextmanager
def a_world(**more: Any) -> Iterator[World]:
    world = World(**more)
    try:
        yield world
    finally:
        world.secrets.stop()


def test_nothing_is_asked_for_before_somebody_asks() -> None:
    with a_world() as world:
        world.put()
        world.name_it()
        assert [] == world.api.requests


def test_a_secret_is_listed_once_and_then_watched_by_its_name() -> None:
    with a_world() as world:
        world.put()
        world.put(name="other")
        found = [world.secrets.get("shop", "oidc") for _ in range(3)]
        world.api.stream_of(WATCH)
        assert [("GET", SECRETS)] == world.api.requests
        assert ["shop"] * 3 == [client_id(secret or {}) for secret in found]
        assert 1 == world.store.count(SECRET)


def test_a_secret_that_appears_later_is_heard_of() -> None:
    with a_world() as world:
        assert world.secrets.get("shop", "oidc") is None
        world.api.stream_of(WATCH).put("ADDED", a_secret(version=200))
        until(lambda: world.told == ["there"])
        assert world.secrets.get("shop", "oidc") is not None


def test_a_change_and_a_deletion_are_heard_of() -> None:
    with a_world() as world:
        world.put()
        before = mark(world.secrets.get("shop", "oidc") or {})
        stream = world.api.stream_of(WATCH)
        stream.put("MODIFIED", a_secret(version=200, clientID="shop", clientSecret="new"))
        until(lambda: world.told == ["there", "there"])
        assert before != mark(world.secrets.get("shop", "oidc") or {})
        stream.put("DELETED", a_secret(version=201))
        until(lambda: world.told == ["there", "there", "gone"])
        assert world.secrets.get("shop", "oidc") is None


def test_a_deletion_that_was_missed_is_found_by_the_next_list() -> None:
    with a_world() as world:
        world.put()
        world.secrets.get("shop", "oidc")
        stream = world.api.stream_of(WATCH)
        world.api.drop(f"{SECRETS}/oidc")
        stream.put("ERROR", {"code": 410, "message": "too old"})
        until(lambda: world.told == ["there", "gone"])


def test_nothing_of_the_client_secret_rests_in_memory() -> None:
    with a_world() as world:
        world.put(clientID="shop", clientSecret="hush-hush-hush")
        world.secrets.get("shop", "oidc")
        world.api.stream_of(WATCH)
        world.api.objects.clear()
        assert "hush" not in repr(world.store.list(SECRET))


def test_a_secret_that_may_not_be_read_is_as_if_it_were_not_there_until_it_may() -> None:
    with a_world() as world:
        world.put()

        def forbid(method: str, path: str) -> None:
            raise KubernetesDenied(f"{method} {path}", 403, 'secrets "oidc" is forbidden')

        world.api.before = forbid
        assert world.secrets.get("shop", "oidc") is None
        world.api.before = lambda _method, _path: None
        until(lambda: world.told == ["there"])


def test_an_api_server_that_does_not_answer_does_not_mean_that_there_is_no_secret() -> None:
    with a_world() as world:
        world.put()

        def fail(method: str, _path: str) -> None:
            raise no_answer(method)

        world.api.before = fail
        with pytest.raises(KubernetesError):
            world.secrets.get("shop", "oidc")
        world.api.before = lambda _method, _path: None
        assert world.secrets.get("shop", "oidc") is not None


def test_one_that_lacks_the_required_label_is_not_seen() -> None:
    with a_world(label=("team", "shop")) as world:
        world.put()
        world.put(name="ours", labels={"team": "shop"})
        found = [world.secrets.get("shop", name) is not None for name in ("oidc", "ours")]
        texts = [world.secrets.text("shop", name) is not None for name in ("oidc", "ours")]
        assert ([False, True], [False, True]) == (found, texts)


@pytest.mark.parametrize("namer", [INGRESS, SERVICE], ids=str)
def test_one_that_nobody_names_any_more_is_looked_at_no_longer(namer: Kind) -> None:
    naming = {INGRESS: an_ingress(alb=NAMES_IT), SERVICE: a_service(annotations=_prefixed(NAMES_IT))}[namer]
    with a_world() as world:
        world.put()
        world.store.upsert(namer, naming)
        world.secrets.get("shop", "oidc")
        world.api.stream_of(WATCH)
        world.store.remove(namer, "shop", "web")
        until(lambda: WATCH not in world.api.streams)
        assert 0 == world.store.count(SECRET)
        assert ["there"] == world.told


def test_one_that_is_named_twice_stays_until_the_last_has_gone() -> None:
    with a_world() as world:
        world.put()
        world.name_it()
        world.store.upsert(SERVICE, a_service(annotations=_prefixed(NAMES_IT)))
        world.secrets.get("shop", "oidc")
        world.api.stream_of(WATCH)
        world.store.remove(INGRESS, "shop", "web")
        assert 1 == world.store.count(SECRET)


def test_one_that_is_named_again_is_listed_anew() -> None:
    with a_world() as world:
        world.put()
        for _ in range(2):
            world.name_it()
            assert world.secrets.get("shop", "oidc") is not None
            world.api.stream_of(WATCH)
            world.store.remove(INGRESS, "shop", "web")
            until(lambda: WATCH not in world.api.streams)
        assert 2 == world.api.requests.count(("GET", SECRETS))


def test_stopping_ends_every_watch() -> None:
    with a_world() as world:
        for name in ("oidc", "other"):
            world.secrets.get("shop", name)
            world.api.stream_of(f"{SECRETS}?metadata.name={name}")
    until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("watch-secret-")])


def test_the_text_is_read_afresh_each_time_and_bears_the_mark_that_is_kept() -> None:
    with a_world() as world:
        world.put()
        kept = mark(world.secrets.get("shop", "oidc") or {})
        assert (kept, "hush") == world.secrets.text("shop", "oidc")
        world.put(clientID="shop", clientSecret="new")
        found = world.secrets.text("shop", "oidc")
        assert found is not None
        assert ("new", True) == (found[1], found[0] != kept)


def test_there_is_no_text_of_what_is_not_there() -> None:
    with a_world() as world:
        world.put(name="empty", clientID="shop")
        assert [None, None] == [world.secrets.text("shop", name) for name in ("oidc", "empty")]


def _prefixed(alb: dict[str, str]) -> dict[str, str]:
    return {f"alb.ingress.kubernetes.io/{key}": text for key, text in alb.items()}
