"""The load balancer itself: scheme, name, type and what is passed through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.values import SecurityGroupChoice
from aws_lb_controller.model import naming
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import StackId
from builders_intent import (
    UID,
    a_build_config,
    a_load_balancer_intent,
    a_stack_intent,
    an_alb_intent,
    an_existing,
    an_ingress_stack_intent,
    facts,
)


def nlb(config: BuildConfig | None = None, existing: ObservedStack | None = None, **lb: Any) -> LoadBalancer:
    config = config or a_build_config()
    intent = a_stack_intent(load_balancer=a_load_balancer_intent(**lb))
    (built,) = build(intent, facts(intent, config, existing=existing), config).load_balancers
    return built


def alb(stack: str = "shop/web", **lb: Any) -> LoadBalancer:
    intent = an_ingress_stack_intent(stack=StackId("ingress", stack), load_balancer=an_alb_intent(**lb))
    (built,) = build(intent, facts(intent), a_build_config()).load_balancers
    return built


def test_a_silent_user_gets_the_default_scheme() -> None:
    assert "internet-facing" == nlb(scheme=None, default_scheme="internet-facing").scheme


def test_an_existing_load_balancer_keeps_its_scheme_when_the_user_is_silent() -> None:
    assert "internal" == nlb(scheme=None, default_scheme="internet-facing", existing=an_existing()).scheme


def test_while_one_load_balancer_replaces_another_the_one_of_the_wanted_scheme_counts() -> None:
    (old,) = an_existing().load_balancers
    new = replace(old, arn="arn:lb/2", resource=replace(old.resource, scheme="internet-facing", security_groups=()))
    built = nlb(scheme="internet-facing", existing=ObservedStack(load_balancers=(old, new)))
    assert () == built.security_groups


@pytest.mark.parametrize("name", ["my_shop", "-shop", "internal-shop", ""])
def test_a_name_that_aws_does_not_take_only_matters_when_a_load_balancer_is_made(name: str) -> None:
    assert "internal" == nlb(name=name, scheme=None, existing=an_existing()).scheme
    for asked in ({"existing": None}, {"existing": an_existing(), "scheme": "internet-facing"}):
        with pytest.raises(SpecError, match="write 1 to 32 letters, digits and hyphens"):
            nlb(name=name, **asked)


def test_a_services_load_balancer_is_named_by_the_contract() -> None:
    expected = naming.network_load_balancer(
        cluster="demo", namespace="shop", name="web", uid=UID, scheme="internet-facing"
    )
    assert expected == nlb(scheme="internet-facing").name


@pytest.mark.parametrize("group", ["shop/web", "storefront"])
def test_an_ingress_groups_load_balancer_is_named_by_the_contract(group: str) -> None:
    expected = naming.application_load_balancer(cluster="demo", group=group, scheme="internal")
    assert expected == alb(group, scheme="internal").name


def test_a_given_name_is_taken() -> None:
    assert "front" == nlb(name="front").name


def test_the_address_type_is_ipv4_by_default() -> None:
    assert ("ipv4", "dualstack") == (alb().ip_address_type, alb(ip_address_type="dualstack").ip_address_type)


def test_attributes_are_just_those_the_user_gave() -> None:
    assert ({}, {"a": "1"}) == (alb().attributes, alb(attributes={"a": "1"}).attributes)


def test_what_the_user_leaves_open_is_left_as_aws_has_it() -> None:
    built = alb()
    assert (None, None, None, None, None) == (
        built.customer_owned_ipv4_pool,
        built.ipv4_ipam_pool_id,
        built.minimum_capacity_units,
        built.inbound_rules_on_private_link,
        built.prefix_for_ipv6_source_nat,
    )


def test_the_rest_is_passed_through() -> None:
    built = nlb(inbound_rules_on_private_link="off", minimum_capacity_units=0)
    assert ("off", 0) == (built.inbound_rules_on_private_link, built.minimum_capacity_units)


def test_without_security_groups_nothing_is_said_of_private_link() -> None:
    built = nlb(inbound_rules_on_private_link="off", security_groups=SecurityGroupChoice(none_at_all=True))
    assert built.inbound_rules_on_private_link is None


def test_without_the_feature_gate_no_capacity_is_reserved() -> None:
    assert nlb(a_build_config(lb_capacity_reservation=False), minimum_capacity_units=10).minimum_capacity_units is None


@pytest.mark.parametrize(
    ("address_type", "asked", "expected"),
    [("ipv4", None, None), ("dualstack", None, "off"), ("dualstack", "on", "on")],
)
def test_source_nat_by_ipv6_is_off_on_a_dual_stack_nlb_unless_asked_for(
    address_type: str, asked: str | None, expected: str | None
) -> None:
    built = nlb(scheme="internet-facing", ip_address_type=address_type, prefix_for_ipv6_source_nat=asked)
    assert expected == built.prefix_for_ipv6_source_nat
