"""Traffic moves between target groups, and between load balancers, while pods roll, and is served at every moment.

A thread looks at AWS and at the Service's status all the while, as fast as they answer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from e2e_world import NLB, Controller, Obj, Place, nlb_service, until

FORWARDS = "ForwardConfig"
LEAST_LOOKS = 20


class Watch(threading.Thread):
    """Looks until stopped at where the load balancer that the Service's status names sends connections.

    gaps: what was seen that must not be. looks: how often it looked.
    """

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(name="watch", daemon=True)
        self._place, self._name, self._elbv2 = place, name, place.world.aws.elbv2
        self._ends = threading.Event()
        self.gaps: list[str] = []
        self.wrong: list[BaseException] = []
        self.looks = 0

    def run(self) -> None:
        while not self._ends.is_set():
            try:
                self._look()
            except Exception as wrong:
                self.wrong.append(wrong)
                return
            self.looks += 1

    def end(self) -> None:
        self._ends.set()
        self.join(timeout=30)
        assert not self.is_alive()

    def _look(self) -> None:
        named = self._place.hostname("service", self._name)
        balancers = self._elbv2.describe_load_balancers()["LoadBalancers"]
        arns = [one["LoadBalancerArn"] for one in balancers if one["DNSName"].lower() == named]
        if not arns:
            if named == self._place.hostname("service", self._name):
                self.gaps.append(f"the status names {named}, which does not stand")
            return
        for listener, group in self._forwards(arns[0]):
            # what is empty must be what is forwarded to still, for a look takes several calls
            if not self._registered(group) and (listener, group) in self._forwards(arns[0]):
                self.gaps.append(f"{listener} forwards to {group}, which is empty")

    def _forwards(self, balancer: str) -> list[tuple[str, str]]:
        listeners: list[Obj] = self._ask("describe_listeners", LoadBalancerArn=balancer).get("Listeners", [])
        return [
            (listener["ListenerArn"], group["TargetGroupArn"])
            for listener in listeners
            for action in listener["DefaultActions"]
            for group in action[FORWARDS]["TargetGroups"]
        ]

    def _registered(self, group: str) -> list[Obj]:
        health = self._ask("describe_target_health", TargetGroupArn=group).get("TargetHealthDescriptions", [])
        return [one for one in health if one["TargetHealth"]["State"] != "draining"]

    def _ask(self, call: str, **named: str) -> dict[str, Any]:
        """Nothing of what is gone."""
        try:
            answer: dict[str, Any] = getattr(self._elbv2, call)(**named)
        except (
            self._elbv2.exceptions.LoadBalancerNotFoundException,
            self._elbv2.exceptions.TargetGroupNotFoundException,
        ):
            return {}
        return answer


@contextmanager
def watched(place: Place, name: str) -> Iterator[Watch]:
    watch = Watch(place, name)
    watch.start()
    try:
        yield watch
        until("some more looks", lambda: watch.looks > LEAST_LOOKS or bool(watch.wrong))
    finally:
        watch.end()
    assert ([], []) == (watch.wrong, watch.gaps)


@pytest.fixture
def swapped(controller: Controller, place: Place) -> Place:
    """Service `swapped` stands, with four pods behind it."""
    assert controller.leads()
    place.cluster.kubectl("scale", "deployment/web", "--replicas=4", "-n", place.namespace)
    place.apply(nlb_service("swapped"))
    place.there.wait()
    return place


def roll(place: Place) -> None:
    place.cluster.kubectl("rollout", "restart", "deployment/web", "-n", place.namespace)


def rolled(place: Place) -> None:
    place.cluster.kubectl("rollout", "status", "deployment/web", "-n", place.namespace, "--timeout=60s")


def has_only(place: Place, target_type: str) -> bool:
    """Whether there is one target group in AWS, of that type."""
    groups = place.world.aws.elbv2.describe_target_groups()["TargetGroups"]
    return [target_type] == [one["TargetType"] for one in groups]


def test_a_listener_never_leads_to_an_empty_group_while_its_target_type_changes_and_pods_roll(swapped: Place) -> None:
    with watched(swapped, "swapped"):
        for target_type in ("instance", "ip"):
            roll(swapped)
            swapped.annotate("service", "swapped", {f"{NLB}-nlb-target-type": target_type})
            until(f"the old group to go after {target_type}", partial(has_only, swapped, target_type))
            rolled(swapped)
            swapped.there.wait()


def test_a_service_names_a_load_balancer_that_serves_at_every_moment_of_a_change_of_scheme(swapped: Place) -> None:
    old = swapped.hostname("service", "swapped")
    with watched(swapped, "swapped"):
        roll(swapped)
        swapped.annotate("service", "swapped", {f"{NLB}-scheme": "internet-facing"})
        until("another hostname", lambda: swapped.hostname("service", "swapped") not in (old, None))
        until("the old load balancer to go", lambda: old not in hostnames(swapped))
        rolled(swapped)
        swapped.there.wait()


def hostnames(place: Place) -> list[str]:
    return [one["DNSName"].lower() for one in place.world.aws.elbv2.describe_load_balancers()["LoadBalancers"]]
