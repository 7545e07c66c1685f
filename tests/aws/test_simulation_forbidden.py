"""What AWS does not change in place is told, harms nothing, keeps nothing else back, and is not tried in a loop."""

from __future__ import annotations

from typing import Any

import pytest
from swap_world import (
    SHOP,
    Refusing,
    a_world,
    an_nlb,
    annotate,
    bindings,
    deploy,
    forget_what_was_done,
    later,
    load_balancers,
    served_from,
    told,
)

from aws_lb_controller.cluster.kinds import SERVICE
from aws_lb_controller.errors import ForbiddenChange
from simulated_cluster import Obj
from simulation import Simulation

SUBNETS = {"scheme": "internet-facing", "subnets": "public-a, public-b"}

FORBIDDEN: dict[str, tuple[dict[str, str], dict[str, str | None], str]] = {
    "another subnet in a zone": (SUBNETS, {"subnets": "public-a, private-b"}, "SetSubnets"),
    "another subnet, whose addresses are let in": (
        {**SUBNETS, "disable-nlb-sg": "true"},
        {"subnets": "public-a, private-b"},
        "SetSubnets",
    ),
    "other security groups": ({}, {"security-groups": "own"}, "SetSecurityGroups"),
    "another address type": (SUBNETS, {"ip-address-type": "dualstack"}, "SetIpAddressType"),
}
"""At first, the edit, and the call that AWS refuses; moto refuses the first by itself."""

WORDS = {
    "SetSubnets": "an NLB keeps its subnet in each zone",
    "SetSecurityGroups": "an NLB that was made without takes none, and one that was made with some keeps at least one",
    "SetIpAddressType": "AWS does not change the address type of this load balancer so",
}


