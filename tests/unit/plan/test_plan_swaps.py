"""Moving traffic: to another target group, or to another load balancer, without a moment in which it goes nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.model.listener import FixedResponse
from aws_lb_controller.model.load_balancer import SubnetMapping
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Ref
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.policy import refusals
from aws_lb_controller.plan.steps import (
    AwaitTargets,
    AwaitTraffic,
    CreateBinding,
    CreateLoadBalancer,
    CreateTargetGroup,
    DeleteLoadBalancer,
    Step,
)
from builders_model import a_binding, a_listener, a_load_balancer, a_rule, a_stack, a_target_group, forward, path
from carrying_out import brought_to, built, states

SORRY = a_listener(default_actions=(FixedResponse(status_code="503", message_body="soon"),))
INTERNAL = a_load_balancer(scheme="internal")


NOTHING_BEHIND: dict[str, Any] = {"rules": (), "target_groups": (), "bindings": ()}


def kinds(steps: tuple[Step, ...]) -> list[str]:
    return [type(step).__name__ for step in steps]


def test_a_target_group_that_a_new_listener_forwards_to_waits_for_nobody() -> None:
    assert [] == [step for step in plan(a_stack(), ObservedStack()) if isinstance(step, AwaitTargets | AwaitTraffic)]


def test_a_new_rule_on_a_listener_that_serves_waits_for_the_targets_of_its_new_group() -> None:
    wanted, observed = a_stack(listeners=(SORRY,)), built(a_stack(listeners=(SORRY,), **NOTHING_BEHIND))

    assert ["CreateTargetGroup", "CreateBinding", "AwaitTargets", "CreateRule"] == kinds(plan(wanted, observed))


def test_a_run_that_was_cut_after_the_binding_came_still_waits_for_its_targets() -> None:
    wanted, observed = a_stack(listeners=(SORRY,)), built(a_stack(listeners=(SORRY,), **NOTHING_BEHIND))
    steps = plan(wanted, observed)
    cut = list(states(steps, observed, wanted))[kinds(steps).index("CreateBinding") + 1]

    assert ["AwaitTargets", "CreateRule"] == kinds(plan(wanted, cut))


def test_a_new_rule_on_a_listener_that_answers_404_waits_for_nobody() -> None:
    observed = built(a_stack(**NOTHING_BEHIND))

    assert ["CreateTargetGroup", "CreateRule", "CreateBinding"] == kinds(plan(a_stack(), observed))


def test_a_deployment_that_broke_off_goes_on_as_it_would_have_gone() -> None:
    forwards = a_listener(default_actions=(forward(Ref("TargetGroup", "shop/other:80")),))
    wanted = a_stack(
        listeners=(forwards,),
        target_groups=(a_target_group(), a_target_group("shop/other:80")),
        bindings=(a_binding(), a_binding("shop/other:80", service_name="other")),
    )
    steps = plan(wanted, ObservedStack())
    cut = list(states(steps, ObservedStack(), wanted))[kinds(steps).index("CreateListener") + 1]

    assert kinds(steps)[kinds(steps).index("CreateListener") + 1 :] == kinds(plan(wanted, cut))


def test_a_rule_that_moves_to_a_group_that_serves_already_waits_for_nobody() -> None:
    to_other = (forward(Ref("TargetGroup", "shop/other:80")),)
    before = a_stack(
        target_groups=(a_target_group(), a_target_group("shop/other:80")),
        bindings=(a_binding(), a_binding("shop/other:80", service_name="other")),
        rules=(a_rule(1), a_rule(2, actions=to_other, conditions=(path("/other"),))),
    )
    after = replace(before, rules=(a_rule(1, actions=to_other), before.rules[1]))

    assert ["ModifyRule"] == [k for k in kinds(plan(after, built(before))) if "Rule" in k or "Await" in k]


def test_a_new_target_group_whose_name_is_taken_gets_another_one_of_that_shape_and_so_does_its_binding() -> None:
    observed = built(a_stack(target_groups=(a_target_group(name="k8s-shop-web-0123456789"),)))
    wanted = a_stack(target_groups=(a_target_group(name="k8s-shop-web-0123456789", ip_address_type="ipv6"),))
    (group,) = [step.group for step in plan(wanted, observed) if isinstance(step, CreateTargetGroup)]
    (binding,) = [step.binding for step in plan(wanted, observed) if isinstance(step, CreateBinding)]

    assert "k8s-shop-web-" == group.name[:-10]
    assert group.name != "k8s-shop-web-0123456789"
    assert binding.name != observed.bindings[0].resource.name


def test_a_replaced_load_balancer_goes_when_traffic_flows_through_the_new_one_which_has_groups_of_its_own() -> None:
    observed = built(a_stack())
    steps = plan(a_stack(load_balancers=(INTERNAL,)), observed)
    old = observed.load_balancers[0].arn
    (wait,) = [step for step in steps if isinstance(step, AwaitTraffic)]

    assert Ref("LoadBalancer", "LoadBalancer") == wait.load_balancer
    assert (Ref("TargetGroup", "shop/web-svc:80"),) == wait.target_groups
    assert (observed.target_groups[0].arn,) == wait.instead_of
    assert steps.index(wait) < steps.index(DeleteLoadBalancer(arn=old))


def test_a_replacement_that_is_taken_back_half_way_keeps_the_old_load_balancer_with_its_groups() -> None:
    observed = built(a_stack())
    steps = plan(a_stack(load_balancers=(INTERNAL,)), observed)
    half = list(states(steps, observed, a_stack(load_balancers=(INTERNAL,))))[kinds(steps).index("AwaitTraffic")]

    back = brought_to(a_stack(), half)

    assert observed.load_balancers == back.load_balancers
    assert observed.target_groups == back.target_groups


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({"name": "shop"}, "the name shop"),
        ({"subnets": (SubnetMapping(subnet_id="subnet-a", ipv6_address="2600::1"),)}, "the addresses 2600::1"),
    ],
)
def test_what_cannot_stand_beside_the_old_load_balancer_does_not_replace_it(
    changes: dict[str, object], held: str
) -> None:
    observed = built(a_stack(load_balancers=(a_load_balancer(**changes),)))
    steps = plan(a_stack(load_balancers=(a_load_balancer(**(changes | {"scheme": "internal"})),)), observed)

    (refusal,) = refusals(steps, observed)

    assert f"while it holds {held}, and it is not deleted before" in refusal
    assert "go back to internet-facing" in refusal


def test_a_foreign_target_group_is_served_by_one_load_balancer_and_so_keeps_the_old_one() -> None:
    foreign = a_listener(default_actions=(forward("arn-foreign"),))
    observed = built(a_stack())
    listener = replace(observed.listeners[0].resource, default_actions=foreign.default_actions)
    observed = replace(observed, listeners=(replace(observed.listeners[0], resource=listener),))
    steps = plan(a_stack(listeners=(foreign,), load_balancers=(INTERNAL,)), observed)

    assert ["the target groups arn-foreign"] == [
        refusal.partition("while it holds ")[2].partition(",")[0] for refusal in refusals(steps, observed)
    ]


def test_a_load_balancer_that_can_stand_beside_the_old_one_replaces_it() -> None:
    observed = built(a_stack())
    steps = plan(a_stack(load_balancers=(INTERNAL,)), observed)

    assert () == refusals(steps, observed)
    assert ["CreateLoadBalancer", "DeleteLoadBalancer"] == [
        type(step).__name__ for step in steps if isinstance(step, CreateLoadBalancer | DeleteLoadBalancer)
    ]
