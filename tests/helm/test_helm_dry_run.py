"""The real API server takes what the chart makes: by default, of the peer's values, and with each optional block on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_world import NAMESPACE, Helm, Obj, container_of, one, pod_of, webhooks_of

from contract_data import contract
from localworld.control_plane import ControlPlane, KubectlError

TEAM = [{"key": "team", "operator": "In", "values": ["shop"]}]
BLOCKS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "the peer's defaults": {**contract("helm-values"), "clusterName": "demo"},
    "cert-manager": {"enableCertManager": True},
    "cert-manager with an issuer": {
        "enableCertManager": True,
        "certManager": {"issuerRef": {"name": "ours", "kind": "ClusterIssuer"}, "revisionHistoryLimit": 2},
    },
    "autoscaling": {
        "autoscaling": {"enabled": True, "minReplicas": 2, "autoscaleBehavior": {"scaleDown": {"selectPolicy": "Min"}}},
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "256Mi"}},
        "podDisruptionBudget": {"minAvailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
        "annotations": {"team": "shop"},
    },
    "a budget": {"podDisruptionBudget": {"maxUnavailable": "50%"}},
    "a service monitor": {
        "serviceMonitor": {
            "enabled": True,
            "additionalLabels": {"release": "prometheus"},
            "scrapeTimeout": "10s",
            "relabelings": [{"action": "labeldrop", "regex": "pod"}],
        },
        "serviceAnnotations": {"team": "shop"},
    },
    "a network policy": {
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}],
            "extraEgress": [{"ports": [{"port": 8443}], "to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        }
    },
    "spread over zones": {
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "aws-load-balancer-controller"}},
            }
        ],
        "affinity": {"podAntiAffinity": {}},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "system", "operator": "Exists"}],
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
    },
    "the pods' surroundings": {
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirstWithHostNet",
        "runtimeClassName": "gvisor",
        "imagePullSecrets": [{"name": "registry"}],
        "env": {"LIMIT": 1000000, "FAST": True},
        "envSecretName": "aws-secret",
        "envFrom": [{"secretRef": {"name": "more"}}],
        "extraVolumes": [{"name": "token", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "token", "mountPath": "/var/run/token"}],
        "webhookBindPort": 8443,
        "metricsBindAddr": "0.0.0.0:9090",
    },
    "labels and annotations": {
        "additionalLabels": {"team": "shop"},
        "podLabels": {"team": "shop"},
        "podAnnotations": {"team": "shop"},
        "deploymentAnnotations": {"team": "shop"},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/lbc"}},
        "creator": "somebody",
    },
    "a class": {
        "ingressClass": "shop",
        "ingressClassConfig": {"default": True},
        "ingressClassParams": {"spec": {"scheme": "internal", "ipAddressType": "ipv4"}},
    },
    "webhooks for some": {
        "objectSelector": {"matchExpressions": TEAM, "matchLabels": {"team": "shop"}},
        "webhookNamespaceSelectors": TEAM,
        "serviceMutatorWebhookConfig": {
            "objectSelector": {"matchExpressions": TEAM},
            "namespaceSelectors": TEAM,
            "operations": ["CREATE", "UPDATE"],
            "failurePolicy": "Ignore",
        },
        "webhookConfig": {
            "ingressValidationObjectSelector": {"matchLabels": {"team": "shop"}},
            "ingressValidationNamespaceSelector": {"matchExpressions": TEAM, "matchLabels": {"team": "shop"}},
        },
    },
    "webhooks off": {"enableServiceMutatorWebhook": False, "webhookConfig": {"disableIngressValidation": True}},
    "all secrets": {"clusterSecretsPermissions": {"allowAllSecrets": True}},
}


@pytest.fixture(scope="module")
def restricted(chart_cluster: ControlPlane) -> Iterator[str]:
    """A namespace in which only pods that meet the Pod Security Standard `restricted` are let in."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    name = "restricted"
    chart_cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}])
    account = {"name": "aws-load-balancer-controller", "namespace": name}
    chart_cluster.apply([{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}])
    yield name
    chart_cluster.kubectl("delete", "namespace", name, "--wait=false")


def dry_run(cluster: ControlPlane, made: list[Obj]) -> list[str]:
    """What the API server says of each object, without keeping any."""
    text = yaml.safe_dump_all(made)
    said = cluster.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    return said.splitlines()


@pytest.mark.usefixtures("foreign_kinds")
@pytest.mark.parametrize("block", BLOCKS)
def test_the_api_server_takes(helm: Helm, chart_cluster: ControlPlane, block: str) -> None:
    made = helm.template(BLOCKS[block])
    assert len(made) == len(dry_run(chart_cluster, made))


@pytest.mark.parametrize("block", ["defaults", "the peer's defaults", "autoscaling", "spread over zones"])
def test_the_pods_meet_the_restricted_standard(
    helm: Helm, chart_cluster: ControlPlane, restricted: str, block: str
) -> None:
    template = one(helm.template(BLOCKS[block]), "Deployment")["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "one", "namespace": restricted},
        "spec": template["spec"],
    }
    assert ["pod/one serverside-applied (server dry run)"] == dry_run(chart_cluster, [pod])


def test_the_restricted_standard_is_enforced_here(helm: Helm, chart_cluster: ControlPlane, restricted: str) -> None:
    meta = {"name": "one", "namespace": restricted}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod_of(helm.template({"hostNetwork": True}))}
    with pytest.raises(KubectlError, match="restricted"):
        dry_run(chart_cluster, [pod])


def test_every_optional_block_is_taken_by_a_test() -> None:
    """The switches of the contract, and ours."""
    on = {key for values in BLOCKS.values() for key, value in values.items() if not isinstance(value, dict) or value}
    wanted = {"autoscaling", "enableCertManager", "serviceMonitor", "podDisruptionBudget", "networkPolicy"}
    assert wanted <= on


def test_numbers_keep_their_digits(helm: Helm) -> None:
    variables = {var["name"]: var["value"] for var in container_of(helm.template({"env": {"LIMIT": 1000000}}))["env"]}
    assert "1000000" == variables["LIMIT"]


def test_no_webhook_of_the_plain_manifests_is_lost(helm: Helm) -> None:
    off = webhooks_of(helm.template(BLOCKS["webhooks off"]))
    on = webhooks_of(helm.template(BLOCKS["webhooks for some"]))
    assert {"mservice.elbv2.k8s.aws", "vingress.elbv2.k8s.aws"} == on.keys() - off.keys()


def test_the_namespace_is_the_releases(helm: Helm) -> None:
    placed = {obj["metadata"].get("namespace") for obj in helm.template(namespace="balancing")}
    assert {None, "balancing"} == placed
    assert NAMESPACE not in yaml.safe_dump_all(helm.template({"enableCertManager": True}, namespace="balancing"))


def test_files_of_values_are_read_from_anywhere(helm: Helm, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("replicaCount: 5\n")
    assert 5 == one(helm.template(files=[file]), "Deployment")["spec"]["replicas"]
