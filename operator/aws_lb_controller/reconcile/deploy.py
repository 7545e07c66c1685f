"""Brings one stack to what is wanted: observe, plan, carry out step by step, remember.

A step that fails ends the run: what was done stays, nothing is rolled back, and the next run plans afresh from what
then exists. Whatever is seen afterwards is read anew from AWS, because an error may hide that a call took effect.

Some steps end no run. A change in place that AWS refuses for good (an NLB's subnets or security groups) is
set aside and told at the end, so that it keeps nothing else from coming right. So is whatever AWS refuses of a firewall
(`firewalls`), and a capacity that we may not see or reserve (`capacity`). And once all that is wanted stands and the
status says so, what is left (old target groups that drain, a capacity that comes later) is done bit by bit. A sign-in
whose Secret is missing waits for itself alone; a listener that must be made meanwhile turns away whom it would have
signed in.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any

from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import (
    AwsAlreadyExists,
    AwsDenied,
    AwsError,
    AwsInUse,
    AwsRefused,
    ForbiddenChange,
    KubernetesConflict,
    NoClientSecret,
    NotYet,
    Problem,
)
from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.listener import FixedResponse
from aws_lb_controller.model.load_balancer import FRONTEND
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Ref, resolve
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.plan import bindings as plan_bindings
from aws_lb_controller.plan import match, policy, show
from aws_lb_controller.plan.effects import Given, after
from aws_lb_controller.plan.firewalls import doubted, guard_of
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.steps import (
    AwaitTargets,
    AwaitTraffic,
    CreateBinding,
    CreateListener,
    CreateLoadBalancer,
    DeleteBinding,
    DeleteListener,
    DeleteLoadBalancer,
    DeleteSecurityGroup,
    DeleteTargetGroup,
    FirewallStep,
    ModifyCapacityReservation,
    Plan,
    PublishStatus,
    SetIpAddressType,
    SetSecurityGroupIngress,
    SetSecurityGroups,
    SetSubnets,
    Step,
    UpdateBinding,
    concerns,
    gives,
)
from aws_lb_controller.reconcile import bindings, capacity, firewalls
from aws_lb_controller.reconcile.checkpoint import Checkpoints, trusted
from aws_lb_controller.reconcile.client_secrets import GivenSecrets, as_it_stands
from aws_lb_controller.reconcile.firewalls import Unguarded
from aws_lb_controller.reconcile.ports import Carrier, KubernetesWriter, Lookout, Observer
from aws_lb_controller.reconcile.stack_bindings import StackBindings

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


_EXPLAINED: Mapping[type, str] = {
    SetSubnets: "AWS does not change the subnets of this load balancer so (an NLB keeps its subnet in each zone)",
    SetSecurityGroups: "AWS does not change the security groups of this load balancer so (an NLB that was made without "
    "takes none, and one that was made with some keeps at least one)",
    SetIpAddressType: "AWS does not change the address type of this load balancer so",
}
"""Changes in place that AWS may refuse for as long as the load balancer is what it is."""

_IN_FRONT = ("LoadBalancer", FRONTEND)

_NOBODY_MAY_ENTER = FixedResponse(status_code="503", content_type="text/plain")
"""In place of a sign-in that cannot be made yet."""

_DELETIONS = (DeleteLoadBalancer, DeleteListener, DeleteTargetGroup, DeleteSecurityGroup)
"""What is still in use when it is to go is let go of in a while; what another holds when we want it is not."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What there is now, and whether this run had to change anything of what is wanted.

    wanted: the ARNs of the load balancers that are to stay, in the stack's order. later: what is still to go, or to
    come, in its own time. unguarded: guards that AWS would not look at or set; without_capacity: why what is reserved
    could not be seen or changed; unmet: both, as users are told it.
    """

    observed: ObservedStack
    changed: bool
    wanted: tuple[str, ...]
    later: NotYet | None = None
    unguarded: tuple[Unguarded, ...] = ()
    without_capacity: AwsDenied | None = None
    unmet: tuple[Problem, ...] = ()

    def dns_names(self) -> tuple[str, ...]:
        """The DNS names of the load balancers that are to stay, lower case, in the stack's order."""
        names = {lb.arn: lb.dns_name.lower() for lb in self.observed.load_balancers}
        return tuple(names[arn] for arn in self.wanted if arn in names)

    def listener_ports(self) -> Mapping[str, tuple[int, ...]]:
        """The ports that each of these listens on, by DNS name."""
        ports = {
            arn: tuple(sorted(x.resource.port for x in self.observed.listeners if x.resource.load_balancer == arn))
            for arn in self.wanted
        }
        return dict(zip(self.dns_names(), ports.values(), strict=True))


