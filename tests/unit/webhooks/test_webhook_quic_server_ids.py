"""Server ids: who gets one, and that no two are the same."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.cluster.quic import CONTAINERS_ANNOTATION
from aws_lb_controller.errors import KubernetesConflict, KubernetesError
from aws_lb_controller.webhooks.quic_server_ids import (
    WORKERS,
    ServerIds,
    WorkerConfigMap,
    encoded,
    inject_server_ids,
)
from aws_lb_controller.webhooks.review import Handler, Verdict
from builders_webhooks import a_review, assert_needs_no_second_patch, mutated
from fake_api import FakeApi, no_answer

VARIABLE = "AWS_LBC_QUIC_SERVER_ID"
PATH = "/api/v1/namespaces/kube-system/configmaps/quic-server-id-worker-tracker"
EPOCH = 1_577_836_800_000


@dataclass
class Numbers:
    """Gives out replicas' numbers."""

    next: int = 0

    def draw(self) -> int:
        self.next += 1
        return self.next


def ids(*, now: int = EPOCH + 5, workers: Numbers | None = None, clock: Iterator[int] | None = None) -> ServerIds:
    return ServerIds(workers or Numbers(), now=(lambda: next(clock)) if clock else (lambda: now), choose=lambda _: 0)


def injecting(made: ServerIds | None = None) -> Handler:
    return partial(inject_server_ids, ids=made or ids(), variable=VARIABLE)


def a_new_pod(named: str | None = "app", **containers: list[dict[str, Any]]) -> dict[str, Any]:
    annotations = {} if named is None else {CONTAINERS_ANNOTATION: named}
    spec = {"containers": [{"name": "app"}, {"name": "other"}], **containers}
    return {"metadata": {"namespace": "shop", "name": "web-1", "annotations": annotations}, "spec": spec}


def fields(server_id: str) -> tuple[int, int, int]:
    """Milliseconds since 2020, worker and sequence."""
    number = int.from_bytes(base64.b64decode(server_id), "big")
    return number >> 24, number >> 7 & WORKERS, number & 127


# -- who gets one


def test_a_named_container_gets_an_id_and_others_do_not() -> None:
    containers = mutated(injecting(), a_new_pod())["spec"]["containers"]

    assert [{"name": VARIABLE, "value": encoded(EPOCH + 5, 0, worker=1)}] == containers[0]["env"]
    assert {"name": "other"} == containers[1]


def test_each_container_gets_an_id_of_its_own() -> None:
    containers = mutated(injecting(), a_new_pod("app, other"))["spec"]["containers"]
    made = {container["env"][0]["value"] for container in containers}

    assert 2 == len(made)


def test_init_containers_get_one_too() -> None:
    pod = mutated(injecting(), a_new_pod("proxy", initContainers=[{"name": "proxy", "restartPolicy": "Always"}]))

    assert VARIABLE == pod["spec"]["initContainers"][0]["env"][0]["name"]


def test_an_id_comes_behind_the_variables_that_are_there() -> None:
    pod = mutated(injecting(), a_new_pod(containers=[{"name": "app", "env": [{"name": "A", "value": "1"}]}]))

    assert ["A", VARIABLE] == [each["name"] for each in pod["spec"]["containers"][0]["env"]]


def test_an_id_that_is_given_stays() -> None:
    pod = a_new_pod(containers=[{"name": "app", "env": [{"name": VARIABLE, "value": "mine"}]}])

    assert Verdict() == injecting()(a_review(pod))


def test_a_pod_that_names_no_containers_is_left_alone() -> None:
    assert Verdict() == injecting()(a_review(a_new_pod(None)))


def test_only_new_pods_get_ids() -> None:
    assert Verdict() == injecting()(a_review(a_new_pod(), old=a_new_pod()))


def test_a_container_that_is_not_there_is_warned_of() -> None:
    verdict = injecting()(a_review(a_new_pod("app,typo")))

    expected = f"Pod shop/web-1: {CONTAINERS_ANNOTATION} = 'typo': the pod has no container of that name"
    assert (expected,) == verdict.warnings
    assert 1 == len(verdict.patch)


@given(st.lists(st.sampled_from(["app", "other", "typo"])))
def test_a_patched_pod_needs_no_patch(named: list[str]) -> None:
    assert_needs_no_second_patch(injecting(), a_new_pod(",".join(named)))


