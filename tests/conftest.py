"""Fixtures of the local world, for tests/cluster and tests/e2e: one control plane and one AWS per test process."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

import exploring
from localworld import tools as control_plane_tools
from localworld.control_plane import ControlPlane
from localworld.processes import forget_user_settings
from localworld.world import LocalAws, LocalWorld

forget_user_settings()  # before any test makes a client: nobody's own profile or kubeconfig is read

exploring.set_up()

_namespace_numbers = itertools.count(1)


# Folders whose tests use the local world. (xdist's own marks are without effect: 3.8 writes them where pytest 9.2 looks
# no more.)
LOCAL_WORLD = ("tests/cluster/", "tests/e2e/")
CHART_CLUSTER = "tests/helm/"  # these have a control plane of their own


class OneLocalWorld(LoadScopeScheduling):
    """Sends all tests that use the local world to one test process, so that only one control plane is started."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(CHART_CLUSTER):
            return "chart-cluster"
        return "local-world" if nodeid.startswith(LOCAL_WORLD) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """How tests are shared out among test processes."""
    return OneLocalWorld(config, log) if config.getvalue("dist") == "loadgroup" else None


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
