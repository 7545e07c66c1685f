from __future__ import annotations

from dataclasses import replace

import pytest

from aws_lb_controller.model.observed import ObservedStack, Seen
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref
from aws_lb_controller.model.security_group import Source
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan.order import Phase, arranged
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.steps import (
    CreateSecurityGroup,
    CreateTargetGroup,
    DeleteSecurityGroup,
    DeleteTargetGroup,
    EnsureBackendSecurityGroup,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
    PublishStatus,
    SetSecurityGroupIngress,
    needs,
)
from builders_model import (
    STACK_ID,
    a_binding,
    a_health_check,
    a_load_balancer,
    a_security_group,
    a_stack,
    a_target_group,
    an_ingress_rule,
)
from carrying_out import brought_to, built

EMPTY = Stack(id=STACK_ID)


def seen_target_group(**values: object) -> ObservedStack:
    observed = built(a_stack())
    seen = observed.target_groups[0]
    return replace(observed, target_groups=(replace(seen, resource=replace(seen.resource, **values)),))


def test_a_target_group_keeps_its_name_and_port_whatever_is_wanted() -> None:
    assert () == plan(a_stack(target_groups=(a_target_group(name="another", port=1),)), built(a_stack()))


def test_target_groups_are_made_in_the_order_of_their_ids_whatever_that_of_the_rules() -> None:
    ids = ("shop/web-b:80", "shop/web-a:http", "shop/web-a:80")
    wanted = a_stack(target_groups=tuple(a_target_group(id, name=f"new-{i}") for i, id in enumerate(ids)))
    made = [step.group.id for step in plan(wanted, ObservedStack()) if isinstance(step, CreateTargetGroup)]
    assert ["shop/web-a:80", "shop/web-a:http", "shop/web-b:80"] == made


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target_type", "instance"),
        ("protocol", "HTTPS"),
        ("protocol_version", "GRPC"),
        ("ip_address_type", "ipv6"),
        ("target_control_port", 3000),
    ],
)
def test_what_aws_cannot_change_replaces_the_target_group_and_its_binding_follows(field: str, value: object) -> None:
    observed = built(a_stack())
    stack = a_stack(target_groups=(a_target_group(name="new", **{field: value}),), bindings=(a_binding(name="new"),))

    assert [
        "CreateTargetGroup",
        "CreateBinding",
        "AwaitTargets",
        "ModifyRule",
        "PublishStatus",
        "DeleteBinding",
        "DeleteTargetGroup",
    ] == [type(step).__name__ for step in plan(stack, observed)]


def test_a_health_check_is_modified_in_what_differs() -> None:
    observed = built(a_stack())
    wanted = a_target_group(health_check=a_health_check(interval_seconds=30))

    assert (ModifyTargetGroup(arn=observed.target_groups[0].arn, group=wanted, changed=("interval_seconds",)),) == plan(
        a_stack(target_groups=(wanted,)), observed
    )


def test_a_health_checks_path_is_left_alone_where_nothing_is_said() -> None:
    wanted = a_target_group(health_check=a_health_check(path=None, http_codes=None))

    assert () == plan(a_stack(target_groups=(wanted,)), built(a_stack()))


def test_attributes_of_a_target_group_that_we_do_not_set_are_left_alone() -> None:
    observed = seen_target_group(attributes={"a": "1", "b": "2"})
    wanted = a_target_group(attributes={"b": "3"})

    assert (ModifyTargetGroupAttributes(arn=observed.target_groups[0].arn, attributes={"b": "3"}),) == plan(
        a_stack(target_groups=(wanted,)), observed
    )


def test_of_two_target_groups_of_one_tag_the_one_in_use_is_kept() -> None:
    observed = built(a_stack())
    first = replace(observed.target_groups[0], arn="a-first-by-arn")

    assert (PublishStatus(), DeleteTargetGroup(arn="a-first-by-arn")) == plan(
        a_stack(), replace(observed, target_groups=(first, *observed.target_groups))
    )


def test_of_two_unused_target_groups_of_one_tag_the_first_by_arn_is_kept() -> None:
    stack = a_stack(rules=(), listeners=(), bindings=())
    observed = built(stack)
    first = replace(observed.target_groups[0], arn="a-first-by-arn")

    assert (PublishStatus(), DeleteTargetGroup(arn=observed.target_groups[0].arn)) == plan(
        stack, replace(observed, target_groups=(*observed.target_groups, first))
    )


