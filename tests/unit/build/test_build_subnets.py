"""Which subnets a load balancer stands in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Subnet
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import SpecError, UnmetNeed
from aws_lb_controller.intent.values import SubnetChoice
from builders_intent import (
    PRIVATE,
    PUBLIC,
    a_build_config,
    a_load_balancer_intent,
    a_stack_intent,
    a_subnet,
    all_subnets,
    an_alb_intent,
    an_existing,
    an_ingress_stack_intent,
    facts,
)

CLUSTER_TAG = "kubernetes.io/cluster/demo"


def nlb_subnets(config: BuildConfig | None = None, *, choice: SubnetChoice | None = None, **given: Any) -> list[str]:
    """The ids of the subnets of an NLB; given: the load balancer's fields, and what AWS has."""
    config = config or a_build_config()
    known = {key: given.pop(key) for key in ("subnets", "public", "existing") if key in given}
    lb = a_load_balancer_intent(subnets=choice or SubnetChoice(), **given)
    intent = a_stack_intent(load_balancer=lb)
    stack = build(intent, facts(intent, config, **known), config)
    return [mapping.subnet_id for mapping in stack.load_balancers[0].subnets]


def alb_subnets(config: BuildConfig | None = None, *, choice: SubnetChoice | None = None, **given: Any) -> list[str]:
    config = config or a_build_config()
    known = {key: given.pop(key) for key in ("subnets", "public", "existing") if key in given}
    intent = an_ingress_stack_intent(load_balancer=an_alb_intent(subnets=choice or SubnetChoice(), **given))
    stack = build(intent, facts(intent, config, **known), config)
    return [mapping.subnet_id for mapping in stack.load_balancers[0].subnets]


def complaint(error: pytest.ExceptionInfo[UnmetNeed]) -> str:
    (problem,) = error.value.problems
    assert (problem.object, problem.field) == ("Service shop/web", "example.com/subnets")
    return problem.remedy


def named(*names: str) -> SubnetChoice:
    return SubnetChoice(names_or_ids=names)


def untagged(*names: str) -> tuple[Subnet, ...]:
    return tuple(a_subnet(name, tags={}) for name in names)


# -- discovery


def test_an_internal_load_balancer_takes_subnets_with_the_internal_role() -> None:
    assert list(PRIVATE) == nlb_subnets(scheme="internal")


def test_an_internet_facing_load_balancer_takes_subnets_with_the_public_role() -> None:
    assert list(PUBLIC) == nlb_subnets(scheme="internet-facing")


@pytest.mark.parametrize(("value", "taken"), [("", True), ("1", True), ("0", False), ("true", False)])
def test_a_role_tag_counts_when_it_is_empty_or_1(value: str, *, taken: bool) -> None:
    subnet = a_subnet("private-a", tags={"kubernetes.io/role/internal-elb": value})
    config = a_build_config(subnet_discovery_by_reachability=False)
    if taken:
        assert ["subnet-private-a"] == nlb_subnets(config, subnets=(subnet,))
    else:
        with pytest.raises(UnmetNeed):
            nlb_subnets(config, subnets=(subnet,))


def test_without_any_role_tag_the_routes_tell_public_from_private_subnets() -> None:
    subnets = untagged("private-a", "public-a")
    public = frozenset({"subnet-public-a"})
    assert ["subnet-public-a"] == nlb_subnets(scheme="internet-facing", subnets=subnets, public=public)
    assert ["subnet-private-a"] == nlb_subnets(scheme="internal", subnets=subnets, public=public)


def test_routes_do_not_count_as_soon_as_one_subnet_has_the_role_tag() -> None:
    subnets = (*untagged("public-b", "public-c"), a_subnet("public-a"))
    assert ["subnet-public-a"] == nlb_subnets(scheme="internet-facing", subnets=subnets)


def test_the_feature_gate_switches_discovery_by_routes_off() -> None:
    config = a_build_config(subnet_discovery_by_reachability=False)
    with pytest.raises(UnmetNeed) as error:
        nlb_subnets(config, subnets=untagged("private-a"))
    assert "looked among 1 subnets of vpc-1 for the tag kubernetes.io/role/internal-elb (empty or 1): found 0" in (
        complaint(error)
    )