@pytest.fixture(params=FORBIDDEN)
def edit(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(edit: str, aws: Any) -> Simulation:
    """The Service as it was at first."""
    at_first, _, operation = FORBIDDEN[edit]
    aws.ec2.create_tags(Resources=[aws.security_group("own")], Tags=[{"Key": "Name", "Value": "own"}])
    world = a_world(aws)
    deploy(world, an_nlb(at_first))
    if operation != "SetSubnets":
        Refusing(world, operation, code="InvalidConfigurationRequest")
    return world


def forbidden(world: Simulation) -> list[str]:
    return [str(wrong) for _, wrong in world.wrong if isinstance(wrong, ForbiddenChange)]


def networking(world: Simulation) -> list[Obj]:
    return [binding["spec"].get("networking") or {} for binding in bindings(world)]


def test_a_forbidden_change_is_told_once_and_asked_of_aws_once(edit: str, world: Simulation) -> None:
    _, change, operation = FORBIDDEN[edit]
    annotate(world, SERVICE, change)
    world.run()
    (why,) = [one.message for one in world.events.warnings()]
    assert ["FailedDeployModel"] == told(world, SERVICE)
    assert 1 == world.wire.operations.count(operation)
    assert WORDS[operation] in why
    assert "go back, or delete the object and make it anew" in why
    assert [why.removeprefix("Failed deploy model due to ")] == forbidden(world)


def test_a_forbidden_change_closes_no_way_to_the_targets(edit: str, world: Simulation) -> None:
    before = networking(world), world.aws_state()["load balancers"]
    annotate(world, SERVICE, FORBIDDEN[edit][1])
    world.run()
    assert before == (networking(world), world.aws_state()["load balancers"])
    assert "RevokeSecurityGroupIngress" not in world.wire.mutations()
    assert "DeleteSecurityGroup" not in world.wire.operations


def test_the_rest_of_the_same_edit_is_carried_out(edit: str, world: Simulation, aws: Any) -> None:
    ports = [{"port": port, "targetPort": 8080, "name": f"p{port}"} for port in (80, 81)]
    before, change, _ = FORBIDDEN[edit]
    ours = {key: value for key, value in {**before, **change}.items() if value is not None}
    (reached,) = networking(world)
    world.cluster.apply(an_nlb({**ours, "additional-resource-tags": "team=shop"}, ports=ports))
    annotate(world, SERVICE, change)
    world.run()
    (arn,) = [one["LoadBalancerArn"] for one in load_balancers(aws)]
    (tagged,) = aws.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    assert [80, 81] == sorted(served_from(aws))
    assert {"Key": "team", "Value": "shop"} in tagged["Tags"]
    assert ["FailedDeployModel"] == told(world, SERVICE)
    assert 1 == len(forbidden(world))
    old_peers = [str(peer) for rule in reached["ingress"] for peer in rule["from"]]
    for each in networking(world):
        assert {*old_peers} <= {str(peer) for rule in each["ingress"] for peer in rule["from"]}


def test_later_runs_and_restarts_ask_once_each_and_change_nothing(edit: str, world: Simulation) -> None:
    _, change, operation = FORBIDDEN[edit]
    annotate(world, SERVICE, change)
    world.run()
    before = world.aws_state(), world.kubernetes_state()
    for again in (world.resync, world.restart, world.audit):
        forget_what_was_done(world)
        again()
        world.run()
        assert [operation] == world.wire.mutations()
        assert 1 == len(forbidden(world))
    assert before == (world.aws_state(), world.kubernetes_state())


def test_the_edit_back_ends_it_and_leaves_everything_as_it_was(edit: str, world: Simulation) -> None:
    before = world.aws_state(), world.kubernetes_state()
    at_first, change, _ = FORBIDDEN[edit]
    annotate(world, SERVICE, change)
    world.run()
    forget_what_was_done(world)
    annotate(world, SERVICE, {key: at_first.get(key) for key in change})
    world.run()
    assert ([], []) == (world.unexpected(), forbidden(world))
    assert "SuccessfullyReconciled" == told(world, SERVICE)[-1]
    assert before == (world.aws_state(), world.kubernetes_state())
    forget_what_was_done(world)
    later(world)
    assert [] == world.wire.operations


def test_pods_come_and_go_while_an_edit_is_forbidden(edit: str, world: Simulation, aws: Any) -> None:
    annotate(world, SERVICE, FORBIDDEN[edit][1])
    world.run()
    world.cluster.scale(SHOP, "web", 3)
    world.run()
    (group,) = world.aws_state()["target groups"].values()
    assert 3 == len(group["targets"])


def test_a_service_is_deleted_while_an_edit_is_forbidden(edit: str, world: Simulation, aws: Any) -> None:
    annotate(world, SERVICE, FORBIDDEN[edit][1])
    world.run()
    forget_what_was_done(world)
    world.cluster.delete(SERVICE, SHOP, "web")
    world.run()
    assert ([], []) == (world.unexpected(), load_balancers(aws))
    assert not [name for name in world.aws_state()["security groups"] if name.startswith("k8s-")]


# ---- what is known before AWS is asked


def test_taking_all_security_groups_away_is_told_and_leaves_everything_as_it_is(aws: Any) -> None:
    world = a_world(aws)
    deploy(world, an_nlb())
    before = world.aws_state(), networking(world)
    annotate(world, SERVICE, {"disable-nlb-sg": "true"})
    world.run()
    assert ["FailedBuildModel"] == told(world, SERVICE)
    assert "AWS cannot take all security groups from a load balancer" in world.events.warnings()[0].message
    forget_what_was_done(world)
    later(world)
    assert ([], before) == (world.wire.operations, (world.aws_state(), networking(world)))
    annotate(world, SERVICE, {"disable-nlb-sg": None})
    world.run()
    assert "SuccessfullyReconciled" == told(world, SERVICE)[-1]
    assert [] == world.wire.mutations()


def test_a_load_balancer_that_was_made_without_security_groups_goes_on_without(aws: Any) -> None:
    world = a_world(aws)
    deploy(world, an_nlb({"disable-nlb-sg": "true"}))
    before = world.aws_state(), networking(world)
    ports = [{"port": port, "targetPort": 8080, "name": f"p{port}"} for port in (80, 81)]
    for change in ({"disable-nlb-sg": None}, {"inbound-sg-rules-on-private-link-traffic": "off"}):
        annotate(world, SERVICE, change)
        world.run()
        assert ([], []) == (world.unexpected(), world.wire.mutations())
        assert before == (world.aws_state(), networking(world))
    world.cluster.apply(an_nlb(ports=ports))
    world.run()
    assert ([], [80, 81]) == (world.unexpected(), sorted(served_from(aws)))
    assert [80, 81] == sorted(binding["spec"]["serviceRef"]["port"] for binding in bindings(world))
    assert not [each for each in networking(world) if "securityGroup" in str(each)]


# ---- what AWS does change


def test_zones_come_and_go_in_place(aws: Any) -> None:
    world = a_world(aws)
    deploy(world, an_nlb(SUBNETS))
    for names in ("public-a, public-b, public-c", "public-b"):
        annotate(world, SERVICE, {"subnets": names})
        world.run()
        (balancer,) = load_balancers(aws)
        expected = {aws.world.subnets[name] for name in names.split(", ")}
        assert expected == {zone["SubnetId"] for zone in balancer["AvailabilityZones"]}
    assert [] == world.unexpected()


def test_addresses_that_another_load_balancer_holds_are_told_and_come_when_they_are_free(aws: Any) -> None:
    world = a_world(aws)
    mapping = {"SubnetId": aws.world.subnets["public-a"], "AllocationId": "eipalloc-1"}
    wanted = {"Type": "network", "Scheme": "internet-facing", "Subnets": [], "SubnetMappings": [mapping]}
    holder = aws.load_balancer("holder", **wanted)
    world.cluster.apply(an_nlb({"scheme": "internet-facing", "subnets": "public-a", "eip-allocations": "eipalloc-1"}))
    world.run()
    assert {"FailedDeployModel"} == {*told(world, SERVICE)}
    assert "ResourceInUse" in world.events.warnings()[0].message
    aws.elbv2.delete_load_balancer(LoadBalancerArn=holder)
    forget_what_was_done(world)
    later(world)
    assert ([], "SuccessfullyReconciled") == (world.unexpected(), told(world, SERVICE)[-1])
