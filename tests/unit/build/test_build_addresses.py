"""Fixed addresses of an NLB: which subnet gets which."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import SpecError, UnmetNeed
from aws_lb_controller.intent.values import FixedAddresses, SubnetChoice
from aws_lb_controller.model.load_balancer import SubnetMapping
from builders_intent import a_build_config, a_load_balancer_intent, a_stack_intent, facts


def mappings(*subnets: str, scheme: str = "internal", addresses: dict[str, Any], **lb: Any) -> list[SubnetMapping]:
    intent = a_stack_intent(
        load_balancer=a_load_balancer_intent(
            scheme=scheme,
            subnets=SubnetChoice(names_or_ids=subnets or None),
            addresses=FixedAddresses(**addresses),
            **lb,
        )
    )
    return list(build(intent, facts(intent), a_build_config()).load_balancers[0].subnets)


def remedies(error: pytest.ExceptionInfo[SpecError] | pytest.ExceptionInfo[UnmetNeed]) -> str:
    return "; ".join(f"{problem.field}: {problem.remedy}" for problem in error.value.problems)


def test_elastic_addresses_go_to_the_subnets_in_order() -> None:
    actual = mappings(
        "public-b", "public-a", scheme="internet-facing", addresses={"eip_allocations": ("eipalloc-1", "eipalloc-2")}
    )
    expected = [
        SubnetMapping(subnet_id="subnet-public-b", allocation_id="eipalloc-1"),
        SubnetMapping(subnet_id="subnet-public-a", allocation_id="eipalloc-2"),
    ]
    assert expected == actual


def test_elastic_addresses_of_an_internal_load_balancer_are_an_error() -> None:
    with pytest.raises(SpecError, match="only an internet-facing load balancer has elastic addresses"):
        mappings("private-a", addresses={"eip_allocations": ("eipalloc-1",)})


def test_there_must_be_as_many_addresses_as_subnets() -> None:
    with pytest.raises(UnmetNeed) as error:
        mappings(scheme="internet-facing", addresses={"eip_allocations": ("eipalloc-1",)})
    assert "give one for each of the 3 subnets (subnet-public-a, subnet-public-b, subnet-public-c), not 1" in (
        remedies(error)
    )


def test_private_addresses_go_to_the_subnets_they_lie_in() -> None:
    actual = mappings("private-a", "private-b", addresses={"private_ipv4": ("192.168.112.9", "192.168.96.9")})
    assert ["192.168.96.9", "192.168.112.9"] == [m.private_ipv4_address for m in actual]


def test_a_subnet_without_an_address_in_it_is_named() -> None:
    with pytest.raises(UnmetNeed) as error:
        mappings("private-a", "private-b", addresses={"private_ipv4": ("192.168.96.9", "192.168.96.10")})
    assert "name exactly one address in subnet-private-a (192.168.96.0/20); 2 lie there" in remedies(error)


def test_private_addresses_of_an_internet_facing_load_balancer_are_an_error() -> None:
    with pytest.raises(SpecError, match="only an internal load balancer"):
        mappings("public-a", scheme="internet-facing", addresses={"private_ipv4": ("192.168.0.9",)})


@pytest.mark.parametrize("text", ["nonsense", "2001:db8::9", "192.168.96.0/20"])
def test_what_is_no_ipv4_address_is_an_error_with_the_text(text: str) -> None:
    with pytest.raises(SpecError) as error:
        mappings("private-a", addresses={"private_ipv4": (text,)})
    assert text == error.value.problems[0].value


def test_ipv6_addresses_go_to_the_subnets_they_lie_in_and_need_dual_stack() -> None:
    addresses = {"ipv6": ("2001:db8:0:1::9", "2001:db8::9")}
    actual = mappings("public-a", "public-b", addresses=addresses, ip_address_type="dualstack")
    assert ["2001:db8::9", "2001:db8:0:1::9"] == [m.ipv6_address for m in actual]
    with pytest.raises(SpecError, match="dualstack"):
        mappings("public-a", "public-b", addresses=addresses)


def test_source_nat_prefixes_go_to_the_subnets_in_order() -> None:
    actual = mappings(
        "public-a",
        "public-b",
        ip_address_type="dualstack",
        prefix_for_ipv6_source_nat="on",
        addresses={"source_nat_ipv6_prefixes": ("auto_assigned", "2001:db8:0:1:8::/80")},
    )
    assert ["auto_assigned", "2001:db8:0:1:8::/80"] == [m.source_nat_ipv6_prefix for m in actual]


@pytest.mark.parametrize(
    ("prefix", "error"),
    [("2001:db8::/64", SpecError), ("nonsense", SpecError), ("2001:db8:ffff::/80", UnmetNeed)],
)
def test_a_source_nat_prefix_has_eighty_bits_and_lies_in_its_subnet(prefix: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        mappings(
            "public-a",
            ip_address_type="dualstack",
            prefix_for_ipv6_source_nat="on",
            addresses={"source_nat_ipv6_prefixes": (prefix,)},
        )


def test_source_nat_prefixes_need_source_nat() -> None:
    with pytest.raises(SpecError, match="enable-prefix-for-ipv6-source-nat: on"):
        mappings("public-a", ip_address_type="dualstack", addresses={"source_nat_ipv6_prefixes": ("auto_assigned",)})


def test_source_nat_needs_dual_stack() -> None:
    with pytest.raises(SpecError, match="needs the address type dualstack"):
        mappings("public-a", addresses={}, prefix_for_ipv6_source_nat="on")


def test_everything_wrong_with_the_addresses_is_told_at_once() -> None:
    with pytest.raises(SpecError) as error:
        mappings("private-a", addresses={"eip_allocations": ("eipalloc-1",), "ipv6": ("2001:db8::9",)})
    assert ["example.com/eip-allocations", "ipv6-addresses"] == [p.field for p in error.value.problems]
