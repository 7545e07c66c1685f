"""A listener or rule moves to a new target group without a moment in which it leads to nobody."""

from __future__ import annotations

import json
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
    a_service,
    a_world,
    an_alb,
    an_nlb,
    annotate,
    bindings,
    deploy,
    die_before_it_is_sent,
    die_when_it_took_effect,
    forget_what_was_done,
    later,
    load_balancers,
    served_from,
    target_groups,
    told,
    waits,
)

from aws_lb_controller.cluster.kinds import INGRESS, SERVICE, Kind
from builders_ingress import a_path, an_action_path
from localworld.behaviour import Behaviour
from simulated_cluster import Obj
from simulation import Answer, Death, Send, Simulation

TCP_80 = "service.beta.kubernetes.io/actions.TCP-80"


@dataclass(frozen=True)
class Swap:
    """What stands at first, and what it is turned into: both as kubectl applies them."""

    kind: Kind
    before: list[Obj]
    after: list[Obj]


def to_other(weight: int, *, base: int = 1, to: str = "other") -> dict[str, str]:
    """The annotation that splits connections between `web` and another Service."""
    other = {"serviceName": to, "servicePort": 80, "weight": weight}
    return {
        TCP_80: json.dumps({"type": "forward", "forwardConfig": {"baseServiceWeight": base, "targetGroups": [other]}})
    }


def with_action(nlb: Obj, action: dict[str, str]) -> Obj:
    metadata = nlb["metadata"]
    return {**nlb, "metadata": {**metadata, "annotations": metadata["annotations"] | action}}


def tls(certificate: str, backend: str) -> dict[str, str]:
    return {"ssl-cert": certificate, "ssl-ports": "80", "backend-protocol": backend}


UDP = [{"port": 80, "targetPort": 8080, "protocol": "UDP"}]
OTHER = a_service("other")
THIRD = a_service("third", selector={"app": "other"})
EQUAL_PARTS = [{"serviceName": name, "servicePort": 80, "weight": 50} for name in ("web", "other")]
WEIGHTED_ALB = {"actions.split": json.dumps({"type": "forward", "forwardConfig": {"targetGroups": EQUAL_PARTS}})}
ACTION_PATH = an_action_path("/", action="split", kind="Prefix")


def swaps(certificate: str) -> dict[str, Swap]:
    nodes = {"nlb-target-type": "instance"}
    to_web, elsewhere = a_path("/"), a_path("/", service="other")
    return {
        "nlb: pods to nodes": Swap(SERVICE, [an_nlb()], [an_nlb(nodes)]),
        "nlb: nodes to pods": Swap(SERVICE, [an_nlb(nodes)], [an_nlb()]),
        "nlb: TCP to TLS behind": Swap(SERVICE, [an_nlb()], [an_nlb(tls(certificate, "ssl"))]),
        "nlb: TLS to TCP behind": Swap(SERVICE, [an_nlb(tls(certificate, "ssl"))], [an_nlb(tls(certificate, "tcp"))]),
        "nlb: TCP to UDP": Swap(SERVICE, [an_nlb()], [an_nlb(ports=UDP)]),
        "nlb: UDP to TCP, pods to nodes": Swap(SERVICE, [an_nlb(ports=UDP)], [an_nlb(nodes)]),
        "nlb: one backend more": Swap(SERVICE, [OTHER, an_nlb()], [with_action(an_nlb(), to_other(10))]),
        "nlb: another backend": Swap(
            SERVICE,
            [OTHER, THIRD, with_action(an_nlb(), to_other(10))],
            [with_action(an_nlb(), to_other(10, to="third"))],
        ),
        "nlb: one backend less, and nodes": Swap(
            SERVICE, [OTHER, with_action(an_nlb(), to_other(10))], [an_nlb(nodes)]
        ),
        "alb: another Service": Swap(INGRESS, [OTHER, *an_alb(None, to_web)], [*an_alb(None, elsewhere)]),
        "alb: pods to nodes": Swap(INGRESS, an_alb(), an_alb({"target-type": "instance"})),
        "alb: nodes to pods": Swap(INGRESS, an_alb({"target-type": "instance"}), an_alb()),
        "alb: HTTP1 to HTTP2": Swap(INGRESS, an_alb(), an_alb({"backend-protocol-version": "HTTP2"})),
        "alb: HTTP to HTTPS behind": Swap(INGRESS, an_alb(), an_alb({"backend-protocol": "HTTPS"})),
        "alb: weighted": Swap(INGRESS, [OTHER, *an_alb()], an_alb(WEIGHTED_ALB, ACTION_PATH)),
        "alb: weighted, and nodes": Swap(
            INGRESS,
            [OTHER, *an_alb(WEIGHTED_ALB, ACTION_PATH)],
            an_alb({**WEIGHTED_ALB, "target-type": "instance"}, ACTION_PATH),
        ),
    }


