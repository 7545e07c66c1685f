"""While AWS keeps a load balancer as it is, whoever reaches targets now goes on reaching them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aws_lb_controller.model.binding import Binding, NetworkingPeer, NetworkingPort, NetworkingRule
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.plan.bindings import as_reached_until_now
from aws_lb_controller.plan.steps import CreateBinding, UpdateBinding
from builders_model import a_binding, a_stack
from carrying_out import built


def rules(*peers: NetworkingPeer, port: int = 8080) -> tuple[NetworkingRule, ...]:
    return (NetworkingRule(peers=peers, ports=(NetworkingPort(protocol="TCP", port=port),)),)


SUBNET, GROUP = NetworkingPeer(cidr="192.168.0.0/20"), NetworkingPeer(security_group="sg-backend")


def seen_with(networking: tuple[NetworkingRule, ...] | None) -> ObservedStack:
    return built(a_stack(bindings=(a_binding(networking=networking),)))


def changed(observed: ObservedStack, **values: Any) -> UpdateBinding:
    """The step that would change the one binding there is."""
    return UpdateBinding(binding=replace(observed.bindings[0].resource, **values))


def made(observed: ObservedStack, networking: tuple[NetworkingRule, ...] | None) -> Binding:
    step = CreateBinding(binding=a_binding("shop/other:80", name="other", networking=networking))
    kept = as_reached_until_now(step, observed)
    assert isinstance(kept, CreateBinding)
    return kept.binding


def test_a_binding_of_which_nothing_else_changes_is_left_alone() -> None:
    observed = seen_with(rules(SUBNET))
    assert as_reached_until_now(changed(observed, networking=rules(GROUP)), observed) is None


def test_what_else_changes_about_a_binding_is_carried_out() -> None:
    observed = seen_with(rules(SUBNET))
    step = changed(observed, networking=rules(GROUP), service_port=81)
    assert changed(observed, service_port=81) == as_reached_until_now(step, observed)


def test_a_new_binding_also_lets_in_whom_the_others_do_on_its_own_ports() -> None:
    observed = seen_with(rules(SUBNET))
    assert rules(GROUP, SUBNET, port=9090) == made(observed, rules(GROUP, port=9090)).networking


def test_a_new_binding_that_would_open_nothing_opens_what_the_others_do() -> None:
    assert rules(SUBNET) == made(seen_with(rules(SUBNET)), None).networking


def test_where_no_binding_opens_anything_a_new_one_is_made_as_it_is_wanted() -> None:
    assert [None, rules(GROUP)] == [made(seen_with(None), wanted).networking for wanted in (None, rules(GROUP))]
