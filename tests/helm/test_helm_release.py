"""A release in a cluster: it is installed as people type it, an upgrade changes nothing, and it leaves others alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_world import CHART, NAMESPACE, RELEASE, Helm, Obj, key_of, names_in, objects, one, pod_of, webhooks_of

from contract_data import contract
from localworld.control_plane import ControlPlane, KubectlError
from localworld.processes import wait_for

ACCOUNT = "serviceaccount/aws-load-balancer-controller"
TYPED = ("clusterName=demo", "serviceAccount.create=false", f"serviceAccount.name={RELEASE}")
SECRET = ("secret/aws-load-balancer-tls", "-n", NAMESPACE)
APP = {"app": "unrelated"}


def typed(*more: str) -> list[str]:
    """`--set …` for what people type, and more."""
    return [part for value in (*TYPED, *more) for part in ("--set", value)]


def install(helm: Helm, *more: str) -> str:
    return helm("install", RELEASE, str(CHART), "--namespace", NAMESPACE, *typed(*more))


def upgrade(helm: Helm, *more: str) -> str:
    return helm("upgrade", RELEASE, str(CHART), "--namespace", NAMESPACE, *typed(*more))


def uninstall(helm: Helm) -> None:
    helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")


@pytest.fixture(scope="module")
def account(chart_cluster: ControlPlane) -> Iterator[None]:
    """The ServiceAccount that eksctl makes."""
    chart_cluster.kubectl("create", "serviceaccount", RELEASE, "--namespace", NAMESPACE)
    yield
    chart_cluster.kubectl("delete", ACCOUNT, "--namespace", NAMESPACE)


@pytest.fixture
def free(helm_there: Helm, account: None) -> Iterator[Helm]:
    """helm where nothing is installed; afterwards nothing is."""
    yield helm_there
    uninstall(helm_there)


@pytest.fixture
def release(free: Helm) -> Helm:
    """The release, installed."""
    install(free)
    return free


@pytest.fixture(scope="module")
def place(chart_cluster: ControlPlane) -> Iterator[str]:
    """A namespace of somebody who never heard of us."""
    chart_cluster.kubectl("create", "namespace", "unrelated")
    wait_for("the account of pods", lambda: account_of_pods(chart_cluster, "unrelated"), seconds=30)
    yield "unrelated"
    chart_cluster.kubectl("delete", "namespace", "unrelated", "--wait=false")


def account_of_pods(cluster: ControlPlane, namespace: str) -> bool:
    return bool(cluster.kubectl("get", "serviceaccount", "default", "-n", namespace, "--ignore-not-found"))


def state(cluster: ControlPlane, helm: Helm) -> dict[str, Obj]:
    """What stands in the cluster of the release: its objects without what the API server counts."""
    listed = objects(helm("get", "manifest", RELEASE, "--namespace", NAMESPACE))
    found = json.loads(cluster.kubectl("get", "-f", "-", "-o", "json", stdin=yaml.safe_dump_all(listed)))["items"]
    return {"/".join(key_of(one)): _settled(one) for one in found}


def _settled(obj: Obj) -> Obj:
    kept = {key: value for key, value in obj["metadata"].items() if key not in ("managedFields", "resourceVersion")}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": kept}


def certificate(cluster: ControlPlane) -> dict[str, str]:
    data: dict[str, str] = cluster.get(*SECRET)["data"]
    return data


def trusted(cluster: ControlPlane) -> set[str]:
    """The authorities that the API server takes webhooks' answers from."""
    configurations = cluster.get("mutatingwebhookconfigurations,validatingwebhookconfigurations")["items"]
    return {hook["clientConfig"]["caBundle"] for hook in webhooks_of(configurations).values()}


def test_it_is_installed_as_people_type_it(release: Helm, chart_cluster: ControlPlane) -> None:
    found = chart_cluster.get("deployment", RELEASE, "-n", NAMESPACE)
    assert RELEASE == found["spec"]["template"]["spec"]["serviceAccountName"]
    wait_for("two running pods", lambda: len(running_pods(chart_cluster)) == 2, seconds=30)
    chart_cluster.get("ingressclass", "alb")
    chart_cluster.get("ingressclassparams", "alb")


