"""An NLB in front of an Ingress's ALB through its life: made, edited, replaced, taken away; and after any crash."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import INGRESS
from localworld.behaviour import Behaviour
from simulated_cluster import Obj, samples
from simulation import Answer, Death, Send, Simulation

OBJECTS = samples("ingress-class", "2048-game")
GAME = ("game-2048", "ingress-2048")
PREFIX = "alb.ingress.kubernetes.io"


def said(**values: str | None) -> dict[str, str | None]:
    """Annotations without their prefix, hyphens written as underscores."""
    return {f"{PREFIX}/{name.replace('_', '-')}": value for name, value in values.items()}


ON = said(enable_frontend_nlb="true", listen_ports='[{"HTTP": 80}, {"HTTP": 8080}]')
OFF = said(enable_frontend_nlb="false")
MAPPED = said(frontend_nlb_listener_port_mapping="80=8080,9000=80")
OTHERWISE = said(
    frontend_nlb_listener_port_mapping="80=80,9000=8080",
    frontend_nlb_healthcheck_path="/ready",
    frontend_nlb_healthcheck_interval_seconds="30",
    frontend_nlb_tags="team=front",
    frontend_nlb_attributes="load_balancing.cross_zone.enabled=true",
)
FEWER_PORTS = said(listen_ports='[{"HTTP": 8080}]', frontend_nlb_listener_port_mapping="80=8080")
OTHER_SCHEME = said(frontend_nlb_scheme="internet-facing")
OTHER_SCHEME_BEHIND = said(scheme="internal")
EDITS = {
    "on": {},
    "other-ports-and-settings": OTHERWISE,
    "fewer-ports": FEWER_PORTS,
    "other-scheme": OTHER_SCHEME,
    "other-scheme-behind": OTHER_SCHEME_BEHIND,
    "both-schemes": OTHER_SCHEME | OTHER_SCHEME_BEHIND,
    "off": OFF,
}


@pytest.fixture
def plain(aws: Any) -> Simulation:
    """The game behind an ALB alone."""
    world = Simulation(aws)
    world.cluster.apply(*OBJECTS)
    world.run()
    assert [] == world.unexpected()
    return world


@pytest.fixture
def world(plain: Simulation) -> Simulation:
    """The game behind an ALB that listens on two ports, with an NLB in front."""
    annotate(plain, ON | MAPPED)
    assert [] == plain.unexpected()
    plain.wire.clear()
    return plain


def annotate(world: Simulation, annotations: dict[str, str | None]) -> None:
    world.cluster.annotate(INGRESS, *GAME, annotations)
    world.run()


def hosts(world: Simulation) -> list[str]:
    return [one["hostname"] for one in world.cluster.get(INGRESS, *GAME)["status"]["loadBalancer"]["ingress"]]


def balancers(aws: Any) -> dict[str, Obj]:
    """Load balancers by their type."""
    return {one["Type"]: one for one in aws.elbv2.describe_load_balancers()["LoadBalancers"]}


def group_of(listener: Obj) -> str:
    (group,) = listener["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
    arn: str = group["TargetGroupArn"]
    return arn


def leads(aws: Any) -> dict[int, tuple[str, int]]:
    """Port of the NLB → the load balancer (by type) and its port that it leads to."""
    types = {one["LoadBalancerArn"]: kind for kind, one in balancers(aws).items()}
    found = {}
    listeners = aws.elbv2.describe_listeners(LoadBalancerArn=balancers(aws)["network"]["LoadBalancerArn"])["Listeners"]
    for listener in listeners:
        states = aws.target_states(group_of(listener))
        ((arn, port),) = [target for target, state in states.items() if state != "draining"]
        found[listener["Port"]] = (types[arn], port)
    return found


# -- made, restarted, edited


def test_the_ingress_names_both_load_balancers_the_one_behind_first(world: Simulation, aws: Any) -> None:
    made = balancers(aws)
    assert [made["application"]["DNSName"], made["network"]["DNSName"]] == hosts(world)
    assert f"{made['application']['LoadBalancerName'][:28]}-nlb" == made["network"]["LoadBalancerName"]
    assert ("internal", made["application"]["SecurityGroups"]) == (
        made["network"]["Scheme"],
        made["network"]["SecurityGroups"],
    )


def test_the_ports_of_each_load_balancer_stand_beside_its_name(world: Simulation) -> None:
    status = world.cluster.get(INGRESS, *GAME)["status"]["loadBalancer"]["ingress"]
    assert [[80, 8080], [80, 9000]] == [[port["port"] for port in one["ports"]] for one in status]


def test_each_port_leads_to_the_listener_that_it_is_mapped_to(world: Simulation, aws: Any) -> None:
    assert {80: ("application", 8080), 9000: ("application", 80)} == leads(aws)


def test_without_a_mapping_every_port_leads_to_the_same_one_behind(world: Simulation, aws: Any) -> None:
    annotate(world, dict.fromkeys(MAPPED))
    assert {80: ("application", 80), 8080: ("application", 8080)} == leads(aws)


def test_a_resync_makes_no_call_and_neither_a_restart_nor_an_audit_changes_anything(world: Simulation) -> None:
    before = world.aws_state(), world.kubernetes_state()
    world.resync()
    world.run()
    assert [] == world.wire.operations
    world.restart()
    world.run()
    world.audit()
    world.run()
    assert [] == world.wire.mutations()
    assert before == (world.aws_state(), world.kubernetes_state())


def test_an_edit_of_its_health_check_costs_one_call_for_each_of_its_target_groups(world: Simulation) -> None:
    annotate(world, said(frontend_nlb_healthcheck_timeout_seconds="7"))
    assert ["ModifyTargetGroup", "ModifyTargetGroup"] == world.wire.operations


def test_an_audit_registers_a_load_balancer_that_somebody_took_away(world: Simulation, aws: Any) -> None:
    before = leads(aws)
    for group in aws.elbv2.describe_target_groups()["TargetGroups"]:
        if group["TargetType"] == "alb":
            targets = [{"Id": arn, "Port": port} for arn, port in aws.target_states(group["TargetGroupArn"])]
            aws.elbv2.deregister_targets(TargetGroupArn=group["TargetGroupArn"], Targets=targets)
    world.audit()
    world.run()
    assert ["RegisterTargets", "RegisterTargets"] == world.wire.mutations()
    assert before == leads(aws)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_ends_where_one_would_begin_with_it(edit: dict[str, str | None], world: Simulation, aws: Any) -> None:
    annotate(world, edit)
    assert [] == world.unexpected()
    edited = settings_of(world.aws_state())
    anew = world.anew()
    delete(world)
    anew.cluster.apply(*OBJECTS)
    anew.cluster.annotate(INGRESS, *GAME, ON | MAPPED | edit)
    anew.run()
    assert [] == anew.unexpected()
    assert settings_of(anew.aws_state()) == edited


def settings_of(state: Obj) -> Obj:
    """The picture without names, which depend on what stood when a thing was made, and what bears them."""
    told = ("LoadBalancerName", "DNSName", "TargetGroupName", "LoadBalancerArns", "DefaultActions", "targets", "rules")
    return {
        kind: sorted(repr({key: value for key, value in one.items() if key not in told}) for one in things.values())
        for kind, things in without(state, told).items()
    }


def without(value: Any, keys: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {key: without(inner, keys) for key, inner in value.items() if key not in keys}
    return [without(inner, keys) for inner in value] if isinstance(value, list) else value


# -- replaced


@pytest.mark.parametrize("edit", [OTHER_SCHEME, OTHER_SCHEME_BEHIND], ids=["in-front", "behind"])
def test_a_change_of_scheme_replaces_one_of_the_two_and_the_ports_lead_where_they_led(
    edit: dict[str, str | None], world: Simulation, aws: Any
) -> None:
    before, led = balancers(aws), leads(aws)
    annotate(world, edit)
    after = balancers(aws)
    kept = [kind for kind in before if before[kind]["LoadBalancerArn"] == after[kind]["LoadBalancerArn"]]
    assert ["application" if edit is OTHER_SCHEME else "network"] == kept
    assert led == leads(aws)
    assert [after["application"]["DNSName"], after["network"]["DNSName"]] == hosts(world)


def test_a_scheme_can_go_to_and_fro(world: Simulation, aws: Any) -> None:
    before = leads(aws)
    for scheme in ("internet-facing", "internal", "internet-facing"):
        annotate(world, said(frontend_nlb_scheme=scheme))
        assert [] == world.unexpected()
        assert scheme == balancers(aws)["network"]["Scheme"]
        assert before == leads(aws)


@pytest.mark.parametrize("edit", [OTHERWISE, FEWER_PORTS, OTHER_SCHEME_BEHIND], ids=["ports", "fewer", "behind"])
def test_a_port_that_stays_leads_to_a_load_balancer_that_listens_after_every_call(
    edit: dict[str, str | None], world: Simulation, aws: Any
) -> None:
    led: list[dict[int, tuple[str, int]]] = []

    def look(_operation: str, send: Send) -> Answer:
        answer = send()
        led.append(leads_now(aws))
        return answer

    world.wire.at_mutation = look
    annotate(world, edit)
    assert led
    assert [] == [one for one in led if 80 not in one]


def leads_now(aws: Any) -> dict[int, tuple[str, int]]:
    """As `leads`, but for ports whose group has no target; the load balancers by their ARNs."""
    found = {}
    nlb = balancers(aws)["network"]["LoadBalancerArn"]
    for listener in aws.elbv2.describe_listeners(LoadBalancerArn=nlb)["Listeners"]:
        states = aws.target_states(group_of(listener))
        if healthy := [target for target, state in states.items() if state == "healthy"]:
            found[listener["Port"]] = healthy[0]
    return found


def test_what_stood_behind_stays_until_its_connections_are_drained(
    world: Simulation, aws: Any, moto_behaviour: Behaviour
) -> None:
    moto_behaviour.draining_seconds = 60
    old = balancers(aws)["application"]["LoadBalancerArn"]
    annotate(world, OTHER_SCHEME_BEHIND)
    standing = [one["LoadBalancerArn"] for one in aws.elbv2.describe_load_balancers()["LoadBalancers"]]
    assert old in standing
    assert [] == world.unexpected()
    assert balancers(aws)["network"]["DNSName"] == hosts(world)[1]


# -- taken away


def test_switched_off_and_on_again_it_is_gone_and_there_again(world: Simulation, aws: Any) -> None:
    alb = balancers(aws)["application"]["DNSName"]
    annotate(world, OFF)
    assert [] == world.unexpected()
    assert [alb] == hosts(world)
    assert ["application"] == [one["Type"] for one in aws.elbv2.describe_load_balancers()["LoadBalancers"]]
    assert [] == [g for g in aws.elbv2.describe_target_groups()["TargetGroups"] if g["TargetType"] == "alb"]
    annotate(world, said(enable_frontend_nlb="true"))
    assert [alb, balancers(aws)["network"]["DNSName"]] == hosts(world)
    assert {80: ("application", 8080), 9000: ("application", 80)} == leads(aws)


def test_the_status_loses_its_name_before_it_goes(world: Simulation, aws: Any) -> None:
    named: list[int] = []

    def look(_operation: str, send: Send) -> Answer:
        named.append(len(hosts(world)))
        return send()

    world.wire.at_mutation = look
    annotate(world, OFF)
    assert {1} == set(named)


def test_it_is_deregistered_before_what_it_leads_to_goes(world: Simulation) -> None:
    delete(world)
    calls = world.wire.mutations()
    network, application = [at for at, call in enumerate(calls) if call == "DeleteLoadBalancer"]
    deregistered = [at for at, call in enumerate(calls) if call == "DeregisterTargets" and at < application]
    assert [network + 1, network + 2] == deregistered[-2:]


def test_a_deletion_leaves_nothing(plain: Simulation, aws: Any) -> None:
    annotate(plain, ON | MAPPED)
    delete(plain)
    assert [] == aws.elbv2.describe_load_balancers()["LoadBalancers"]
    assert [] == aws.elbv2.describe_target_groups()["TargetGroups"]
    assert {} == plain.kubernetes_state()


def delete(world: Simulation) -> None:
    world.cluster.delete_all(OBJECTS)
    world.run()
    assert [] == world.unexpected()


# -- crashes


class DieAfter:
    """Dies when the mutation of a number took effect."""

    def __init__(self, number: int) -> None:
        self._left, self.operation = number, ""

    def __call__(self, operation: str, send: Send) -> Answer:
        answer = send()
        self._left -= 1
        if not self._left:
            self.operation = operation
            raise Death
        return answer


def dies(world: Simulation) -> bool:
    try:
        world.run()
    except Death:
        return True
    return False


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_dying_after_any_call_and_starting_again_ends_as_if_nothing_had_been(
    edit: dict[str, str | None], aws: Any
) -> None:
    expected: Obj = {}
    world = Simulation(aws)
    for number in itertools.count(0):
        world = world.anew()
        world.cluster.apply(*OBJECTS)
        if edit:
            world.cluster.annotate(INGRESS, *GAME, ON | MAPPED)
        world.run()
        world.cluster.annotate(INGRESS, *GAME, ON | MAPPED | edit)
        world.wire.at_mutation = at = DieAfter(number)
        died = dies(world)
        world.wire.at_mutation = lambda _operation, send: send()
        world.restart()
        world.run()
        where = f"{number}: {at.operation}"
        expected = expected or settings_of(world.aws_state())
        assert (where, []) == (where, world.unexpected())
        assert (where, expected) == (where, settings_of(world.aws_state()))
        delete(world)
        assert (where, []) == (where, aws.elbv2.describe_target_groups()["TargetGroups"])
        if number and not died:
            break
