"""Events are told once and counted after that, never hold anybody up, and look like other controllers' Events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from aws_lb_controller.api.names import Reason
from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.errors import KubernetesDenied
from aws_lb_controller.runtime import events as events_module
from aws_lb_controller.runtime.events import BURST, REFILL_SECONDS, REPEAT_SECONDS, Events
from builders_cluster import an_ingress, an_ingress_class
from builders_kube import a_service
from fake_api import FakeApi, no_answer, until


class Clock:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def telling(api: FakeApi, clock: Clock | None = None) -> Iterator[Events]:
    events = Events(cast("KubeClient", api), clock=clock or Clock())
    events.start()
    try:
        yield events
    finally:
        events.stop()


def told(api: FakeApi) -> list[dict[str, Any]]:
    return [obj for path, obj in api.objects.items() if "/events/" in path]


def test_an_event_bears_all_that_kubectl_shows() -> None:
    api = FakeApi()
    with telling(api) as events:
        events.emit(a_service(), Reason.FAILED_BUILD_MODEL, "Failed build model due to x", "Warning")
    (event,) = told(api)
    reference = {
        "kind": "Service",
        "apiVersion": "v1",
        "namespace": "shop",
        "name": "web",
        "uid": "uid-of-shop-web",
        "resourceVersion": "1",
    }
    assert reference == event["involvedObject"]
    assert ("FailedBuildModel", "Warning", 1) == (event["reason"], event["type"], event["count"])
    assert ("service", "service") == (event["source"]["component"], event["reportingComponent"])
    assert event["metadata"]["name"].startswith("web.")


def test_the_same_words_again_are_counted_and_other_words_are_another_event() -> None:
    api = FakeApi()
    with telling(api) as events:
        for message in ("a", "a", "b", "a"):
            events.emit(an_ingress(), "FailedDeployModel", message, "Warning")
    assert {"a": 3, "b": 1} == {event["message"]: event["count"] for event in told(api)}


def test_an_event_that_was_deleted_or_is_old_is_made_anew() -> None:
    api, clock = FakeApi(), Clock()
    with telling(api, clock) as events:
        events.emit(a_service(), "SuccessfullyReconciled", "ok")
        until(lambda: len(told(api)) == 1)
        api.objects.clear()
        events.emit(a_service(), "SuccessfullyReconciled", "ok")
        until(lambda: len(told(api)) == 1)
        clock.now += REPEAT_SECONDS
        events.emit(a_service(), "SuccessfullyReconciled", "ok")
    assert [1, 1] == [event["count"] for event in told(api)]


def test_one_object_gets_a_burst_and_then_one_now_and_then() -> None:
    api, clock = FakeApi(), Clock()
    with telling(api, clock) as events:
        for n in range(BURST + 5):
            events.emit(a_service(), "FailedDeployModel", str(n), "Warning")
        events.emit(an_ingress(), "SuccessfullyReconciled", "another object is not held back")
        until(lambda: len(told(api)) == BURST + 1)
        clock.now += REFILL_SECONDS
        events.emit(a_service(), "FailedDeployModel", "later", "Warning")
    assert BURST + 2 == len(told(api))


def test_an_event_on_an_object_without_a_namespace_lies_in_default() -> None:
    api = FakeApi()
    with telling(api) as events:
        events.emit({**an_ingress_class(), "apiVersion": "networking.k8s.io/v1"}, "Some", "thing")
    assert ["default"] == [event["metadata"]["namespace"] for event in told(api)]


def test_a_server_that_does_not_answer_costs_the_event_and_nothing_else() -> None:
    api = FakeApi()

    def down(method: str, _path: str) -> None:
        raise no_answer(method)

    with telling(api) as events:
        api.before = down
        events.emit(a_service(), "SuccessfullyReconciled", "lost")
        until(lambda: len(api.requests) == 1)
        api.before = lambda _method, _path: None
        events.emit(a_service(), "SuccessfullyReconciled", "told")
    assert ["told"] == [event["message"] for event in told(api)]


def test_saying_more_than_can_wait_loses_events_and_never_blocks() -> None:
    api = FakeApi()
    events = Events(cast("KubeClient", api))
    for n in range(events_module.WAITING + 10):
        events.emit(a_service(), "SuccessfullyReconciled", str(n))
    assert [] == api.requests


def test_a_forbidden_event_does_not_end_the_thread() -> None:
    api = FakeApi()

    def forbid(method: str, path: str) -> None:
        raise KubernetesDenied(f"{method} {path}", 403, "forbidden")

    api.before = forbid
    with telling(api) as events:
        events.emit(a_service(), "A", "a")
        events.emit(a_service(), "B", "b")
        until(lambda: len(api.requests) == 2)
