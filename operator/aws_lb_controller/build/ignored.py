"""What a user asks of a load balancer that stands already, and that AWS only grants a new one.

The plan leaves such things alone (`plan/load_balancers`), as nothing but a replacement would help; whoever wrote them
is told with a Warning ``IgnoredValue``. Security groups and scheme are no such things: they are refused or replaced.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace

from aws_lb_controller.build.facts import Existing, Facts
from aws_lb_controller.build.firewalls import without_subscription
from aws_lb_controller.build.load_balancers import existing_load_balancer
from aws_lb_controller.build.problems import blamed
from aws_lb_controller.errors import Problem
from aws_lb_controller.intent.values import StackIntent
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.stack import Stack

_BECAUSE_SUBNETS_STAY = "has no effect; AWS gives addresses only to subnets that are new to the load balancer"


def _wishes(intent: StackIntent) -> Iterator[StackIntent]:
    """The intent as that of each of its load balancers."""
    yield intent
    if intent.frontend:
        yield replace(intent, load_balancer=intent.frontend.load_balancer)


def passed_over(intent: StackIntent, facts: Facts, stack: Stack) -> tuple[Problem, ...]:
    """What of the intent has no effect: in this account, or on the load balancer that exists and is not replaced.

    facts: those that the stack was built with; stack: what `build` made of them.
    """
    observed, unsubscribed = facts[Existing(intent.stack)], tuple(without_subscription(intent, facts))
    return unsubscribed + tuple(
        problem
        for wish in _wishes(intent)
        if (existing := existing_load_balancer(wish.load_balancer, observed)) is not None
        for wanted in stack.load_balancers
        if (wanted.type, wanted.scheme) == (existing.type, existing.scheme)
        for problem in (
            *_name(wish, existing),
            *_customer_owned_pool(wish, existing),
            *_addresses(wish, wanted, existing),
            *_without_groups(wish, existing),
        )
    )


def _name(intent: StackIntent, existing: LoadBalancer) -> Iterator[Problem]:
    name = intent.load_balancer.name
    if name is not None and name != existing.name:
        remedy = f"has no effect; the load balancer is called {existing.name}, and AWS cannot rename one"
        yield blamed(intent.load_balancer.blame, "name", remedy=remedy, stack=intent.stack, value=name)


def _customer_owned_pool(intent: StackIntent, existing: LoadBalancer) -> Iterator[Problem]:
    pool = intent.load_balancer.customer_owned_ipv4_pool
    if pool is not None and pool != existing.customer_owned_ipv4_pool:
        has = existing.customer_owned_ipv4_pool or "none"
        remedy = f"has no effect; the load balancer was made with another pool ({has}), which AWS cannot change"
        field = "customer-owned-ipv4-pool"
        yield blamed(intent.load_balancer.blame, field, remedy=remedy, stack=intent.stack, value=pool)


def _without_groups(intent: StackIntent, existing: LoadBalancer) -> Iterator[Problem]:
    """Only where the user wants security groups: what has no effect without any is told earlier."""
    lb = intent.load_balancer
    if lb.type != "network" or lb.security_groups.none_at_all or existing.security_groups:
        return
    remedy = "has no effect; the load balancer was made without security groups, and AWS gives it none later"
    if lb.inbound_rules_on_private_link == "off":
        field = "inbound-sg-rules-on-private-link-traffic"
        yield blamed(lb.blame, field, remedy=remedy, stack=intent.stack, value="off")
    if groups := lb.security_groups.groups:
        yield blamed(lb.blame, "security-groups", remedy=remedy, stack=intent.stack, value=", ".join(groups))


def _addresses(intent: StackIntent, wanted: LoadBalancer, existing: LoadBalancer) -> Iterator[Problem]:
    """Only where no subnet comes or goes: else all addresses are sent with the subnets."""
    have = {mapping.subnet_id: mapping for mapping in existing.subnets}
    pairs = [(mapping, have[mapping.subnet_id]) for mapping in wanted.subnets if mapping.subnet_id in have]
    if len(pairs) != len(wanted.subnets) or len(pairs) != len(have):
        return
    lost = {
        "eip-allocations": [(new.allocation_id, old.allocation_id) for new, old in pairs],
        "private-ipv4-addresses": [(new.private_ipv4_address, old.private_ipv4_address) for new, old in pairs],
        "ipv6-addresses": [(new.ipv6_address, old.ipv6_address) for new, old in pairs],
    }
    if existing.ip_address_type != wanted.ip_address_type:
        del lost["ipv6-addresses"]  # a load balancer that becomes dual-stack gets them
    for field, addresses in lost.items():
        if idle := [new for new, old in addresses if new is not None and not _same(new, old)]:
            remedy = f"{_BECAUSE_SUBNETS_STAY}, and none is"
            blame = intent.load_balancer.blame
            yield blamed(blame, field, remedy=remedy, stack=intent.stack, value=", ".join(idle))


def _same(new: str, old: str | None) -> bool:
    """Whether two allocation ids, or addresses however spelt, are one."""
    if old is None or new == old:
        return new == old
    try:
        return ipaddress.ip_address(new) == ipaddress.ip_address(old)
    except ValueError:
        return False