Publish = Callable[[Deployed], None]


class Deployer:
    """Deploys stacks; one serves all workers."""

    def __init__(
        self,
        *,
        observer: Observer,
        carrier: Carrier,
        writer: KubernetesWriter,
        store: Store,
        lookout: Lookout,
        external_managed_tags: frozenset[str] = frozenset(),
    ) -> None:
        self._observer, self._carrier, self._writer, self._store = observer, carrier, writer, store
        self._lookout = lookout
        self._bindings = StackBindings(store, writer)
        self._checkpoints, self._given_secrets = Checkpoints(self._bindings), GivenSecrets(self._bindings)
        self._doubted: set[StackId] = set()
        self._external_managed_tags = external_managed_tags

    def deploy(
        self, stack: Stack, *, publish: Publish = lambda _deployed: None, deletion_protection_off: bool = False
    ) -> Deployed:
        """publish is called once all that is wanted stands, and before anything goes that it takes the place of.

        deletion_protection_off: the user's own annotation says so; an empty stack cannot. Raises ForbiddenChange,
        AwsError, KubernetesError, or NotYet where something must come or go first.
        """
        try:
            return self._deploy(stack, publish, deletion_protection_off=deletion_protection_off)
        except AwsAlreadyExists:
            # most likely the answer of our own create was lost and the call tried again: look afresh, once
            return self._deploy(stack, publish, deletion_protection_off=deletion_protection_off)

    def remove(self, stack_id: StackId, *, deletion_protection_off: bool) -> None:
        """Nothing that bears the stack's tags is left; raises as `deploy`.

        AWS is looked at again afterwards: what was made twice (an answer was lost, and the call tried again) or left by
        an earlier life of ours would have nobody to delete it later.
        """
        self.deploy(Stack(id=stack_id), deletion_protection_off=deletion_protection_off)
        self._observer.forget(stack_id)
        if self.deploy(Stack(id=stack_id), deletion_protection_off=deletion_protection_off).changed:
            raise NotYet(f"there was more of {stack_id.name} in AWS", after=_MORE_WAIT)
        self._given_secrets.forget(stack_id)

    def doubt(self, stack_id: StackId) -> None:
        """The next deployment of the stack takes nothing on trust: others may have changed it in AWS."""
        self._doubted.add(stack_id)

    def _deploy(self, stack: Stack, publish: Publish, *, deletion_protection_off: bool) -> Deployed:
        if stack.id in self._doubted:
            self._doubted.discard(stack.id)
            self._observer.forget(stack.id)
        elif (left := self._as_it_was_left(stack)) is not None:
            return _published(publish, stack, left, changed=False)
        observed, without_capacity = capacity.look(stack, self._observer)
        observed, unguarded = firewalls.look(stack, observed, self._observer)
        observed = self._with_bindings(stack.id, observed)
        stack = self._given_secrets.compared(stack)
        steps = self._plan(stack, observed, deletion_protection_off=deletion_protection_off)
        if refusals := policy.refusals(steps, observed):
            self.doubt(stack.id)
            raise ForbiddenChange("; ".join(refusals))
        if steps:
            self._checkpoints.lift(stack.id)
            self._given_secrets.begin(stack, steps)
        run = _Run(self, stack, observed, publish, unguarded, without_capacity=without_capacity)
        deployed = run.carry_out(steps)
        self._given_secrets.done(stack)
        if deployed.later is None and not deployed.unguarded and not deployed.without_capacity:
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

    def _with_bindings(self, stack_id: StackId, observed: ObservedStack) -> ObservedStack:
        """AWS's side with the bindings from the store."""
        return dataclasses.replace(observed, bindings=tuple(map(bindings.seen, self._bindings.all(stack_id))))