@pytest.fixture(autouse=True)
def _no_pauses_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


@pytest.fixture
def certificate(aws: Any) -> str:
    return str(aws.session.client("acm").request_certificate(DomainName="shop.example")["CertificateArn"])


@pytest.fixture(params=swaps(""))
def swap(request: pytest.FixtureRequest, certificate: str) -> Swap:
    return swaps(certificate)[request.param]


@pytest.fixture
def world(aws: Any) -> Simulation:
    return a_world(aws)


# ---- every swap


def test_what_stands_leads_to_registered_targets_at_every_moment_of_a_swap(
    swap: Swap, world: Simulation, aws: Any
) -> None:
    deploy(world, *swap.before)
    watched = Watched(world, aws)
    world.cluster.apply(*swap.after)
    world.run()
    assert [] == world.unexpected()
    assert [] != watched.operations
    assert [] == watched.gaps
    assert "SuccessfullyReconciled" == told(world, swap.kind)[-1]


def test_a_swap_ends_where_a_beginning_with_what_is_wanted_ends(swap: Swap, world: Simulation, aws: Any) -> None:
    deploy(world, *swap.before)
    deploy(world, *swap.after)
    swapped = world.aws_state()
    world.cluster.delete_all([*swap.before, *swap.after])
    world.run()
    fresh = a_world(aws, like=world)
    deploy(fresh, *swap.before[:-1], *swap.after)
    assert fresh.aws_state() == swapped


