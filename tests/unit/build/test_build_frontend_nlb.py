"""The NLB in front of an ALB: a second load balancer of the stack, whose target is the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import SecurityGroupIds
from aws_lb_controller.build.ignored import passed_over
from aws_lb_controller.build.stack import build, questions
from aws_lb_controller.errors import SpecError, UnmetNeed
from aws_lb_controller.intent.values import (
    Blame,
    FixedAddresses,
    FrontendIntent,
    FrontendListenerIntent,
    HealthCheckIntent,
    SecurityGroupChoice,
    StackIntent,
    SubnetChoice,
)
from aws_lb_controller.model import naming
from aws_lb_controller.model.listener import Forward, WeightedTargetGroup
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.model.target_group import LoadBalancerTarget
from builders_intent import (
    PRIVATE,
    PUBLIC,
    a_build_config,
    a_load_balancer_intent,
    an_alb_intent,
    an_existing,
    an_ingress_stack_intent,
    facts,
)

FIELDS = ("subnets", "security-groups", "eip-allocations", "tags")


def fronted(*, ports: dict[int, int] | None = None, stack: str = "shop/web", **lb: Any) -> StackIntent:
    """Ingress shop/web with an internal NLB; ports: those of the NLB → those of the ALB."""
    blame = {field: Blame(object="Ingress shop/web", field=f"frontend-nlb-{field}") for field in FIELDS}
    listeners = (FrontendListenerIntent(port=p, target_port=to) for p, to in (ports or {8080: 80}).items())
    given = {"ip_address_type": "ipv4", "blame": blame}
    frontend = FrontendIntent(load_balancer=a_load_balancer_intent(**(given | lb)), listeners=tuple(listeners))
    return an_ingress_stack_intent(stack=StackId("ingress", stack), frontend=frontend)


def made(intent: StackIntent, config: BuildConfig | None = None, **more: Any) -> Stack:
    config = config or a_build_config()
    return build(intent, facts(intent, config, **more), config)


def nlb(intent: StackIntent, config: BuildConfig | None = None, **more: Any) -> LoadBalancer:
    _, built = made(intent, config, **more).load_balancers
    return built


def complaints(intent: StackIntent, **more: Any) -> list[str]:
    with pytest.raises((SpecError, UnmetNeed)) as caught:
        made(intent, **more)
    return [str(problem) for problem in caught.value.problems]


def existing(**values: Any) -> ObservedStack:
    """The NLB stands already."""
    return an_existing(**({"id": "FrontendNlb", "name": "k8s-shop-web-nlb"} | values))


def test_without_one_the_stack_has_the_alb_alone() -> None:
    (alb,) = made(an_ingress_stack_intent()).load_balancers
    assert "application" == alb.type


def test_it_is_named_after_the_alb_and_has_another_name_for_each_scheme() -> None:
    alb, front = made(fronted()).load_balancers
    other = nlb(fronted(scheme="internet-facing"))
    assert naming.frontend_network_load_balancer(alb=alb.name) == front.name == other.name
    assert 3 == len({front.name, front.other_name, other.other_name})
    assert max(map(len, (front.name, str(front.other_name)))) <= 32


def test_it_stands_in_the_subnets_of_its_own_scheme() -> None:
    assert PRIVATE == tuple(s.subnet_id for s in nlb(fronted()).subnets)
    assert PUBLIC == tuple(s.subnet_id for s in nlb(fronted(scheme="internet-facing")).subnets)


def test_it_stands_in_the_subnets_that_are_named_be_it_one() -> None:
    intent = fronted(subnets=SubnetChoice(names_or_ids=("subnet-private-b",)))
    assert ["subnet-private-b"] == [s.subnet_id for s in nlb(intent).subnets]


def test_one_that_exists_keeps_its_subnets_while_the_user_is_silent() -> None:
    kept = tuple(s for s in nlb(fronted()).subnets if s.subnet_id != PRIVATE[0])
    assert kept == nlb(fronted(), existing=existing(subnets=kept)).subnets


def test_it_has_the_albs_security_groups_unless_others_are_named() -> None:
    managed = (Ref("SecurityGroup", "ManagedLBSecurityGroup"), BACKEND_SECURITY_GROUP)
    assert managed == nlb(fronted()).security_groups
    own = fronted(security_groups=SecurityGroupChoice(groups=("front",)))
    assert ("sg-1",) == nlb(own, security_groups={"front": ("sg-1",)}).security_groups


def test_one_that_was_made_without_security_groups_gets_none() -> None:
    assert () == nlb(fronted(), existing=existing(security_groups=())).security_groups


def test_its_security_groups_are_asked_for_apart_from_the_albs() -> None:
    alb = an_alb_intent(security_groups=SecurityGroupChoice(groups=("back",)))
    intent = replace(fronted(security_groups=SecurityGroupChoice(groups=("front",))), load_balancer=alb)
    asked = questions(intent, a_build_config())
    assert {SecurityGroupIds(frozenset({"front"})), SecurityGroupIds(frozenset({"back"}))} <= asked


def test_elastic_addresses_go_to_the_subnets_in_order() -> None:
    addresses = FixedAddresses(eip_allocations=("e-1", "e-2", "e-3"))
    built = nlb(fronted(scheme="internet-facing", addresses=addresses))
    assert [("subnet-public-a", "e-1"), ("subnet-public-b", "e-2"), ("subnet-public-c", "e-3")] == [
        (s.subnet_id, s.allocation_id) for s in built.subnets
    ]


@pytest.mark.parametrize(
    ("lb", "field"),
    [
        ({"addresses": FixedAddresses(eip_allocations=("e-1", "e-2", "e-3"))}, "eip-allocations"),
        ({"subnets": SubnetChoice(names_or_ids=("nowhere",))}, "subnets"),
        ({"security_groups": SecurityGroupChoice(groups=("none",))}, "security-groups"),
    ],
)
def test_what_it_cannot_have_is_told_to_whoever_asked_for_it(lb: dict[str, Any], field: str) -> None:
    (told,) = complaints(fronted(**lb))
    assert told.startswith(f"Ingress shop/web: frontend-nlb-{field}")


def test_tags_that_others_manage_are_refused_here_too() -> None:
    config = a_build_config(external_managed_tags=frozenset({"cost"}))
    intent = fronted(tags={"cost": "1"})
    with pytest.raises(SpecError, match="frontend-nlb-tags: leave out cost"):
        build(intent, facts(intent, config), config)


def test_each_listener_forwards_to_a_target_group_of_its_own_whose_target_is_the_alb() -> None:
    stack = made(fronted(ports={8080: 80, 8443: 80}))
    front = [x for x in stack.listeners if x.load_balancer == Ref("LoadBalancer", "FrontendNlb")]
    groups = {group.id: group for group in stack.target_groups if group.target_type == "alb"}

    assert [("FrontendNlb-ls-TCP-8080", "TCP", 8080), ("FrontendNlb-ls-TCP-8443", "TCP", 8443)] == [
        (x.id, x.protocol, x.port) for x in front
    ]
    assert [
        (Forward(target_groups=(WeightedTargetGroup(Ref("TargetGroup", group)),)),)
        for group in ("FrontendNlb-tg-TCP-8080", "FrontendNlb-tg-TCP-8443")
    ] == [x.default_actions for x in front]
    behind = LoadBalancerTarget(load_balancer=Ref("LoadBalancer", "LoadBalancer"), port=80)
    assert [behind, behind] == [group.target for group in groups.values()]
    assert [8080, 8443] == [group.port for group in groups.values()]


@pytest.mark.parametrize("stack", ["shop/web", "shared"])
def test_its_target_groups_are_named_by_the_contract(stack: str) -> None:
    (group,) = [group for group in made(fronted(stack=stack)).target_groups if group.target_type == "alb"]
    expected = naming.frontend_target_group(
        cluster="demo",
        group=stack,
        port=8080,
        protocol="TCP",
        health_check_port="traffic-port",
        health_check_protocol="HTTP",
    )
    assert expected == group.name


def test_no_binding_fills_its_target_groups() -> None:
    assert [Ref("TargetGroup", "shop/web-web:80")] == [b.target_group for b in made(fronted()).bindings]


def test_everything_of_it_bears_its_tags() -> None:
    stack = made(fronted(tags={"team": "front"}))
    everything: list[Any] = [*stack.load_balancers, *stack.target_groups, *stack.listeners]
    bearing = [x.id for x in everything if x.tags.get("team") == "front" and x.tags["ingress.k8s.aws/resource"] == x.id]
    assert ["FrontendNlb", "FrontendNlb-tg-TCP-8080", "FrontendNlb-ls-TCP-8080"] == bearing


def test_its_listeners_have_no_tags_where_aws_cannot_tag_them() -> None:
    stack = made(fronted(), a_build_config(listener_rules_tagging=False))
    assert [None, None] == [x.tags for x in stack.listeners]


def test_its_health_checks_have_defaults_of_their_own_and_what_is_written() -> None:
    written = HealthCheckIntent(protocol="HTTPS", port="8443", path="/up", interval_seconds=30, success_codes="200-399")
    listener = FrontendListenerIntent(port=80, target_port=80, health_check=written)
    silent, asked = fronted(), fronted()
    assert asked.frontend
    asked = replace(asked, frontend=replace(asked.frontend, listeners=(listener,)))

    assert ("HTTP", "traffic-port", "/", 15, 5, 2, 2, "200") == checks_of(silent)
    assert ("HTTPS", "8443", "/up", 30, 5, 2, 2, "200-399") == checks_of(asked)


def checks_of(intent: StackIntent) -> tuple[Any, ...]:
    (check,) = [group.health_check for group in made(intent).target_groups if group.target_type == "alb"]
    timing = (check.interval_seconds, check.timeout_seconds, check.healthy_threshold, check.unhealthy_threshold)
    return (check.protocol, check.port, check.path, *timing, check.http_codes)


def test_elastic_addresses_that_come_late_have_no_effect_and_whoever_wrote_them_is_told() -> None:
    seen = existing(scheme="internet-facing", subnets=nlb(fronted(scheme="internet-facing")).subnets)
    addresses = FixedAddresses(eip_allocations=("e-1", "e-2", "e-3"))
    intent = fronted(scheme="internet-facing", addresses=addresses)
    known = facts(intent, existing=seen)

    (told,) = passed_over(intent, known, build(intent, known, a_build_config()))
    assert ("frontend-nlb-eip-allocations", "e-1, e-2, e-3") == (told.field, told.value)


def test_what_stands_in_front_says_nothing_of_the_alb() -> None:
    intent = replace(fronted(), load_balancer=an_alb_intent(scheme="internal", name="given"))
    known = facts(intent, existing=existing())

    assert () == passed_over(intent, known, build(intent, known, a_build_config()))
