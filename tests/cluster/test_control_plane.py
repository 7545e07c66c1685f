"""The control plane that the tests and the demo stand on is a real one, with RBAC."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from localworld.control_plane import ControlPlane, KubectlError
from localworld.world import CRDS, LocalAws, LocalWorld


def deployment(name: str, *, replicas: int) -> dict[str, object]:
    """A Deployment that kwok runs."""
    labels = {"app": name}
    pod = {"containers": [{"name": name, "image": "x", "ports": [{"containerPort": 80}]}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def role(name: str, *verbs: str) -> list[dict[str, object]]:
    """A Role on Services and its binding to the ServiceAccount of the same name."""
    rule = {"apiGroups": [""], "resources": ["services"], "verbs": list(verbs)}
    subject = {"kind": "ServiceAccount", "name": name}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    group, metadata = "rbac.authorization.k8s.io/v1", {"name": name}
    return [
        {"apiVersion": group, "kind": "Role", "metadata": metadata, "rules": [rule]},
        {
            "apiVersion": group,
            "kind": "RoleBinding",
            "metadata": metadata,
            "subjects": [subject],
            "roleRef": reference,
        },
    ]


def in_namespace(objects: list[dict[str, object]], namespace: str) -> list[dict[str, object]]:
    """The objects with their namespace written in."""
    return [{**one, "metadata": {**one["metadata"], "namespace": namespace}} for one in objects]  # type: ignore[dict-item]


def ready(node: dict[str, object]) -> str:
    """The status of a Node's Ready condition."""
    return next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")  # type: ignore[index]


def test_three_nodes_are_ready_and_name_their_instances(control_plane: ControlPlane, aws_world: LocalAws) -> None:
    nodes = control_plane.get("nodes")["items"]
    expected = [(place.name, place.provider_id, "True") for place in aws_world.world.nodes]
    assert expected == [(node["metadata"]["name"], node["spec"]["providerID"], ready(node)) for node in nodes]


def test_a_pods_address_belongs_to_its_nodes_network_interface(
    control_plane: ControlPlane, aws_world: LocalAws, namespace: str
) -> None:
    control_plane.apply(in_namespace([deployment("web", replicas=2)], namespace))
    control_plane.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
    pods = control_plane.get("pods", "-n", namespace)["items"]
    addresses = [pod["status"]["podIP"] for pod in pods]
    found = aws_world.ec2.describe_network_interfaces(
        Filters=[{"Name": "addresses.private-ip-address", "Values": addresses}]
    )["NetworkInterfaces"]
    instances = {place.name: place.instance_id for place in aws_world.world.nodes}
    assert {instances[pod["spec"]["nodeName"]] for pod in pods} == {one["Attachment"]["InstanceId"] for one in found}


def test_every_crd_of_the_project_is_served(control_plane: ControlPlane) -> None:
    documents = [one for file in CRDS.glob("*.yaml") for one in yaml.safe_load_all(file.read_text()) if one]
    expected = {one["metadata"]["name"] for one in documents if one["kind"] == "CustomResourceDefinition"}
    assert expected == {one["metadata"]["name"] for one in control_plane.get("crds")["items"]} & expected


def test_a_service_account_without_rules_is_forbidden(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    kubeconfig = control_plane.service_account_kubeconfig(namespace, "nobody")
    with pytest.raises(KubectlError, match=r"Forbidden.*serviceaccount:.*:nobody.*cannot list resource \"services\""):
        control_plane.kubectl("get", "services", "-n", namespace, kubeconfig=kubeconfig)


def test_a_service_account_may_do_what_its_role_says_and_no_more(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "serviceaccount", "reader", "-n", namespace)
    control_plane.apply(in_namespace(role("reader", "list"), namespace))
    kubeconfig = control_plane.service_account_kubeconfig(namespace, "reader")
    allowed = json.loads(control_plane.kubectl("get", "services", "-n", namespace, "-o", "json", kubeconfig=kubeconfig))
    assert allowed["items"] == []
    with pytest.raises(KubectlError, match="cannot delete resource"):
        control_plane.kubectl("delete", "service", "web", "-n", namespace, kubeconfig=kubeconfig)


def test_the_audit_log_names_who_did_what(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "configmap", "witness", "-n", namespace)
    entries = [json.loads(line) for line in control_plane.audit_log.read_text().splitlines()]
    written = [one for one in entries if one["verb"] == "create" and one["objectRef"].get("name") == "witness"]
    assert [(one["objectRef"]["resource"], one["responseStatus"]["code"]) for one in written] == [("configmaps", 201)]


def test_kubectl_reads_no_kubeconfig_of_the_user(
    local_world: LocalWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "config"
    broken.write_text("not a kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(broken))
    assert local_world.control_plane.kubectl("get", "--raw", "/readyz") == "ok"
    assert broken.read_text() == "not a kubeconfig"
