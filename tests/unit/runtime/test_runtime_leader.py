"""One replica leads at a time, by our own clock, and gives the Lease back when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.errors import NotLeading
from aws_lb_controller.runtime.leader import LEASE, AlwaysLeading, Leader, Times, lease_namespace
from fake_api import FakeApi, no_answer, until

PATH = LEASE.path_of("kube-system", "the-lease")


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_leader(api: FakeApi, identity: str, clock: Clock, told: list[str] | None = None, **more: Any) -> Leader:
    told = told if told is not None else []
    return Leader(
        cast("KubeClient", api),
        name="the-lease",
        namespace="kube-system",
        identity=identity,
        on_started=lambda: told.append(f"{identity} leads"),
        on_stopped=lambda: told.append(f"{identity} ended"),
        clock=clock,
        **more,
    )


def spec(api: FakeApi) -> dict[str, Any]:
    found: dict[str, Any] = api.objects[PATH]["spec"]
    return found


def test_the_first_to_try_makes_the_lease_and_leads() -> None:
    api, clock = FakeApi(), Clock()
    leader = a_leader(api, "a", clock)
    with pytest.raises(NotLeading):
        leader.check()
    leader._try()
    leader.check()
    assert ("a", 15, 0) == tuple(
        spec(api)[key] for key in ("holderIdentity", "leaseDurationSeconds", "leaseTransitions")
    )


def test_a_second_one_does_not_lead_while_the_first_renews() -> None:
    api, clock = FakeApi(), Clock()
    first, second = a_leader(api, "a", clock), a_leader(api, "b", clock)
    for _ in range(20):
        first._try()
        second._try()
        clock.now += 2
        assert (True, False) == (first.leading, second.leading)


def test_a_holder_that_is_silent_is_replaced_after_the_leases_duration_by_our_clock() -> None:
    api, clock = FakeApi(), Clock()
    first, second = a_leader(api, "a", clock), a_leader(api, "b", clock)
    first._try()
    second._try()
    clock.now += 14.9
    second._try()
    assert (False, False) == (first.leading, second.leading)
    clock.now += 0.2
    second._try()
    assert second.leading
    assert ("b", 1) == (spec(api)["holderIdentity"], spec(api)["leaseTransitions"])


def test_the_holders_clock_plays_no_part() -> None:
    api, clock = FakeApi(), Clock()
    held = {"holderIdentity": "a", "leaseDurationSeconds": 15, "renewTime": "1999-01-01T00:00:00.000000Z"}
    api.put(PATH, {"metadata": {"name": "the-lease"}, "spec": held})
    second = a_leader(api, "b", clock)
    second._try()
    assert not second.leading


def test_a_leader_that_cannot_renew_stops_before_another_may_begin() -> None:
    api, clock = FakeApi(), Clock()
    leader = a_leader(api, "a", clock)
    leader._try()

    def down(method: str, _path: str) -> None:
        raise no_answer(method)

    api.before = down
    clock.now += 9.9
    leader._try()
    leader.check()
    clock.now += 0.2
    leader._try()
    with pytest.raises(NotLeading, match="does not hold the Lease kube-system/the-lease"):
        leader.check()


def test_the_hold_counts_from_before_the_request() -> None:
    api, clock = FakeApi(), Clock()
    leader = a_leader(api, "a", clock)

    def slow(method: str, _path: str) -> None:
        clock.now += 4.0 if method == "POST" else 0.0

    api.before = slow
    leader._try()
    clock.now += 6.1
    assert not leader.leading


def test_of_two_that_write_at_once_one_fails_and_does_not_lead() -> None:
    api, clock = FakeApi(), Clock()
    api.put(PATH, {"metadata": {"name": "the-lease"}, "spec": {"holderIdentity": ""}})
    leader = a_leader(api, "a", clock)

    def another_is_quicker(method: str, path: str) -> None:
        if method == "PUT":
            api.put(path, {**api.objects[path], "spec": {"holderIdentity": "b", "leaseDurationSeconds": 15}})

    api.before = another_is_quicker
    leader._try()
    assert (False, "b") == (leader.leading, spec(api)["holderIdentity"])


def test_a_leader_that_finds_another_in_its_place_stops_at_once() -> None:
    api, clock = FakeApi(), Clock()
    leader = a_leader(api, "a", clock)
    leader._try()
    api.put(PATH, {**api.objects[PATH], "spec": {"holderIdentity": "b", "leaseDurationSeconds": 15}})
    leader._try()
    assert not leader.leading


def test_fields_that_others_keep_in_the_lease_stay() -> None:
    api, clock = FakeApi(), Clock()
    leader = a_leader(api, "a", clock)
    leader._try()
    api.objects[PATH]["spec"]["strategy"] = "OldestEmulationVersion"
    acquired = spec(api)["acquireTime"]
    leader._try()
    assert ("OldestEmulationVersion", acquired, 0) == (
        spec(api)["strategy"],
        spec(api)["acquireTime"],
        spec(api)["leaseTransitions"],
    )


def test_on_shutdown_the_lease_is_given_back_and_a_standby_takes_it_at_its_next_try() -> None:
    api, clock, told = FakeApi(), Clock(), []
    first = a_leader(api, "a", clock, told, times=Times(retry=0.005))
    second = a_leader(api, "b", clock, told, times=Times(retry=0.005))
    first.start()
    until(lambda: told == ["a leads"])
    second.start()
    first.stop()
    assert not first.leading
    until(lambda: told == ["a leads", "a ended", "b leads"] or told == ["a leads", "b leads", "a ended"])
    second.stop()
    assert ("", 1) == (spec(api)["holderIdentity"], spec(api)["leaseDurationSeconds"])


def test_a_lost_lease_is_told_of_and_tried_for_again() -> None:
    api, clock, told = FakeApi(), Clock(), []
    leader = a_leader(api, "a", clock, told, times=Times(retry=0.005))
    leader.start()
    until(lambda: told == ["a leads"])
    api.put(PATH, {**api.objects[PATH], "spec": {"holderIdentity": "b", "leaseDurationSeconds": 15}})
    until(lambda: told == ["a leads", "a ended"])
    clock.now += 16
    until(lambda: told == ["a leads", "a ended", "a leads"])
    leader.stop()


def test_a_request_takes_less_than_the_time_between_two_tries() -> None:
    times = Times()
    assert times.request < times.retry < times.renew < times.lease


def test_without_an_election_one_leads_from_the_start() -> None:
    told: list[str] = []
    leading = AlwaysLeading(lambda: told.append("leads"))
    leading.start()
    leading.check()
    assert (["leads"], True) == (told, leading.leading)


def test_the_lease_lies_where_the_flag_says_or_the_pod_runs(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    assert ("by-flag", "kube-system") == (lease_namespace("by-flag", file), lease_namespace(None, file))
    file.write_text("aws-system\n")
    assert "aws-system" == lease_namespace(None, file)
