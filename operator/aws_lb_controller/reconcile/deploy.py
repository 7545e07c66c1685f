"""Brings one stack to what is wanted: observe, plan, carry out step by step, remember.

A step that fails ends the run: what was done stays, nothing is rolled back, and the next run plans afresh from what
then exists. Whatever is seen afterwards is read anew from AWS, because an error may hide that a call took effect.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import (
    AwsAlreadyExists,
    AwsInUse,
    ControllerError,
    KubernetesConflict,
    NotYet,
)
from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Ref, resolve
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.plan import match, policy, show
from aws_lb_controller.plan.effects import Given, after
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.steps import (
    CreateBinding,
    DeleteBinding,
    DeleteSecurityGroup,
    DeleteTargetGroup,
    Plan,
    Step,
    UpdateBinding,
    gives,
)
from aws_lb_controller.reconcile import bindings
from aws_lb_controller.reconcile.checkpoint import Checkpoints, trusted
from aws_lb_controller.reconcile.ports import Carrier, KubernetesWriter, Observer

log = logging.getLogger(__name__)

_BINDING_WAIT = 5.0
"""Seconds until we look again whether a binding is gone; its deletion is an event, so this is but a safety net."""
_MORE_WAIT = 2.0
"""Seconds until we look once more whether really all of a stack is gone."""
_UNHEARD_WAIT = 0.5
"""Seconds until the store should have heard of an object that the API server has."""
_IN_USE_WAIT = 10.0
"""Seconds until AWS is asked again to delete what it still holds: network interfaces go minutes after a load
balancer.
"""


class DeploymentRefused(ControllerError):
    """The plan would take away something that is protected; nothing was done."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What there is now, and whether this run had to change anything."""

    observed: ObservedStack
    changed: bool

    def dns_names(self) -> tuple[str, ...]:
        """The DNS names of the load balancers, lower case, in order of resource id."""
        ordered = sorted(self.observed.load_balancers, key=lambda lb: lb.resource.id)
        return tuple(lb.dns_name.lower() for lb in ordered)

    def listener_ports(self) -> tuple[int, ...]:
        """The ports that the load balancers listen on."""
        return tuple(sorted({listener.resource.port for listener in self.observed.listeners}))


class Deployer:
    """Deploys stacks; one serves all workers."""

    def __init__(
        self,
        *,
        observer: Observer,
        carrier: Carrier,
        writer: KubernetesWriter,
        store: Store,
        external_managed_tags: frozenset[str] = frozenset(),
    ) -> None:
        self._observer, self._carrier, self._writer, self._store = observer, carrier, writer, store
        self._checkpoints = Checkpoints(store, writer)
        self._doubted: set[StackId] = set()
        self._external_managed_tags = external_managed_tags

    def deploy(self, stack: Stack, *, deletion_protection_off: bool = False) -> Deployed:
        """deletion_protection_off: the user's own annotation says so; an empty stack cannot.

        Raises DeploymentRefused, AwsError, KubernetesError, or NotYet where something must go first.
        """
        try:
            return self._deploy(stack, deletion_protection_off=deletion_protection_off)
        except AwsAlreadyExists:
            # most likely the answer of our own create was lost and the call tried again: look afresh, once
            return self._deploy(stack, deletion_protection_off=deletion_protection_off)

    def remove(self, stack_id: StackId, *, deletion_protection_off: bool) -> None:
        """Nothing that bears the stack's tags is left; raises as `deploy`.

        AWS is looked at again afterwards: what was made twice (an answer was lost, and the call tried again) or left by
        an earlier life of ours would have nobody to delete it later.
        """
        self.deploy(Stack(id=stack_id), deletion_protection_off=deletion_protection_off)
        self._observer.forget(stack_id)
        if self.deploy(Stack(id=stack_id), deletion_protection_off=deletion_protection_off).changed:
            raise NotYet(f"there was more of {stack_id.name} in AWS", after=_MORE_WAIT)

    def doubt(self, stack_id: StackId) -> None:
        """The next deployment of the stack takes nothing on trust: others may have changed it in AWS."""
        self._doubted.add(stack_id)

    def _deploy(self, stack: Stack, *, deletion_protection_off: bool) -> Deployed:
        if stack.id in self._doubted:
            self._doubted.discard(stack.id)
            self._observer.forget(stack.id)
        elif (left := self._as_it_was_left(stack)) is not None:
            return Deployed(observed=left, changed=False)
        observed = self.observe(stack.id)
        steps = self._plan(stack, observed, deletion_protection_off=deletion_protection_off)
        if refusals := policy.refusals(steps, observed):
            raise DeploymentRefused("; ".join(refusals))
        if steps:
            self._checkpoints.lift(stack.id)
        deployed = _Run(self, stack, observed).carry_out(steps)
        self._checkpoints.set(stack)
        return deployed

    def _plan(self, stack: Stack, observed: ObservedStack, *, deletion_protection_off: bool = False) -> Plan:
        return plan(
            stack,
            observed,
            external_managed_tags=self._external_managed_tags,
            deletion_protection_off=deletion_protection_off,
        )

    def _as_it_was_left(self, stack: Stack) -> ObservedStack | None:
        """What there is, without a close look, if an earlier life of ours left it so and nothing is to be done."""
        if not self._checkpoints.holds(stack) or (glanced := self._observer.glance(stack.id)) is None:
            return None
        left = self._with_bindings(stack.id, trusted(stack, glanced))
        return None if self._plan(stack, left) else left

    def observe(self, stack_id: StackId) -> ObservedStack:
        """AWS's side from memory or AWS, the bindings from the store."""
        return self._with_bindings(stack_id, self._observer.observe(stack_id))

    def _with_bindings(self, stack_id: StackId, observed: ObservedStack) -> ObservedStack:
        held = self._store.by_index(TARGET_GROUP_BINDING, "stack", f"{stack_id.owner}:{stack_id.name}")
        return dataclasses.replace(observed, bindings=tuple(bindings.seen(obj) for obj in held))