def test_one_subnet_is_taken_for_each_zone_the_one_with_the_clusters_tag_first_then_the_smallest_id() -> None:
    role = {"kubernetes.io/role/internal-elb": "1"}
    subnets = (
        a_subnet("private-a", id="subnet-1", tags=role),
        a_subnet("private-a", id="subnet-2", tags=role | {CLUSTER_TAG: "owned"}),
        a_subnet("private-b", id="subnet-4", tags=role),
        a_subnet("private-b", id="subnet-3", tags=role),
    )
    assert ["subnet-2", "subnet-3"] == nlb_subnets(subnets=subnets)


def test_subnets_tagged_for_other_clusters_only_are_passed_over_and_told() -> None:
    foreign = replace(
        a_subnet("private-a"), tags={"kubernetes.io/role/internal-elb": "", "kubernetes.io/cluster/x": ""}
    )
    assert ["subnet-private-b"] == nlb_subnets(subnets=(foreign, a_subnet("private-b")))
    with pytest.raises(UnmetNeed) as error:
        nlb_subnets(subnets=(foreign,))
    assert "found 1; 1 tagged for other clusters only (subnet-private-a)" in complaint(error)


def test_the_feature_gate_lets_subnets_of_other_clusters_be_taken() -> None:
    foreign = replace(
        a_subnet("private-a"), tags={"kubernetes.io/role/internal-elb": "", "kubernetes.io/cluster/x": ""}
    )
    assert ["subnet-private-a"] == nlb_subnets(a_build_config(subnets_cluster_tag_check=False), subnets=(foreign,))


@pytest.mark.parametrize(("free", "chosen"), [(7, ["subnet-private-b"]), (8, ["subnet-private-a", "subnet-private-b"])])
def test_a_subnet_needs_eight_free_addresses(free: int, chosen: list[str]) -> None:
    subnets = (a_subnet("private-a", available_addresses=free), a_subnet("private-b"))
    assert chosen == nlb_subnets(subnets=subnets)


def test_a_dual_stack_load_balancer_is_discovered_only_subnets_with_ipv6() -> None:
    lacking = replace(a_subnet("public-a"), ipv6_cidrs=())
    subnets = (lacking, a_subnet("public-b"))
    assert ["subnet-public-b"] == nlb_subnets(scheme="internet-facing", ip_address_type="dualstack", subnets=subnets)


def test_an_application_load_balancer_needs_two_zones_and_a_network_one_a_single_one() -> None:
    subnets = (a_subnet("public-a"),)
    with pytest.raises(UnmetNeed) as error:
        alb_subnets(subnets=subnets)
    assert "needs subnets in 2 zones" in complaint(error)
    assert ["subnet-public-a"] == nlb_subnets(scheme="internet-facing", subnets=subnets)


def test_one_zone_is_enough_for_an_application_load_balancer_with_the_gate_or_in_a_local_zone() -> None:
    assert ["subnet-public-a"] == alb_subnets(a_build_config(alb_single_subnet=True), subnets=(a_subnet("public-a"),))
    assert ["subnet-public-a"] == alb_subnets(subnets=(a_subnet("public-a", zone_type="local-zone"),))


def test_subnets_in_zones_of_several_kinds_are_refused() -> None:
    subnets = (a_subnet("private-a"), a_subnet("private-b", zone_type="local-zone"))
    with pytest.raises(UnmetNeed) as error:
        nlb_subnets(subnets=subnets)
    assert "zones of several kinds (availability-zone, local-zone)" in complaint(error)


# -- by id, name or tags


def test_named_subnets_keep_the_order_in_which_they_are_written() -> None:
    assert ["subnet-private-b", "subnet-private-a"] == nlb_subnets(choice=named("private-b", "subnet-private-a"))


def test_named_subnets_need_neither_tags_nor_free_addresses() -> None:
    subnets = (a_subnet("private-a", tags={}, available_addresses=0),)
    assert ["subnet-private-a"] == nlb_subnets(choice=named("subnet-private-a"), subnets=subnets)


