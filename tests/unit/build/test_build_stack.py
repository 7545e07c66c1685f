"""A whole stack: what is asked beforehand, what it holds, and how its problems are told."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import (
    Certificates,
    Existing,
    PublicSubnets,
    SecurityGroupIds,
    TargetGroupArns,
    VpcNetworks,
    VpcSubnets,
)
from aws_lb_controller.build.stack import build, questions
from aws_lb_controller.errors import Problem, SpecError, UnmetNeed
from aws_lb_controller.intent.values import (
    ForwardIntent,
    ForwardTo,
    FrontendAccess,
    SecurityGroupChoice,
    SubnetChoice,
)
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.settings import Settings
from builders_intent import (
    ALB_STACK,
    NLB_STACK,
    a_build_config,
    a_listener_intent,
    a_load_balancer_intent,
    a_service_port,
    a_stack_intent,
    a_target_group_intent,
    an_alb_intent,
    an_http_target_group_intent,
    an_ingress_stack_intent,
    facts,
)


def test_the_settings_give_the_configuration() -> None:
    args = ["--cluster-name=demo", "--default-tags=a=1", "--feature-gates=ALBSingleSubnet=true"]
    expected = a_build_config(default_tags={"a": "1"}, alb_single_subnet=True)
    assert expected == BuildConfig.of(Settings.from_args(args), "vpc-1")


# -- questions


def test_a_plain_ingress_asks_for_the_vpcs_subnets_and_what_exists() -> None:
    expected = {Existing(ALB_STACK), VpcSubnets(), PublicSubnets()}
    assert expected == questions(an_ingress_stack_intent(), a_build_config())


def test_a_plain_service_asks_for_the_vpcs_networks_too() -> None:
    expected = {Existing(NLB_STACK), VpcSubnets(), PublicSubnets(), VpcNetworks()}
    assert expected == questions(a_stack_intent(), a_build_config())


def test_given_subnets_and_networks_need_fewer_questions() -> None:
    lb = a_load_balancer_intent(
        subnets=SubnetChoice(names_or_ids=("private-a",)), access=FrontendAccess(cidrs=("10.0.0.0/8",))
    )
    assert {Existing(NLB_STACK), VpcSubnets()} == questions(a_stack_intent(load_balancer=lb), a_build_config())


def test_what_is_named_is_asked_for() -> None:
    to_old = ForwardIntent(to=(ForwardTo(name="old"),))
    intent = an_ingress_stack_intent(
        load_balancer=an_alb_intent(security_groups=SecurityGroupChoice(groups=("edge",))),
        listeners=(
            a_listener_intent(
                443, protocol="HTTPS", default_actions=(to_old,), certificate_hosts=frozenset({"a.example.com"})
            ),
        ),
    )
    expected = {SecurityGroupIds(frozenset({"edge"})), TargetGroupArns(frozenset({"old"})), Certificates()}
    assert expected < questions(intent, a_build_config())


# -- tags


def tags_of_everything(**values: Any) -> list[dict[str, str]]:
    config = a_build_config(**values)
    team = {"team": "web"}
    intent = a_stack_intent(
        load_balancer=a_load_balancer_intent(tags=team),
        target_groups=(a_target_group_intent(tags=team),),
        listeners=(a_listener_intent(tags=team),),
    )
    stack = build(intent, facts(intent, config), config)
    everything = (*stack.load_balancers, *stack.security_groups, *stack.target_groups, *stack.listeners)
    return [dict(resource.tags) for resource in everything]


def test_everything_bears_our_tags_with_its_id_the_users_and_the_defaults() -> None:
    ids = ("LoadBalancer", "ManagedLBSecurityGroup", "shop/web:80", "80")
    expected = [
        {
            "stage": "test",
            "team": "web",
            "elbv2.k8s.aws/cluster": "demo",
            "service.k8s.aws/stack": "shop/web",
            "service.k8s.aws/resource": resource,
        }
        for resource in ids
    ]
    assert expected == tags_of_everything(default_tags={"stage": "test"})


@pytest.mark.parametrize(("low_priority", "team"), [(False, "platform"), (True, "web")])
def test_the_default_tags_win_unless_the_feature_gate_gives_them_low_priority(*, low_priority: bool, team: str) -> None:
    built = tags_of_everything(default_tags={"team": "platform"}, default_tags_low_priority=low_priority)
    assert [team] * 4 == [tags["team"] for tags in built]


def test_our_own_tags_cannot_be_overridden() -> None:
    intent = a_stack_intent(load_balancer=a_load_balancer_intent(tags={"elbv2.k8s.aws/cluster": "other"}))
    stack = build(intent, facts(intent), a_build_config())
    assert "demo" == stack.load_balancers[0].tags["elbv2.k8s.aws/cluster"]


def test_tags_that_others_manage_are_an_error_told_once() -> None:
    with pytest.raises(SpecError) as error:
        tags_of_everything(external_managed_tags=frozenset({"team"}))
    assert "example.com/tags" in {problem.field for problem in error.value.problems}


# -- problems


def broken(**values: Any) -> tuple[Problem, ...]:
    intent = a_stack_intent(**values)
    with pytest.raises((SpecError, UnmetNeed)) as error:
        build(intent, facts(intent), a_build_config())
    return error.value.problems


def test_all_problems_are_told_at_once_those_for_an_edit_first() -> None:
    problems = broken(
        load_balancer=a_load_balancer_intent(
            subnets=SubnetChoice(names_or_ids=("nowhere",)), security_groups=SecurityGroupChoice(groups=("no-group",))
        ),
        target_groups=(a_target_group_intent(a_service_port(node_port=None), target_type="instance"),),
    )
    assert ["target-type", "example.com/subnets", "example.com/security-groups"] == [p.field for p in problems]


def test_what_only_aws_lacks_is_asked_again_and_what_needs_an_edit_is_not() -> None:
    nowhere = a_load_balancer_intent(subnets=SubnetChoice(names_or_ids=("nowhere",)))
    wrong = a_target_group_intent(a_service_port(node_port=None), target_type="instance")
    unmet, both = a_stack_intent(load_balancer=nowhere), a_stack_intent(load_balancer=nowhere, target_groups=(wrong,))
    with pytest.raises(UnmetNeed):
        build(unmet, facts(unmet), a_build_config())
    with pytest.raises(SpecError):
        build(both, facts(both), a_build_config())


def test_a_service_without_ports_is_an_error() -> None:
    (problem,) = broken(target_groups=(), listeners=())
    assert ("Service shop/web", "spec.ports") == (problem.object, problem.field)


@pytest.mark.parametrize(
    ("stack", "owner"),
    [(StackId("ingress", "shop/web"), "Ingress shop/web"), (StackId("ingress", "g"), "IngressGroup g")],
)
def test_a_problem_that_nobody_is_blamed_for_is_told_to_the_stacks_owner(stack: StackId, owner: str) -> None:
    wrong = an_http_target_group_intent(a_service_port(node_port=None), target_type="instance")
    intent = an_ingress_stack_intent(stack=stack, target_groups=(wrong,))
    with pytest.raises(SpecError) as error:
        build(intent, facts(intent), a_build_config())
    assert owner == error.value.problems[0].object
