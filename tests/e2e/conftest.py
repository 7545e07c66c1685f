"""Fixtures of the end-to-end tests: real controller processes, as the ServiceAccount of deploy/, in one shared world.

All run in one test process (tests/conftest.py): two leaders, or two tests that ask for an empty AWS, would be in each
other's way.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e_world import Controller, Controllers, Place, until_nothing, workload
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
def place(controllers: Controllers) -> Iterator[Place]:
    """A namespace of the test's own, in which `web` runs. Afterwards its objects go, and AWS must be as before."""
    yield from _a_place(controllers)


@pytest.fixture(scope="module")
def shared_place(controllers: Controllers) -> Iterator[Place]:
    """As `place`, for all tests of a module together."""
    yield from _a_place(controllers)


def _a_place(controllers: Controllers) -> Iterator[Place]:
    place = Place(controllers.world, f"e2e-{os.getpid()}-{next(_numbers)}")
    place.cluster.kubectl("create", "namespace", place.namespace)
    place.apply(workload(replicas=2))
    yield place
    if not controllers.living():
        controllers.one()
    place.delete()
    until_nothing(f"the end of the objects in {place.namespace}", place.there.remaining)
    until_nothing("an AWS as before", place.there.leftovers)
    place.cluster.kubectl("delete", "namespace", place.namespace, "--wait=false")