def running_pods(cluster: ControlPlane) -> list[Obj]:
    selector = f"app.kubernetes.io/name={RELEASE},app.kubernetes.io/instance={RELEASE}"
    pods = cluster.get("pods", "-n", NAMESPACE, "--selector", selector)["items"]
    return [pod for pod in pods if pod["status"].get("phase") == "Running"]


def test_the_certificate_is_for_the_service_and_its_authority_is_trusted(
    release: Helm, chart_cluster: ControlPlane
) -> None:
    made = certificate(chart_cluster)
    service = "aws-load-balancer-webhook-service.kube-system"
    assert {service, f"{service}.svc", f"{service}.svc.cluster.local"} == names_in(made["tls.crt"])
    assert {made["ca.crt"]} == trusted(chart_cluster)


def test_an_upgrade_with_the_same_values_changes_nothing(release: Helm, chart_cluster: ControlPlane) -> None:
    before, manifest = state(chart_cluster, release), release("get", "manifest", RELEASE, "--namespace", NAMESPACE)
    upgrade(release)
    assert manifest == release("get", "manifest", RELEASE, "--namespace", NAMESPACE)
    assert before == state(chart_cluster, release)


def test_an_upgrade_with_other_values_keeps_the_certificate(release: Helm, chart_cluster: ControlPlane) -> None:
    before = certificate(chart_cluster), trusted(chart_cluster)
    upgrade(release, "replicaCount=3", "cluster.dnsDomain=cluster.example", "keepTLSSecret=true")
    assert 3 == chart_cluster.get("deployment", RELEASE, "-n", NAMESPACE)["spec"]["replicas"]
    assert before == (certificate(chart_cluster), trusted(chart_cluster))


def test_half_a_secret_is_replaced(release: Helm, chart_cluster: ControlPlane) -> None:
    before = certificate(chart_cluster)
    chart_cluster.kubectl("patch", *SECRET, "--type=json", "-p", '[{"op": "remove", "path": "/data/ca.crt"}]')
    upgrade(release)
    after = certificate(chart_cluster)
    assert {after["ca.crt"]} == trusted(chart_cluster)
    assert set() == set(after.values()) & set(before.values())


def test_what_cert_manager_left_is_not_kept_since_nobody_would_renew_it(
    release: Helm, chart_cluster: ControlPlane
) -> None:
    before = certificate(chart_cluster)
    chart_cluster.kubectl("annotate", *SECRET, "cert-manager.io/certificate-name=aws-load-balancer-serving-cert")
    upgrade(release)
    after = certificate(chart_cluster)
    assert {after["ca.crt"]} == trusted(chart_cluster)
    assert set() == set(after.values()) & set(before.values())


def test_it_takes_over_from_the_chart_of_v3_5_0(free: Helm, chart_cluster: ControlPlane, tmp_path: Path) -> None:
    theirs = tmp_path / RELEASE
    (theirs / "templates").mkdir(parents=True)
    (theirs / "Chart.yaml").write_text(f"apiVersion: v2\nname: {RELEASE}\nversion: 3.5.0\n")
    (theirs / "templates" / "all.yaml").write_text(yaml.safe_dump_all(as_recorded(free)))
    free("install", RELEASE, str(theirs), "--namespace", NAMESPACE)
    before, selector = certificate(chart_cluster), deployment(chart_cluster)["spec"]["selector"]
    upgrade(free)
    after = deployment(chart_cluster)
    assert (before, selector) == (certificate(chart_cluster), after["spec"]["selector"])
    assert pod_of([after])["containers"][0]["image"].startswith("aws-lb-controller:")
    free("rollback", RELEASE, "1", "--namespace", NAMESPACE)
    assert before == certificate(chart_cluster)


