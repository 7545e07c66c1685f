"""Load balancers: changed in place where AWS allows it, replaced where type or scheme differ.

The replacement is made first, with target groups of its own (`match.target_groups` leaves those of the old one alone),
and the old one goes when traffic flows through it. Where both cannot stand together nothing is done: `policy.refusals`.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace

from aws_lb_controller.model.load_balancer import DELETION_PROTECTION, LoadBalancer, LoadBalancerType
from aws_lb_controller.model.observed import ObservedStack, Seen
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import canon, match
from aws_lb_controller.plan.order import Phase, Phased
from aws_lb_controller.plan.policy import Terms, is_protected, turns_protection_off
from aws_lb_controller.plan.steps import (
    AwaitTraffic,
    CreateLoadBalancer,
    DeleteLoadBalancer,
    ModifyCapacityReservation,
    ModifyIpPools,
    ModifyLoadBalancerAttributes,
    SetIpAddressType,
    SetSecurityGroups,
    SetSubnets,
    Step,
)
from aws_lb_controller.plan.tags import set_tags


def changes(wanted: Stack, observed: ObservedStack, terms: Terms) -> Phased:
    """The steps for the stack's load balancers; `wanted` has its known references resolved."""
    found = match.load_balancers(wanted, observed)
    taken = {seen.resource.name for seen in observed.load_balancers}
    create = [CreateLoadBalancer(load_balancer=_with_a_free_name(lb, taken)) for lb in found.missing]
    update = [step for lb, seen in found.pairs for step in _updates(lb, seen, terms)]
    waits = [*_waits(wanted, observed, found)]
    fronting = match.fronting(wanted, observed)
    in_front = [wait for wait in waits if any(group in fronting for group in wait.target_groups)]
    return {
        Phase.LOAD_BALANCERS: [*create, *update],
        Phase.TRAFFIC_FLOWS: [wait for wait in waits if wait not in in_front],
        Phase.FRONTEND_TRAFFIC_FLOWS: in_front,
        Phase.CAPACITY: [*_capacity(found)],
        Phase.RETIRED_FRONTENDS: [*_retired(found, "network", wanted, terms)],
        Phase.RETIRED_LOAD_BALANCERS: [*_retired(found, "application", wanted, terms)],
    }


def _with_a_free_name(lb: LoadBalancer, taken: Set[str]) -> LoadBalancer:
    """A name that we choose gives way to what stands; for a given one see `policy.refusals`."""
    return replace(lb, name=lb.other_name) if lb.other_name is not None and lb.name in taken else lb


def _waits(wanted: Stack, observed: ObservedStack, found: match.Match[LoadBalancer]) -> Iterator[AwaitTraffic]:
    """For each load balancer that takes requests and goes: the one that stands in its place, if there is one."""
    known = {lb.id: seen.arn for lb, seen in found.pairs}
    for seen in match.replaced(wanted, observed):
        for lb in wanted.load_balancers:
            if lb.id == seen.resource.id:
                new = known.get(lb.id, lb.ref)
                yield AwaitTraffic(
                    load_balancer=new,
                    target_groups=tuple(dict.fromkeys(match.wanted_forwards(wanted, observed, on=(new, lb.ref)))),
                    instead_of=tuple(dict.fromkeys(match.forwarded_to(observed, on=seen.arn))),
                )


def _retired(
    found: match.Match[LoadBalancer], lb_type: LoadBalancerType, wanted: Stack, terms: Terms
) -> Iterator[Step]:
    open_ids = frozenset(lb.id for lb in wanted.load_balancers if turns_protection_off(lb))
    for seen in found.unwanted:
        if seen.resource.type == lb_type:
            yield from _retire(seen, open_ids=open_ids, terms=terms)


def _capacity(found: match.Match[LoadBalancer]) -> Iterator[Step]:
    """None leaves a reservation as it is; an observed None says that nobody looked for one."""
    for lb in found.missing:
        if lb.minimum_capacity_units:
            yield ModifyCapacityReservation(load_balancer=lb.ref, units=lb.minimum_capacity_units)
    for lb, seen in found.pairs:
        there = seen.resource.minimum_capacity_units
        if lb.minimum_capacity_units is not None and there is not None and lb.minimum_capacity_units != there:
            yield ModifyCapacityReservation(load_balancer=seen.arn, units=lb.minimum_capacity_units)


