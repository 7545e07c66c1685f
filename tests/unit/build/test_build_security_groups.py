"""Which security groups a load balancer has, and what the managed one lets in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import SpecError, UnmetNeed
from aws_lb_controller.intent.values import FrontendAccess, SecurityGroupChoice
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref, Value
from aws_lb_controller.model.security_group import SecurityGroup
from aws_lb_controller.model.stack import Stack
from builders_intent import (
    a_build_config,
    a_listener_intent,
    a_load_balancer_intent,
    a_stack_intent,
    an_alb_intent,
    an_existing,
    an_ingress_stack_intent,
    facts,
)

MANAGED = Ref("SecurityGroup", "ManagedLBSecurityGroup")


def nlb(config: BuildConfig | None = None, *, listeners: Any = None, existing: Any = None, **lb: Any) -> Stack:
    config = config or a_build_config()
    intent = a_stack_intent(load_balancer=a_load_balancer_intent(**lb))
    if listeners:
        intent = replace(intent, listeners=listeners)
    groups = {"edge": ("sg-1",), "sg-2": ("sg-2",), "same": ("sg-1",), "several": ("sg-3", "sg-4")}
    known = facts(intent, config, existing=existing, security_groups=groups)
    return build(intent, known, config)


def alb(*listeners: Any, **lb: Any) -> Stack:
    intent = an_ingress_stack_intent(load_balancer=an_alb_intent(**lb))
    if listeners:
        intent = replace(intent, listeners=listeners)
    return build(intent, facts(intent), a_build_config())


def frontend(stack: Stack) -> tuple[Value, ...]:
    return stack.load_balancers[0].security_groups


def managed(stack: Stack) -> SecurityGroup:
    (group,) = stack.security_groups
    return group


def opened(stack: Stack) -> set[tuple[str, int | None, int | None, Value]]:
    return {(r.protocol, r.from_port, r.to_port, r.source.value) for r in managed(stack).ingress}


# -- which groups


def test_by_default_a_load_balancer_has_a_managed_group_and_then_the_shared_one() -> None:
    assert (MANAGED, BACKEND_SECURITY_GROUP) == frontend(nlb()) == frontend(alb())


def test_the_managed_group_is_named_by_the_contract() -> None:
    group = managed(alb())
    assert ("k8s-shop-web-", "[k8s] Managed SecurityGroup for LoadBalancer") == (group.name[:13], group.description)


def test_without_the_shared_group_the_managed_one_stands_alone() -> None:
    assert (MANAGED,) == frontend(nlb(a_build_config(enable_backend_security_group=False)))


def test_the_users_own_groups_come_in_the_order_written_each_once_and_nothing_is_managed() -> None:
    stack = nlb(security_groups=SecurityGroupChoice(groups=("sg-2", "edge", "same")))
    assert (("sg-2", "sg-1"), ()) == (frontend(stack), stack.security_groups)


def test_a_group_whose_id_is_written_twice_is_told() -> None:
    with pytest.raises(SpecError, match="name sg-2 once"):
        nlb(security_groups=SecurityGroupChoice(groups=("sg-2", "edge", "sg-2", "edge")))


def test_a_group_whose_name_is_written_twice_is_on_the_load_balancer_once() -> None:
    assert ("sg-1",) == frontend(nlb(security_groups=SecurityGroupChoice(groups=("edge", "edge"))))


def test_all_security_groups_of_a_name_are_on_the_load_balancer() -> None:
    assert ("sg-2", "sg-3", "sg-4") == frontend(nlb(security_groups=SecurityGroupChoice(groups=("sg-2", "several"))))


def test_the_shared_group_comes_after_the_users_own_where_backend_rules_are_managed() -> None:
    choice = SecurityGroupChoice(groups=("edge",), manage_backend_rules=True)
    assert ("sg-1", BACKEND_SECURITY_GROUP) == frontend(nlb(security_groups=choice))


def test_backend_rules_for_own_groups_need_the_shared_group() -> None:
    choice = SecurityGroupChoice(groups=("edge",), manage_backend_rules=True)
    with pytest.raises(SpecError, match="--enable-backend-security-group=true"):
        nlb(a_build_config(enable_backend_security_group=False), security_groups=choice)


def test_groups_that_do_not_exist_are_named() -> None:
    with pytest.raises(UnmetNeed) as error:
        nlb(security_groups=SecurityGroupChoice(groups=("edge", "nowhere")))
    (problem,) = error.value.problems
    assert ("Service shop/web", "example.com/security-groups") == (problem.object, problem.field)
    assert "vpc-1 has no security group nowhere; name groups of it by id or Name tag" == problem.remedy


def test_no_group_at_all_leaves_the_network_load_balancer_without_any() -> None:
    stack = nlb(security_groups=SecurityGroupChoice(none_at_all=True))
    assert ((), ()) == (frontend(stack), stack.security_groups)


def test_groups_cannot_be_taken_from_a_network_load_balancer_that_has_some() -> None:
    with pytest.raises(SpecError, match="cannot take all security groups"):
        nlb(security_groups=SecurityGroupChoice(none_at_all=True), existing=an_existing())


@pytest.mark.parametrize("choice", [SecurityGroupChoice(), SecurityGroupChoice(groups=("edge",))])
def test_a_network_load_balancer_made_without_groups_never_gets_any(choice: SecurityGroupChoice) -> None:
    stack = nlb(security_groups=choice, existing=an_existing(security_groups=()))
    assert ((), ()) == (frontend(stack), stack.security_groups)


# -- what the managed group lets in


def test_everybody_may_reach_each_listener_by_its_transport() -> None:
    listeners = tuple(
        a_listener_intent(port, protocol=protocol)
        for port, protocol in [(80, "TCP"), (443, "TLS"), (53, "UDP"), (54, "TCP_UDP"), (55, "QUIC"), (56, "TCP_QUIC")]
    )
    expected = [("tcp", 80), ("tcp", 443), ("udp", 53), ("tcp", 54), ("udp", 54), ("udp", 55), ("tcp", 56), ("udp", 56)]
    assert {(protocol, port, port, "0.0.0.0/0") for protocol, port in expected} == opened(nlb(listeners=listeners))


def test_the_ports_may_be_given_apart_from_the_listeners() -> None:
    access = FrontendAccess(ports=(("tcp", 53), ("udp", 53)))
    assert {("tcp", 53, 53, "0.0.0.0/0"), ("udp", 53, 53, "0.0.0.0/0")} == opened(nlb(access=access))


@pytest.mark.parametrize("address_type", ["dualstack", "dualstack-without-public-ipv4"])
def test_a_dual_stack_load_balancer_lets_everybody_in_by_ipv6_too(address_type: str) -> None:
    assert {("tcp", 80, 80, "0.0.0.0/0"), ("tcp", 80, 80, "::/0")} == opened(alb(ip_address_type=address_type))


def test_only_the_given_networks_are_let_in() -> None:
    assert {("tcp", 80, 80, "10.0.0.0/8")} == opened(nlb(access=FrontendAccess(cidrs=("10.0.0.0/8",))))


def test_ipv6_networks_have_no_meaning_on_an_ipv4_load_balancer_and_do_not_let_everybody_in() -> None:
    assert set() == opened(alb(access=FrontendAccess(cidrs=("2001:db8::/32",))))


def test_ipv4_and_ipv6_networks_are_told_apart() -> None:
    access = FrontendAccess(cidrs=("10.0.0.0/8", "2001:db8::/32"))
    rules = managed(alb(access=access, ip_address_type="dualstack")).ingress
    assert {("ipv4", "10.0.0.0/8"), ("ipv6", "2001:db8::/32")} == {(r.source.kind, r.source.value) for r in rules}


def test_prefix_lists_alone_let_nobody_else_in() -> None:
    assert {("tcp", 80, 80, "pl-1")} == opened(alb(access=FrontendAccess(prefix_lists=("pl-1",))))


def test_path_mtu_discovery_is_let_in_from_the_same_networks() -> None:
    stack = nlb(access=FrontendAccess(icmp=True), ip_address_type="dualstack", scheme="internet-facing")
    icmp = {("icmp", 3, 4, "0.0.0.0/0"), ("icmpv6", 2, 0, "::/0")}
    assert icmp | {("tcp", 80, 80, "0.0.0.0/0"), ("tcp", 80, 80, "::/0")} == opened(stack)


def test_each_listener_may_have_its_own_access() -> None:
    office = a_listener_intent(
        8080, protocol="HTTP", access=FrontendAccess(cidrs=("10.0.0.0/8",)), to="shop/web-web:80"
    )
    stack = alb(a_listener_intent(80, protocol="HTTP", to="shop/web-web:80"), office)
    assert {("tcp", 80, 80, "0.0.0.0/0"), ("tcp", 8080, 8080, "10.0.0.0/8")} == opened(stack)
