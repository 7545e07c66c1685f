"""Fixtures of the tests of the chart: helm, and a control plane of their own in which it may do as it likes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chart_world import Helm, Obj

from localworld import tools as binaries
from localworld.control_plane import ControlPlane, NodePlace
from localworld.world import CRDS

FOREIGN = {  # kinds of other projects: group, version, plural
    "Issuer": ("cert-manager.io", "v1", "issuers"),
    "Certificate": ("cert-manager.io", "v1", "certificates"),
    "ServiceMonitor": ("monitoring.coreos.com", "v1", "servicemonitors"),
}


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """helm without a cluster, got first if need be."""
    return Helm(binaries.ensure(binaries.CHART) / "helm", tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def kubectl(tools: Path) -> Path:
    """The binary."""
    return tools / "kubectl"


@pytest.fixture(scope="session")
def chart_cluster(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with a node and our CRDs, for these tests only: a release has names that others use as well."""
    control_plane = ControlPlane(tools=tools, root=tmp_path_factory.mktemp("chart-cluster"), name="chart")
    try:
        control_plane.start()
        control_plane.add_nodes([NodePlace("node-1", "i-0", "us-west-2a", "192.168.0.10", "192.168.96.0/24")])
        control_plane.apply_crds(CRDS)
        yield control_plane
    finally:
        control_plane.stop()


@pytest.fixture
def helm_there(helm: Helm, chart_cluster: ControlPlane) -> Helm:
    """helm with that control plane."""
    return Helm(helm.binary, helm.home, chart_cluster.kubeconfig)


@pytest.fixture(scope="session")
def foreign_kinds(chart_cluster: ControlPlane) -> None:
    """The least of CRDs for kinds of other projects, as they are needed to make objects of them."""
    definitions = [_crd(kind, *where) for kind, where in FOREIGN.items()]
    chart_cluster.apply(definitions)
    names = [f"crd/{one['metadata']['name']}" for one in definitions]
    chart_cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)


def _crd(kind: str, group: str, version: str, plural: str) -> Obj:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [served]},
    }
