"""A Service's listener splits its connections between Services, and follows its annotation and those Services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import SERVICE, TARGET_GROUP_BINDING
from simulated_cluster import DEPLOYMENT, Obj
from simulation import Simulation

SHOP = "shop"
ACTION = "service.beta.kubernetes.io/actions.TCP-80"
TARGET_TYPE = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"


def an_action(base: int = 90, weight: int = 10, *, to: str = "green", **config: Any) -> str:
    """Most to blue, some to green."""
    other = {"serviceName": to, "servicePort": 80, "weight": weight}
    return json.dumps(
        {"type": "forward", "forwardConfig": {"baseServiceWeight": base, "targetGroups": [other], **config}}
    )


def a_deployment(name: str) -> Obj:
    """Two pods."""
    container = {"name": "web", "image": "web", "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": SHOP, "name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def a_service(name: str, *, annotations: Mapping[str, str] | None = None, **spec: Any) -> Obj:
    """Port 80 of the pods of that name."""
    selects = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    metadata = {"namespace": SHOP, "name": name, "annotations": dict(annotations or {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {**selects, **spec}}


def blue(action: str | None, target_type: str = "ip") -> Obj:
    """The Service with the load balancer."""
    annotations = {TARGET_TYPE: target_type} | ({} if action is None else {ACTION: action})
    return a_service("blue", annotations=annotations, type="LoadBalancer", loadBalancerClass="service.k8s.aws/nlb")


GREEN = a_service("green")


@pytest.fixture
def world(aws: Any) -> Simulation:
    """Pods of both colours; no Service yet."""
    world = Simulation(aws)
    world.cluster.apply(a_deployment("blue"), a_deployment("green"))
    return world


@pytest.fixture
def split(world: Simulation) -> Simulation:
    """Both Services, weighted."""
    world.cluster.apply(GREEN, blue(an_action()))
    world.run()
    assert [] == world.unexpected()
    world.wire.clear()
    world.events.told.clear()
    return world


def shares(world: Simulation) -> dict[str, int]:
    """Colour → weight, as AWS has it."""
    (balancer,) = world.aws_state()["load balancers"].values()
    (action,) = balancer["listeners"]["80"]["DefaultActions"]
    # the picture's lists count as sets: a pair may begin with either
    pairs = [sorted(pair, key=lambda each: isinstance(each, int)) for pair in action["TargetGroups"]]
    return {colour_of(group): weight for group, weight in pairs}


def colour_of(name: str) -> str:
    return name.strip("<>").split("-")[2]


def targets(world: Simulation) -> dict[str, list[str]]:
    """Colour → its targets."""
    groups = world.aws_state()["target groups"]
    return {colour_of(name): sorted(target["Id"] for target in group["targets"]) for name, group in groups.items()}


def stickiness(aws: Any) -> dict[str, Any]:
    (balancer,) = aws.elbv2.describe_load_balancers()["LoadBalancers"]
    (listener,) = aws.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    config: dict[str, Any] = listener["DefaultActions"][0]["ForwardConfig"]["TargetGroupStickinessConfig"]
    return config


def bindings(world: Simulation) -> list[tuple[str, int]]:
    held = [obj for obj in world.cluster.api.objects.values() if obj["kind"] == TARGET_GROUP_BINDING.kind]
    return sorted((obj["spec"]["serviceRef"]["name"], obj["spec"]["serviceRef"]["port"]) for obj in held)


BOTH = {"blue": ["<shop/blue-0>", "<shop/blue-1>"], "green": ["<shop/green-0>", "<shop/green-1>"]}


def test_both_services_have_a_target_group_a_binding_and_their_pods(split: Simulation) -> None:
    assert {"blue": 90, "green": 10} == shares(split)
    assert BOTH == targets(split)
    assert [("blue", 80), ("green", 80)] == bindings(split)


def test_the_other_service_gets_no_finalizer_and_no_status(split: Simulation) -> None:
    service = split.cluster.get(SERVICE, SHOP, "green")
    assert ([], {}) == (service["metadata"].get("finalizers", []), service.get("status", {}))


def test_other_weights_cost_one_call(split: Simulation) -> None:
    split.cluster.annotate(SERVICE, SHOP, "blue", {ACTION: an_action(10, 90)})
    split.run()
    assert ["ModifyListener"] == split.wire.operations
    assert {"blue": 10, "green": 90} == shares(split)


def test_stickiness_goes_on_and_off_with_one_call_each_and_is_known_after_a_restart(
    split: Simulation, aws: Any
) -> None:
    for enabled in (True, False):
        split.wire.clear()
        action = an_action(targetGroupStickinessConfig={"enabled": enabled})
        split.cluster.annotate(SERVICE, SHOP, "blue", {ACTION: action})
        split.run()
        assert ["ModifyListener"] == split.wire.operations
        assert {"Enabled": enabled} == stickiness(aws)
        split.restart()
        split.audit()
        split.run()
        assert ["ModifyListener"] == split.wire.mutations()


def test_a_restart_and_an_audit_change_nothing(split: Simulation) -> None:
    before = split.aws_state(), split.kubernetes_state()
    split.restart()
    split.run()
    split.audit()
    split.run()
    assert [] == split.wire.mutations()
    assert before == (split.aws_state(), split.kubernetes_state())


def test_without_the_action_the_other_group_and_its_binding_go(split: Simulation) -> None:
    split.cluster.annotate(SERVICE, SHOP, "blue", {ACTION: None})
    split.run()
    assert [] == split.unexpected()
    assert ["blue"] == [*shares(split)]
    assert {"blue": BOTH["blue"]} == targets(split)
    assert [("blue", 80)] == bindings(split)


def test_an_action_that_comes_later_makes_the_same_as_one_from_the_start(split: Simulation) -> None:
    expected = split.aws_state()
    split.cluster.annotate(SERVICE, SHOP, "blue", {ACTION: None})
    split.run()
    split.cluster.annotate(SERVICE, SHOP, "blue", {ACTION: an_action()})
    split.run()
    assert [] == split.unexpected()
    assert expected == split.aws_state()


def test_the_others_targets_are_there_before_the_listener_leads_to_them(split: Simulation) -> None:
    split.cluster.annotate(SERVICE, SHOP, "blue", {ACTION: None})
    split.run()
    split.wire.clear()
    split.cluster.annotate(SERVICE, SHOP, "blue", {ACTION: an_action()})
    split.run()
    mutations = split.wire.mutations()
    assert mutations.index("RegisterTargets") < mutations.index("ModifyListener")


def test_scaling_the_other_service_costs_one_call(split: Simulation) -> None:
    split.cluster.scale(SHOP, "green", 1)
    split.run()
    assert ["DeregisterTargets"] == split.wire.mutations()
    assert {**BOTH, "green": ["<shop/green-0>"]} == targets(split)


def test_a_service_that_comes_after_the_action_that_names_it_is_what_was_waited_for(world: Simulation) -> None:
    world.cluster.apply(blue(an_action()))
    world.run()
    (message,) = {one.message for one in world.events.warnings()}
    assert f"{ACTION} = 'green'" in message
    assert {} == world.aws_state()["load balancers"]
    world.cluster.apply(GREEN)
    world.run()
    assert {"blue": 90, "green": 10} == shares(world)
    assert BOTH == targets(world)


def test_a_service_that_goes_is_told_on_the_one_that_names_it_and_the_listener_stays(split: Simulation) -> None:
    split.cluster.delete(SERVICE, SHOP, "green")
    split.run()
    told = {(one.object, one.reason) for one in split.events.warnings() if "'green'" in one.message}
    assert {("Service shop/blue", "FailedBuildModel")} == told
    assert {"blue": 90, "green": 10} == shares(split)
    split.cluster.apply(GREEN)
    split.run()
    assert BOTH == targets(split)


def test_a_port_that_goes_from_the_other_service_is_told_on_the_one_that_names_it(split: Simulation) -> None:
    split.cluster.edit(SERVICE, SHOP, "green", {"spec": {"ports": [{"port": 81, "targetPort": 8080}]}})
    split.run()
    told = {one.message for one in split.events.warnings() if one.object == "Service shop/blue"}
    assert any("Service green has only the ports 81" in message for message in told)


def test_an_annotation_of_the_other_service_changes_nothing(split: Simulation) -> None:
    split.cluster.annotate(
        SERVICE, SHOP, "green", {"service.beta.kubernetes.io/aws-load-balancer-healthcheck-port": "1"}
    )
    split.run()
    split.resync()
    split.run()
    assert [] == split.wire.mutations()


def test_nodes_are_targets_of_both_by_their_own_node_ports(world: Simulation, aws: Any) -> None:
    world.cluster.apply({**GREEN, "spec": {**GREEN["spec"], "type": "NodePort"}}, blue(an_action(), "instance"))
    world.run()
    assert [] == world.unexpected()
    ports = {name: world.cluster.get(SERVICE, SHOP, name)["spec"]["ports"][0]["nodePort"] for name in BOTH}
    described = aws.elbv2.describe_target_groups()["TargetGroups"]
    assert ports == {colour_of(group["TargetGroupName"]): group["Port"] for group in described}
    assert {"blue": 3, "green": 3} == {colour: len(ids) for colour, ids in targets(world).items()}


def test_deleting_the_service_takes_both_groups_and_leaves_the_other_service(split: Simulation) -> None:
    split.cluster.delete(SERVICE, SHOP, "blue")
    split.run()
    state = split.aws_state()
    assert ({}, {}) == (state["load balancers"], state["target groups"])
    assert [] == bindings(split)
    assert "green" == split.cluster.get(SERVICE, SHOP, "green")["metadata"]["name"]
    assert 2 == split.cluster.get(DEPLOYMENT, SHOP, "green")["spec"]["replicas"]
