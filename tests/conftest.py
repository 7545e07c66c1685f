"""Fixtures of the local world, for tests/cluster and tests/e2e: one control plane and one AWS per test process."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from localworld import tools as control_plane_tools
from localworld.control_plane import ControlPlane
from localworld.processes import forget_user_settings
from localworld.world import LocalAws, LocalWorld

forget_user_settings()  # before any test makes a client: nobody's own profile or kubeconfig is read

_namespace_numbers = itertools.count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that use the local world run in one test process, so that only one control plane is started."""
    for item in items:
        if "local_world" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("local-world"))


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of the control plane's binaries, got first if need be."""
    return control_plane_tools.ensure()


@pytest.fixture(scope="session")
def local_world(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorld]:
    """A control plane with three nodes, moto's AWS behind them, CRDs and the IngressClass; no controller."""
    world = LocalWorld(root=tmp_path_factory.mktemp("world"), tools=tools, audit=True)
    try:
        world.start()
        yield world
    finally:
        world.stop()


@pytest.fixture(scope="session")
def control_plane(local_world: LocalWorld) -> ControlPlane:
    """The local world's control plane."""
    return local_world.control_plane


@pytest.fixture(scope="session")
def aws_world(local_world: LocalWorld) -> LocalAws:
    """The local world's AWS: `.url`, `.ec2`, `.elbv2`, `.client(service)`, and `.world` with ids and nodes."""
    return local_world.aws


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace of the test's own, deleted afterwards (without waiting)."""
    name = f"test-{os.getpid()}-{next(_namespace_numbers)}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false")
