"""What the chart installs is enough: the program serves a cluster by the chart's flags, permissions and certificate.

kwok runs the Deployment's pods, in which nothing happens; so the program runs beside them, with what they would have:
the Deployment's arguments, a token of its ServiceAccount, and the Secret as a folder. The API server calls it under the
name of the webhooks' Service, which leads to this machine here, and so it verifies the chart's certificate.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from chart_world import CHART, NAMESPACE, RELEASE, Helm, Obj, container_of

from e2e_world import Place, ingress, nlb_service, service, until, until_nothing, workload
from localworld.control_plane import KubectlError
from localworld.controller_process import ControllerProcess
from localworld.world import LocalWorld
from serving_certificates import mount

WEBHOOKS = "mutatingwebhookconfigurations,validatingwebhookconfigurations"
USER = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
DECISION = "authorization.k8s.io/decision"
GATE_LABEL = "elbv2.k8s.aws/pod-readiness-gate-inject=enabled"
GATE = "target-health.elbv2.k8s.aws/"
START_SECONDS = 30


@dataclass
class InstalledProcess(ControllerProcess):
    """The program with the arguments of the Deployment, and with what a pod has and a process here does not."""

    arguments: Sequence[str] = ()

    def flags(self) -> list[str]:
        """Those of the Deployment first: ports of our own, as several programs share this machine."""
        return [
            *self.arguments,
            f"--kubeconfig={self.kubeconfig}",
            f"--leader-election-namespace={NAMESPACE}",
            f"--webhook-cert-dir={self.root / 'certs'}",
            f"--health-probe-bind-addr=127.0.0.1:{self.health_port}",
            f"--metrics-bind-addr=127.0.0.1:{self.metrics_port}",
            f"--webhook-bind-port={self.webhook_port}",
        ]


@pytest.fixture(scope="module")
def world(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorld]:
    """AWS and a control plane with its nodes, in which nothing of ours is: CRDs and class are the chart's to bring."""
    world = LocalWorld(root=tmp_path_factory.mktemp("chart-world"), tools=tools, audit=True)
    try:
        world.aws.start()
        world.control_plane.start()
        world.control_plane.add_nodes(world.aws.world.nodes)
        world.control_plane.kubectl("create", "serviceaccount", RELEASE, "--namespace", NAMESPACE)
        yield world
    finally:
        world.stop()


@pytest.fixture(scope="module")
def release(helm: Helm, world: LocalWorld) -> Helm:
    """The release, installed as people type it where pods are not told region and VPC by their node."""
    helm = Helm(helm.binary, helm.home, world.control_plane.kubeconfig)
    aws = world.aws.world
    account = ("serviceAccount.create=false", f"serviceAccount.name={RELEASE}")
    typed = (f"clusterName={aws.cluster}", *account, f"region={aws.region}", f"vpcId={aws.vpc_id}")
    given = [part for value in typed for part in ("--set", value)]
    helm("install", RELEASE, str(CHART), "--namespace", NAMESPACE, *given)
    return helm


@pytest.fixture(scope="module")
def installed(release: Helm, world: LocalWorld) -> Iterator[InstalledProcess]:
    """The program, as the release would have it; it leads, and the API server calls it."""
    assert release.kubeconfig == world.control_plane.kubeconfig
    process = InstalledProcess(
        root=world.root / "installed",
        kubeconfig=world.control_plane.service_account_kubeconfig(NAMESPACE, RELEASE),
        aws_url=world.aws.url,
        aws=world.aws.world,
        arguments=container_of([world.control_plane.get("deployment", RELEASE, "-n", NAMESPACE)])["args"],
    )
    mount(process.root / "certs", certificate(world))
    lead_to(world, process.webhook_port)
    try:
        process.start()
        yield process
    finally:
        process.stop()


def certificate(world: LocalWorld) -> dict[str, bytes]:
    """The files that a pod would have of the chart's Secret."""
    data = world.control_plane.get("secret", "aws-load-balancer-tls", "-n", NAMESPACE)["data"]
    return {name: base64.b64decode(text) for name, text in data.items()}


def lead_to(world: LocalWorld, port: int) -> None:
    """The webhooks' Service leads to a port of this machine, and nothing else of them is changed."""
    control_plane = world.control_plane
    here = json.dumps({"spec": {"type": "ExternalName", "externalName": "localhost"}})
    control_plane.kubectl("patch", "service", "aws-load-balancer-webhook-service", "-n", NAMESPACE, "-p", here)
    for found in control_plane.get(WEBHOOKS)["items"]:
        for hook in found["webhooks"]:
            hook["clientConfig"]["service"]["port"] = port
        control_plane.kubectl("replace", "-f", "-", stdin=json.dumps(found))