def _published(publish: Publish, stack: Stack, observed: ObservedStack, *, changed: bool) -> Deployed:
    wanted = tuple(seen.arn for _, seen in match.load_balancers(stack, observed).pairs)
    deployed = Deployed(observed=observed, changed=changed, wanted=wanted)
    publish(deployed)
    return deployed


class _Run:
    """One run over one plan."""

    def __init__(
        self,
        deployer: Deployer,
        stack: Stack,
        observed: ObservedStack,
        publish: Publish,
        unguarded: tuple[Unguarded, ...],
        *,
        without_capacity: AwsDenied | None,
    ) -> None:
        self._of, self._stack, self._observed, self._publish = deployer, stack, observed, publish
        self._unguarded, self._without_capacity = [*unguarded], without_capacity
        self._known: dict[Ref, str] = dict(match.known(stack, observed))
        self._leaving: list[str] = []
        self._forbidden: dict[type[Step], str] = {}
        self._waits: list[NotYet] = []

    def carry_out(self, steps: tuple[Step, ...]) -> Deployed:
        try:
            deployed = self._carry_out(steps)
        except NotYet:
            raise
        except Exception:
            self._of._observer.forget(self._stack.id)
            raise
        if self._forbidden:
            raise ForbiddenChange("; ".join(self._forbidden.values()))
        return deployed

    def _carry_out(self, steps: tuple[Step, ...]) -> Deployed:
        first, rest = _split(steps)
        for step in first:
            self._one_if_it_can_sign_in(step)
        self._of._lookout.settled(self._stack.id)
        if not rest:
            self._wait_for_leaving_bindings()
        deployed = _published(self._publish, self._stack, self._observed, changed=bool(first))
        later = self._bit_by_bit(rest) or firewalls.soon(self._unguarded)
        return dataclasses.replace(
            deployed,
            observed=self._observed,
            later=later,
            unguarded=tuple(self._unguarded),
            without_capacity=self._without_capacity,
        )

    def _bit_by_bit(self, steps: tuple[Step, ...]) -> NotYet | None:
        """Each step that can be done now is; returns what to wait for, if there is anything."""
        waits = self._waits
        for step in steps:
            if SetSecurityGroups in self._forbidden and isinstance(step, DeleteSecurityGroup | SetSecurityGroupIngress):
                continue  # the load balancer keeps the group
            try:
                self._one(step)
            except NotYet as wait:
                waits.append(wait)
                if isinstance(step, DeleteLoadBalancer) or self._is_behind(step):
                    break  # it stays for now, and so does all that it needs
        waits += self._leaving_bindings()
        return min(waits, key=lambda wait: wait.after, default=None)

    def _is_behind(self, step: Step) -> bool:
        """The step deletes a target group whose target is, or was until now, a load balancer."""
        return isinstance(step, DeleteTargetGroup) and any(
            seen.arn == step.arn and seen.resource.target_type == "alb" for seen in self._observed.target_groups
        )

    def _one_if_it_can_sign_in(self, step: Step) -> None:
        """A rule waits for the Secret that it lacks; a listener, which others need, answers 503 until then."""
        try:
            self._one(as_it_stands(step, self._observed))
        except NoClientSecret as wait:
            self._waits.append(wait)
            if isinstance(step, CreateListener):
                closed = dataclasses.replace(step.listener, default_actions=(_NOBODY_MAY_ENTER,))
                self._one(CreateListener(listener=closed))

    def _one(self, step: Step) -> None:
        if isinstance(step, DeleteTargetGroup | DeleteSecurityGroup):
            self._wait_for_leaving_bindings()
        step = resolve(step, self._known)
        if self._forbidden and isinstance(step, CreateBinding | UpdateBinding):
            kept = plan_bindings.as_reached_until_now(step, self._observed)
            if kept is None:
                return
            step = kept
        log.info("%s", show.describe(step), extra={"stack": self._stack.id.name, "step": type(step).__name__})
        try:
            given = self._dispatch(step)
        except AwsError as e:
            if isinstance(step, FirewallStep):
                self._leave_unguarded(step, e)
                return
            if isinstance(step, ModifyCapacityReservation) and isinstance(e, AwsDenied):
                self._without_capacity = e
                return
            if isinstance(e, AwsInUse) and isinstance(step, _DELETIONS):
                raise NotYet(str(e), after=_IN_USE_WAIT) from e
            e.about = e.about or self._concerned_by(step)
            if not isinstance(e, AwsRefused) or type(step) not in _EXPLAINED:
                raise
            way_out = "go back, or delete the object and make it anew"
            self._forbidden[type(step)] = f"{_EXPLAINED[type(step)]}: {way_out} ({e})"
            return
        if given is not None and (ref := gives(step)) is not None:
            self._known[ref] = given.arn
        self._observed = after(self._observed, step, given)
        self._of._observer.remember(self._stack.id, dataclasses.replace(self._observed, bindings=()))

    def _concerned_by(self, step: Step) -> tuple[str, str] | None:
        """What of the stack a step is for (as `concerns`), be it that the step has but an ARN.

        Of the NLB in front it is always that there is one, as members that do not speak of it have no part in it.
        """
        whose = self._by_arn(step)
        if whose == _IN_FRONT or (isinstance(step, CreateLoadBalancer) and step.load_balancer.id == FRONTEND):
            return "LoadBalancer", "frontend"
        return concerns(step) or whose

    def _by_arn(self, step: Step) -> tuple[str, str] | None:
        arns = [getattr(step, field, None) for field in ("arn", "load_balancer", "target_group")]
        refs = (ref for ref, arn in self._known.items() if arn in arns)
        return next(((ref.kind, ref.id) for ref in refs), None)

    def _leave_unguarded(self, step: FirewallStep, error: AwsError) -> None:
        self._unguarded.append(Unguarded(guard=guard_of(step), error=error))
        self._observed = doubted(self._observed, step)
        self._of._observer.remember(self._stack.id, dataclasses.replace(self._observed, bindings=()))

    def _dispatch(self, step: Step) -> Given | None:
        match step:
            case CreateBinding(binding=binding):
                return self._create_binding(bindings.manifest(binding))
            case UpdateBinding(binding=binding):
                self._update_binding(binding)
            case DeleteBinding(namespace=namespace, name=name):
                self._delete_binding(namespace, name)
            case AwaitTargets(namespace=namespace, name=name):
                self._of._lookout.await_targets(namespace, name, stack=self._stack.id)
            case AwaitTraffic():
                self._of._lookout.await_traffic(step)
            case _:
                return self._to_aws(step)
        return None

    def _to_aws(self, step: Step) -> Given | None:
        if isinstance(step, DeleteTargetGroup) and self._stack.load_balancers:
            self._of._lookout.await_drained(step.arn)
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
        for wait in self._leaving_bindings():
            raise wait

    def _leaving_bindings(self) -> list[NotYet]:
        return [
            NotYet(f"TargetGroupBinding {name} has targets to let go", after=_BINDING_WAIT) for name in self._leaving
        ]


def _split(steps: tuple[Step, ...]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """What comes before the status is published, and what after."""
    at = next((n for n, step in enumerate(steps) if isinstance(step, PublishStatus)), len(steps))
    return steps[:at], steps[at + 1 :]
