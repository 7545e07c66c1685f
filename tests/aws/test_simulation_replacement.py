"""A load balancer is replaced by a new one that stands, and serves, before the old one goes; or nothing is touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from swap_world import (
    MANY_SECONDS,
    SHOP,
    At,
    Disturb,
    Refusing,
    Watched,
    a_world,
    an_alb,
    an_nlb,
    annotate,
    deploy,
    die_before_it_is_sent,
    die_when_it_took_effect,
    forget_what_was_done,
    hostname,
    later,
    load_balancers,
    target_groups,
    told,
    waits,
)

from aws_lb_controller.cluster.kinds import INGRESS, SERVICE, Kind
from aws_lb_controller.errors import ForbiddenChange
from localworld.behaviour import Behaviour
from simulated_cluster import Obj
from simulation import Answer, Death, Send, Simulation

INTERNAL, FACING = {"scheme": "internal"}, {"scheme": "internet-facing"}


@dataclass(frozen=True)
class Case:
    kind: Kind
    before: list[Obj]
    change: dict[str, str]


CASES = {
    "nlb goes public": Case(SERVICE, [an_nlb(INTERNAL)], FACING),
    "nlb goes private": Case(SERVICE, [an_nlb(FACING)], INTERNAL),
    "alb goes public": Case(INGRESS, an_alb(INTERNAL), FACING),
    "alb goes private": Case(INGRESS, an_alb(FACING), INTERNAL),
}


@pytest.fixture(autouse=True)
def _no_pauses_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def world(case: Case, aws: Any) -> Simulation:
    world = a_world(aws)
    deploy(world, *case.before)
    return world


def names(aws: Any) -> dict[str, str]:
    """DNS name, as statuses have it → ARN."""
    return {one["DNSName"].lower(): one["LoadBalancerArn"] for one in load_balancers(aws)}


class Succession:
    """Before each call: which load balancers stand, and which one the status names."""

    def __init__(self, world: Simulation, aws: Any, kind: Kind) -> None:
        self._world, self._aws, self._kind = world, aws, kind
        self.seen: list[tuple[str, set[str], str]] = []
        world.wire.at_mutation = self

    def __call__(self, operation: str, send: Send) -> Answer:
        self.seen.append((operation, {*names(self._aws)}, hostname(self._world, self._kind)))
        return send()


def test_the_new_one_stands_and_is_named_before_the_old_one_goes(case: Case, world: Simulation, aws: Any) -> None:
    (old,) = names(aws)
    succession = Succession(world, aws, case.kind)
    annotate(world, case.kind, case.change)
    world.run()
    (new,) = names(aws)
    ends = [operation for operation, *_ in succession.seen].index("DeleteLoadBalancer")
    assert ("DeleteLoadBalancer", {old, new}, new) == succession.seen[ends]
    assert {old} == {named for _, _, named in succession.seen[:ends]}
    assert ([], ["SuccessfullyReconciled"]) == (world.unexpected(), told(world, case.kind))


def test_the_new_one_has_target_groups_of_its_own_and_the_old_ones_go(case: Case, world: Simulation, aws: Any) -> None:
    before = target_groups(aws)
    watched = Watched(world, aws)
    annotate(world, case.kind, case.change)
    world.run()
    assert set() == {*before} & {*target_groups(aws)}
    assert [*before.values()] == [*target_groups(aws).values()]
    assert [] == watched.gaps


def test_a_replacement_ends_where_a_beginning_with_what_is_wanted_ends(case: Case, world: Simulation, aws: Any) -> None:
    annotate(world, case.kind, case.change)
    world.run()
    replaced = without_names(world.aws_state())
    world.cluster.delete_all(case.before)
    world.run()
    fresh = a_world(aws, like=world)
    fresh.cluster.apply(*case.before)
    annotate(fresh, case.kind, case.change)
    fresh.run()
    assert without_names(fresh.aws_state()) == replaced


def without_names(state: Any) -> Any:
    """A target group made while one of that name stands gets another name."""
    groups = {name: f"<group {number}>" for number, name in enumerate(sorted(state["target groups"]))}
    text = repr(state)
    for name, stand_in in groups.items():
        text = text.replace(name, stand_in)
    return text


# ---- while the new one is not ready


def check_that_the_old_one_stays(world: Simulation, aws: Any, case: Case, why: str) -> None:
    assert 2 == len(names(aws))
    assert why in waits(world)[-1]
    assert [] == world.unexpected()
    assert "DeleteLoadBalancer" not in world.wire.mutations()
    assert {"Waiting"} == set(told(world, case.kind))


@dataclass(frozen=True)
class Old:
    hostname: str
    target_group: str


@pytest.fixture
def slowly(case: Case, world: Simulation, aws: Any, moto_behaviour: Behaviour) -> Iterator[Old]:
    """What there was at first. The new load balancer takes its time; in the end it must have taken over."""
    (old,), (group,) = names(aws), target_groups(aws)
    moto_behaviour.provisioning_seconds = moto_behaviour.initial_seconds = MANY_SECONDS
    annotate(world, case.kind, case.change)
    world.run()
    yield Old(old, group)
    moto_behaviour.become(Behaviour())
    later(world)
    (new,) = names(aws)
    assert new == hostname(world, case.kind) != old
    assert "SuccessfullyReconciled" == told(world, case.kind)[-1]


def test_while_the_new_one_is_provisioning_the_old_one_is_named_and_stays(
    case: Case, slowly: Old, world: Simulation, aws: Any
) -> None:
    check_that_the_old_one_stays(world, aws, case, "it is provisioning")
    assert slowly.hostname == hostname(world, case.kind)


def test_while_first_health_checks_are_under_way_the_old_one_is_named_and_stays(
    case: Case, slowly: Old, world: Simulation, aws: Any, moto_behaviour: Behaviour
) -> None:
    moto_behaviour.provisioning_seconds = 0
    later(world)
    check_that_the_old_one_stays(world, aws, case, "first health checks of 2 targets are under way")
    assert slowly.hostname == hostname(world, case.kind)


def test_while_only_the_old_one_has_healthy_targets_it_is_named_and_stays(
    case: Case, slowly: Old, world: Simulation, aws: Any, moto_behaviour: Behaviour
) -> None:
    (new,) = {*target_groups(aws)} - {slowly.target_group}
    moto_behaviour.become(Behaviour(failing_target_groups=new))
    later(world)
    check_that_the_old_one_stays(world, aws, case, "0 target groups behind it have healthy targets")
    assert slowly.hostname == hostname(world, case.kind)


def test_pods_that_come_meanwhile_are_registered_on_both(slowly: Old, world: Simulation, aws: Any) -> None:
    assert slowly.target_group in target_groups(aws)
    world.cluster.scale(SHOP, "web", 3)
    world.run()
    assert [3, 3] == [len(targets) for targets in target_groups(aws).values()]


def test_a_restart_meanwhile_makes_no_third_one(case: Case, slowly: Old, world: Simulation, aws: Any) -> None:
    before = world.aws_state()
    forget_what_was_done(world)
    world.restart()
    world.run()
    assert [] == world.wire.mutations()
    assert (before, slowly.hostname) == (world.aws_state(), hostname(world, case.kind))


def test_going_back_meanwhile_leaves_everything_as_it_was(
    case: Case, world: Simulation, aws: Any, moto_behaviour: Behaviour
) -> None:
    before = world.aws_state(), world.kubernetes_state()
    watched = Watched(world, aws)
    moto_behaviour.provisioning_seconds = MANY_SECONDS
    annotate(world, case.kind, case.change)
    world.run()
    assert 2 == len(names(aws))
    annotate(world, case.kind, INTERNAL if case.change == FACING else FACING)
    world.run()
    later(world)
    assert ([], []) == (world.unexpected(), watched.gaps)
    assert before == (world.aws_state(), world.kubernetes_state())


def test_deleting_the_object_meanwhile_leaves_nothing(
    case: Case, world: Simulation, aws: Any, moto_behaviour: Behaviour
) -> None:
    moto_behaviour.provisioning_seconds = MANY_SECONDS
    annotate(world, case.kind, case.change)
    world.run()
    world.cluster.delete_all(case.before)
    world.run()
    assert ({}, {}) == (names(aws), target_groups(aws))
    assert not [name for name in world.aws_state()["security groups"] if name.startswith("k8s-")]


def test_without_endpoints_the_new_one_takes_over_once_it_is_active(case: Case, aws: Any) -> None:
    world = a_world(aws)
    world.cluster.scale(SHOP, "web", 0)
    deploy(world, *case.before)
    (old,) = names(aws)
    annotate(world, case.kind, case.change)
    world.run()
    assert [hostname(world, case.kind)] == [*names(aws)] != [old]


# ---- several target groups


def two_ports(annotations: dict[str, str]) -> Obj:
    return an_nlb(annotations, ports=[{"port": port, "targetPort": 8080, "name": f"p{port}"} for port in (80, 81)])


class RefusedGroups:
    """RegisterTargets is throttled but for the first so many calls."""

    def __init__(self, world: Simulation, left: int) -> None:
        self.on, self._left = True, left
        self._refusing = Refusing(world, "RegisterTargets")
        world.wire.at_mutation = self

    def __call__(self, operation: str, send: Send) -> Answer:
        if operation == "RegisterTargets" and self._left:
            self._left -= 1
            return send()
        return self._refusing(operation, send) if self.on else send()


def test_the_old_one_stays_while_one_of_several_groups_has_no_targets_yet(aws: Any) -> None:
    world = a_world(aws)
    deploy(world, two_ports(INTERNAL))
    refused = RefusedGroups(world, 1)
    annotate(world, SERVICE, FACING)
    world.run()
    assert 2 == len(names(aws))
    assert [0, 2, 2, 2] == sorted(len(targets) for targets in target_groups(aws).values())
    refused.on = False
    later(world)
    assert [hostname(world, SERVICE)] == [*names(aws)]
    assert [2, 2] == [len(targets) for targets in target_groups(aws).values()]


def test_the_old_one_stays_while_one_of_several_groups_has_no_healthy_targets(
    aws: Any, moto_behaviour: Behaviour
) -> None:
    world = a_world(aws)
    deploy(world, two_ports(INTERNAL))
    old = {*target_groups(aws)}
    moto_behaviour.provisioning_seconds = MANY_SECONDS
    annotate(world, SERVICE, FACING)
    world.run()
    failing = min({*target_groups(aws)} - old)
    moto_behaviour.become(Behaviour(failing_target_groups=failing))
    later(world)
    assert "1 target groups behind it have healthy targets, and behind the old one 2 have" in waits(world)[-1]
    assert 2 == len(names(aws))
    moto_behaviour.become(Behaviour())
    later(world)
    assert 1 == len(names(aws))


# ---- dying


@pytest.mark.parametrize("die", [die_before_it_is_sent, die_when_it_took_effect])
@pytest.mark.parametrize("name", ["nlb goes public", "alb goes private"])
def test_dying_at_any_mutation_of_a_replacement_and_starting_again_ends_as_if_nothing_had_been(
    name: str, die: Disturb, aws: Any
) -> None:
    case, world = CASES[name], a_world(aws)
    deploy(world, *case.before)
    undisturbed = Watched(world, aws)
    annotate(world, case.kind, case.change)
    world.run()
    expected = without_names(world.aws_state())
    for number in range(1, len(undisturbed.operations) + 1):
        world.cluster.delete_all(case.before)
        world.run()
        world = a_world(aws, like=world)
        deploy(world, *case.before)
        watched = Watched(world, aws, then=At(number, die))
        annotate(world, case.kind, case.change)
        with pytest.raises(Death):
            world.run()
        world.restart()
        world.run()
        where = f"{number}: {watched.operations[number - 1]}"
        assert (where, [], []) == (where, world.unexpected(), watched.gaps)
        assert (where, expected) == (where, without_names(world.aws_state()))
        assert (where, [hostname(world, case.kind)]) == (where, [*names(aws)])


# ---- where both cannot stand together

EIPS = {"eip-allocations": "eipalloc-1, eipalloc-2", "subnets": "public-a, public-b"}
PROTECTED = {"load-balancer-attributes": "deletion_protection.enabled=true"}
HELD: dict[str, tuple[Kind, list[Obj], dict[str, str], str]] = {
    "nlb with a name": (SERVICE, [an_nlb({**INTERNAL, "name": "shop"})], FACING, "the name shop"),
    "alb with a name": (INGRESS, an_alb({**INTERNAL, "load-balancer-name": "shop"}), FACING, "the name shop"),
    "protected nlb": (
        SERVICE,
        [an_nlb({**INTERNAL, "attributes": "deletion_protection.enabled=true"})],
        FACING,
        "is protected from deletion: set deletion_protection.enabled=false",
    ),
    "protected alb": (
        INGRESS,
        an_alb({**INTERNAL, **PROTECTED}),
        FACING,
        "is protected from deletion: set deletion_protection.enabled=false",
    ),
}


@pytest.fixture(params=HELD)
def held(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def forbidden(world: Simulation) -> list[str]:
    return [str(wrong) for _, wrong in world.wrong if isinstance(wrong, ForbiddenChange)]


def test_what_cannot_be_replaced_is_told_touched_by_nothing_and_asked_for_in_no_loop(held: str, aws: Any) -> None:
    kind, objs, change, why = HELD[held]
    world = a_world(aws)
    deploy(world, *objs)
    before = world.aws_state(), hostname(world, kind)
    annotate(world, kind, change)
    world.run()
    assert ["FailedDeployModel"] == told(world, kind)
    assert why in world.events.warnings()[0].message
    reads = []
    for again in (world.resync, world.resync, world.resync):
        forget_what_was_done(world)
        again()
        world.run()
        reads.append(len(world.wire.operations))
        assert ([], 1) == (world.wire.mutations(), len(forbidden(world)))
    assert max(reads) <= 10, "no more than one close look each"
    assert before == (world.aws_state(), hostname(world, kind))


def test_the_edit_back_of_what_cannot_be_replaced_leaves_everything_as_it_was(held: str, aws: Any) -> None:
    kind, objs, change, _ = HELD[held]
    world = a_world(aws)
    deploy(world, *objs)
    before = world.aws_state(), world.kubernetes_state()
    annotate(world, kind, change)
    world.run()
    forget_what_was_done(world)
    annotate(world, kind, INTERNAL)
    world.run()
    assert ([], []) == (world.unexpected(), world.wire.mutations())
    assert "SuccessfullyReconciled" == told(world, kind)[-1]
    assert before == (world.aws_state(), world.kubernetes_state())


def test_pods_and_deletion_are_served_while_nothing_is_replaced(held: str, aws: Any) -> None:
    kind, objs, change, _ = HELD[held]
    world = a_world(aws)
    deploy(world, *objs)
    annotate(world, kind, change)
    world.run()
    world.cluster.scale(SHOP, "web", 3)
    world.run()
    assert [3] == [len(targets) for targets in target_groups(aws).values()]
    if "protected" in held:
        key = "attributes" if kind == SERVICE else "load-balancer-attributes"
        annotate(world, kind, {key: "deletion_protection.enabled=false"})
    world.cluster.delete(kind, SHOP, "web")
    world.run()
    assert {} == names(aws)


def test_a_protected_one_is_replaced_once_the_annotation_lets_it_go(aws: Any) -> None:
    kind, objs, change, _ = HELD["protected nlb"]
    world = a_world(aws)
    deploy(world, *objs)
    (old,) = names(aws)
    annotate(world, kind, change)
    world.run()
    annotate(world, kind, {"attributes": "deletion_protection.enabled=false"})
    world.run()
    assert [hostname(world, kind)] == [*names(aws)] != [old]


def test_one_with_a_name_is_replaced_once_the_new_one_has_another(aws: Any) -> None:
    kind, objs, change, _ = HELD["nlb with a name"]
    world = a_world(aws)
    deploy(world, *objs)
    annotate(world, kind, change)
    world.run()
    annotate(world, kind, {"name": "store"})
    world.run()
    assert [":loadbalancer/net/store/" in arn for arn in names(aws).values()] == [True]
    assert "SuccessfullyReconciled" == told(world, kind)[-1]


def test_fixed_addresses_that_only_one_scheme_has_hold_nothing_up(aws: Any) -> None:
    world = a_world(aws)
    deploy(world, an_nlb({**FACING, **EIPS}))
    world.cluster.apply(an_nlb(INTERNAL))
    annotate(world, SERVICE, dict.fromkeys(EIPS))
    world.run()
    assert ([], 1) == (world.unexpected(), len(names(aws)))


def test_ipv6_addresses_that_both_would_have_hold_the_replacement_up(aws: Any) -> None:
    world = a_world(aws)
    ours = {"ip-address-type": "dualstack", "subnets": "public-a", "ipv6-addresses": "2001:db8:0:0::9"}
    deploy(world, an_nlb({**FACING, **ours}))
    before = world.aws_state()
    annotate(world, SERVICE, INTERNAL)
    world.run()
    assert "while it holds the addresses 2001:db8::9" in world.events.warnings()[0].message
    assert before == world.aws_state()
