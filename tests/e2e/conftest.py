"""Fixtures of the end-to-end tests: real controller processes, as the ServiceAccount of deploy/, in one shared world.

They share the xdist group of all tests of the local world: two leaders, or two tests that ask for an empty AWS, would
be in each other's way.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e_world import OURS, Controller, Controllers, Converging, Place, until_nothing
from localworld.control_plane import ControlPlane
from localworld.world import LocalWorld

HERE = Path(__file__).parent
LAST = "test_e2e_permissions.py"  # judges what all the others did

_numbers = itertools.count(1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test of the whole run comes last, wherever its name stands in the alphabet."""
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture(scope="package")
def controllers(local_world: LocalWorld) -> Iterator[Controllers]:
    """Starts controllers; all are stopped after the last end-to-end test."""
    controllers = Controllers(local_world, local_world.service_account_kubeconfig())
    yield controllers
    controllers.stop()


@pytest.fixture
def controller(controllers: Controllers) -> Controller:
    """The only controller that runs; it leads."""
    return controllers.one()


@pytest.fixture
def place(control_plane: ControlPlane, controllers: Controllers) -> Iterator[Place]:
    """A namespace of the test's own. Afterwards its objects are deleted, and AWS must be as before."""
    place = Place(control_plane, f"e2e-{os.getpid()}-{next(_numbers)}")
    control_plane.kubectl("create", "namespace", place.namespace)
    yield place
    place.delete()
    if not controllers.running:
        controllers.one()
    all_gone = converging_of(controllers.world, place.namespace)
    until_nothing(f"the end of {place.namespace}'s {OURS}", all_gone.remaining)
    until_nothing("an AWS as before", all_gone.leftovers)
    control_plane.kubectl("delete", "namespace", place.namespace, "--wait=false")


@pytest.fixture
def converging(local_world: LocalWorld) -> Callable[..., Converging]:
    """What is missing in the namespaces that are given."""
    return lambda *namespaces: converging_of(local_world, *namespaces)


def converging_of(world: LocalWorld, *namespaces: str) -> Converging:
    """What is missing in some namespaces."""
    return Converging(world, namespaces)


@pytest.fixture
def converged(local_world: LocalWorld, place: Place) -> Callable[[], None]:
    """Waits until AWS is as the objects of the test's namespace wish."""
    return converging_of(local_world, place.namespace).wait
