"""Whatever comes first, what stands in the end is the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulated_cluster import DEMO, KINDS, Obj, samples
from simulation import Simulation

OBJECTS = samples(*DEMO)
SETTINGS = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def world(aws: Any) -> Simulation:
    return Simulation(aws)


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
    coming: list[Obj], going: list[Obj], pauses: list[bool], world: Simulation
) -> None:
    world = world.anew()
    before = world.aws_state()
    expected = deployed(world, OBJECTS, [False] * len(OBJECTS))
    world.cluster.delete_all(OBJECTS)
    world.run()
    world = world.anew()
    assert expected == deployed(world, coming, pauses)
    assert before == deleted(world, going, pauses[: len(going)])
    assert [] == [path for path in world.kubernetes_state() if KINDS["TargetGroupBinding"].plural in path]
