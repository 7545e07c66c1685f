"""The samples are the classics of this controller, complete and applicable as they stand."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from localworld.demo import SAMPLE_FILES
from localworld.world import SAMPLES


def objects(file: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The sample's objects by kind and name."""
    documents = yaml.safe_load_all((SAMPLES / file).read_text())
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def annotations(manifest: dict[str, Any]) -> dict[str, str]:
    """An object's annotations, by the part behind the slash."""
    return {name.split("/")[1]: value for name, value in manifest["metadata"].get("annotations", {}).items()}


def test_the_demo_applies_every_sample() -> None:
    assert sorted([*SAMPLE_FILES, "ingress-class.yaml"]) == sorted(path.name for path in SAMPLES.glob("*.yaml"))


@pytest.mark.parametrize("file", SAMPLE_FILES)
def test_a_sample_lives_in_a_namespace_that_it_makes(file: str) -> None:
    made = objects(file)
    namespaces = {name for kind, name in made if kind == "Namespace"}
    used = {one["metadata"]["namespace"] for (kind, _), one in made.items() if kind != "Namespace"}
    assert namespaces == used


@pytest.mark.parametrize("file", SAMPLE_FILES)
def test_a_samples_service_selects_its_pods_and_their_port(file: str) -> None:
    made = objects(file)
    service = next(one for (kind, _), one in made.items() if kind == "Service")
    pods = next(one for (kind, _), one in made.items() if kind == "Deployment")["spec"]["template"]
    ports = [port["containerPort"] for port in pods["spec"]["containers"][0]["ports"]]
    assert pods["metadata"]["labels"] == service["spec"]["selector"]
    assert ports == [port["targetPort"] for port in service["spec"]["ports"]]


def test_the_game_is_an_internet_facing_ingress_with_pods_as_targets() -> None:
    made = objects("2048-game.yaml")
    ingress = made["Ingress", "ingress-2048"]
    path = ingress["spec"]["rules"][0]["http"]["paths"][0]
    assert {"scheme": "internet-facing", "target-type": "ip"} == annotations(ingress)
    assert ("alb", "/", "service-2048") == (
        ingress["spec"]["ingressClassName"],
        path["path"],
        path["backend"]["service"]["name"],
    )
    assert "NodePort" == made["Service", "service-2048"]["spec"]["type"]


def test_the_echo_server_has_a_network_load_balancer_with_pods_as_targets() -> None:
    service = objects("echo-nlb.yaml")["Service", "svc-nlb-ip-type"]
    expected = {
        "aws-load-balancer-nlb-target-type": "ip",
        "aws-load-balancer-scheme": "internet-facing",
        "aws-load-balancer-healthcheck-port": "8080",
        "aws-load-balancer-attributes": "load_balancing.cross_zone.enabled=true",
    }
    assert expected == annotations(service)
    assert ("LoadBalancer", "service.k8s.aws/nlb", [(80, 8080)]) == (
        service["spec"]["type"],
        service["spec"]["loadBalancerClass"],
        [(port["port"], port["targetPort"]) for port in service["spec"]["ports"]],
    )


def test_each_kind_has_a_sample_with_nodes_as_targets() -> None:
    ingress = objects("2048-game-instance.yaml")["Ingress", "ingress-2048"]
    service = objects("echo-nlb-instance.yaml")["Service", "svc-nlb-instance-type"]
    assert "instance" == annotations(ingress)["target-type"]
    assert "instance" == annotations(service)["aws-load-balancer-nlb-target-type"]