def _retire(seen: Seen[LoadBalancer], *, open_ids: frozenset[str], terms: Terms) -> Iterator[Step]:
    may_unprotect = terms.deletion_protection_off or seen.resource.id in open_ids
    if is_protected(seen.resource) and may_unprotect:
        yield ModifyLoadBalancerAttributes(arn=seen.arn, attributes={DELETION_PROTECTION: "false"})
    yield DeleteLoadBalancer(arn=seen.arn)


def _updates(lb: LoadBalancer, seen: Seen[LoadBalancer], terms: Terms) -> Iterator[Step]:
    """A pool leaves before all else, as AWS changes the address type of no load balancer with one; it comes last."""
    if lb.ipv4_ipam_pool_id is None:
        yield from _ipam_pool(lb, seen)
    yield from set_tags("elbv2", lb, seen, terms=terms)
    yield from _security_groups(lb, seen)
    if _subnets_differ(lb, seen.resource):
        yield SetSubnets(
            arn=seen.arn,
            type=lb.type,
            subnets=lb.subnets,
            prefix_for_ipv6_source_nat=lb.prefix_for_ipv6_source_nat,
        )
    if lb.ip_address_type != seen.resource.ip_address_type:
        yield SetIpAddressType(arn=seen.arn, ip_address_type=lb.ip_address_type)
    if attributes := canon.not_there(lb.attributes, seen.resource.attributes):
        yield ModifyLoadBalancerAttributes(arn=seen.arn, attributes=attributes)
    if lb.ipv4_ipam_pool_id is not None:
        yield from _ipam_pool(lb, seen)


def _ipam_pool(lb: LoadBalancer, seen: Seen[LoadBalancer]) -> Iterator[Step]:
    """Only ALBs take their addresses from IPAM pools."""
    if lb.type == "application" and lb.ipv4_ipam_pool_id != seen.resource.ipv4_ipam_pool_id:
        yield ModifyIpPools(arn=seen.arn, ipv4_ipam_pool_id=lb.ipv4_ipam_pool_id)


def _security_groups(lb: LoadBalancer, seen: Seen[LoadBalancer]) -> Iterator[Step]:
    """The switch goes with security groups only: without any AWS refuses the call."""
    switched = lb.security_groups and canon.differing(lb, seen.resource, ("inbound_rules_on_private_link",))
    if set(lb.security_groups) != set(seen.resource.security_groups) or switched:
        yield SetSecurityGroups(
            arn=seen.arn,
            security_groups=lb.security_groups,
            inbound_rules_on_private_link=lb.inbound_rules_on_private_link,
        )


def _subnets_differ(lb: LoadBalancer, seen: LoadBalancer) -> bool:
    """Fixed IPv4 addresses alone are no difference: AWS cannot change them while a subnet stays."""
    return (
        {s.subnet_id for s in lb.subnets} != {s.subnet_id for s in seen.subnets}
        or _source_nat_prefixes(lb) != _source_nat_prefixes(seen)
        or bool(canon.differing(lb, seen, ("prefix_for_ipv6_source_nat",)))
        or _gets_its_first_ipv6_addresses(lb, seen)
    )


def _source_nat_prefixes(lb: LoadBalancer) -> frozenset[str]:
    return frozenset(s.source_nat_ipv6_prefix for s in lb.subnets if s.source_nat_ipv6_prefix)


def _gets_its_first_ipv6_addresses(lb: LoadBalancer, seen: LoadBalancer) -> bool:
    becomes_dualstack = (seen.ip_address_type, lb.ip_address_type) == ("ipv4", "dualstack")
    return (
        becomes_dualstack and any(s.ipv6_address for s in lb.subnets) and not any(s.ipv6_address for s in seen.subnets)
    )
