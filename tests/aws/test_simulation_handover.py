"""The controller before ours leaves, and ours comes: nothing changes in AWS, and nothing is written to users' objects.

What stands is built with our controller; then every record that only ours keeps is taken away, and what only the other
one keeps is put there (`handover`). So whatever is in AWS has the names and tags that both give.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from group_world import GroupWorld, RecordingWire, a_backend_service

import handover
import ingress_catalogue
import service_catalogue
from aws_lb_controller.api.names import GROUP_CONFIG_MAP_PREFIX
from aws_lb_controller.cluster.kinds import CONFIG_MAP, INGRESS, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.writes import merged
from builders_ingress import a_path, a_rule, an_ingress
from simulated_cluster import Obj, path_of, samples
from simulation import Simulation, run_nodes

PODS_EACH = 24
GROUP_RECORDS = CONFIG_MAP.path_of("kube-system", GROUP_CONFIG_MAP_PREFIX)
MADE_THERE = CONFIG_MAP.path_of("kube-system", "").rstrip("/")
EVERY_PART = {"DescribeListeners", "DescribeTargetGroups", "DescribeTargetHealth", "DescribeSecurityGroups"}


@pytest.fixture
def world(aws: Any, values: Mapping[str, str]) -> Simulation:
    """A cluster with room for many pods; AWS has what the recipes name."""
    assert values
    world = Simulation(aws, nodes=run_nodes(aws, pod_addresses=PODS_EACH))
    world.cluster.apply(*samples("ingress-class"))
    return world


def left_by_the_one_before(world: Simulation, *objs: Obj) -> None:
    """The objects and what they become in AWS stand, and none of our own records."""
    world.cluster.apply(*objs)
    world.run()
    assert [] == world.unexpected()
    api = world.cluster.api
    for binding in api.of(TARGET_GROUP_BINDING):
        api.put(path_of(binding), merged(binding, handover.patch_to(binding)))
    for one in handover.not_left(api.of(CONFIG_MAP)):
        api.drop(path_of(one))
    for one in api.of(CONFIG_MAP):
        api.put(path_of(one), {**one, "data": {"targets": backwards(one["data"]["targets"])}})


def backwards(targets: str) -> str:
    """The other one writes a set, in any order."""
    return ",".join(reversed(targets.split(",")))


def comes(world: Simulation) -> set[str]:
    """A new process of ours looks at everything, and then at everything in AWS anew; AWS must stay as it was.

    Returns what it asked AWS until it rested for the first time.
    """
    before, objects = world.aws_state(), users_view(world)
    wire = world.wire = RecordingWire()
    world.cluster.api.requests.clear()
    world.wrong.clear()
    world.restart()
    world.run()
    asked = {*wire.operations}
    world.audit()
    world.run()
    assert ([], []) == (world.unexpected(), wire.sent)
    assert (before, objects) == (world.aws_state(), users_view(world))
    return asked


def users_view(world: Simulation) -> dict[str, Obj]:
    """Services, Ingresses and bindings but for the annotations of bindings that a controller made."""
    state = world.kubernetes_state()
    return {path: _without_annotations(obj) if is_ours(obj) else obj for path, obj in state.items()}


def is_ours(obj: Obj) -> bool:
    return obj["kind"] == TARGET_GROUP_BINDING.kind and handover.is_made(obj)


def _without_annotations(obj: Obj) -> Obj:
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "annotations"}}


def written_to_others(world: Simulation) -> list[tuple[str, str]]:
    """Method and path of writes, but those of our own records: on bindings that a controller made, and of groups."""
    api = world.cluster.api
    ours = {path_of(obj) for obj in api.of(TARGET_GROUP_BINDING) if is_ours(obj)}
    written = [(method, path) for method, path in api.requests if method != "GET" and path not in ours]
    return [(method, path) for method, path in written if not path.startswith(GROUP_RECORDS) and path != MADE_THERE]


def checkpoints(world: Simulation) -> list[str]:
    found = world.cluster.api.of(TARGET_GROUP_BINDING)
    return [path_of(one) for one in found if "elbv2.k8s.aws/checkpoint" in one["metadata"]["annotations"]]


def test_services_are_taken_over_as_they_are(world: Simulation, values: Mapping[str, str]) -> None:
    recipes = service_catalogue.RECIPES
    left_by_the_one_before(world, *[one for name in recipes for one in service_catalogue.manifests(name, values)])
    assert set() == EVERY_PART - comes(world)
    assert [] == written_to_others(world)
    assert len(world.cluster.api.of(TARGET_GROUP_BINDING)) == len(checkpoints(world)) >= len(recipes)


def test_ingresses_are_taken_over_as_they_are(world: Simulation, values: Mapping[str, str]) -> None:
    recipes = ingress_catalogue.RECIPES
    left_by_the_one_before(world, *[one for name in recipes for one in ingress_catalogue.manifests(name, values)])
    assert set() == EVERY_PART - comes(world)
    assert [] == written_to_others(world)
    assert len(world.cluster.api.of(TARGET_GROUP_BINDING)) == len(checkpoints(world)) > 0


# ---- what no single recipe has


@pytest.fixture
def group(aws: Any) -> GroupWorld:
    """Three members of a group, each with a backend of its own."""
    world = GroupWorld(aws)
    world.cluster.apply(*samples("ingress-class"), *(a_backend_service(name) for name in "abc"))
    left_by_the_one_before(world.world, *(a_member(name) for name in "abc"))
    return world


def a_member(name: str, **annotations: str) -> Obj:
    rules = [a_rule(a_path(f"/{name}", service=name))]
    return an_ingress(name, alb={"group.name": "games", **annotations}, rules=rules)


def test_a_group_is_taken_over_as_it_is(group: GroupWorld) -> None:
    comes(group.world)
    assert [] == written_to_others(group.world)
    assert [["/a"], ["/b"], ["/c"]] == [group.paths(name) for name in "abc"]


def test_what_a_broken_member_made_the_one_before_leave_alone_stays_as_it_is(group: GroupWorld) -> None:
    broken = {"alb.ingress.kubernetes.io/healthcheck-interval-seconds": "often"}
    group.cluster.annotate(INGRESS, "shop", "b", broken)
    before, wire = group.world.aws_state(), RecordingWire()
    group.world.wire = wire
    group.world.cluster.api.requests.clear()
    group.world.restart()
    group.world.run()
    assert [] == wire.sent
    assert before == group.world.aws_state()
    assert [] == written_to_others(group.world)
    assert "Ingress shop/b" in {one.object for one in group.world.events.warnings()}


def test_a_binding_of_a_user_is_taken_over_without_a_word(world: Simulation, aws: Any) -> None:
    arn = aws.target_group("by-hand")
    [*_, deployment, service] = service_catalogue.manifests("without-annotations", {})
    service["spec"] = {"selector": service["spec"]["selector"], "ports": service["spec"]["ports"]}
    binding = {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": {"namespace": service_catalogue.NAMESPACE, "name": "by-hand", "annotations": {"team": "shop"}},
        "spec": {"targetGroupARN": arn, "targetType": "ip", "serviceRef": {"name": "without-annotations", "port": 80}},
    }
    left_by_the_one_before(world, deployment, service, binding)
    assert 2 == len(aws.target_states(arn))
    comes(world)
    assert [] == [request for request in world.cluster.api.requests if request[0] != "GET"]
    assert [] == world.events.warnings()
