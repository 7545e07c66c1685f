"""While an Ingress is changed, what is wanted before and after is served at every moment, call by call."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import pytest

from builders_ingress import a_path, a_rule, an_ingress
from builders_kube import a_service
from simulated_cluster import samples
from simulation import Answer, Send, Simulation


def a_deployment(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {
            "replicas": 2,
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}]},
            },
        },
    }


def paths(*texts: str) -> list[dict[str, Any]]:
    return [a_rule(*(a_path(text, kind="Exact") for text in texts))]


class Watched:
    """Carries every mutation out, and looks right after it where requests go: path → target group, "" for none."""

    def __init__(self, world: Simulation, aws: Any, requests: list[str]) -> None:
        self._elbv2, self._requests = aws.elbv2, requests
        self.seen: list[tuple[str, dict[str, str]]] = []
        world.wire.at_mutation = self

    def __call__(self, operation: str, send: Send) -> Answer:
        answer = send()
        self.seen.append((operation, self.served()))
        return answer

    def served(self) -> dict[str, str]:
        rules = [*self._rules()]
        return {request: self._where(request, rules) for request in self._requests}

    def _rules(self) -> list[dict[str, Any]]:
        (balancer,) = self._elbv2.describe_load_balancers()["LoadBalancers"]
        (listener,) = self._elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        rules = self._elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        return sorted((rule for rule in rules if not rule["IsDefault"]), key=lambda rule: int(rule["Priority"]))

    def _where(self, request: str, rules: list[dict[str, Any]]) -> str:
        for rule in rules:
            patterns = [value for one in rule["Conditions"] for value in one["PathPatternConfig"]["Values"]]
            if any(fnmatch(request, pattern) for pattern in patterns):
                (action,) = rule["Actions"]
                return self._live(action) if action["Type"] == "forward" else ""
        return ""

    def _live(self, action: dict[str, Any]) -> str:
        """The name of the target group, "" while it has no targets."""
        (group,) = action["ForwardConfig"]["TargetGroups"]
        health = self._elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        name = group["TargetGroupArn"].split("/")[1]
        return name if health["TargetHealthDescriptions"] else ""


@pytest.fixture
def world(aws: Any) -> Simulation:
    """Service web with two pods."""
    world = Simulation(aws)
    service = a_service("web", type="NodePort", selector={"app": "web"}, loadBalancerClass=None)
    world.cluster.apply(*samples("ingress-class"), a_deployment("web"), service)
    return world


def deploy(world: Simulation, rules: list[dict[str, Any]]) -> None:
    ours = {"scheme": "internet-facing", "target-type": "ip"}
    world.cluster.apply(an_ingress("web", namespace="shop", alb=ours, rules=rules))
    world.run()
    assert [] == world.unexpected()


MANY = [f"/{number}" for number in range(12)]

CHANGES = {
    "one before all": (["/a", "/b"], ["/new", "/a", "/b"]),
    "one in the middle": (["/a", "/b", "/c"], ["/a", "/new", "/b", "/c"]),
    "one taken from the middle": (["/a", "/b", "/c"], ["/a", "/c"]),
    "turned round": (["/a", "/b", "/c"], ["/c", "/b", "/a"]),
    "two exchanged and one new": (["/a", "/b", "/c"], ["/b", "/a", "/new", "/c"]),
    "all but one exchanged": (["/a", "/b", "/c"], ["/d", "/e", "/b"]),
    "half of many gone": (MANY, MANY[::2]),
    "many turned round": (MANY, MANY[::-1]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_paths_that_stay_are_served_at_every_moment_of_an_update(
    change: tuple[list[str], list[str]], world: Simulation, aws: Any
) -> None:
    before, after = change
    deploy(world, paths(*before))
    watched = Watched(world, aws, [path for path in before if path in after])
    at_first = watched.served()
    assert "" not in at_first.values()
    deploy(world, paths(*after))
    assert watched.seen != []
    assert [] == [(operation, served) for operation, served in watched.seen if served != at_first]