@pytest.fixture(scope="module")
def place(world: LocalWorld, installed: InstalledProcess) -> Iterator[Place]:
    """A namespace where an Ingress and a Service are served."""
    assert installed.alive()
    place = Place(world, "shop")
    place.cluster.kubectl("create", "namespace", "shop")
    until("the webhooks to answer", lambda: is_answered(place), seconds=START_SECONDS)
    place.apply(workload(replicas=2), service(), ingress())
    place.apply(as_people_write(nlb_service("balanced")))
    place.there.wait()
    yield place
    place.delete()
    until_nothing("the end of what was served", place.there.remaining)
    until_nothing("an AWS as before", place.there.leftovers)


def as_people_write(balanced: Obj) -> Obj:
    """Without the class, which a webhook gives it."""
    del balanced["spec"]["loadBalancerClass"]
    return balanced


def is_answered(place: Place) -> bool:
    try:
        return bool(dry_run(place, ingress()))
    except KubectlError:
        return False


def dry_run(place: Place, obj: Obj) -> Obj:
    """What would be stored of a new object."""
    command = ("create", "--dry-run=server", "-o", "json", "-n", place.namespace, "-f", "-")
    stored: Obj = json.loads(place.cluster.kubectl(*command, stdin=json.dumps(obj)))
    return stored


def test_an_ingress_and_a_service_get_load_balancers(place: Place, world: LocalWorld) -> None:
    found = {one["DNSName"].lower(): one["Type"] for one in world.aws.elbv2.describe_load_balancers()["LoadBalancers"]}
    told = {place.hostname("ingress", "web"): "application", place.hostname("service", "balanced"): "network"}
    assert found == told
    assert "service.k8s.aws/nlb" == place.get("service", "balanced")["spec"]["loadBalancerClass"]


def test_new_pods_wait_for_their_targets(place: Place) -> None:
    place.cluster.kubectl("label", "namespace", place.namespace, GATE_LABEL)
    wanted = {GATE + one["metadata"]["name"] for one in place.objects("targetgroupbindings")}
    assert 2 == len(wanted)
    until("the API server to know the label", lambda: wanted == gates(dry_run(place, a_pod_of_web())))
    place.cluster.kubectl("delete", "pods", "--all", "-n", place.namespace, "--wait=false")

    def opened() -> bool:
        pods = place.objects("pods")
        return 2 == len(pods) and all(wanted == gates(pod) == told_healthy(pod) for pod in pods)

    until("gates that are open", opened)
    place.there.wait()


def a_pod_of_web() -> Obj:
    template = workload()["spec"]["template"]
    return {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": "one"}}


def gates(pod: Obj) -> set[str]:
    return {gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()}


def told_healthy(pod: Obj) -> set[str]:
    """The gates that the controller has opened."""
    conditions = pod["status"].get("conditions") or ()
    return {one["type"] for one in conditions if one["type"].startswith(GATE) and one["status"] == "True"}


def test_a_binding_for_the_target_group_of_another_is_refused(place: Place) -> None:
    taken = place.objects("targetgroupbindings")[0]["spec"]["targetGroupARN"]
    binding = {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": {"name": "by-hand"},
        "spec": {"targetGroupARN": taken, "targetType": "ip", "serviceRef": {"name": "web", "port": 80}},
    }
    with pytest.raises(KubectlError, match=r'"vtargetgroupbinding\.elbv2\.k8s\.aws" denied the request'):
        place.apply(binding)


def test_an_ingress_of_an_unknown_class_is_refused(place: Place) -> None:
    with pytest.raises(KubectlError, match=r'"vingress\.elbv2\.k8s\.aws" denied the request: invalid ingress class'):
        place.apply(ingress("nobodys", class_name="nobodys"))


def test_the_account_of_the_release_is_never_forbidden_anything(place: Place) -> None:
    lines = map(json.loads, place.cluster.audit_log.read_text().splitlines())
    asked = [one for one in lines if one["user"]["username"] == USER]
    decided = {(one["annotations"][DECISION], one["verb"], one["requestURI"]) for one in asked}
    assert [] == sorted(one for one in decided if one[0] != "allow")
    assert {"create", "patch", "list", "watch"} <= {verb for _, verb, _ in decided}


@pytest.mark.usefixtures("place")
def test_the_program_has_nothing_to_say_against_the_charts_flags(installed: InstalledProcess) -> None:
    lines = [json.loads(line) for line in installed.log.read_text().splitlines()]
    assert [] == [line["msg"] for line in lines if line["logger"] == "__main__"]
    assert [] == [line["msg"] for line in lines if line["level"] == "error"]