def test_inbound_rules_are_set_as_a_whole_where_they_differ() -> None:
    observed = built(a_stack())
    ingress = frozenset({an_ingress_rule(443)})

    assert (
        SetSecurityGroupIngress(
            group_id=observed.security_groups[0].arn, resource="ManagedLBSecurityGroup", ingress=ingress
        ),
    ) == plan(a_stack(security_groups=(a_security_group(ingress=ingress),)), observed)


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        (an_ingress_rule(cidr="10.1.2.3/8"), an_ingress_rule(cidr="10.0.0.0/8")),
        (
            an_ingress_rule(source=Source("ipv6", "2001:DB8:0::/32")),
            an_ingress_rule(source=Source("ipv6", "2001:db8::/32")),
        ),
        (an_ingress_rule(description="ours"), an_ingress_rule()),
        (
            an_ingress_rule(protocol="-1", from_port=None, to_port=None),
            an_ingress_rule(protocol="-1", from_port=-1, to_port=-1),
        ),
    ],
)
def test_ec2s_spelling_of_an_inbound_rule_is_no_difference(wanted: object, seen: object) -> None:
    observed = built(a_stack(security_groups=(a_security_group(ingress=frozenset({seen})),)))

    assert () == plan(a_stack(security_groups=(a_security_group(ingress=frozenset({wanted})),)), observed)


def test_name_and_description_of_a_security_group_are_not_looked_at() -> None:
    assert () == plan(a_stack(security_groups=(a_security_group(name="x", description="y"),)), built(a_stack()))


def test_groups_that_name_each_other_let_go_before_they_are_deleted() -> None:
    def naming(group_id: str, other: str) -> Seen:
        rule = an_ingress_rule(source=Source("security-group", other))
        return Seen(arn=group_id, resource=a_security_group(group_id, ingress=frozenset({rule})))

    observed = ObservedStack(security_groups=(naming("sg-a", "sg-b"), naming("sg-b", "sg-a")))

    assert (
        SetSecurityGroupIngress(group_id="sg-a", resource="sg-a", ingress=frozenset()),
        SetSecurityGroupIngress(group_id="sg-b", resource="sg-b", ingress=frozenset()),
        DeleteSecurityGroup(group_id="sg-a"),
        DeleteSecurityGroup(group_id="sg-b"),
    ) == plan(EMPTY, observed)


def test_a_group_whose_rules_name_another_new_one_is_made_after_it() -> None:
    other = an_ingress_rule(source=Source("security-group", Ref("SecurityGroup", "B")))
    groups = (a_security_group("A", ingress=frozenset({other})), a_security_group("B"))

    steps = plan(Stack(id=STACK_ID, security_groups=groups), ObservedStack())

    assert ["B", "A"] == [step.group.id for step in steps if isinstance(step, CreateSecurityGroup)]


def test_groups_that_cannot_be_made_without_each_other_are_a_bug_that_is_named() -> None:
    def naming(group_id: str, other: str) -> CreateSecurityGroup:
        rule = an_ingress_rule(source=Source("security-group", Ref("SecurityGroup", other)))
        return CreateSecurityGroup(group=a_security_group(group_id, ingress=frozenset({rule})))

    with pytest.raises(ValueError, match="steps that need each other"):
        arranged([{Phase.SECURITY_GROUPS: [naming("A", "B"), naming("B", "A")]}])


def test_the_shared_backend_group_is_asked_for_first_where_the_stack_names_it() -> None:
    assert EnsureBackendSecurityGroup() == plan(a_stack(), ObservedStack())[0]


def test_the_shared_backend_group_is_not_asked_for_where_it_is_known() -> None:
    steps = plan(a_stack(), ObservedStack(backend_security_group="sg-shared"))

    assert [] == [step for step in steps if isinstance(step, EnsureBackendSecurityGroup)]
    assert [] == [step for step in steps if BACKEND_SECURITY_GROUP in needs(step)]


def test_the_shared_backend_group_is_not_asked_for_where_nothing_names_it() -> None:
    stack = Stack(id=STACK_ID, load_balancers=(a_load_balancer(security_groups=("sg-given",)),))

    assert ["CreateLoadBalancer"] == [type(step).__name__ for step in plan(stack, ObservedStack())]


def test_a_crash_after_the_first_of_two_creations_makes_the_second_one_only() -> None:
    groups = (a_target_group("a"), a_target_group("b"))
    half = brought_to(Stack(id=STACK_ID, target_groups=groups[:1]), ObservedStack())

    assert (CreateTargetGroup(group=groups[1]),) == plan(Stack(id=STACK_ID, target_groups=groups), half)
