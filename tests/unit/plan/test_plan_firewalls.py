"""Web ACLs and Shield protections are set before anything listens, and whatever nobody speaks of is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aws_lb_controller.model.firewall import UNGUARDED, Firewall
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Ref
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan.effects import Given, after
from aws_lb_controller.plan.firewalls import doubted, guard_of
from aws_lb_controller.plan.order import Phase
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.show import describe
from aws_lb_controller.plan.steps import (
    AssociateWebAcl,
    CreateShieldProtection,
    DeleteShieldProtection,
    DisassociateWebAcl,
    FirewallStep,
    Step,
)
from builders_model import a_load_balancer, a_stack
from carrying_out import brought_to, built

NEW = Ref("LoadBalancer", "LoadBalancer")
OURS = Firewall(shield=True, protection_id="ours")
FOREIGN = Firewall(shield=True)


def guarded_by(**wanted: object) -> Stack:
    return a_stack(load_balancers=(a_load_balancer(firewall=Firewall(**wanted)),))  # type: ignore[arg-type]  # by name


def seen_with(firewall: Firewall) -> ObservedStack:
    observed = built(a_stack())
    [lb] = observed.load_balancers
    return replace(observed, load_balancers=(replace(lb, resource=replace(lb.resource, firewall=firewall)),))


def arn_of(observed: ObservedStack) -> str:
    return observed.load_balancers[0].arn


def steps_of(stack: Stack, observed: ObservedStack) -> list[Step]:
    return [step for step in plan(stack, observed) if isinstance(step, FirewallStep)]


def test_a_new_load_balancer_gets_its_guards_one_after_the_other() -> None:
    assert [
        AssociateWebAcl(load_balancer=NEW, service="wafv2", web_acl="arn:a"),
        AssociateWebAcl(load_balancer=NEW, service="waf-regional", web_acl="id"),
        CreateShieldProtection(load_balancer=NEW),
    ] == steps_of(guarded_by(web_acl="arn:a", classic_web_acl="id", shield=True), ObservedStack())


def test_a_new_load_balancer_that_is_to_have_no_guard_costs_no_step() -> None:
    assert [] == steps_of(guarded_by(web_acl="", classic_web_acl="", shield=False), ObservedStack())


def test_guards_stand_before_anything_listens() -> None:
    assert Phase.LOAD_BALANCERS < Phase.FIREWALLS < Phase.LISTENERS


@pytest.mark.parametrize("there", ["", "arn:b"])
def test_a_web_acl_takes_the_place_of_none_or_another_in_one_step(there: str) -> None:
    observed = seen_with(Firewall(web_acl=there))
    expected = AssociateWebAcl(load_balancer=arn_of(observed), service="wafv2", web_acl="arn:a")
    assert [expected] == steps_of(guarded_by(web_acl="arn:a"), observed)


def test_a_web_acl_that_is_to_go_goes() -> None:
    observed = seen_with(Firewall(web_acl="arn:b", classic_web_acl="id"))
    wanted = guarded_by(web_acl="", classic_web_acl="")
    arn = arn_of(observed)
    assert [
        DisassociateWebAcl(load_balancer=arn, service="wafv2"),
        DisassociateWebAcl(load_balancer=arn, service="waf-regional"),
    ] == steps_of(wanted, observed)


@pytest.mark.parametrize("there", [Firewall(web_acl="arn:b", classic_web_acl="id"), OURS, FOREIGN])
def test_what_nobody_speaks_of_is_left_alone(there: Firewall) -> None:
    assert [] == steps_of(guarded_by(), seen_with(there))


@pytest.mark.parametrize("there", [Firewall(), Firewall(web_acl="arn:a", classic_web_acl="id", shield=True)])
def test_what_is_right_or_could_not_be_looked_at_costs_no_step(there: Firewall) -> None:
    assert [] == steps_of(guarded_by(web_acl="arn:a", classic_web_acl="id", shield=True), seen_with(there))


def test_a_protection_of_ours_goes() -> None:
    observed = seen_with(OURS)
    expected = DeleteShieldProtection(load_balancer=arn_of(observed), protection_id="ours")
    assert [expected] == steps_of(guarded_by(shield=False), observed)


def test_a_protection_that_somebody_else_made_stays() -> None:
    assert [] == steps_of(guarded_by(shield=False), seen_with(FOREIGN))


def test_a_protection_that_somebody_else_made_will_do() -> None:
    assert [] == steps_of(guarded_by(shield=True), seen_with(FOREIGN))


@pytest.mark.parametrize("wanted", [{"web_acl": "arn:a", "shield": True}, {"classic_web_acl": "id", "shield": False}])
def test_carrying_out_leaves_nothing_to_do(wanted: dict[str, object]) -> None:
    there = replace(UNGUARDED, web_acl="arn:b", shield=True, protection_id="ours")
    assert () == plan(guarded_by(**wanted), brought_to(guarded_by(**wanted), seen_with(there)))


def test_a_protection_that_was_made_is_known_by_its_id() -> None:
    observed = seen_with(UNGUARDED)
    made = after(observed, CreateShieldProtection(load_balancer=arn_of(observed)), Given(arn="new"))
    assert replace(UNGUARDED, shield=True, protection_id="new") == made.load_balancers[0].resource.firewall


@pytest.mark.parametrize(
    ("step", "left"),
    [
        (
            AssociateWebAcl(load_balancer="arn", service="wafv2", web_acl="a"),
            Firewall(classic_web_acl="", shield=False),
        ),
        (DisassociateWebAcl(load_balancer="arn", service="waf-regional"), Firewall(web_acl="", shield=False)),
        (CreateShieldProtection(load_balancer="arn"), Firewall(web_acl="", classic_web_acl="")),
    ],
)
def test_after_a_step_that_failed_its_guard_and_no_other_is_in_doubt(step: FirewallStep, left: Firewall) -> None:
    observed = seen_with(UNGUARDED)
    failed = replace(step, load_balancer=arn_of(observed))
    assert left == doubted(observed, failed).load_balancers[0].resource.firewall


def test_every_step_tells_its_guard_and_is_shown_in_one_line() -> None:
    steps: list[FirewallStep] = [
        AssociateWebAcl(load_balancer=NEW, service="wafv2", web_acl="arn:a"),
        DisassociateWebAcl(load_balancer="arn", service="waf-regional"),
        CreateShieldProtection(load_balancer="arn"),
        DeleteShieldProtection(load_balancer="arn", protection_id="p"),
    ]
    assert [
        ("wafv2", "~ load balancer <LoadBalancer LoadBalancer>: web ACL arn:a (wafv2)"),
        ("waf-regional", "~ load balancer arn: no web ACL (waf-regional)"),
        ("shield", "+ Shield protection of load balancer arn"),
        ("shield", "- Shield protection p of load balancer arn"),
    ] == [(guard_of(step), describe(step)) for step in steps]
