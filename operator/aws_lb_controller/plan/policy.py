"""What a plan may do: whose tags it leaves alone, and that a protected load balancer is not deleted by accident.

Deletion protection that stands in AWS is only ever turned off by the object's own annotation
(``deletion_protection.enabled=false``): either the wanted load balancer says so, or, where an object is being deleted
and wants no load balancer any more, `Terms.deletion_protection_off` does. Else see `refusals`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.plan.steps import DeleteLoadBalancer, ModifyLoadBalancerAttributes, Plan

DELETION_PROTECTION = "deletion_protection.enabled"


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
    """Why this plan must not be carried out: a sentence for each protected load balancer it would delete or replace."""
    deleted = _deleted_without_leave(plan)
    return tuple(
        f"load balancer {seen.resource.name} ({seen.arn}) is protected from deletion: set {DELETION_PROTECTION}=false "
        "in the annotation for load balancer attributes to let it be deleted or replaced"
        for seen in observed.load_balancers
        if seen.arn in deleted and is_protected(seen.resource)
    )


def _deleted_without_leave(plan: Plan) -> frozenset[str]:
    deleted = frozenset(step.arn for step in plan if isinstance(step, DeleteLoadBalancer))
    return deleted - frozenset(_unprotected_by(plan))


def _unprotected_by(plan: Plan) -> Iterable[str]:
    for step in plan:
        if isinstance(step, ModifyLoadBalancerAttributes) and step.attributes.get(DELETION_PROTECTION) == "false":
            yield step.arn
