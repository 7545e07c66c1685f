from __future__ import annotations

from dataclasses import replace

from aws_lb_controller.model.listener import Authenticate, Condition, Forward, Rule, WeightedTargetGroup
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Ref
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.rules import QUOTA
from aws_lb_controller.plan.steps import CreateRule, DeleteRule, ModifyRule, SetRulePriorities, SetTags
from builders_model import a_listener, a_rule, a_stack, a_target_group, forward, not_found, path, tags
from carrying_out import brought_to, built


def rules(*paths: str) -> tuple[Rule, ...]:
    return tuple(a_rule(n, conditions=(path(p),)) for n, p in enumerate(paths, start=1))


def arn_of(observed: ObservedStack, priority: int) -> str:
    return next(s.arn for s in observed.rules if s.resource.priority == priority)


def test_rules_that_change_places_take_one_call_for_priorities_and_their_tags() -> None:
    observed = built(a_stack(rules=rules("/a", "/b", "/c")))
    a, b = arn_of(observed, 1), arn_of(observed, 2)

    assert (
        SetRulePriorities(priorities={b: 1, a: 2}),
        SetTags(service="elbv2", arn=b, add={"ingress.k8s.aws/resource": "80:1"}, remove=()),
        SetTags(service="elbv2", arn=a, add={"ingress.k8s.aws/resource": "80:2"}, remove=()),
    ) == plan(a_stack(rules=rules("/b", "/a", "/c")), observed)


def test_a_new_rule_in_front_moves_the_others_and_is_created_in_the_place_that_became_free() -> None:
    observed = built(a_stack(rules=rules("/a", "/b")))
    stack = a_stack(rules=rules("/new", "/a", "/b"))

    steps = plan(stack, observed)

    assert [SetRulePriorities, CreateRule, SetTags, SetTags] == [type(step) for step in steps]
    assert 1 == steps[1].rule.priority


def test_a_rule_with_another_action_in_the_same_place_is_modified_there() -> None:
    observed = built(a_stack())
    stack = a_stack(rules=(a_rule(actions=(not_found(),)),))

    assert (ModifyRule(arn=arn_of(observed, 1), rule=plan(stack, observed)[0].rule, changed=("actions",)),) == plan(
        stack, observed
    )


def test_stickiness_that_nobody_asks_for_any_more_goes() -> None:
    plain = a_rule()
    (action,) = plain.actions
    assert isinstance(action, Forward)
    observed = built(a_stack(rules=(replace(plain, actions=(replace(action, stickiness_seconds=60),)),)))

    (step,) = plan(a_stack(rules=(plain,)), observed)

    assert isinstance(step, ModifyRule)
    assert ("actions",) == step.changed


def test_a_rule_that_will_be_deleted_makes_way_at_the_end_of_the_list() -> None:
    observed = built(a_stack(rules=rules("/gone", "/a")))
    gone, a = arn_of(observed, 1), arn_of(observed, 2)

    steps = plan(a_stack(rules=rules("/a")), observed)

    assert SetRulePriorities(priorities={a: 1, gone: 50_000}) == steps[0]
    assert DeleteRule(arn=gone) == steps[1]


def test_rules_are_created_before_others_are_deleted() -> None:
    observed = built(a_stack(rules=(a_rule(5, conditions=(path("/old"),)),)))

    steps = plan(a_stack(rules=rules("/new")), observed)

    assert [CreateRule, DeleteRule] == [type(step) for step in steps]


def test_at_the_quota_each_creation_is_preceded_by_a_deletion() -> None:
    observed = built(a_stack(rules=tuple(a_rule(n + 200, conditions=(path(f"/{n}"),)) for n in range(QUOTA))))

    steps = plan(a_stack(rules=rules("/x", "/y")), observed)

    assert [DeleteRule, CreateRule, DeleteRule, CreateRule, *[DeleteRule] * (QUOTA - 2)] == [type(s) for s in steps]


def test_the_order_of_conditions_and_of_their_values_does_not_matter() -> None:
    host = Condition(field="host-header", values=("x.example", "y.example"))
    turned = Condition(field="host-header", values=("y.example", "x.example"))
    observed = built(a_stack(rules=(a_rule(conditions=(host, path("/a"))),)))

    assert () == plan(a_stack(rules=(a_rule(conditions=(path("/a"), turned)),)), observed)


def test_a_weight_that_is_awss_default_is_no_difference() -> None:
    group = Ref("TargetGroup", "shop/web-svc:80")
    weighted = Forward(target_groups=(WeightedTargetGroup(group, 1),))
    observed = built(a_stack(rules=(a_rule(actions=(weighted,)),)))

    assert () == plan(a_stack(rules=(a_rule(actions=(forward(group),)),)), observed)


def test_the_order_of_actions_matters() -> None:
    signed_in = Authenticate(type="authenticate-cognito", config={"UserPoolArn": "arn-pool"})
    observed = built(a_stack(rules=(a_rule(actions=(signed_in, not_found())),)))
    turned = a_stack(rules=(a_rule(actions=(not_found(), signed_in)),))

    assert [("actions",)] == [step.changed for step in plan(turned, observed) if isinstance(step, ModifyRule)]


def test_rules_follow_their_target_group_to_its_replacement_in_place() -> None:
    observed = built(a_stack())
    stack = a_stack(target_groups=(a_target_group(target_type="instance"),))

    modified = [step for step in plan(stack, observed) if isinstance(step, ModifyRule)]

    assert [(forward(Ref("TargetGroup", "shop/web-svc:80")),)] == [step.rule.actions for step in modified]


def test_rules_of_each_listener_are_their_own() -> None:
    listeners = (a_listener(80), a_listener(8080))
    observed = built(a_stack(listeners=listeners, rules=(a_rule(1, 80), a_rule(1, 8080))))
    stack = a_stack(listeners=listeners, rules=(a_rule(1, 80),))

    kept = next(s for s in observed.rules if s.resource.tags == tags("80:1"))

    assert (kept,) == brought_to(stack, observed).rules


def test_of_two_rules_that_do_the_same_both_stay() -> None:
    observed = built(a_stack(rules=(a_rule(1), a_rule(2))))

    assert () == plan(a_stack(rules=(a_rule(1), a_rule(2))), observed)


def test_a_rule_somebody_else_made_on_our_listener_goes() -> None:
    observed = built(a_stack())
    stranger = replace(
        observed.rules[0], arn="arn-x", resource=replace(observed.rules[0].resource, id="", priority=9, tags={})
    )

    assert (DeleteRule(arn="arn-x"),) == plan(a_stack(), replace(observed, rules=(*observed.rules, stranger)))
