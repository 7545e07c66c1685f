"""What a plan may do: whose tags it leaves alone, and that a protected load balancer is not deleted by accident.

Deletion protection that stands in AWS is only ever turned off by the object's own annotation
(``deletion_protection.enabled=false``): either the wanted load balancer says so, or, where an object is being deleted
and wants no load balancer any more, `Terms.deletion_protection_off` does. Else see `refusals`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aws_lb_controller.model.load_balancer import DELETION_PROTECTION, LoadBalancer
from aws_lb_controller.model.observed import ObservedStack, SeenLoadBalancer
from aws_lb_controller.model.refs import Value
from aws_lb_controller.plan import match
from aws_lb_controller.plan.steps import (
    CreateListener,
    CreateLoadBalancer,
    CreateRule,
    DeleteLoadBalancer,
    ModifyLoadBalancerAttributes,
    Plan,
)

_WAY_OUT = "go back to {scheme}, give the new one what is free, or delete the object and make it anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The conditions a plan is made under.

    external_managed_tags: keys that others own (``--external-managed-tags``). deletion_protection_off: the object's own
    annotation turns deletion protection off, though its stack may hold no load balancer any more.
    """

    external_managed_tags: frozenset[str] = frozenset()
    deletion_protection_off: bool = False


def is_protected(load_balancer: LoadBalancer) -> bool:
    """AWS would refuse to delete this observed load balancer."""
    return load_balancer.attributes.get(DELETION_PROTECTION) == "true"


def turns_protection_off(load_balancer: LoadBalancer) -> bool:
    """This wanted load balancer is said to be unprotected (being silent is not enough)."""
    return load_balancer.attributes.get(DELETION_PROTECTION) == "false"


def refusals(plan: Plan, observed: ObservedStack) -> tuple[str, ...]:
    """Why this plan must not be carried out, a sentence for each reason: it deletes or replaces what is protected, or
    replaces a load balancer by one that cannot stand beside it.
    """
    deleted = _deleted_without_leave(plan)
    protected = tuple(
        f"load balancer {seen.resource.name} ({seen.arn}) is protected from deletion: set {DELETION_PROTECTION}=false "
        "in the annotation for load balancer attributes to let it be deleted or replaced"
        for seen in observed.load_balancers
        if seen.arn in deleted and is_protected(seen.resource)
    )
    return (*protected, *_that_cannot_stand_together(plan, observed))


def _that_cannot_stand_together(plan: Plan, observed: ObservedStack) -> Iterator[str]:
    made = [step.load_balancer for step in plan if isinstance(step, CreateLoadBalancer)]
    deleted = {step.arn for step in plan if isinstance(step, DeleteLoadBalancer)}
    for new in made:
        for old in observed.load_balancers:
            if old.arn in deleted and old.resource.id == new.id:
                for what in _held(new, old, plan, observed):
                    yield (
                        f"load balancer {old.resource.name} ({old.resource.scheme}) cannot be replaced by one that is "
                        f"{new.scheme} while it holds {what}, and it is not deleted before the new one stands: "
                        f"{_WAY_OUT.format(scheme=old.resource.scheme)}"
                    )


def _held(new: LoadBalancer, old: SeenLoadBalancer, plan: Plan, observed: ObservedStack) -> Iterator[str]:
    """What both would need, and AWS gives to one load balancer at a time."""
    if new.name == old.resource.name:
        yield f"the name {new.name}"
    if fixed := _addresses(new) & _addresses(old.resource):
        yield f"the addresses {', '.join(sorted(fixed))}"
    wanted = {arn for step in plan if isinstance(step, CreateListener | CreateRule) for arn in _forwards(step)}
    if groups := wanted & set(match.forwarded_to(observed, on=old.arn)):
        yield f"the target groups {', '.join(sorted(map(str, groups)))}"


def _forwards(step: CreateListener | CreateRule) -> Iterator[Value]:
    return match.targets_of(step.rule.actions if isinstance(step, CreateRule) else step.listener.default_actions)


def _addresses(load_balancer: LoadBalancer) -> frozenset[str]:
    each = ((s.allocation_id, s.private_ipv4_address, s.ipv6_address) for s in load_balancer.subnets)
    return frozenset(address for addresses in each for address in addresses if address)


def _deleted_without_leave(plan: Plan) -> frozenset[str]:
    deleted = frozenset(step.arn for step in plan if isinstance(step, DeleteLoadBalancer))
    return deleted - frozenset(_unprotected_by(plan))


def _unprotected_by(plan: Plan) -> Iterable[str]:
    for step in plan:
        if isinstance(step, ModifyLoadBalancerAttributes) and step.attributes.get(DELETION_PROTECTION) == "false":
            yield step.arn
