"""What a deployment waits for before it goes on: targets that register, traffic that flows, targets that drain.

Each question either returns, or raises `NotYet`: nobody blocks a worker. A binding that has brought its targets wakes
the stack that waits for it, so that a listener moves as soon as it may.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import NotYet
from aws_lb_controller.intent.binding import read_binding
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.plan.steps import AwaitTraffic
from aws_lb_controller.plan.targets import Identity, Target, change_targets
from aws_lb_controller.plan.traffic import DRAINING, why_not_yet
from aws_lb_controller.reconcile.backends import BackendMissing, Backends, wanted_targets
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.reconcile.ports import Obj

_UNHEARD_SECONDS = 5.0
"""Until we look whether targets are registered, should the binding's word be lost."""
_TRAFFIC_SECONDS = 5.0
_DRAINING_SECONDS = 10.0


class RegisteredTargets(Protocol):
    """`aws.targets.Targets`, as far as it is needed here."""

    def registered(self, arn: str) -> tuple[Target, ...]:
        """The targets that do not drain. Raises `AwsError`."""


class AwsHealth(Protocol):
    """`aws.health.Health`."""

    def of_load_balancer(self, arn: str) -> str:
        """``State.Code``."""

    def of_targets(self, arns: tuple[str, ...]) -> Counter[str]:
        """``TargetHealth.State`` → how many."""


@dataclass(slots=True)
class _Waiting:
    """Who waits for a binding, and for which targets: those that were ready when the waiting began, once known."""

    key: Key
    targets: frozenset[Identity] | None = None


class Lookout:
    """Safe for several threads. enqueue: asks for a key to be looked at."""

    def __init__(
        self,
        *,
        store: Store,
        backends: Backends,
        targets: RegisteredTargets,
        health: AwsHealth,
        enqueue: Callable[[Key], None],
        max_targets: int = 0,
    ) -> None:
        self._store, self._backends, self._targets, self._health = store, backends, targets, health
        self._enqueue, self._max_targets = enqueue, max_targets
        self._waiting: dict[str, _Waiting] = {}
        self._lock = threading.Lock()

    # ---- targets that register

    def await_targets(self, namespace: str, name: str, *, stack: StackId) -> None:
        """Every endpoint that was ready when we first asked is registered, or ready no more; none: at once."""
        key = f"{namespace}/{name}"
        # known as waiting before we look: a binding that brings its targets meanwhile wakes the stack
        with self._lock:
            waiting = self._waiting.setdefault(key, _Waiting(_key_of(stack)))
        binding = self._store.get(TARGET_GROUP_BINDING, namespace, name)
        lacking = self._lacking(binding) if binding else frozenset()
        with self._lock:
            if waiting.targets is None:
                waiting.targets = lacking
            still = lacking & waiting.targets
        if still:
            why = f"TargetGroupBinding {key} has {len(still)} targets to register"
            raise NotYet(why, after=_UNHEARD_SECONDS)

    def settled(self, stack: StackId) -> None:
        """The stack waits for no targets any more."""
        key = _key_of(stack)
        with self._lock:
            self._waiting = {name: waiting for name, waiting in self._waiting.items() if waiting.key != key}

    def brought(self, binding: str) -> None:
        """A binding (``namespace/name``) has done what it could: whoever waits for it looks again."""
        with self._lock:
            waiting = self._waiting.get(binding)
        if waiting:
            self._enqueue(waiting.key)

    def _lacking(self, obj: Obj) -> frozenset[Identity]:
        binding = read_binding(obj)
        try:
            wanted = wanted_targets(binding, self._backends.find(binding))
        except BackendMissing:
            return frozenset()
        there = self._targets.registered(binding.target_group)
        # of a shared group nothing is known to leave: rather too few are waited for than what finds no room
        ours: frozenset[Identity] | None = frozenset() if binding.multi_cluster else None
        change = change_targets(wanted, there, ours=ours, limit=self._max_targets)
        return frozenset(target.identity for target in change.register)

    # ---- traffic that flows

    def await_traffic(self, step: AwaitTraffic) -> None:
        """The new load balancer serves no worse than the old one; every reference in the step is known."""
        arn = str(step.load_balancer)
        state = self._health.of_load_balancer(arn)
        new = [self._health.of_targets((str(group),)) for group in step.target_groups]
        old = [self._health.of_targets((group,)) for group in step.instead_of]
        if why := why_not_yet(state, new=new, old=old):
            raise NotYet(f"load balancer {arn} takes over later: {why}", after=_TRAFFIC_SECONDS, told=True)

    # ---- targets that drain

    def await_drained(self, target_group: str) -> None:
        """AWS lists no target of the group as draining."""
        states = self._health.of_targets((target_group,))
        if draining := sum(states[state] for state in DRAINING):
            raise NotYet(f"{draining} targets of {target_group} are draining", after=_DRAINING_SECONDS)


def _key_of(stack: StackId) -> Key:
    return Key("service" if stack.owner == "service" else "ingress-group", stack.name)
