"""What the tests of the chart do over and over: helm as a person types it, and objects to compare."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509

from contract_data import REPOSITORY
from localworld.processes import clean_environment

Obj = dict[str, Any]
Key = tuple[str, str]  # kind, name

CHART = REPOSITORY / "helm" / "aws-load-balancer-controller"
RELEASE = "aws-load-balancer-controller"
NAMESPACE = "kube-system"
REQUIRED = {"clusterName": "demo"}
HELM_SECONDS = 120
PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
GIVEN_TLS = {part: PEM.format(part) for part in ("caCert", "cert", "key")}


class HelmError(Exception):
    """helm ended with an error; the text is what it said."""


@dataclass(frozen=True)
class Helm:
    """helm with a home and, for commands that need one, a cluster of its own."""

    binary: Path
    home: Path
    kubeconfig: Path | None = None

    def __call__(self, *arguments: str) -> str:
        """Run it and return what it printed."""
        config = self.kubeconfig or self.home / "no-kubeconfig"
        environment = clean_environment(self.home, KUBECONFIG=str(config))
        done = subprocess.run(
            [str(self.binary), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=HELM_SECONDS,
            check=False,
        )
        if done.returncode:
            raise HelmError(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def template(
        self, values: Mapping[str, Any] | None = None, *, files: Iterable[Path] = (), **names: str
    ) -> list[Obj]:
        """The objects that the chart makes of values laid over those that it requires."""
        file = self.values({**REQUIRED, **(values or {})})
        given = [part for one in [*files, file] for part in ("--values", str(one))]
        release, namespace = names.get("release", RELEASE), names.get("namespace", NAMESPACE)
        return objects(self("template", release, str(CHART), "--namespace", namespace, *given))

    def values(self, values: Mapping[str, Any]) -> Path:
        """A values file."""
        path = self.home / f"values-{os.getpid()}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(dict(values)))
        return path


def objects(text: str) -> list[Obj]:
    """The objects of YAML documents, those of Lists one by one."""
    return list(_flat(one for one in yaml.safe_load_all(text) if one))


def _flat(found: Iterable[Obj]) -> Iterator[Obj]:
    for one in found:
        yield from one["items"] if one["kind"] == "List" else [one]


def key_of(obj: Obj) -> Key:
    """Kind and name: the chart makes no two of one kind and name in several namespaces."""
    return obj["kind"], obj["metadata"]["name"]


def by_key(found: Iterable[Obj]) -> dict[Key, Obj]:
    """The objects by kind and name; each stands once."""
    listed = list(found)
    keyed = {key_of(one): one for one in listed}
    assert len(keyed) == len(listed)
    return keyed


def one(found: Iterable[Obj], kind: str, name: str | None = None) -> Obj:
    """The only object of a kind, or that of a name."""
    [only] = [obj for obj in found if obj["kind"] == kind and name in (None, obj["metadata"]["name"])]
    return only


def pod_of(found: Iterable[Obj]) -> Obj:
    """The pod's spec."""
    spec: Obj = one(found, "Deployment")["spec"]["template"]["spec"]
    return spec


def container_of(found: Iterable[Obj]) -> Obj:
    """The pod's container."""
    [only] = pod_of(found)["containers"]
    container: Obj = only
    return container


def webhooks_of(found: Iterable[Obj]) -> dict[str, Obj]:
    """All webhooks by name."""
    return {
        hook["name"]: hook for obj in found if obj["kind"].endswith("WebhookConfiguration") for hook in obj["webhooks"]
    }


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every value in a tree by its path, list items by their name or key if they have one: `spec.ports[web].port`."""
    if isinstance(value, dict) and value:
        return {p: v for key, one in value.items() for p, v in leaves(one, f"{path}.{key}".lstrip(".")).items()}
    if isinstance(value, list) and value:
        named = [_label(one, number) for number, one in enumerate(value)]
        return {
            p: v for label, one in zip(named, value, strict=True) for p, v in leaves(one, f"{path}[{label}]").items()
        }
    return {path: value}


def _label(item: Any, number: int) -> str:
    if isinstance(item, dict):
        return str(item.get("name") or item.get("key") or number)
    return str(number)


def names_in(certificate: str) -> set[str]:
    """The DNS names of a certificate in base64 of PEM."""
    read = x509.load_pem_x509_certificate(base64.b64decode(certificate))
    return set(
        read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    )
