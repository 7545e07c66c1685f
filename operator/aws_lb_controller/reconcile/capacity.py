"""Capacity that AWS does not let us see or reserve costs itself alone: it is left as AWS has it, and that is told."""

from __future__ import annotations

from aws_lb_controller.build.problems import blamed
from aws_lb_controller.errors import AwsDenied, Problem
from aws_lb_controller.intent.values import StackIntent
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.reconcile.ports import Observer

FIELD = "minimum-load-balancer-capacity"
_LOOK = "DescribeCapacityReservation"


def look(stack: Stack, observer: Observer) -> tuple[ObservedStack, AwsDenied | None]:
    """What the stack has, with its capacity if it asks for any; and why that could not be seen. Raises `AwsError`."""
    asked = any(lb.minimum_capacity_units is not None for lb in stack.load_balancers)
    try:
        return observer.observe(stack.id, capacity=asked), None
    except AwsDenied as denied:
        if denied.operation != _LOOK:
            raise
        return observer.observe(stack.id, capacity=False), denied


def problems(denied: AwsDenied | None, intent: StackIntent) -> tuple[Problem, ...]:
    """What whoever asked for capacity is told."""
    if denied is None:
        return ()
    remedy = f"it is left as AWS has it, and all else is done ({denied}): give the controller the permission"
    units = intent.load_balancer.minimum_capacity_units
    value = "" if units is None else f"CapacityUnits={units}"
    return (blamed(intent.load_balancer.blame, FIELD, remedy=remedy, stack=intent.stack, value=value),)
