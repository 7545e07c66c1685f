"""An ALB's IPAM pool: it leaves before all else, and comes after all else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.show import describe
from aws_lb_controller.plan.steps import ModifyIpPools, SetIpAddressType, SetTags
from builders_model import a_load_balancer, a_stack
from carrying_out import brought_to, built


def stack_with(lb: LoadBalancer) -> Stack:
    return a_stack(load_balancers=(lb,), listeners=(), rules=())


def an_alb(**values: Any) -> LoadBalancer:
    return a_load_balancer(**({"type": "application"} | values))


def seen(lb: LoadBalancer) -> ObservedStack:
    return built(stack_with(lb))


def pools(wanted: LoadBalancer, observed: ObservedStack) -> list[str | None]:
    return [step.ipv4_ipam_pool_id for step in plan(stack_with(wanted), observed) if isinstance(step, ModifyIpPools)]


@pytest.mark.parametrize(("had", "wanted"), [(None, "pool-1"), ("pool-1", "pool-2"), ("pool-1", None)])
def test_another_pool_is_set_and_one_that_nobody_asks_for_goes(had: str | None, wanted: str | None) -> None:
    assert [wanted] == pools(an_alb(ipv4_ipam_pool_id=wanted), seen(an_alb(ipv4_ipam_pool_id=had)))


@pytest.mark.parametrize("pool", [None, "pool-1"])
def test_a_pool_that_is_as_wanted_is_left_alone(pool: str | None) -> None:
    assert [] == pools(an_alb(ipv4_ipam_pool_id=pool), seen(an_alb(ipv4_ipam_pool_id=pool)))


def test_a_pool_goes_before_the_address_type_changes() -> None:
    wanted = an_alb(ip_address_type="dualstack-without-public-ipv4", tags={**an_alb().tags, "team": "shop"})
    steps = plan(stack_with(wanted), seen(an_alb(ipv4_ipam_pool_id="pool-1")))
    assert [ModifyIpPools, SetTags, SetIpAddressType] == [type(step) for step in steps]


def test_a_pool_comes_after_the_address_type_changed() -> None:
    observed = seen(an_alb(ip_address_type="dualstack-without-public-ipv4"))
    steps = plan(stack_with(an_alb(ipv4_ipam_pool_id="pool-1")), observed)
    assert [SetIpAddressType, ModifyIpPools] == [type(step) for step in steps]


@pytest.mark.parametrize("wanted", [None, "pool-2"])
def test_nothing_is_left_to_do_once_the_pool_was_changed(wanted: str | None) -> None:
    stack = stack_with(an_alb(ipv4_ipam_pool_id=wanted))
    assert () == plan(stack, brought_to(stack, seen(an_alb(ipv4_ipam_pool_id="pool-1"))))


def test_a_network_load_balancer_has_no_pool_to_change() -> None:
    network = a_load_balancer(type="network")
    observed = seen(network)
    lb = observed.load_balancers[0]
    with_pool = replace(lb, resource=replace(lb.resource, ipv4_ipam_pool_id="pool-1"))
    assert [] == pools(network, replace(observed, load_balancers=(with_pool,)))


@pytest.mark.parametrize(("pool", "text"), [("pool-1", "from pool-1"), (None, "from no pool")])
def test_a_dry_run_names_the_pool(pool: str | None, text: str) -> None:
    assert describe(ModifyIpPools(arn="a", ipv4_ipam_pool_id=pool)).endswith(text)
