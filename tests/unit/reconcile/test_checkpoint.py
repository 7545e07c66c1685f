"""A run leaves a mark on a stack's first binding, by which the next one knows that nothing is to be done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aws_lb_controller.api.names import DEPLOYED_ANNOTATION
from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.cluster.writes import merged
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.reconcile.bindings import manifest
from aws_lb_controller.reconcile.checkpoint import Checkpoints, trusted
from aws_lb_controller.reconcile.stack_bindings import StackBindings
from builders_model import a_stack
from carrying_out import built


class Writer:
    """Patches what the store holds, as the API server would."""

    def __init__(self, store: Store) -> None:
        self.store, self.patches = store, 0

    def patch(self, kind: Any, namespace: str, name: str, body: Any) -> Any:
        held = self.store.get(kind, namespace, name) or {}
        self.patches += 1
        new = merged(merged(held, body), {"metadata": {"resourceVersion": str(1000 + self.patches)}})
        self.store.upsert(kind, new)
        return new


def a_world(stack: Stack) -> tuple[Checkpoints, Writer]:
    """The stack's bindings are there, without a mark."""
    store = Store()
    for number, binding in enumerate(stack.bindings):
        obj = manifest(replace(binding, target_group=f"arn:{number}", networking=None))
        obj["metadata"] |= {"uid": str(number), "resourceVersion": str(number + 1)}
        store.upsert(TARGET_GROUP_BINDING, obj)
    writer = Writer(store)
    return Checkpoints(StackBindings(store, writer)), writer  # type: ignore[arg-type]  # only patches are made


def test_a_stack_that_was_marked_holds() -> None:
    checkpoints, _ = a_world(a_stack())
    checkpoints.set(a_stack())
    assert checkpoints.holds(a_stack())


def test_another_stack_of_that_name_does_not_hold() -> None:
    checkpoints, _ = a_world(a_stack())
    checkpoints.set(a_stack())
    assert not checkpoints.holds(a_stack(rules=()))


def test_a_mark_that_was_lifted_does_not_hold() -> None:
    checkpoints, writer = a_world(a_stack())
    checkpoints.set(a_stack())
    checkpoints.lift(a_stack().id)
    assert not checkpoints.holds(a_stack())
    (binding,) = writer.store.list(TARGET_GROUP_BINDING)
    assert DEPLOYED_ANNOTATION not in (binding["metadata"].get("annotations") or {})


def test_marking_again_writes_nothing() -> None:
    checkpoints, writer = a_world(a_stack())
    checkpoints.set(a_stack())
    checkpoints.set(a_stack())
    assert 1 == writer.patches


def glanced(observed: ObservedStack) -> ObservedStack:
    """What a sweep tells of it."""
    return replace(
        observed,
        listeners=(),
        rules=(),
        load_balancers=tuple(replace(x, resource=replace(x.resource, attributes={})) for x in observed.load_balancers),
        target_groups=tuple(replace(x, resource=replace(x.resource, attributes={})) for x in observed.target_groups),
    )


def test_what_a_glance_cannot_see_is_taken_to_be_as_wanted() -> None:
    assert () == plan(a_stack(), trusted(a_stack(), glanced(built(a_stack()))))


def test_what_a_glance_does_see_is_not_taken_on_trust() -> None:
    seen = glanced(built(a_stack()))
    (balancer,) = seen.load_balancers
    changed = replace(seen, load_balancers=(replace(balancer, resource=replace(balancer.resource, tags={})),))
    assert () != plan(a_stack(), trusted(a_stack(), changed))