def test_the_watch_sees_it_when_nobody_waits_for_targets(
    world: Simulation, aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(world, an_nlb())
    watched = Watched(world, aws)
    monkeypatch.setattr("aws_lb_controller.reconcile.lookout.Lookout.await_targets", lambda *_, **__: None)
    annotate(world, SERVICE, TO_NODES)
    world.run()
    assert "ModifyListener" in {operation for operation, _ in watched.gaps}


# ---- the order of things

TO_NODES = {"nlb-target-type": "instance"}


@pytest.fixture
def nlb(world: Simulation) -> Simulation:
    """Service web with pods as targets stands."""
    deploy(world, an_nlb())
    return world


def test_targets_come_before_the_listener_moves_and_the_old_binding_goes_after_it(nlb: Simulation) -> None:
    annotate(nlb, SERVICE, TO_NODES)
    nlb.run()
    order = ["CreateTargetGroup", "RegisterTargets", "ModifyListener", "DeregisterTargets", "DeleteTargetGroup"]
    assert order == [operation for operation in nlb.wire.mutations() if operation in order]


def test_the_old_group_goes_only_when_no_target_of_it_drains_and_all_else_is_done_before(
    nlb: Simulation, aws: Any, moto_behaviour: Behaviour
) -> None:
    (old,) = target_groups(aws)
    moto_behaviour.draining_seconds = MANY_SECONDS
    annotate(nlb, SERVICE, TO_NODES)
    nlb.run()
    assert ["SuccessfullyReconciled"] == told(nlb, SERVICE)
    assert [old] == [name for name in target_groups(aws) if name not in served_from(aws)[80]]
    assert 1 == len(bindings(nlb))
    assert f"2 targets of {arn_of(aws, old)} are draining" == waits(nlb)[-1]

    moto_behaviour.draining_seconds = 0
    forget_what_was_done(nlb)
    later(nlb)
    assert ["DeleteTargetGroup"] == nlb.wire.mutations()
    assert [] == told(nlb, SERVICE)
    assert [*target_groups(aws)] == served_from(aws)[80]


def arn_of(aws: Any, group: str) -> str:
    return str(aws.elbv2.describe_target_groups(Names=[group])["TargetGroups"][0]["TargetGroupArn"])


def test_while_the_old_group_drains_edits_and_new_pods_are_served(
    nlb: Simulation, aws: Any, moto_behaviour: Behaviour
) -> None:
    moto_behaviour.draining_seconds = MANY_SECONDS
    annotate(nlb, SERVICE, TO_NODES)
    nlb.run()
    forget_what_was_done(nlb)
    ports = [{"port": port, "targetPort": 8080, "name": f"p{port}"} for port in (80, 81)]
    nlb.cluster.apply(an_nlb(TO_NODES, ports=ports))
    nlb.run()
    assert [80, 81] == sorted(served_from(aws))
    assert "SuccessfullyReconciled" in told(nlb, SERVICE)
    assert [] == nlb.unexpected()
    annotate(nlb, SERVICE, {"nlb-target-type": "ip"})
    nlb.run()
    nlb.cluster.scale(SHOP, "web", 3)
    nlb.run()
    assert [3, 3] == [len(target_groups(aws)[name]) for served in served_from(aws).values() for name in served]


def test_a_group_that_drains_outlives_a_restart_and_then_goes(
    nlb: Simulation, aws: Any, moto_behaviour: Behaviour
) -> None:
    moto_behaviour.draining_seconds = MANY_SECONDS
    annotate(nlb, SERVICE, TO_NODES)
    nlb.run()
    forget_what_was_done(nlb)
    nlb.restart()
    nlb.run()
    assert ([], 2) == (nlb.wire.mutations(), len(target_groups(aws)))
    moto_behaviour.draining_seconds = 0
    later(nlb)
    assert ["DeleteTargetGroup"] == nlb.wire.mutations()


def test_a_deleted_service_waits_for_nothing_that_drains(nlb: Simulation, aws: Any, moto_behaviour: Behaviour) -> None:
    moto_behaviour.draining_seconds = MANY_SECONDS
    annotate(nlb, SERVICE, TO_NODES)
    nlb.run()
    nlb.cluster.delete(SERVICE, SHOP, "web")
    nlb.run()
    assert [] == nlb.unexpected()
    assert ({}, []) == (target_groups(aws), load_balancers(aws))


def test_a_service_without_ready_endpoints_moves_at_once(world: Simulation, aws: Any) -> None:
    world.cluster.scale(SHOP, "web", 0)
    deploy(world, an_nlb())
    world.cluster.apply(an_nlb(tls_of(aws)))
    world.run()
    assert ([], []) == (world.unexpected(), [wait for wait in waits(world) if "to register" in wait])
    assert ["SuccessfullyReconciled"] == told(world, SERVICE)
    assert served_from(aws)[80] == [*target_groups(aws)]


def tls_of(aws: Any) -> dict[str, str]:
    arn = aws.session.client("acm").request_certificate(DomainName="shop.example")["CertificateArn"]
    return tls(arn, "ssl")


# ---- registration that does not come


def test_while_targets_cannot_be_registered_the_listener_stays_and_goes_on_being_served(
    nlb: Simulation, aws: Any
) -> None:
    at_first = served_from(aws)
    refusing = Refusing(nlb, "RegisterTargets")
    annotate(nlb, SERVICE, TO_NODES)
    nlb.run()
    assert at_first == served_from(aws)
    assert "SuccessfullyReconciled" not in told(nlb, SERVICE)
    nlb.cluster.scale(SHOP, "web", 1)  # what leaves leaves, from the old group too
    nlb.run()
    assert [["<shop/web-0>"]] == [names_of(nlb, aws, group) for group in at_first[80]]

    refusing.on = False
    later(nlb)
    assert at_first != served_from(aws)
    assert [*target_groups(aws)] == served_from(aws)[80]
    assert "SuccessfullyReconciled" == told(nlb, SERVICE)[-1]


def names_of(world: Simulation, aws: Any, group: str) -> list[str]:
    return sorted(target["Id"] for target in world.aws_state()["target groups"][group]["targets"])


def test_a_pod_that_becomes_ready_meanwhile_does_not_hold_a_swap(nlb: Simulation, aws: Any) -> None:
    annotate(nlb, SERVICE, TO_NODES)
    nlb.run()
    scaling = MorePods(nlb, "RegisterTargets")
    annotate(nlb, SERVICE, {"nlb-target-type": "ip"})
    nlb.run()
    assert 1 < scaling.times
    assert [] == nlb.unexpected()
    assert served_from(aws)[80] == [*target_groups(aws)]


class MorePods:
    """Whenever targets were registered there is one ready pod more, as long as there is room for it."""

    def __init__(self, world: Simulation, operation: str) -> None:
        self.times, self._world, self._operation = 0, world, operation
        world.wire.at_mutation = self

    def __call__(self, operation: str, send: Send) -> Answer:
        answer = send()
        if operation == self._operation and self.times < 4:
            self.times += 1
            self._world.cluster.scale(SHOP, "web", 2 + self.times)
        return answer


def test_going_back_half_way_leaves_everything_as_it_was(nlb: Simulation, aws: Any) -> None:
    before = nlb.aws_state(), nlb.kubernetes_state()
    watched = Watched(nlb, aws)
    refusing = Refusing(nlb, "RegisterTargets")
    annotate(nlb, SERVICE, TO_NODES)
    nlb.run()
    assert 2 == len(target_groups(aws))
    refusing.on = False
    annotate(nlb, SERVICE, {"nlb-target-type": "ip"})
    nlb.run()
    later(nlb)
    assert before == (nlb.aws_state(), nlb.kubernetes_state())
    assert [] == watched.gaps
    assert "ModifyListener" not in watched.operations


def test_going_back_while_the_old_group_drains_leaves_everything_as_it_was(
    nlb: Simulation, aws: Any, moto_behaviour: Behaviour
) -> None:
    before, watched = nlb.aws_state(), Watched(nlb, aws)
    moto_behaviour.draining_seconds = MANY_SECONDS
    annotate(nlb, SERVICE, TO_NODES)
    nlb.run()
    annotate(nlb, SERVICE, {"nlb-target-type": "ip"})
    nlb.run()
    moto_behaviour.draining_seconds = 0
    later(nlb)
    assert ([], []) == (nlb.unexpected(), watched.gaps)
    assert before == nlb.aws_state()


# ---- dying


@pytest.mark.parametrize("die", [die_before_it_is_sent, die_when_it_took_effect])
@pytest.mark.parametrize("name", ["nlb: pods to nodes", "nlb: one backend less, and nodes", "alb: pods to nodes"])
def test_dying_at_any_mutation_of_a_swap_and_starting_again_ends_as_if_nothing_had_been(
    name: str, die: Disturb, world: Simulation, aws: Any
) -> None:
    swap = swaps("")[name]
    deploy(world, *swap.before)
    deploy_with_counting = Watched(world, aws)
    world.cluster.apply(*swap.after)
    world.run()
    expected = world.aws_state(), world.kubernetes_state()
    for number in range(1, len(deploy_with_counting.operations) + 1):
        world.cluster.delete_all([*swap.before, *swap.after])
        world.run()
        world = a_world(aws, like=world)
        deploy(world, *swap.before)
        watched = Watched(world, aws, then=At(number, die))
        world.cluster.apply(*swap.after)
        with pytest.raises(Death):
            world.run()
        world.restart()
        world.run()
        where = f"{number}: {watched.operations[number - 1]}"
        assert (where, [], []) == (where, world.unexpected(), watched.gaps)
        assert (where, *expected) == (where, world.aws_state(), world.kubernetes_state())
