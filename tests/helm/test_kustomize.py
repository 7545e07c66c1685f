"""The plain manifests are what the chart makes: without a certificate, with one of cert-manager, with one's own."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_world import Helm, Key, Obj, by_key, names_in, objects, one, webhooks_of

from contract_data import REPOSITORY
from localworld.control_plane import ControlPlane

DEPLOY = REPOSITORY / "deploy"
OF_HELM = {"app.kubernetes.io/managed-by", "helm.sh/chart"}  # labels of what Helm manages
PARTS = {"caCert": "ca.crt", "cert": "tls.crt", "key": "tls.key"}


def built(kubectl: Path, folder: Path) -> dict[Key, Obj]:
    """What `kubectl apply -k` would apply."""
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=True, timeout=60)
    return by_key(plain(obj) for obj in objects(done.stdout))


def plain(obj: Obj) -> Obj:
    """An object as the API server would read it: base64 without line breaks; no labels of Helm's."""
    labels = {key: value for key, value in obj["metadata"]["labels"].items() if key not in OF_HELM}
    return {**joined(obj), "metadata": {**obj["metadata"], "labels": labels}}


def joined(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _joined_at(key, each) for key, each in value.items()}
    return [joined(each) for each in value] if isinstance(value, list) else value


def _joined_at(key: str, value: Any) -> Any:
    if isinstance(value, str) and (key == "caBundle" or key in PARTS.values()):
        return "".join(value.split())
    return joined(value)


def charted(helm: Helm, values: dict[str, Any]) -> dict[Key, Obj]:
    """What the chart makes, without Helm's labels."""
    return by_key(plain(obj) for obj in helm.template(values))


def without_certificate(found: dict[Key, Obj]) -> dict[Key, Obj]:
    """No Secret, and no authority in the webhooks."""
    for hook in webhooks_of(found.values()).values():
        hook["clientConfig"].pop("caBundle", None)
    return {key: obj for key, obj in found.items() if key[0] != "Secret"}


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the manifests, with a certificate in it."""
    copy = tmp_path_factory.mktemp("manifests")
    for name in ("base", "self-signed"):
        ours = shutil.ignore_patterns("*.crt", "*.key")  # one that stands here is somebody's own
        shutil.copytree(DEPLOY / name, copy / name, ignore=ours)
    subprocess.run([copy / "self-signed" / "make-certificate"], check=True, capture_output=True, timeout=120)
    return copy / "self-signed"


def test_the_base_is_what_the_chart_makes_but_for_certificates(helm: Helm, kubectl: Path) -> None:
    assert without_certificate(charted(helm, {})) == built(kubectl, DEPLOY / "base")


def test_the_manifests_are_those_with_cert_manager(helm: Helm, kubectl: Path) -> None:
    assert charted(helm, {"enableCertManager": True}) == built(kubectl, DEPLOY)


def test_the_variant_without_cert_manager_has_ones_own_certificate(
    helm: Helm, kubectl: Path, self_signed: Path
) -> None:
    own = {part: (self_signed / file).read_text() for part, file in PARTS.items()}
    assert charted(helm, {"webhookTLS": own}) == built(kubectl, self_signed)


def test_ones_own_certificate_is_for_the_service_and_signed_by_its_authority(self_signed: Path) -> None:
    service = "aws-load-balancer-webhook-service.kube-system"
    made = base64.b64encode((self_signed / "tls.crt").read_bytes()).decode()
    assert {service, f"{service}.svc", f"{service}.svc.cluster.local"} == names_in(made)
    assert "tls.crt: OK\n" == verified(self_signed, f"{service}.svc")


@pytest.mark.parametrize("namespace", ["kube-system", "balancing"])
def test_the_charts_certificate_is_for_the_service_and_signed_by_its_authority(
    helm: Helm, tmp_path: Path, namespace: str
) -> None:
    for file, content in one(helm.template(namespace=namespace), "Secret")["data"].items():
        (tmp_path / file).write_bytes(base64.b64decode(content))
    assert "tls.crt: OK\n" == verified(tmp_path, f"aws-load-balancer-webhook-service.{namespace}.svc")


def verified(folder: Path, host: str) -> str:
    """What OpenSSL says of a certificate for a host, as the API server would call it."""
    asked = ["-purpose", "sslserver", "-verify_hostname", host, "-CAfile", "ca.crt", "tls.crt"]
    done = subprocess.run(
        ["openssl", "verify", *asked], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_ones_own_certificate_is_made_once(self_signed: Path) -> None:
    before = {file.name: file.read_bytes() for file in self_signed.iterdir()}
    subprocess.run([self_signed / "make-certificate"], check=True, capture_output=True, timeout=120)
    assert before == {file.name: file.read_bytes() for file in self_signed.iterdir()}


def test_the_key_is_for_its_owner_only_and_out_of_git(self_signed: Path) -> None:
    assert 0o600 == (self_signed / "tls.key").stat().st_mode & 0o777
    assert {"*.crt", "*.key"} <= set((DEPLOY / "self-signed" / ".gitignore").read_text().splitlines())


def test_the_api_server_takes_them(chart_cluster: ControlPlane, self_signed: Path, kubectl: Path) -> None:
    said = chart_cluster.kubectl("apply", "-k", str(self_signed), "--dry-run=server", "--validate=strict")
    assert len(built(kubectl, self_signed)) == len(said.splitlines())


def test_an_overlay_of_ones_own_sets_name_and_image(kubectl: Path, tmp_path: Path) -> None:
    """As the head of deploy/kustomization.yaml tells."""
    for name in ("base", "cert-manager"):
        shutil.copytree(DEPLOY / name, tmp_path / "deploy" / name)
    shutil.copy(DEPLOY / "kustomization.yaml", tmp_path / "deploy")
    told = [line.removeprefix("#").strip("\n") for line in (DEPLOY / "kustomization.yaml").read_text().splitlines()]
    first = next(number for number, line in enumerate(told) if line.strip().startswith("resources: ["))
    last = next(number for number, line in enumerate(told) if "--cluster-name=NAME" in line)
    overlay = yaml.safe_load("\n".join(told[first : last + 1]).replace("path/to/deploy", "../deploy"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kustomization.yaml").write_text(json.dumps(overlay))
    deployment = built(kubectl, tmp_path / "mine")["Deployment", "aws-load-balancer-controller"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert "registry.example.com/aws-lb-controller:0.1.0" == container["image"]
    assert ["--cluster-name=NAME", "--ingress-class=alb"] == container["args"]
