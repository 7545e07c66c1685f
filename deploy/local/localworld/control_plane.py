"""A real Kubernetes control plane without Docker: KWOK's binary runtime, started and stopped by kwokctl.

etcd, kube-apiserver (RBAC on), kube-controller-manager and kube-scheduler are the real ones; kwok plays the kubelets,
so Deployments get running pods with addresses, and nothing inside a pod runs. kwokctl detaches what it starts: a
control plane outlives this process until `stop`.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from localworld.processes import REGION, WorldError, clean_environment, wait_for

SERVICE_RANGE = "10.96.0.0/16"
LEFT_ALONE = "kwok.x-k8s.io/status=custom"  # the annotation of a pod whose kubelet a test plays itself
START_SECONDS = 60
COMMAND_SECONDS = 90
START_ATTEMPTS = 3

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
"""


class KubectlError(WorldError):
    """kubectl ended with an error; the message is what it said."""


@dataclass(frozen=True)
class NodePlace:
    """Where a node stands: its EC2 instance, zone (`us-west-2a`), address, and its pods' range (`10.0.1.0/24`)."""

    name: str
    instance_id: str
    zone: str
    ip: str
    pod_cidr: str

    @property
    def provider_id(self) -> str:
        """As the AWS cloud provider writes it into a Node's spec."""
        return f"aws:///{self.zone}/{self.instance_id}"


