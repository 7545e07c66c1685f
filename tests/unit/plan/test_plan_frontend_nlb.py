"""A load balancer in front of another of the same stack: what stands behind is its target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Ref
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.policy import refusals
from aws_lb_controller.plan.show import show
from aws_lb_controller.plan.steps import (
    AwaitTraffic,
    CreateLoadBalancer,
    DeregisterLoadBalancer,
    Step,
)
from builders_model import (
    STACK_ID,
    a_frontend_listener,
    a_frontend_nlb,
    a_frontend_target_group,
    a_listener,
    a_load_balancer,
    a_stack,
    a_target_group,
)
from carrying_out import brought_to, built, states


def fronted(
    *, ports: dict[int, int] | None = None, behind: str = "internet-facing", in_front: str = "internal", **values: Any
) -> Stack:
    """An ALB that listens on 80 and 8080, and an NLB in front; ports: those of the NLB → those of the ALB."""
    mapped = {80: 80} if ports is None else ports
    given = {
        "load_balancers": (a_load_balancer(scheme=behind), a_frontend_nlb(scheme=in_front)),
        "target_groups": (a_target_group(), *(a_frontend_target_group(port, to=to) for port, to in mapped.items())),
        "listeners": (a_listener(80), a_listener(8080), *map(a_frontend_listener, mapped)),
    }
    return a_stack(**(given | values))


def alone() -> Stack:
    return a_stack(listeners=(a_listener(80), a_listener(8080)))


def kinds(steps: tuple[Step, ...]) -> list[str]:
    return [type(step).__name__ for step in steps]


def in_order(steps: tuple[Step, ...], *wanted: str) -> list[str]:
    return [kind for kind in kinds(steps) if kind in wanted]


def alb_of(observed: ObservedStack) -> str:
    return next(seen.arn for seen in observed.load_balancers if seen.resource.type == "application")


# -- made


def test_it_is_switched_on_from_behind_to_front() -> None:
    observed = built(alone())

    assert (
        "+ target group k8s-frontendnlb-tg-tcp-80-alb-tcp-none (alb, TCP 80)\n"
        "+ load balancer k8s-shop-web-nlb (network, internal, ipv4)\n"
        "+ target ALB port 80 of <TargetGroup FrontendNlb-tg-TCP-80>\n"
        "+ listener TCP 80 on <LoadBalancer FrontendNlb>"
    ) == show(plan(fronted(), observed)).replace(alb_of(observed), "ALB")


def test_what_stands_behind_listens_before_it_is_a_target() -> None:
    steps = plan(fronted(), ObservedStack())

    assert ["CreateListener", "CreateListener", "RegisterLoadBalancer", "CreateListener"] == in_order(
        steps, "CreateListener", "RegisterLoadBalancer"
    )


def test_a_target_that_was_lost_is_registered_again_and_nothing_else_is_done() -> None:
    lost = without_targets(built(fronted()))

    assert ["RegisterLoadBalancer"] == kinds(plan(fronted(), lost))


def without_targets(observed: ObservedStack) -> ObservedStack:
    groups = (replace(seen, resource=replace(seen.resource, target=None)) for seen in observed.target_groups)
    return replace(observed, target_groups=tuple(groups))


# -- changed


def test_a_port_that_leads_elsewhere_gets_a_target_group_of_its_own_for_that() -> None:
    steps = plan(fronted(ports={80: 8080}), built(fronted()))

    assert [
        "CreateTargetGroup",
        "RegisterLoadBalancer",
        "ModifyListener",
        "PublishStatus",
        "DeregisterLoadBalancer",
        "DeleteTargetGroup",
    ] == kinds(steps)


def test_a_listener_behind_that_was_a_target_goes_when_it_is_deregistered() -> None:
    fewer = fronted(ports={80: 8080}, listeners=(a_listener(8080), a_frontend_listener(80)), rules=())
    steps = plan(fewer, built(fronted(rules=())))

    assert ["ModifyListener", "DeregisterLoadBalancer", "DeleteTargetGroup", "DeleteListener"] == in_order(
        steps, "ModifyListener", "DeregisterLoadBalancer", "DeleteTargetGroup", "DeleteListener"
    )


def test_a_listener_behind_stays_last_while_its_target_group_only_drains() -> None:
    fewer = fronted(ports={80: 8080}, listeners=(a_listener(8080), a_frontend_listener(80)), rules=())
    observed = built(fronted(rules=()))
    steps = plan(fewer, observed)
    cut = next(n for n, step in enumerate(steps) if isinstance(step, DeregisterLoadBalancer))
    draining = list(states(steps, observed, fewer))[cut + 1]

    assert ["PublishStatus", "DeleteTargetGroup", "DeleteListener"] == kinds(plan(fewer, draining))


def test_a_listener_in_front_goes_before_the_new_ones_come() -> None:
    steps = plan(fronted(ports={8443: 80}), built(fronted()))

    assert ["DeleteListener", "CreateListener"] == in_order(steps, "DeleteListener", "CreateListener")


# -- replaced


def test_the_one_behind_is_replaced_before_what_is_in_front_moves_to_the_new_one() -> None:
    observed = built(fronted(rules=(), bindings=()))
    steps = plan(fronted(behind="internal", rules=(), bindings=()), observed)
    moves = ("CreateLoadBalancer", "AwaitTraffic", "RegisterLoadBalancer", "ModifyListener", "DeregisterLoadBalancer")

    assert [*moves, "DeleteLoadBalancer"] == in_order(steps, *moves, "DeleteLoadBalancer")
    assert () == refusals(steps, observed)


def test_the_one_in_front_waits_for_its_own_targets_only() -> None:
    observed = built(fronted())
    steps = plan(fronted(in_front="internet-facing"), observed)
    (wait,) = [step for step in steps if isinstance(step, AwaitTraffic)]

    assert (Ref("TargetGroup", "FrontendNlb-tg-TCP-80"),) == wait.target_groups
    assert {"alb"} == {s.resource.target_type for s in observed.target_groups if s.arn in wait.instead_of}


def test_the_one_in_front_is_replaced_under_its_other_name() -> None:
    steps = plan(fronted(in_front="internet-facing"), built(fronted()))

    assert ["k8s-shop-web-internet-facing-nlb"] == [
        step.load_balancer.name for step in steps if isinstance(step, CreateLoadBalancer)
    ]
    assert () == refusals(steps, built(fronted()))


def test_a_name_that_is_free_is_taken() -> None:
    (nlb,) = [step.load_balancer for step in plan(fronted(), built(alone())) if isinstance(step, CreateLoadBalancer)]

    assert "k8s-shop-web-nlb" == nlb.name


def test_both_are_replaced_at_once_and_a_plan_after_that_is_empty() -> None:
    both = fronted(behind="internal", in_front="internet-facing")

    assert () == plan(both, brought_to(both, built(fronted())))


# -- taken away


def test_switched_off_it_goes_first_then_its_target_then_its_target_group() -> None:
    steps = plan(alone(), built(fronted()))

    assert ["PublishStatus", "DeleteLoadBalancer", "DeregisterLoadBalancer", "DeleteTargetGroup"] == kinds(steps)


def test_a_deletion_goes_from_front_to_back() -> None:
    going = ("DeleteLoadBalancer", "DeregisterLoadBalancer")

    assert ["DeleteLoadBalancer", "DeregisterLoadBalancer", "DeleteLoadBalancer"] == in_order(
        plan(Stack(id=STACK_ID), built(fronted())), *going
    )


def test_a_protected_one_is_not_switched_off() -> None:
    nlb = a_frontend_nlb(attributes={"deletion_protection.enabled": "true"})
    observed = built(fronted(load_balancers=(a_load_balancer(), nlb)))

    (refusal,) = refusals(plan(alone(), observed), observed)
    assert "k8s-shop-web-nlb" in refusal
