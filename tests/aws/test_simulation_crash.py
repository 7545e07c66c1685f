"""Dying, or losing AWS's answer, at any AWS mutation of the demo's creation ends where an undisturbed creation ends."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from aws_lb_controller.cluster.kinds import INGRESS, SERVICE
from builders_ingress import a_path, a_rule
from simulated_cluster import DEMO, Obj, samples
from simulation import Answer, Death, Send, Simulation

HALVES = (
    ("ingress-class", "2048-game", "echo-nlb-instance"),
    ("ingress-class", "2048-game-instance", "echo-nlb"),
)
"""The demo in two parts, each with an ALB and an NLB, with pods and with nodes: that takes half the time."""

EDITED_INGRESS = {
    "alb.ingress.kubernetes.io/healthcheck-interval-seconds": "30",
    "alb.ingress.kubernetes.io/listen-ports": '[{"HTTP": 80}, {"HTTP": 8080}]',
    "alb.ingress.kubernetes.io/load-balancer-attributes": "idle_timeout.timeout_seconds=90",
    "alb.ingress.kubernetes.io/tags": "team=games",
}
EDITED_SERVICE = {
    "service.beta.kubernetes.io/aws-load-balancer-healthcheck-interval": "30",
    "service.beta.kubernetes.io/aws-load-balancer-additional-resource-tags": "team=echo",
}

Disturb = Callable[[Send], Answer]


@pytest.fixture(scope="module")
def demo() -> list[Obj]:
    return samples(*DEMO)


@pytest.fixture(params=HALVES, ids="+".join)
def half(request: pytest.FixtureRequest) -> list[Obj]:
    return samples(*request.param)


@pytest.fixture(autouse=True)
def _no_pauses_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


def die_before_it_is_sent(_send: Send) -> Answer:
    raise Death


def die_when_it_took_effect(send: Send) -> Answer:
    send()
    raise Death


def lose_the_answer(send: Send) -> Answer:
    send()
    return AWSResponse("http://aws", 500, HTTPHeaders(), NoBody())


class NoBody:
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield b""


class At:
    """Disturbs the mutation of a number, and as many after it as `times` says; the others are left alone."""

    def __init__(self, number: int, disturb: Disturb, *, times: int = 1) -> None:
        self._count, self._numbers, self._disturb = 0, range(number, number + times), disturb
        self.operation = ""

    def __call__(self, operation: str, send: Send) -> Answer:
        self._count += 1
        if self._count not in self._numbers:
            return send()
        self.operation = self.operation or operation
        return self._disturb(send)


class DieAtRequest:
    """Dies at the request to Kubernetes after so many others."""

    def __init__(self, left: int) -> None:
        self._left = left

    def __call__(self, _method: str, _path: str) -> None:
        self._left -= 1
        if self._left == -1:
            raise Death


class Undisturbed:
    """What AWS holds before the demo, and what it and Kubernetes hold after, and with how many mutations."""

    def __init__(
        self, world: Simulation, objs: list[Obj], *, edit: Callable[[Simulation], None] = lambda _world: None
    ) -> None:
        self.before = world.aws_state()
        world.cluster.apply(*objs)
        world.run()
        edit(world)
        if world.cluster.api.heard:
            world.wire.clear()
            world.run()
        assert [] == world.unexpected()
        self.mutations = len(world.wire.mutations())
        self.kubernetes_writes = len(world.cluster.api.requests)
        self.aws, self.kubernetes = world.aws_state(), world.kubernetes_state()
        delete(world, objs)


def delete(world: Simulation, objs: list[Obj]) -> None:
    world.cluster.delete_all(objs)
    world.run()


def check_that_all_is_as_undisturbed(world: Simulation, undisturbed: Undisturbed, objs: list[Obj], where: str) -> None:
    assert (where, undisturbed.aws) == (where, world.aws_state())
    assert (where, undisturbed.kubernetes) == (where, world.kubernetes_state())
    delete(world, objs)
    assert (where, undisturbed.before) == (where, world.aws_state())
    assert (where, {}) == (where, world.kubernetes_state())


def test_dying_when_any_mutation_took_effect_and_starting_again_ends_as_if_nothing_had_been(
    aws: Any, demo: list[Obj]
) -> None:
    check_dying_at_any_mutation(die_when_it_took_effect, aws, demo)


def test_dying_before_any_mutation_is_sent_and_starting_again_ends_as_if_nothing_had_been(
    aws: Any, half: list[Obj]
) -> None:
    check_dying_at_any_mutation(die_before_it_is_sent, aws, half)


def check_dying_at_any_mutation(die: Disturb, aws: Any, objs: list[Obj]) -> None:
    world = Simulation(aws)
    undisturbed = Undisturbed(world, objs)
    for number in range(1, undisturbed.mutations + 1):
        world = world.anew()
        world.cluster.apply(*objs)
        world.wire.at_mutation = at = At(number, die)
        with pytest.raises(Death):
            world.run()
        world.restart()
        world.run()
        where = f"{number}: {at.operation}"
        assert (where, []) == (where, world.unexpected())
        check_that_all_is_as_undisturbed(world, undisturbed, objs, where)


@pytest.mark.parametrize("times", [1, 4], ids=["once", "at-every-attempt"])
def test_losing_the_answer_to_any_mutation_ends_as_if_nothing_had_been(times: int, aws: Any, half: list[Obj]) -> None:
    world = Simulation(aws)
    undisturbed = Undisturbed(world, half)
    for number in range(1, undisturbed.mutations + 1):
        world = world.anew()
        world.cluster.apply(*half)
        world.wire.at_mutation = at = At(number, lose_the_answer, times=times)
        world.run()
        check_that_all_is_as_undisturbed(world, undisturbed, half, f"{number}: {at.operation}")


def test_dying_before_any_write_to_kubernetes_and_starting_again_ends_as_if_nothing_had_been(
    aws: Any, half: list[Obj]
) -> None:
    world = Simulation(aws)
    undisturbed = Undisturbed(world, half)
    for number in range(undisturbed.kubernetes_writes):
        world = world.anew()
        world.cluster.apply(*half)
        world.cluster.api.before = DieAtRequest(number)
        with pytest.raises(Death):
            world.run()
        world.restart()
        world.run()
        assert (number, []) == (number, world.unexpected())
        check_that_all_is_as_undisturbed(world, undisturbed, half, f"write {number}")


def edit(world: Simulation) -> None:
    """Both load balancers get other settings, and the game another path, another name and other pods."""
    namespace = next(obj for obj in world.cluster.api.of(INGRESS))["metadata"]["namespace"]
    service = next(obj for obj in world.cluster.api.of(SERVICE) if obj["metadata"]["namespace"] != namespace)
    rules = [a_rule(a_path("/new", service="service-2048"), a_path("/", service="service-2048"), host="games.example")]
    world.cluster.edit(INGRESS, namespace, "ingress-2048", {"spec": {"rules": rules}})
    world.cluster.annotate(INGRESS, namespace, "ingress-2048", EDITED_INGRESS)
    world.cluster.annotate(SERVICE, service["metadata"]["namespace"], service["metadata"]["name"], EDITED_SERVICE)
    world.cluster.scale(namespace, "deployment-2048", 3)


def test_dying_when_any_mutation_of_an_edit_took_effect_and_starting_again_ends_as_if_nothing_had_been(
    aws: Any,
) -> None:
    half, world = samples(*HALVES[0]), Simulation(aws)
    undisturbed = Undisturbed(world, half, edit=edit)
    assert undisturbed.mutations > 5
    for number in range(1, undisturbed.mutations + 1):
        world = world.anew()
        world.cluster.apply(*half)
        world.run()
        edit(world)
        world.wire.at_mutation = at = At(number, die_when_it_took_effect)
        with pytest.raises(Death):
            world.run()
        world.restart()
        world.run()
        check_that_all_is_as_undisturbed(world, undisturbed, half, f"{number}: {at.operation}")


def test_dying_when_any_mutation_of_the_deletion_took_effect_and_starting_again_ends_with_nothing_left(
    aws: Any, half: list[Obj]
) -> None:
    world = Simulation(aws)
    before = world.aws_state()
    for number in itertools.count(1):
        world = world.anew()
        world.cluster.apply(*half)
        world.run()
        world.cluster.delete_all(half)
        world.wire.at_mutation = at = At(number, die_when_it_took_effect)
        died = dies(world)
        world.restart()
        world.run()
        assert (at.operation, before) == (at.operation, world.aws_state())
        assert (at.operation, {}) == (at.operation, world.kubernetes_state())
        if not died:
            break
    assert number > len(half)


def dies(world: Simulation) -> bool:
    try:
        world.run()
    except Death:
        return True
    return False