# -- what ids are made of


def test_an_id_is_time_worker_and_sequence_in_eight_bytes() -> None:
    assert (5, 77, 9) == fields(encoded(EPOCH + 5, 9, worker=77))
    assert 8 == len(base64.b64decode(encoded(EPOCH, 0, worker=0)))


def test_a_replica_draws_its_number_once_and_when_it_is_first_needed() -> None:
    workers = Numbers()
    made = ids(workers=workers)
    assert 0 == workers.next

    assert {1} == {fields(made.make())[1] for _ in range(3)}
    assert 1 == workers.next


def test_a_dry_run_draws_no_number() -> None:
    workers = Numbers()
    made = ids(workers=workers)
    injecting(made)(a_review(a_new_pod(), dry_run=True))

    assert 0 == workers.next


def test_the_first_id_after_a_dry_run_has_a_number_that_was_drawn() -> None:
    made = ids()
    made.make(dry_run=True)

    assert 1 == fields(made.make())[1]


def test_a_replica_that_could_draw_no_number_tries_again() -> None:
    class Failing(Numbers):
        def draw(self) -> int:
            if super().draw() == 1:
                raise no_answer()
            return self.next

    made = ids(workers=Failing())
    with pytest.raises(KubernetesError):
        made.make()

    assert 2 == fields(made.make())[1]


def test_more_ids_than_a_millisecond_has_take_milliseconds_to_come() -> None:
    made = ids()
    times = [fields(made.make())[0] for _ in range(129)]

    assert ([5] * 128, 6) == (times[:128], times[128])


@given(st.lists(st.integers(EPOCH, EPOCH + 20), min_size=1, max_size=400))
def test_no_id_is_made_twice_whatever_the_clock_says(clock: list[int]) -> None:
    made = ids(clock=iter(clock))
    all_ids = [made.make() for _ in clock]

    assert len(clock) == len({*all_ids})
    assert sorted(map(fields, all_ids)) == [*map(fields, all_ids)]


# -- replicas' numbers


def drawn(api: FakeApi) -> int:
    return WorkerConfigMap(api, choose=lambda _: 40).draw()  # type: ignore[arg-type]  # FakeApi stands for KubeClient


def stored(number: str, **more: str) -> dict[str, Any]:
    metadata = {"namespace": "kube-system", "name": "quic-server-id-worker-tracker"}
    return {"metadata": metadata, "data": {"nextWorkerId": number, **more}}


def next_number(api: FakeApi) -> str:
    number: str = api.objects[PATH]["data"]["nextWorkerId"]
    return number


def test_the_first_replica_begins_somewhere() -> None:
    api = FakeApi()

    assert 40 == drawn(api)
    assert "41" == next_number(api)


def test_the_next_replica_takes_the_next_number() -> None:
    api = FakeApi()
    api.put(PATH, stored("7", other="kept"))

    assert (7, 8) == (drawn(api), drawn(api))
    assert {"nextWorkerId": "9", "other": "kept"} == api.objects[PATH]["data"]


@pytest.mark.parametrize("number", ["seven", "", "-1", "200000"])
def test_what_is_no_number_is_replaced(number: str) -> None:
    api = FakeApi()
    api.put(PATH, stored(number))

    assert 40 == drawn(api)


def test_numbers_begin_anew_after_the_last_one() -> None:
    api = FakeApi()
    api.put(PATH, stored(str(WORKERS - 1)))
    drawn(api)

    assert "0" == next_number(api)


def test_two_replicas_at_once_take_different_numbers() -> None:
    api = FakeApi()
    api.put(PATH, stored("7"))

    def another_draws(method: str, _path: str) -> None:
        if method == "PUT":
            api.before = lambda _method, _path: None
            assert 7 == drawn(api)

    api.before = another_draws

    assert 8 == drawn(api)
    assert "9" == next_number(api)


def test_a_number_that_can_never_be_written_is_an_error() -> None:
    api = FakeApi()
    api.put(PATH, stored("7"))

    def refuse(method: str, path: str) -> None:
        if method == "PUT":
            raise KubernetesConflict(f"PUT {path}", 409, "changed")

    api.before = refuse
    with pytest.raises(KubernetesConflict):
        drawn(api)
