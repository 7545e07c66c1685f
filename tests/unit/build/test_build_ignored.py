"""What is asked of a load balancer that stands, and AWS grants only to a new one, is told."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.build.ignored import passed_over
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import Problem
from aws_lb_controller.intent.values import Blame, FixedAddresses, SecurityGroupChoice, SubnetChoice
from aws_lb_controller.model.load_balancer import SubnetMapping
from aws_lb_controller.model.observed import ObservedStack
from builders_intent import (
    PRIVATE,
    PUBLIC,
    a_build_config,
    a_load_balancer_intent,
    a_stack_intent,
    an_alb_intent,
    an_existing,
    an_ingress_stack_intent,
    facts,
)

PRIVATE_LINK = "inbound-sg-rules-on-private-link-traffic"
NAMES = ("name", "eip-allocations", "private-ipv4-addresses", "ipv6-addresses", "subnets", PRIVATE_LINK)
BLAME = {name: Blame(object="Service shop/web", field=f"example.com/{name}") for name in NAMES}
EIPS = ("eipalloc-1", "eipalloc-2", "eipalloc-3")
ADDRESSES = ("192.168.96.10", "192.168.112.10", "192.168.128.10")
IPV6 = ("2001:db8::10", "2001:db8:0:1::10", "2001:db8:0:2::10")


def told(existing: ObservedStack | None, **wanted: Any) -> tuple[Problem, ...]:
    intent = a_stack_intent(load_balancer=a_load_balancer_intent(**({"blame": BLAME} | wanted)))
    named = {group: (group,) for group in intent.load_balancer.security_groups.groups or ()}
    known = facts(intent, existing=existing, security_groups=named)
    return passed_over(intent, known, build(intent, known, a_build_config()))


def mappings(subnets: tuple[str, ...], **addresses: tuple[str, ...]) -> tuple[SubnetMapping, ...]:
    """One for each subnet, with the addresses of some kinds."""
    return tuple(
        SubnetMapping(subnet_id=subnet, **{kind: of[i] for kind, of in addresses.items()})
        for i, subnet in enumerate(subnets)
    )


def a_public_one(**values: Any) -> ObservedStack:
    return an_existing(**({"scheme": "internet-facing", "subnets": mappings(PUBLIC)} | values))


def with_eips(*allocations: str) -> dict[str, Any]:
    return {"scheme": "internet-facing", "addresses": FixedAddresses(eip_allocations=allocations)}


def test_nothing_is_told_of_a_load_balancer_that_is_yet_to_be_made() -> None:
    assert () == told(None, name="other", addresses=FixedAddresses(private_ipv4=ADDRESSES))


def test_nothing_is_told_where_all_is_as_it_was_made() -> None:
    existing = an_existing(name="mine", subnets=mappings(PRIVATE, private_ipv4_address=ADDRESSES))
    assert () == told(existing, name="mine", addresses=FixedAddresses(private_ipv4=ADDRESSES))


def test_nothing_is_told_to_who_is_silent() -> None:
    assert () == told(a_public_one(subnets=mappings(PUBLIC, allocation_id=EIPS)), scheme=None)


def test_another_name_is_told_with_the_one_it_has() -> None:
    (problem,) = told(an_existing(name="old"), name="new")
    assert ("Service shop/web", "example.com/name", "new") == (problem.object, problem.field, problem.value)
    assert "called old" in problem.remedy


def test_the_name_of_an_alb_cannot_be_changed_either() -> None:
    intent = an_ingress_stack_intent(load_balancer=an_alb_intent(name="new", blame=BLAME))
    existing = a_public_one(type="application", name="old")
    known = facts(intent, existing=existing)
    assert ["example.com/name"] == [p.field for p in passed_over(intent, known, build(intent, known, a_build_config()))]


@pytest.mark.parametrize("has", [{}, {"allocation_id": ("eipalloc-7", "eipalloc-8", "eipalloc-9")}])
def test_elastic_addresses_for_subnets_that_stay_are_told(has: dict[str, tuple[str, ...]]) -> None:
    (problem,) = told(a_public_one(subnets=mappings(PUBLIC, **has)), **with_eips(*EIPS))
    assert ("example.com/eip-allocations", "eipalloc-1, eipalloc-2, eipalloc-3") == (problem.field, problem.value)


def test_only_the_elastic_addresses_that_differ_are_told() -> None:
    existing = a_public_one(subnets=mappings(PUBLIC, allocation_id=EIPS))
    (problem,) = told(existing, **with_eips("eipalloc-1", "eipalloc-2", "eipalloc-9"))
    assert "eipalloc-9" == problem.value


def test_private_addresses_for_subnets_that_stay_are_told() -> None:
    (problem,) = told(an_existing(), addresses=FixedAddresses(private_ipv4=ADDRESSES))
    assert ("example.com/private-ipv4-addresses", ", ".join(ADDRESSES)) == (problem.field, problem.value)


def test_addresses_that_come_with_other_subnets_are_not_told() -> None:
    existing = a_public_one(subnets=mappings(PUBLIC[:2]))
    assert () == told(existing, **with_eips(*EIPS), subnets=SubnetChoice(names_or_ids=PUBLIC))
    existing = a_public_one(subnets=mappings(PUBLIC))
    assert () == told(existing, **with_eips(*EIPS[:2]), subnets=SubnetChoice(names_or_ids=PUBLIC[:2]))


def test_nothing_is_told_of_a_load_balancer_that_is_replaced() -> None:
    assert () == told(an_existing(name="old"), **with_eips(*EIPS), name="new")


def dualstack(existing: str) -> tuple[ObservedStack, dict[str, Any]]:
    wanted = {"scheme": "internet-facing", "ip_address_type": "dualstack", "addresses": FixedAddresses(ipv6=IPV6)}
    return a_public_one(ip_address_type=existing), wanted


def test_other_ipv6_addresses_of_a_dual_stack_load_balancer_are_told() -> None:
    existing, wanted = dualstack("dualstack")
    assert ["example.com/ipv6-addresses"] == [problem.field for problem in told(existing, **wanted)]


def test_ipv6_addresses_of_a_load_balancer_that_becomes_dual_stack_are_not_told() -> None:
    existing, wanted = dualstack("ipv4")
    assert () == told(existing, **wanted)


def test_an_address_that_is_only_spelt_otherwise_is_not_told() -> None:
    spelt = tuple(address.replace("2001:db8:", "2001:0db8:") for address in IPV6)
    existing = a_public_one(ip_address_type="dualstack", subnets=mappings(PUBLIC, ipv6_address=spelt))
    assert () == told(existing, **dualstack("dualstack")[1])


def test_the_private_link_switch_of_a_load_balancer_that_was_made_without_security_groups_is_told() -> None:
    (problem,) = told(an_existing(security_groups=()), inbound_rules_on_private_link="off")
    assert (f"example.com/{PRIVATE_LINK}", "off") == (problem.field, problem.value)
    assert () == told(an_existing(), inbound_rules_on_private_link="off")


def test_the_private_link_switch_beside_the_wish_for_no_security_groups_is_told_earlier() -> None:
    none = SecurityGroupChoice(none_at_all=True)
    existing = an_existing(security_groups=())
    assert () == told(existing, inbound_rules_on_private_link="off", security_groups=none)


def test_security_groups_of_a_load_balancer_that_was_made_without_any_are_told() -> None:
    chosen = SecurityGroupChoice(groups=("sg-1",))
    (problem,) = told(an_existing(security_groups=()), security_groups=chosen)
    assert ("security-groups", "sg-1") == (problem.field, problem.value)
    assert () == told(an_existing(), security_groups=chosen)


def pool_told(existing: str | None, wanted: str | None) -> list[str]:
    blame = {"customer-owned-ipv4-pool": Blame(object="Ingress shop/web", field="example.com/customer-owned-ipv4-pool")}
    alb = an_alb_intent(customer_owned_ipv4_pool=wanted, blame=blame)
    intent = an_ingress_stack_intent(load_balancer=alb)
    stands = a_public_one(type="application", customer_owned_ipv4_pool=existing)
    known = facts(intent, existing=stands)
    told = passed_over(intent, known, build(intent, known, a_build_config()))
    return [f"{problem.field}={problem.value}" for problem in told]


@pytest.mark.parametrize("existing", [None, "pool-1"])
def test_another_customer_owned_pool_is_told(existing: str | None) -> None:
    assert ["example.com/customer-owned-ipv4-pool=pool-2"] == pool_told(existing, "pool-2")


def test_a_customer_owned_pool_that_is_as_wanted_or_that_nobody_asks_for_is_not_told() -> None:
    assert [[], []] == [pool_told("pool-1", "pool-1"), pool_told("pool-1", None)]
