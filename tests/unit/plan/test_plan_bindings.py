from __future__ import annotations

from dataclasses import replace

import pytest

from aws_lb_controller.model.binding import Binding, NetworkingPeer, NetworkingPort, NetworkingRule
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.steps import CreateBinding, DeleteBinding, PublishStatus, UpdateBinding
from builders_model import STACK_ID, a_binding, a_stack
from carrying_out import brought_to, built


def seen_with(**values: object) -> ObservedStack:
    """What is observed of the usual stack, after somebody changed fields of its binding's resource."""
    observed = built(a_stack())
    seen = observed.bindings[0]
    return replace(observed, bindings=(replace(seen, resource=replace(seen.resource, **values)),))


def stack_with(binding: Binding) -> Stack:
    return a_stack(bindings=(binding,))


def test_a_binding_keeps_its_name_while_its_target_group_stays() -> None:
    (update,) = plan(stack_with(a_binding(name="another", service_port=8080)), built(a_stack()))

    assert isinstance(update, UpdateBinding)
    assert (a_binding().name, 8080) == (update.binding.name, update.binding.service_port)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("service_port", "http"),
        ("networking", None),
        ("node_selector", {"matchLabels": {"a": "b"}}),
        ("multi_cluster", True),
        ("target_group_protocol", "HTTPS"),
        ("labels", {**STACK_ID.labels, "more": "x"}),
        ("annotations", {"ours": "x"}),
    ],
)
def test_a_changed_field_updates_the_binding_once(field: str, value: object) -> None:
    stack = stack_with(a_binding(**{field: value}))
    observed = built(a_stack())

    assert [UpdateBinding] == [type(step) for step in plan(stack, observed)]
    assert () == plan(stack, brought_to(stack, observed))


def test_labels_annotations_and_a_vpc_that_others_gave_stay() -> None:
    observed = seen_with(labels={**STACK_ID.labels, "theirs": "x"}, annotations={"theirs": "y"})

    assert () == plan(stack_with(a_binding(vpc_id=None)), observed)


def test_an_update_leaves_what_others_gave() -> None:
    observed = seen_with(labels={**STACK_ID.labels, "theirs": "x"}, annotations={"theirs": "y"})
    updated = brought_to(stack_with(a_binding(vpc_id=None, service_port=1)), observed).bindings[0].resource

    assert ("x", {"theirs": "y"}, "vpc-1") == (updated.labels["theirs"], updated.annotations, updated.vpc_id)


def test_the_order_of_peers_and_a_ports_default_protocol_are_no_difference() -> None:
    def rules(protocol: str | None, *cidrs: str) -> tuple[NetworkingRule, ...]:
        peers = tuple(NetworkingPeer(cidr=cidr) for cidr in cidrs)
        return (NetworkingRule(peers=peers, ports=(NetworkingPort(protocol=protocol, port=80),)),)

    observed = seen_with(networking=rules("TCP", "10.0.0.0/8", "11.0.0.0/8"))

    assert () == plan(stack_with(a_binding(networking=rules(None, "11.0.0.0/8", "10.0.0.0/8"))), observed)


def test_a_binding_that_nothing_wants_is_deleted_before_its_target_group() -> None:
    steps = plan(a_stack(bindings=(), target_groups=(), rules=()), built(a_stack()))

    assert ["DeleteRule", "PublishStatus", "DeleteBinding", "DeleteTargetGroup"] == [
        type(step).__name__ for step in steps
    ]


def test_a_binding_that_is_being_deleted_is_waited_for_and_then_made_anew() -> None:
    observed = built(a_stack())
    observed = replace(observed, bindings=(replace(observed.bindings[0], deleting=True),))

    assert [DeleteBinding, CreateBinding] == [type(step) for step in plan(a_stack(), observed)]


def test_a_binding_of_a_lost_target_group_makes_way_for_the_new_one_of_its_name() -> None:
    observed = replace(built(a_stack()), target_groups=(), rules=())
    kinds = [type(step).__name__ for step in plan(a_stack(), observed)]

    assert ["CreateTargetGroup", "DeleteBinding", "CreateRule", "CreateBinding"] == kinds


def test_of_two_bindings_of_one_target_group_the_first_by_name_is_kept() -> None:
    observed = built(a_stack())
    extra = replace(
        observed.bindings[0], arn="uid-2", resource=replace(observed.bindings[0].resource, name="zzz-second")
    )

    assert (PublishStatus(), DeleteBinding(namespace="shop", name="zzz-second")) == plan(
        a_stack(), replace(observed, bindings=(extra, *observed.bindings))
    )
