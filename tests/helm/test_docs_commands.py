"""Each command in README.md and docs/ is run as it stands there, section by section, on a real control plane.

What cannot be run here is listed with the reason.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from chart_world import NAMESPACE, RELEASE, REQUIRED, Helm, Obj

from contract_data import REPOSITORY
from localworld.control_plane import ControlPlane
from localworld.processes import clean_environment

PAGES = sorted([*(REPOSITORY / "docs").glob("*.md"), REPOSITORY / "README.md"])
NEEDED = ("crds", "deploy", "helm")  # folders that the commands name
SECONDS = 180

NOT_RUN = {  # how a command begins, and why it is not run
    "aws ": "needs an AWS account",
    "docker ": "needs Docker; tests/e2e/test_e2e_image.py carries the Dockerfile's steps out",
    "helm install cert-manager ": "gets a chart from the internet",
    "kubectl -n kube-system logs ": "nothing runs in kwok's pods, so there are no logs",
    "make demo": "has tests of its own",
    "make test": "is what runs this",
    "kubectl -n shop wait ": "waits for a controller, which does not run beside this control plane",
}

INSTALLED = ("upgrade", "troubleshooting")  # pages whose commands are for a release that is there
SHOP = "shop"

pytestmark = pytest.mark.timeout(2 * SECONDS)


@dataclass(frozen=True)
class Section:
    """A heading of a page, and the shell blocks below it."""

    page: Path
    title: str
    blocks: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page.name}: {self.title}"

    @property
    def to_run(self) -> str:
        """One script of all blocks, but for the commands that cannot be run."""
        return "\n".join(command for block in self.blocks for command in commands(block) if reason(command) is None)


def commands(block: str) -> list[str]:
    """The commands of a block; a line that ends with a backslash goes on, and so does one with `<<'EOF'`."""
    joined = re.sub(r"\\\n\s*", " ", block)
    found = re.findall(r"^(.*<<'EOF'.*\n(?:.*\n)*?EOF|.+)$", joined, re.MULTILINE)
    return [one for one in found if one.strip() and not one.startswith("#")]


def reason(command: str) -> str | None:
    """Why a command is not run."""
    return next((why for start, why in NOT_RUN.items() if command.startswith(start)), None)


def sections() -> Iterator[Section]:
    for page in PAGES:
        for part in re.split(r"^(?=##? )", page.read_text(), flags=re.MULTILINE):
            if blocks := re.findall(r"^```sh\n(.*?)^```", part, re.MULTILINE | re.DOTALL):
                yield Section(page, part.splitlines()[0].lstrip("# "), tuple(blocks))


SECTIONS = list(sections())


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the commands name: one of them writes into it."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in NEEDED:
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("*.key", "*.crt", "local"))
    return folder


@pytest.fixture
def cluster(chart_cluster: ControlPlane, helm_there: Helm, foreign_kinds: None) -> Iterator[ControlPlane]:
    """The control plane with a namespace `shop`; afterwards nothing of us is left in it."""
    chart_cluster.apply(shop())
    yield chart_cluster
    helm_there("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
    kinds = "deployments,services,configmaps,secrets,leases,serviceaccounts,roles,rolebindings"
    chart_cluster.kubectl("delete", kinds, "-n", NAMESPACE, "-l", OURS, "--ignore-not-found")
    chart_cluster.kubectl("delete", "issuers,certificates", "-n", NAMESPACE, "--all")
    kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings"
    chart_cluster.kubectl("delete", f"{kinds},ingressclasses,ingressclassparams", "-l", OURS, "--ignore-not-found")
    chart_cluster.kubectl("delete", "ingress,service,deployment", "--all", "-n", SHOP)
    chart_cluster.kubectl("delete", "namespace", "echo", "--ignore-not-found")


OURS = "app.kubernetes.io/name=aws-load-balancer-controller"


def shop() -> list[Obj]:
    """What the pages speak of: namespace `shop` with an Ingress, a Service and a Deployment `web`; the Lease."""
    meta = {"name": "web", "namespace": SHOP}
    labels = {"app": "web"}
    service = {"selector": labels, "ports": [{"port": 80}]}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web"}]}}
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    lease = {"name": "aws-load-balancer-controller-leader", "namespace": NAMESPACE, "labels": dict([OURS.split("=")])}
    kept = {"name": "aws-lbc-group-shop", "namespace": NAMESPACE, "labels": dict([OURS.split("=")])}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": service,
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"selector": {"matchLabels": labels}, "template": pod},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": meta,
            "spec": {"ingressClassName": "alb", "rules": [{"http": {"paths": paths}}]},
        },
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": lease, "spec": {"holderIdentity": "x"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": kept},
    ]


def install(helm: Helm, *, times: int) -> None:
    """The release, with a history."""
    chart = str(REPOSITORY / "helm" / RELEASE)
    for _ in range(times):
        helm("upgrade", "--install", RELEASE, chart, "-n", NAMESPACE, "--values", str(helm.values(REQUIRED)))


@pytest.mark.parametrize("section", [one for one in SECTIONS if one.to_run], ids=str)
def test_the_commands_of_a_section_do_as_they_are_told(
    section: Section, cluster: ControlPlane, helm_there: Helm, tools: Path, checkout: Path
) -> None:
    if section.page.stem in INSTALLED:
        install(helm_there, times=2)
    environment = clean_environment(helm_there.home, KUBECONFIG=str(cluster.kubeconfig))
    environment["PATH"] = os.pathsep.join([str(tools), str(helm_there.binary.parent), environment["PATH"]])
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", section.to_run],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert 0 == done.returncode, done.stderr[-3000:]


def manifests() -> Iterator[tuple[str, str]]:
    """Page and text of each block of YAML that is a whole manifest."""
    for page in PAGES:
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            read = [one for one in yaml.safe_load_all(block) if one]
            if all("apiVersion" in one and not one["apiVersion"].startswith(OF_OTHERS) for one in read):
                yield page.name, block


OF_OTHERS = "argoproj.io/"


def test_the_api_server_takes_the_manifests_of_the_pages(cluster: ControlPlane) -> None:
    pages = []
    for page, block in manifests():
        cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=block)
        pages.append(page)
    assert {"external-dns.md", "oidc-secrets.md", "target-group-bindings.md"} <= set(pages)


def test_what_is_not_run_is_in_use() -> None:
    all_commands = [command for section in SECTIONS for block in section.blocks for command in commands(block)]
    assert [] == [start for start in NOT_RUN if not any(command.startswith(start) for command in all_commands)]


def test_commands_stand_in_blocks_that_are_found() -> None:
    """Nothing that looks like a command stands in a block of another language."""
    others = re.compile(r"^```(?!sh\b|mermaid)\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
    blocks = [(page.name, block) for page in PAGES for block in others.findall(page.read_text())]
    assert [] == [name for name, block in blocks if re.search(r"^(kubectl|helm|aws|docker) ", block, re.MULTILINE)]