class _Run:
    """One run over one plan."""

    def __init__(self, deployer: Deployer, stack: Stack, observed: ObservedStack) -> None:
        self._of, self._stack, self._observed = deployer, stack, observed
        self._known: dict[Ref, str] = dict(match.known(stack, observed))
        self._leaving: list[str] = []

    def carry_out(self, steps: tuple[Step, ...]) -> Deployed:
        try:
            for step in steps:
                self._one(step)
        except AwsInUse as e:
            raise NotYet(str(e), after=_IN_USE_WAIT) from e
        except NotYet:
            raise
        except Exception:
            self._of._observer.forget(self._stack.id)
            raise
        self._wait_for_leaving_bindings()
        return Deployed(observed=self._observed, changed=bool(steps))

    def _one(self, step: Step) -> None:
        if isinstance(step, DeleteTargetGroup | DeleteSecurityGroup):
            self._wait_for_leaving_bindings()
        step = resolve(step, self._known)
        log.info("%s", show.describe(step), extra={"stack": self._stack.id.name, "step": type(step).__name__})
        given = self._dispatch(step)
        if given is not None and (ref := gives(step)) is not None:
            self._known[ref] = given.arn
        self._observed = after(self._observed, step, given)
        self._of._observer.remember(self._stack.id, dataclasses.replace(self._observed, bindings=()))

    def _dispatch(self, step: Step) -> Given | None:
        match step:
            case CreateBinding(binding=binding):
                return self._create_binding(bindings.manifest(binding))
            case UpdateBinding(binding=binding):
                self._update_binding(binding)
                return None
            case DeleteBinding(namespace=namespace, name=name):
                self._delete_binding(namespace, name)
                return None
            case _:
                return self._of._carrier.carry_out(step)

    def _create_binding(self, body: Mapping[str, Any]) -> Given:
        try:
            made = self._of._writer.create(TARGET_GROUP_BINDING, body)
        except KubernetesConflict as e:
            # made by an earlier life of ours, and the store has not heard of it yet
            raise NotYet(str(e), after=_UNHEARD_WAIT) from e
        return Given(arn=made["metadata"]["uid"])

    def _update_binding(self, binding: Binding) -> None:
        held = self._of._store.get(TARGET_GROUP_BINDING, binding.namespace, binding.name) or {}
        self._of._writer.patch(TARGET_GROUP_BINDING, binding.namespace, binding.name, bindings.patch(binding, held))

    def _delete_binding(self, namespace: str, name: str) -> None:
        self._of._writer.delete(TARGET_GROUP_BINDING, namespace, name)
        if self._of._store.get(TARGET_GROUP_BINDING, namespace, name) is not None:
            self._leaving.append(f"{namespace}/{name}")

    def _wait_for_leaving_bindings(self) -> None:
        if self._leaving:
            raise NotYet(f"TargetGroupBinding {self._leaving[0]} has targets to let go", after=_BINDING_WAIT)
