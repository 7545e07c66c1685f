"""Whatever comes first, what stands in the end is the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from exploring import examples
from simulated_cluster import DEMO, Obj, samples
from simulation import Simulation

OBJECTS = samples(*DEMO)
SETTINGS = settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Expected:
    """AWS before everything, and with everything."""

    world: Simulation
    before: Obj
    deployed: Obj


@pytest.fixture
def expected(aws: Any) -> Expected:
    world = Simulation(aws)
    before = world.aws_state()
    with_everything = deployed(world, OBJECTS, [False] * len(OBJECTS))
    world.cluster.delete_all(OBJECTS)
    world.run()
    return Expected(world, before, with_everything)


def deployed(world: Simulation, order: list[Obj], pauses: list[bool]) -> Any:
    """AWS after the objects have come in this order, the controller working after those that have a pause."""
    for obj, pause in zip(order, pauses, strict=True):
        world.cluster.apply(obj)
        if pause:
            world.run()
    world.run()
    return world.aws_state()


def deleted(world: Simulation, order: list[Obj], pauses: list[bool]) -> Any:
    for obj, pause in zip(order, pauses, strict=True):
        world.cluster.delete_all([obj])
        if pause:
            world.run()
    world.run()
    return world.aws_state()


@SETTINGS
@given(
    coming=st.permutations(OBJECTS),
    going=st.permutations([obj for obj in OBJECTS if obj["kind"] in ("Service", "Ingress")]),
    pauses=st.lists(st.booleans(), min_size=len(OBJECTS), max_size=len(OBJECTS)),
)
def test_the_order_in_which_objects_come_and_go_makes_no_difference(
    coming: list[Obj], going: list[Obj], pauses: list[bool], expected: Expected
) -> None:
    world = expected.world.anew()
    assert expected.deployed == deployed(world, coming, pauses)
    assert expected.before == deleted(world, going, pauses[: len(going)])
    assert [] == [path for path in world.kubernetes_state() if TARGET_GROUP_BINDING.plural in path]
