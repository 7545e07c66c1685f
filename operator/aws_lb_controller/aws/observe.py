"""What exists in AWS, stack by stack: found out once, then kept right by our own writes, so that quiet costs nothing.

The first question to it makes one sweep, which tells what each stack owns. A stack that owns nothing costs no further
call; one that owns something is looked at closely once and remembered. After `forget` (an error, an audit) a stack is
looked at afresh; a sweep that began after it was forgotten serves, whoever asked for it, so stacks that are forgotten
together share one, and it is found again what a create made whose answer was lost.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading

from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.cache import Cache
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.aws.firewalls import Firewalls
from aws_lb_controller.aws.look import glance, look, with_capacity
from aws_lb_controller.aws.sweep import Holdings, Sweep, Sweeper
from aws_lb_controller.errors import AwsNotFound
from aws_lb_controller.model.firewall import Guard
from aws_lb_controller.model.observed import ObservedStack, SeenLoadBalancer
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.settings import Settings

_NOTHING = ObservedStack()
_CLUSTER = "cluster"
"""The one key of the cache of sweeps."""


class Inventory:
    """Thread-safe. Bindings are not in it: those are Kubernetes's."""

    def __init__(self, clients: Clients, settings: Settings, backend: BackendSecurityGroup) -> None:
        self._elbv2 = clients.elbv2
        self._backend, self._firewalls = backend, Firewalls(clients)
        self._sweeper = Sweeper(clients, cluster=settings.cluster_name)
        self._with_capacity = settings.feature_gates.lb_capacity_reservation
        self._listener_tags = settings.feature_gates.listener_rules_tagging
        self._memory: Cache[StackId, ObservedStack] = Cache()
        self._sweeps: Cache[str, Sweep] = Cache()
        self._ticks = itertools.count(1)
        self._forgotten: dict[StackId, int] = {}
        self._lock = threading.Lock()

    def observe(self, stack: StackId, *, capacity: bool = True) -> ObservedStack:
        """What the stack has in AWS, without a call if that is known. Raises `AwsError`.

        capacity: whether to find out what is reserved for its load balancers, which costs a call for each.
        """
        seen = self._memory.get(stack, lambda: self._look(stack))
        if capacity and self._with_capacity and any(_unknown_capacity(lb) for lb in seen.load_balancers):
            seen = self._look_at_capacity(stack, seen)
        return dataclasses.replace(seen, backend_security_group=self._backend.known)

    def look_at_guard(self, stack: StackId, guard: Guard) -> ObservedStack:
        """As `observe`, and how a guard stands before its load balancers, which costs a call for each if it is unknown.

        Raises `AwsError`, of the guard's service as well.
        """
        seen = self._memory.get(stack, lambda: self._look(stack))
        completed = self._keep(stack, seen, self._firewalls.look(seen, guard))
        return dataclasses.replace(completed, backend_security_group=self._backend.known)

    def glance(self, stack: StackId) -> ObservedStack | None:
        """What a sweep tells of the stack: no listeners, rules or attributes. None where more is known, or it is in
        doubt.

        Raises `AwsError`.
        """
        holdings = self._swept().holdings.get(stack)
        if holdings is None or self._memory.peek(stack) is not None or self._doubted(stack):
            return None
        return dataclasses.replace(glance(stack, holdings), backend_security_group=self._backend.known)

    def remember(self, stack: StackId, observed: ObservedStack) -> None:
        """This is what the stack has now, by what we wrote ourselves."""
        self._settle(stack)
        self._memory.put(stack, dataclasses.replace(observed, bindings=(), backend_security_group=None))

    def forget(self, stack: StackId) -> None:
        """What is known of the stack is in doubt: the next `observe` reads it afresh."""
        with self._lock:
            self._forgotten[stack] = next(self._ticks)
            self._memory.drop(stack)

    def _look(self, stack: StackId) -> ObservedStack:
        doubted = self._doubted(stack)
        holdings = self._swept(doubted).holdings.get(stack)
        try:
            seen = self._looked_at(stack, holdings) if holdings else _NOTHING
        except AwsNotFound:  # it went since the sweep: the next look needs another one
            self.forget(stack)
            raise
        if self._doubted(stack) == doubted:
            self._settle(stack)
        return seen

    def _looked_at(self, stack: StackId, holdings: Holdings) -> ObservedStack:
        return look(self._elbv2, stack, holdings, listener_tags=self._listener_tags)

    def _look_at_capacity(self, stack: StackId, seen: ObservedStack) -> ObservedStack:
        try:
            completed = with_capacity(self._elbv2, seen)
        except AwsNotFound:
            self.forget(stack)
            raise
        return self._keep(stack, seen, completed)

    def _keep(self, stack: StackId, seen: ObservedStack, completed: ObservedStack) -> ObservedStack:
        """More is known of what is remembered, unless it was forgotten meanwhile."""
        with self._lock:  # so nobody forgets it between the two
            if self._memory.peek(stack) is seen:
                self._memory.put(stack, completed)
        return completed

    def _doubted(self, stack: StackId) -> int:
        """The tick at which the stack was forgotten, 0 if it was not."""
        with self._lock:
            return self._forgotten.get(stack, 0)

    def _settle(self, stack: StackId) -> None:
        """The stack is known: what the sweep said of it has had its day."""
        swept = self._sweeps.peek(_CLUSTER)
        with self._lock:
            self._forgotten.pop(stack, None)
            if swept:
                swept.holdings.pop(stack, None)

    def _swept(self, after: int = 0) -> Sweep:
        """A sweep that began after a tick: the last one, one that is under way, or a new one."""
        swept = self._sweeps.get(_CLUSTER, self._sweep)
        while swept.at <= after:
            swept = self._sweeps.get(_CLUSTER, self._sweep, refresh=True)
        return swept

    def _sweep(self) -> Sweep:
        with self._lock:
            at, since = next(self._ticks), self._backend.changes
        swept = self._sweeper.sweep(at)
        self._backend.notice(swept.security_groups, since=since)
        remembered = self._memory.items()
        swept.holdings = {stack: held for stack, held in swept.holdings.items() if stack not in remembered}
        return swept


def _unknown_capacity(lb: SeenLoadBalancer) -> bool:
    return lb.resource.minimum_capacity_units is None