@dataclass
class ControlPlane:
    """A control plane whose every file is below `root`; `tools` is the folder of the binaries."""

    tools: Path
    root: Path
    name: str = "local"
    audit: bool = False
    _environment: dict[str, str] = field(init=False, repr=False)
    _starting: subprocess.Popen[str] | None = field(default=None, init=False, repr=False)
    _stopped: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        environment = clean_environment(self.root / "home", KWOK_WORKDIR=str(self.root / "kwok"))
        # kwokctl runs kubectl: ours, not the user's; and adds its context to $KUBECONFIG: a file that nobody reads
        environment["PATH"] = os.pathsep.join([str(self.tools), environment.get("PATH", os.defpath)])
        self._environment = {**environment, "KUBECONFIG": str(self.root / "kwokctl-contexts")}

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._cluster_folder / "kubeconfig.yaml"

    @property
    def audit_log(self) -> Path:
        """One JSON line per request, when `audit` is on."""
        return self._cluster_folder / "logs" / "audit.log"

    @property
    def _cluster_folder(self) -> Path:
        return self.root / "kwok" / "clusters" / self.name

    # ---- life

    def start(self) -> None:
        """Start it and wait until the API server answers; WorldError with what kwokctl said if it does not.

        `stop` from another thread ends a start under way.
        """
        (self.root / "home").mkdir(parents=True, exist_ok=True)
        self._stopped = False
        said: str | None = None
        for _ in range(START_ATTEMPTS):  # two starts may pick one port: the next pick differs
            said = self._create()
            if said is None:
                wait_for("the API server's readiness", self._ready, seconds=START_SECONDS)
                return
            if self._stopped:
                break
            self._delete()
        raise WorldError(f"the control plane does not start:\n{(said or '')[-3000:]}")

    def _create(self) -> str | None:
        """None if it went well, else what kwokctl said."""
        command = ["create", "cluster", *self._create_flags(), "--wait", f"{START_SECONDS}s"]
        # one at a time on this machine: kwokctl picks ports that are free now and binds them later
        with _machine_wide_lock():
            if self._stopped:
                return "stopped before it started"
            with self._kwokctl(*command) as process:
                self._starting = process
                said, _ = process.communicate()
                self._starting = None
        return said if process.returncode else None

    def _create_flags(self) -> list[str]:
        binaries = {
            "etcd": "etcd",
            "kube-apiserver": "kube-apiserver",
            "kube-controller-manager": "kube-controller-manager",
            "kube-scheduler": "kube-scheduler",
            "kwok-controller": "kwok",
        }
        flags = ["--runtime", "binary", "--disable-qps-limits", "--kube-authorization=true"]
        flags += [f"--{component}-binary={self.tools / file}" for component, file in binaries.items()]
        flags += ["--extra-args", f"kube-apiserver=service-cluster-ip-range={SERVICE_RANGE}"]
        flags += ["--extra-args", f"kwok-controller=disregard-status-with-annotation-selector={LEFT_ALONE}"]
        return [*flags, *self._audit_flags()]

    def _audit_flags(self) -> list[str]:
        if not self.audit:
            return []
        policy = self.root / "audit-policy.yaml"
        policy.write_text(AUDIT_POLICY)
        return ["--kube-audit-policy", str(policy)]

    def _ready(self) -> bool:
        try:
            return self.kubectl("get", "--raw", "/readyz").strip() == "ok"
        except KubectlError:
            return False

    def stop(self) -> None:
        """Stop all its processes and delete its data; nothing to do is fine."""
        self._stopped = True
        if (starting := self._starting) is not None:
            starting.kill()
        self._delete()

    def _delete(self) -> None:
        with self._kwokctl("delete", "cluster") as process:
            process.communicate()

    def _kwokctl(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.tools / "kwokctl"), *arguments, "--name", self.name],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C in a terminal must not stop a clean-up half way
        )

    # ---- use

    def kubectl(self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run kubectl as the administrator or with another kubeconfig, and return what it printed."""
        done = subprocess.run(
            [str(self.tools / "kubectl"), *arguments],
            env={**self._environment, "KUBECONFIG": str(kubeconfig or self.kubeconfig)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get ARGUMENTS -o json`, read: an object or a List of them."""
        answer: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return answer

    def apply(self, manifests: Path | Iterable[Mapping[str, Any]]) -> None:
        """Apply a file, a folder's files, or objects."""
        if isinstance(manifests, Path):
            self.kubectl("apply", "-f", str(manifests))
        else:
            self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all([dict(one) for one in manifests]))

    def delete(self, manifests: Path, *, wait: bool = False) -> None:
        """Delete what a file or folder lists; what is gone already is fine."""
        self.kubectl("delete", "-f", str(manifests), "--ignore-not-found", f"--wait={str(wait).lower()}")

    def apply_crds(self, folder: Path) -> tuple[str, ...]:
        """Apply the CRDs of a folder, wait until they are served, and return their names."""
        files = [file for file in sorted(folder.glob("*.yaml")) if file.name != "kustomization.yaml"]
        documents = [document for file in files for document in yaml.safe_load_all(file.read_text()) if document]
        names = tuple(d["metadata"]["name"] for d in documents if d["kind"] == "CustomResourceDefinition")
        for file in files:
            self.kubectl("apply", "--server-side", "-f", str(file))
        if names:
            served = [f"crd/{name}" for name in names]
            self.kubectl("wait", "--for=condition=Established", "--timeout=30s", *served)
        return names

    def add_nodes(self, places: Iterable[NodePlace]) -> None:
        """Make the nodes, which kwok then plays, and wait until all are Ready."""
        nodes = [node_object(place) for place in places]
        self.apply(nodes)
        names = [f"node/{node['metadata']['name']}" for node in nodes]
        self.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *names)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig that acts as that ServiceAccount, with a fresh token of a day: RBAC decides what it may do."""
        token = self.kubectl("create", "token", name, "--namespace", namespace, "--duration", "24h").strip()
        config = yaml.safe_load(self.kubeconfig.read_text())
        config["users"] = [{"name": name, "user": {"token": token}}]
        cluster = config["clusters"][0]["name"]
        config["contexts"] = [{"name": name, "context": {"cluster": cluster, "user": name, "namespace": namespace}}]
        config["current-context"] = name
        path = self.root / f"kubeconfig-{namespace}-{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        path.chmod(0o600)
        return path


def node_object(place: NodePlace) -> dict[str, Any]:
    """A Node that kwok looks after, as the AWS cloud provider would have labelled it."""
    resources = {"cpu": "32", "memory": "256Gi", "pods": "250"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": place.name,
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
            "labels": {
                "kubernetes.io/hostname": place.name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/region": REGION,
                "topology.kubernetes.io/zone": place.zone,
                "type": "kwok",
            },
        },
        "spec": {"podCIDR": place.pod_cidr, "podCIDRs": [place.pod_cidr], "providerID": place.provider_id},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": place.ip},
                {"type": "Hostname", "address": place.name},
            ],
            "allocatable": resources,
            "capacity": resources,
        },
    }


@contextmanager
def _machine_wide_lock() -> Iterator[None]:
    path = Path(tempfile.gettempdir()) / f"aws-lb-controller-kwokctl-{os.getuid()}.lock"
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