def test_a_name_that_two_subnets_bear_stands_for_the_first_and_then_for_the_second() -> None:
    subnets = tuple(a_subnet(f"private-{zone}", tags={"Name": "private"}) for zone in "ab")
    assert ["subnet-private-a", "subnet-private-b"] == nlb_subnets(choice=named("private", "private"), subnets=subnets)


def test_subnets_that_are_not_in_the_vpc_are_named() -> None:
    with pytest.raises(UnmetNeed) as error:
        nlb_subnets(choice=named("nowhere", "private-a", "subnet-0"))
    assert "vpc-1 has no subnet nowhere, subnet-0; name subnets of it by id or Name tag" == complaint(error)
    assert "nowhere, private-a, subnet-0" == error.value.problems[0].value


def test_an_empty_list_of_subnets_is_for_the_user_to_mend() -> None:
    with pytest.raises(SpecError):
        nlb_subnets(choice=named())


def test_two_named_subnets_in_one_zone_are_refused() -> None:
    with pytest.raises(UnmetNeed) as error:
        nlb_subnets(choice=named("private-a", "public-a"))
    assert "subnet-private-a, subnet-public-a stand in one zone (us-west-2a); name one subnet for each zone" == (
        complaint(error)
    )


def test_named_subnets_of_a_dual_stack_load_balancer_all_need_ipv6() -> None:
    with pytest.raises(UnmetNeed) as error:
        nlb_subnets(choice=named("private-a", "public-b"), ip_address_type="dualstack")
    assert "subnet-private-a has no IPv6 network, which dualstack needs in every subnet" == complaint(error)


def test_subnets_by_tags_match_every_tag_with_any_of_its_values_one_for_each_zone() -> None:
    choice = SubnetChoice(tags={"Name": ("public-a", "public-b", "private-a"), CLUSTER_TAG: ("shared",)})
    assert ["subnet-private-a", "subnet-public-b"] == alb_subnets(choice=choice)


def test_tags_that_no_subnet_has_are_told() -> None:
    with pytest.raises(UnmetNeed) as error:
        alb_subnets(choice=SubnetChoice(tags={"tier": ("edge", "web")}))
    assert "for the tags tier=edge|web: found 0" in complaint(error)


# -- what is there already


def test_an_existing_load_balancer_keeps_its_subnets_whatever_is_tagged_now() -> None:
    existing = an_existing(subnets=tuple(an_existing().load_balancers[0].resource.subnets[:2]))
    assert list(PRIVATE[:2]) == nlb_subnets(existing=existing)


def test_a_load_balancer_of_another_scheme_is_replaced_and_discovers_afresh() -> None:
    assert list(PUBLIC) == nlb_subnets(scheme="internet-facing", existing=an_existing())


def test_an_existing_load_balancer_follows_subnets_that_the_user_names() -> None:
    assert ["subnet-private-c"] == nlb_subnets(choice=named("private-c"), existing=an_existing())


def test_an_existing_network_load_balancer_becomes_dual_stack_only_where_its_subnets_have_ipv6() -> None:
    with pytest.raises(UnmetNeed):
        nlb_subnets(ip_address_type="dualstack", existing=an_existing())


def test_an_existing_application_load_balancer_keeps_subnets_that_would_not_be_chosen() -> None:
    only = an_existing().load_balancers[0].resource.subnets[:1]
    existing = an_existing(type="application", ip_address_type="dualstack", subnets=only)
    assert ["subnet-private-a"] == alb_subnets(scheme="internal", ip_address_type="dualstack", existing=existing)


def test_an_existing_application_load_balancer_becomes_dual_stack_only_where_its_subnets_have_ipv6() -> None:
    with pytest.raises(UnmetNeed) as error:
        alb_subnets(scheme="internal", ip_address_type="dualstack", existing=an_existing(type="application"))
    assert f"{', '.join(PRIVATE)} has no IPv6 network, which dualstack needs in every subnet" == complaint(error)


def test_the_answer_does_not_depend_on_the_order_in_which_aws_lists_subnets() -> None:
    assert nlb_subnets(subnets=all_subnets()) == nlb_subnets(subnets=tuple(reversed(all_subnets())))
