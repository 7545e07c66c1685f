"""deploy/kind: its script runs on a cluster that is there, up to where images are pulled, and its AWS is an AWS."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml
from chart_world import NAMESPACE, RELEASE, Helm

from contract_data import REPOSITORY
from localworld.aws_world import client_config, local_session
from localworld.control_plane import ControlPlane
from localworld.controller_process import SOURCES
from localworld.moto_server import START_SECONDS
from localworld.processes import Process, clean_environment, free_port, start, tail, wait_for

KIND = REPOSITORY / "deploy" / "kind"
UP_SECONDS = 240
POD_RANGE = "192.168.96.0/24"

pytestmark = pytest.mark.timeout(2 * UP_SECONDS)


def up(helm: Helm, tools: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """deploy/kind/up.sh, with our kubectl and helm."""
    environment = clean_environment(helm.home, **more)
    environment["PATH"] = os.pathsep.join([str(tools), str(helm.binary.parent), environment["PATH"]])
    command = [str(KIND / "up.sh")]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=UP_SECONDS, check=False, cwd="/"
    )


@pytest.fixture(scope="module")
def brought_up(helm: Helm, tools: Path, chart_cluster: ControlPlane) -> Iterator[str]:
    """What it said on a cluster of kwok; afterwards all of it is gone."""
    environment = {"CLUSTER": "kwok", "KUBECONFIG": str(chart_cluster.kubeconfig)}
    done = up(helm, tools, **environment)
    again = up(helm, tools, **environment) if done.returncode == 0 else done
    yield done.stderr + again.stderr if again.returncode else done.stdout
    there = Helm(helm.binary, helm.home, chart_cluster.kubeconfig)
    there("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
    chart_cluster.kubectl("delete", "namespace", "aws", "echo", "--ignore-not-found")


def test_the_script_brings_up_aws_the_controller_and_a_sample_and_may_run_twice(
    brought_up: str, chart_cluster: ControlPlane
) -> None:
    told = [line.removeprefix("=== ") for line in brought_up.splitlines() if line.startswith("=== ")]
    assert ["AWS", "The controller", "A sample"] == told, brought_up
    assert 1 == chart_cluster.get("deployment", "moto", "-n", "aws")["status"]["readyReplicas"]
    assert 2 == chart_cluster.get("deployment", RELEASE, "-n", NAMESPACE)["status"]["readyReplicas"]
    assert (
        "service.k8s.aws/nlb"
        == chart_cluster.get("service", "svc-nlb-ip-type", "-n", "echo")["spec"]["loadBalancerClass"]
    )


def test_aws_is_told_the_nodes_ranges_of_pods(brought_up: str, chart_cluster: ControlPlane) -> None:
    nodes = chart_cluster.get("nodes")["items"]
    ranges = " ".join(node["spec"]["podCIDR"] for node in nodes)
    assert {"pod-ranges": ranges} == chart_cluster.get("configmap", "nodes", "-n", "aws")["data"]


def test_the_controller_is_sent_to_that_aws(brought_up: str, chart_cluster: ControlPlane) -> None:
    pod = chart_cluster.get("deployment", RELEASE, "-n", NAMESPACE)["spec"]["template"]["spec"]
    environment = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    [port] = chart_cluster.get("service", "moto", "-n", "aws")["spec"]["ports"]
    assert f"http://moto.aws.svc:{port['port']}" == environment["AWS_ENDPOINT_URL"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"CLUSTER": "minikube"}, "CLUSTER=minikube: must be kind or kwok"),
        ({"CLUSTER": "kwok", "KUBECONFIG": ""}, "CLUSTER=kwok needs KUBECONFIG"),
    ],
)
def test_what_it_cannot_use_is_told(helm: Helm, tools: Path, given: dict[str, str], said: str) -> None:
    done = up(helm, tools, **given)
    assert (1, f"error: {said}\n") == (done.returncode, done.stderr)


def test_the_images_are_those_that_the_script_makes() -> None:
    made = set(re.findall(r"^\w+_image=(\S+)$", (KIND / "up.sh").read_text(), re.MULTILINE))
    aws = next(one for one in yaml.safe_load_all((KIND / "aws.yaml").read_text()) if one["kind"] == "Deployment")
    ours = yaml.safe_load((KIND / "values.yaml").read_text())["image"]
    pod = aws["spec"]["template"]["spec"]["containers"][0]
    assert made == {pod["image"], f"{ours['repository']}:{ours['tag']}"}
    assert {"Never"} == {pod["imagePullPolicy"], ours["pullPolicy"]}


def test_pods_and_nodes_share_the_first_private_subnet_and_no_address() -> None:
    pods = ip_network(yaml.safe_load((KIND / "cluster.yaml").read_text())["networking"]["podSubnet"])
    [nodes] = map(
        ip_network, re.findall(r'^NODE_ADDRESSES = IPv4Network\("(\S+)"\)', (KIND / "aws.py").read_text(), re.M)
    )
    subnet = ip_network("192.168.96.0/20")
    assert pods.subnet_of(subnet)
    assert nodes.subnet_of(subnet)
    assert not pods.overlaps(nodes)


def test_moto_is_the_one_that_the_tests_use() -> None:
    def pinned(file: Path) -> set[str]:
        return set(re.findall(r"^\S+==\S+", file.read_text(), re.MULTILINE))

    assert set() == pinned(KIND / "requirements.lock") - pinned(REPOSITORY / "requirements-dev.lock")


@pytest.fixture(scope="module")
def aws_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Process]]:
    """aws.py and the URL at which it serves, when it says that all is there."""
    folder, port = tmp_path_factory.mktemp("aws"), free_port()
    ready = folder / "ready"
    command = [sys.executable, str(KIND / "aws.py"), "--host=127.0.0.1", f"--port={port}", f"--ready={ready}"]
    environment = clean_environment(folder, POD_RANGES=POD_RANGE, PYTHONPATH=str(REPOSITORY / "deploy" / "local"))
    process = start(command, log=folder / "log", environment=environment)
    try:
        wait_for("aws.py", lambda: ready.exists() or ended(process), seconds=2 * START_SECONDS)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.stop()


def ended(process: Process) -> bool:
    assert process.alive(), tail(process.log)
    return False


def test_its_aws_has_a_vpc_by_name_and_knows_the_addresses_of_pods(aws_process: tuple[str, Process]) -> None:
    url, _ = aws_process
    ec2 = local_session().client("ec2", endpoint_url=url, config=client_config())
    tags = yaml.safe_load((KIND / "values.yaml").read_text())["vpcTags"]
    [vpc] = ec2.describe_vpcs(Filters=[{"Name": f"tag:{key}", "Values": [tags[key]]} for key in tags])["Vpcs"]
    found = ec2.describe_network_interfaces(
        Filters=[{"Name": "addresses.private-ip-address", "Values": ["192.168.96.7"]}]
    )
    [interface] = found["NetworkInterfaces"]
    assert vpc["VpcId"] == interface["VpcId"]
    assert ["demo-node"] == [group["GroupName"] for group in interface["Groups"]]


@pytest.fixture
def controller(
    brought_up: str, chart_cluster: ControlPlane, aws_process: tuple[str, Process], tmp_path: Path
) -> Iterator[Process]:
    """The program with the arguments and the environment that its pods have, as their ServiceAccount, beside them."""
    pod = chart_cluster.get("deployment", RELEASE, "-n", NAMESPACE)["spec"]["template"]["spec"]
    [container] = pod["containers"]
    told = {one["name"]: one["value"] for one in container["env"]}
    here = {"HOME": str(tmp_path), "AWS_ENDPOINT_URL": aws_process[0], "PYTHONPATH": str(SOURCES)}
    ports = ["--metrics-bind-addr=0", f"--health-probe-bind-addr=127.0.0.1:{free_port()}"]
    kubeconfig = chart_cluster.service_account_kubeconfig(NAMESPACE, pod["serviceAccountName"])
    command = [sys.executable, "-m", "aws_lb_controller", *container["args"], *ports, f"--kubeconfig={kubeconfig}"]
    environment = {"PATH": os.environ["PATH"], **told, **here}
    process = start(command, log=tmp_path / "controller.log", environment=environment)
    yield process
    chart_cluster.kubectl("delete", "service", SAMPLE, "-n", "echo")  # with its finalizer, so while it runs
    process.stop()


SAMPLE = "svc-nlb-ip-type"


def test_the_sample_gets_a_load_balancer_and_its_pods_are_targets(
    controller: Process, chart_cluster: ControlPlane, aws_process: tuple[str, Process]
) -> None:
    elbv2 = local_session().client("elbv2", endpoint_url=aws_process[0], config=client_config())

    def targets() -> set[str]:
        ended(controller)
        groups = elbv2.describe_target_groups()["TargetGroups"]
        found = [elbv2.describe_target_health(TargetGroupArn=one["TargetGroupArn"]) for one in groups]
        return {one["Target"]["Id"] for of_group in found for one in of_group["TargetHealthDescriptions"]}

    selector = ("--selector", "app.kubernetes.io/name=echo")
    pods = {one["status"]["podIP"] for one in chart_cluster.get("pods", "-n", "echo", *selector)["items"]}
    wait_for("two targets", lambda: len(targets()) == 2, seconds=60)
    assert pods == targets()
    wait_for("a hostname", lambda: hostname(chart_cluster), seconds=30)
    [load_balancer] = elbv2.describe_load_balancers()["LoadBalancers"]
    assert load_balancer["DNSName"] == hostname(chart_cluster)
    assert [] == warnings(chart_cluster)


def hostname(cluster: ControlPlane) -> str | None:
    status = cluster.get("service", SAMPLE, "-n", "echo").get("status") or {}
    [entry] = status.get("loadBalancer", {}).get("ingress") or [{}]
    named: str | None = entry.get("hostname")
    return named


def warnings(cluster: ControlPlane) -> list[str]:
    """What was told of our objects that is not well."""
    found = cluster.get("events", "-n", "echo", "--field-selector", "type=Warning")["items"]
    ours = ("Service", "TargetGroupBinding")
    return [one["message"] for one in found if one["involvedObject"]["kind"] in ours]


def test_its_aws_ends_when_it_is_told_to(aws_process: tuple[str, Process]) -> None:
    _, process = aws_process
    process.stop()
    assert process.child is not None
    assert 0 == process.child.returncode
