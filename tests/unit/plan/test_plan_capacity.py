"""A reservation comes after everything that carries traffic, and what nobody speaks of stays as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Ref
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan.order import Phase
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.show import describe
from aws_lb_controller.plan.steps import CreateBinding, CreateListener, CreateRule, ModifyCapacityReservation
from builders_model import a_load_balancer, a_stack
from carrying_out import brought_to, built


def reserving(units: int | None) -> Stack:
    return a_stack(load_balancers=(a_load_balancer(minimum_capacity_units=units),))


def seen_with(units: int | None) -> ObservedStack:
    """What is observed of a load balancer with this reservation; None: nobody looked for one."""
    observed = built(a_stack())
    [lb] = observed.load_balancers
    seen = replace(lb, arn=lb.arn, resource=replace(lb.resource, minimum_capacity_units=units))
    return replace(observed, load_balancers=(seen,))


def reservations(stack: Stack, observed: ObservedStack) -> list[int]:
    return [step.units for step in plan(stack, observed) if isinstance(step, ModifyCapacityReservation)]


def test_a_new_load_balancer_gets_its_reservation_when_listeners_rules_and_bindings_stand() -> None:
    steps = plan(reserving(3000), ObservedStack())
    first = next(i for i, step in enumerate(steps) if isinstance(step, ModifyCapacityReservation))

    assert ModifyCapacityReservation(load_balancer=Ref("LoadBalancer", "LoadBalancer"), units=3000) == steps[first]
    assert [] == [step for step in steps[first:] if isinstance(step, CreateListener | CreateRule | CreateBinding)]


def test_a_reservation_waits_for_no_users_status() -> None:
    assert Phase.STATUS < Phase.CAPACITY


@pytest.mark.parametrize("units", [None, 0])
def test_a_new_load_balancer_without_a_reservation_costs_no_step(units: int | None) -> None:
    assert [] == reservations(reserving(units), ObservedStack())


@pytest.mark.parametrize(("there", "wanted"), [(0, 3000), (3000, 5000), (5000, 0)])
def test_a_reservation_is_made_changed_and_reset(there: int, wanted: int) -> None:
    assert [wanted] == reservations(reserving(wanted), seen_with(there))


@pytest.mark.parametrize(("there", "wanted"), [(0, 0), (3000, 3000), (3000, None), (None, None)])
def test_a_reservation_that_is_right_or_that_nobody_speaks_of_is_left_alone(
    there: int | None, wanted: int | None
) -> None:
    assert () == plan(reserving(wanted), seen_with(there))


def test_a_reservation_that_nobody_looked_for_is_taken_on_trust() -> None:
    assert () == plan(reserving(3000), seen_with(None))


@pytest.mark.parametrize("wanted", [None, 0, 3000])
def test_carrying_out_leaves_nothing_to_do(wanted: int | None) -> None:
    assert () == plan(reserving(wanted), brought_to(reserving(wanted), seen_with(1000)))


def test_a_reset_is_shown_as_such() -> None:
    shown = [describe(ModifyCapacityReservation(load_balancer="arn", units=units)) for units in (0, 100)]

    assert [
        "~ load balancer arn: no capacity units reserved",
        "~ load balancer arn: 100 capacity units reserved",
    ] == shown
