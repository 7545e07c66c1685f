"""What a run leaves for the next one to find: that a stack is as it was wanted, so that it needs no close look.

A digest of the stack stands in an annotation of the first of its TargetGroupBindings. It is taken away before the first
change and put back after the last, so that it is never there while AWS may be something in between. What the sweep
after a restart tells (load balancers, target groups, security groups with their rules) is compared all the same; only
attributes, listeners, rules and load balancers that are targets are taken on trust, until the audit comes to the stack.
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from aws_lb_controller import __version__
from aws_lb_controller.api.names import DEPLOYED_ANNOTATION
from aws_lb_controller.cluster.indexes import annotations_of
from aws_lb_controller.model.digest import digest
from aws_lb_controller.model.observed import ObservedStack, Seen, SeenLoadBalancer
from aws_lb_controller.model.refs import resolve
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.model.target_group import TargetGroup
from aws_lb_controller.plan import match
from aws_lb_controller.reconcile.stack_bindings import StackBindings

S = TypeVar("S", Seen[TargetGroup], SeenLoadBalancer)


class Checkpoints:
    """Reads and writes the digests of stacks."""

    def __init__(self, bindings: StackBindings) -> None:
        self._bindings = bindings

    def holds(self, stack: Stack) -> bool:
        """Whether an earlier run left the stack just as it is wanted now."""
        mark = digest(stack, version=__version__)
        return self._bindings.notes(stack.id, DEPLOYED_ANNOTATION) == [mark]

    def lift(self, stack_id: StackId) -> None:
        """Before a change."""
        for binding in self._bindings.staying(stack_id):
            if DEPLOYED_ANNOTATION in annotations_of(binding):
                self._bindings.annotate(binding, DEPLOYED_ANNOTATION, None)

    def set(self, stack: Stack) -> None:
        """Everything is as wanted."""
        mark = digest(stack, version=__version__)
        bindings = self._bindings.staying(stack.id)
        if bindings and self._bindings.notes(stack.id, DEPLOYED_ANNOTATION) != [mark]:
            self.lift(stack.id)
            self._bindings.annotate(bindings[0], DEPLOYED_ANNOTATION, mark)


def trusted(stack: Stack, glanced: ObservedStack) -> ObservedStack:
    """What a glance saw, with everything it cannot see taken to be as the stack wants it."""
    wanted = resolve(stack, match.known(stack, glanced))
    attributes = {x.id: x.attributes for x in wanted.target_groups} | {
        x.id: x.attributes for x in wanted.load_balancers
    }
    targets = {x.id: x.target for x in wanted.target_groups}

    def completed(seen: S) -> S:
        resource = dataclasses.replace(seen.resource, attributes=attributes.get(seen.resource.id, {}))
        return dataclasses.replace(seen, resource=resource)

    def with_target(seen: Seen[TargetGroup]) -> Seen[TargetGroup]:
        return dataclasses.replace(
            seen, resource=dataclasses.replace(seen.resource, target=targets.get(seen.resource.id))
        )

    with_listeners = dataclasses.replace(
        glanced,
        target_groups=tuple(with_target(completed(seen)) for seen in glanced.target_groups),
        load_balancers=tuple(map(completed, glanced.load_balancers)),
        listeners=tuple(Seen(arn=f"listener {x.id}", resource=x) for x in wanted.listeners),
    )
    rules = resolve(stack, match.known(stack, with_listeners)).rules
    return dataclasses.replace(with_listeners, rules=tuple(Seen(arn=f"rule {x.id}", resource=x) for x in rules))