def as_recorded(helm: Helm) -> list[Obj]:
    """The objects of the peer's chart, with a certificate in place; the ServiceAccount is somebody else's."""
    made = one(helm.template(), "Secret")["data"]
    recorded = [obj for obj in contract("helm-rendered") if obj["kind"] != "ServiceAccount"]
    one(recorded, "Secret")["data"] = made
    for hook in webhooks_of(recorded).values():
        hook["clientConfig"]["caBundle"] = made["ca.crt"]
    return recorded


def deployment(cluster: ControlPlane) -> Obj:
    return cluster.get("deployment", RELEASE, "-n", NAMESPACE)


def test_crds_are_upgraded_as_the_notes_tell(release: Helm, chart_cluster: ControlPlane) -> None:
    shown = release("show", "crds", str(CHART))  # Helm 3 puts no lines between them
    said = chart_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=shown)
    assert len(list((CHART / "crds").glob("*.yaml"))) == said.count("serverside-applied")


def test_a_kept_secret_outlives_the_release_and_serves_the_next(release: Helm, chart_cluster: ControlPlane) -> None:
    upgrade(release, "keepTLSSecret=true")
    before = certificate(chart_cluster)
    uninstall(release)
    assert before == certificate(chart_cluster)
    install(release)
    assert (before, {before["ca.crt"]}) == (certificate(chart_cluster), trusted(chart_cluster))
    uninstall(release)
    assert "" == chart_cluster.kubectl("get", *SECRET, "--ignore-not-found")


UNRELATED: dict[str, Obj] = {
    "a pod": {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {"containers": [{"name": "web", "image": "web"}]},
    },
    "a service": {"apiVersion": "v1", "kind": "Service", "spec": {"selector": APP, "ports": [{"port": 80}]}},
    "a load balancer of another class": {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {
            "type": "LoadBalancer",
            "loadBalancerClass": "example.com/other",
            "selector": APP,
            "ports": [{"port": 80}],
        },
    },
    "an ingress of another class": {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "spec": {"ingressClassName": "other", "defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    },
    "an ingress of no class": {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    },
}
OURS: dict[str, Obj] = {
    "a load balancer": {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {"type": "LoadBalancer", "selector": APP, "ports": [{"port": 80}]},
    },
    "an ingress of our class": {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "spec": {"ingressClassName": "alb", "defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    },
}


def placed(obj: Obj, namespace: str) -> Obj:
    return {**obj, "metadata": {"name": "unrelated", "namespace": namespace, "labels": APP}}


def test_without_the_controller_what_is_not_ours_is_made_and_changed_as_ever(
    release: Helm, chart_cluster: ControlPlane, place: str
) -> None:
    chart_cluster.kubectl("scale", f"deployment/{RELEASE}", "-n", NAMESPACE, "--replicas=0")
    for obj in UNRELATED.values():
        chart_cluster.kubectl("create", "-f", "-", stdin=json.dumps(placed(obj, place)))
        chart_cluster.kubectl("label", obj["kind"], "unrelated", "-n", place, "changed=yes")
        chart_cluster.kubectl("delete", obj["kind"], "unrelated", "-n", place, "--wait=false")
        wait_for("its end", lambda obj=obj: gone(chart_cluster, obj["kind"], place), seconds=30)


def gone(cluster: ControlPlane, kind: str, namespace: str) -> bool:
    return not cluster.kubectl("get", kind, "unrelated", "-n", namespace, "--ignore-not-found")


@pytest.mark.parametrize("what", OURS)
def test_without_the_controller_what_is_ours_waits_for_it(
    release: Helm, chart_cluster: ControlPlane, place: str, what: str
) -> None:
    with pytest.raises(KubectlError, match=r"failed calling webhook .*\.elbv2\.k8s\.aws"):
        chart_cluster.kubectl("create", "-f", "-", stdin=json.dumps(placed(OURS[what], place)))


def test_values_of_the_cluster_are_not_asked_for(helm_there: Helm, chart_cluster: ControlPlane) -> None:
    """`helm template` sees no cluster: a certificate is made anew, unless one is given."""
    made: list[Any] = [helm_there.template() for _ in range(2)]
    assert webhooks_of(made[0]).keys() == webhooks_of(made[1]).keys()
    assert webhooks_of(made[0]) != webhooks_of(made[1])
