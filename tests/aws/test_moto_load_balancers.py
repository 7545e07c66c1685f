"""What AWS refuses to change about a load balancer moto refuses too, and what takes time there takes time here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from localworld.behaviour import Behaviour, variable

Refused = Callable[..., str]
INVALID = "InvalidConfigurationRequest"


def mappings(aws: Any, *names: str, **addresses: str) -> list[dict[str, str]]:
    """One for each subnet, the fixed addresses with the first."""
    first, *others = (aws.world.subnets[name] for name in names)
    return [{"SubnetId": first, **addresses}, *({"SubnetId": one} for one in others)]


def an_nlb(aws: Any, name: str = "web", *, subnets: tuple[str, ...] = ("public-a", "public-b"), **more: Any) -> str:
    """The ARN of a network load balancer that faces the internet, and that has no security groups."""
    wanted = {"Type": "network", "Scheme": "internet-facing", "Subnets": [], **more}
    arn: str = aws.load_balancer(name, **{"SubnetMappings": mappings(aws, *subnets), **wanted})
    return arn


def described(aws: Any, arn: str) -> dict[str, Any]:
    (balancer,) = aws.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    return dict(balancer)


# ---- subnets


def set_subnets(aws: Any, refused: Refused, balancer: str, *names: str, **addresses: str) -> str:
    wanted = mappings(aws, *names, **addresses)
    return refused(aws.elbv2.set_subnets, LoadBalancerArn=balancer, SubnetMappings=wanted)


def test_a_network_load_balancer_keeps_its_subnet_in_a_zone_that_stays(aws: Any, refused: Refused) -> None:
    balancer = an_nlb(aws)
    code = set_subnets(aws, refused, balancer, "public-a", "private-b")
    subnets = {zone["SubnetId"] for zone in described(aws, balancer)["AvailabilityZones"]}
    assert (INVALID, {aws.world.subnets[name] for name in ("public-a", "public-b")}) == (code, subnets)


@pytest.mark.parametrize(
    "after", [("public-a",), ("public-a", "public-b", "public-c"), ("public-a", "public-c")], ids="+".join
)
def test_a_network_load_balancer_gets_and_loses_zones(after: tuple[str, ...], aws: Any, refused: Refused) -> None:
    balancer = an_nlb(aws)
    code = set_subnets(aws, refused, balancer, *after)
    subnets = {zone["SubnetId"] for zone in described(aws, balancer)["AvailabilityZones"]}
    assert ("", {aws.world.subnets[name] for name in after}) == (code, subnets)


def test_an_application_load_balancers_subnet_may_change_within_a_zone(aws: Any, refused: Refused) -> None:
    balancer = aws.load_balancer()
    assert "" == set_subnets(aws, refused, balancer, "public-a", "public-b")


# ---- fixed addresses

ADDRESSES = {
    "AllocationId": "eipalloc-1",
    "IPv6Address": "2001:db8::9",
    "PrivateIPv4Address": "192.168.0.9",
}


@pytest.mark.parametrize("key", ADDRESSES)
def test_a_load_balancers_fixed_address_is_described_and_no_other_one_gets_it_while_it_stands(
    key: str, aws: Any, refused: Refused
) -> None:
    address = {key: ADDRESSES[key]}
    one = an_nlb(aws, "one", SubnetMappings=mappings(aws, "public-a", **address))
    assert [address] == described(aws, one)["AvailabilityZones"][0]["LoadBalancerAddresses"]
    wanted = mappings(aws, "public-a", "public-b", **address)
    while_held = refused(an_nlb, aws, "two", SubnetMappings=wanted)
    other = an_nlb(aws, "other", subnets=("public-b",))
    moved = set_subnets(aws, refused, other, "public-a", "public-b", **address)
    aws.elbv2.delete_load_balancer(LoadBalancerArn=one)
    then = refused(an_nlb, aws, "two", SubnetMappings=wanted)
    assert ("ResourceInUse", INVALID, "") == (while_held, moved, then)


# ---- security groups


def test_a_network_load_balancer_that_was_made_without_security_groups_takes_none(aws: Any, refused: Refused) -> None:
    balancer, group = an_nlb(aws), aws.security_group()
    switch = {"EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "off"}
    set_groups = aws.elbv2.set_security_groups
    codes = [
        refused(set_groups, LoadBalancerArn=balancer, SecurityGroups=groups, **more)
        for groups, more in (([group], {}), ([], switch), ([group], switch))
    ]
    assert [INVALID] * 3 == codes
    assert "SecurityGroups" not in described(aws, balancer) or described(aws, balancer)["SecurityGroups"] == []


def test_a_network_load_balancer_that_was_made_with_security_groups_keeps_at_least_one(
    aws: Any, refused: Refused
) -> None:
    one, two = aws.security_group("one"), aws.security_group("two")
    balancer = an_nlb(aws, SecurityGroups=[one])
    codes = [
        refused(aws.elbv2.set_security_groups, LoadBalancerArn=balancer, SecurityGroups=groups)
        for groups in ([], [two])
    ]
    assert ([INVALID, ""], [two]) == (codes, described(aws, balancer)["SecurityGroups"])


def test_the_private_link_switch_is_for_network_load_balancers(aws: Any, refused: Refused) -> None:
    switch = {"EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "off"}
    group = aws.security_group()
    balancer = aws.load_balancer(SecurityGroups=[group])
    wanted = {"LoadBalancerArn": balancer, "SecurityGroups": [group], **switch}
    assert INVALID == refused(aws.elbv2.set_security_groups, **wanted)


# ---- address types


def test_dualstack_needs_subnets_with_ipv6(aws: Any, refused: Refused) -> None:
    private, public = an_nlb(aws, "private", subnets=("private-a",)), an_nlb(aws, "public")
    codes = [
        refused(aws.elbv2.set_ip_address_type, LoadBalancerArn=balancer, IpAddressType="dualstack")
        for balancer in (private, public)
    ]
    assert ["InvalidSubnet", ""] == codes


def test_only_application_load_balancers_do_without_public_ipv4_addresses(aws: Any, refused: Refused) -> None:
    wanted = {"LoadBalancerArn": an_nlb(aws), "IpAddressType": "dualstack-without-public-ipv4"}
    assert INVALID == refused(aws.elbv2.set_ip_address_type, **wanted)


# ---- what takes time


def test_a_load_balancer_is_provisioning_for_the_set_time(aws: Any, moto_behaviour: Behaviour) -> None:
    moto_behaviour.provisioning_seconds = 3600
    balancer = an_nlb(aws)
    states = [described(aws, balancer)["State"]["Code"] for _ in range(2)]
    moto_behaviour.provisioning_seconds = 0
    assert ["provisioning", "provisioning", "active"] == [*states, described(aws, balancer)["State"]["Code"]]


def a_group_with_a_target(aws: Any, name: str = "web") -> str:
    group: str = aws.target_group(name)
    aws.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "192.168.97.1", "Port": 80}])
    return group


def states(aws: Any, group: str) -> list[str]:
    return [*aws.target_states(group).values()]


def test_a_targets_first_health_checks_take_the_set_time_and_registering_it_again_begins_no_new_ones(
    aws: Any, moto_behaviour: Behaviour
) -> None:
    moto_behaviour.initial_seconds = 3600
    group = a_group_with_a_target(aws)
    at_first = states(aws, group)
    moto_behaviour.initial_seconds = 0
    assert (["initial"], ["healthy"]) == (at_first, states(aws, group))


def test_draining_ends_when_its_time_is_over(aws: Any, moto_behaviour: Behaviour) -> None:
    moto_behaviour.draining_seconds = 3600
    group = a_group_with_a_target(aws)
    aws.elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "192.168.97.1", "Port": 80}])
    at_first = states(aws, group)
    moto_behaviour.draining_seconds = 0
    assert (["draining"], []) == (at_first, states(aws, group))


def test_the_health_checks_of_named_target_groups_fail(aws: Any, moto_behaviour: Behaviour) -> None:
    moto_behaviour.failing_target_groups = "bad-*"
    groups = [a_group_with_a_target(aws, name) for name in ("bad-one", "good")]
    assert [["unhealthy"], ["healthy"]] == [states(aws, group) for group in groups]


def test_targets_are_unused_while_no_load_balancer_uses_their_group_if_that_is_set(
    aws: Any, moto_behaviour: Behaviour
) -> None:
    moto_behaviour.tells_unused = True
    group = a_group_with_a_target(aws)
    before = states(aws, group)
    aws.listener(aws.load_balancer(), group)
    assert (["unused"], ["healthy"]) == (before, states(aws, group))


def test_behaviour_reads_switches_and_names_too() -> None:
    environment = {variable("tells_unused"): "true", variable("failing_target_groups"): "bad-*"}
    read = Behaviour.from_environment(environment)
    assert (True, "bad-*") == (read.tells_unused, read.failing_target_groups)
    assert not Behaviour.from_environment({variable("tells_unused"): "false"}).tells_unused
