"""Brings the targets' security groups to what all bindings need: grants what is missing, then revokes the rest.

One key for the whole cluster, so that many changes are settled at once. Bindings open what they need by themselves
(`access`); here it is made good what others took away, and closed what nobody needs.

All groups are read when we start and in each audit, and between only those where there may be something to do: mostly
the ledger knows that there is not, however often it is asked (after a start, for each binding). Nothing is revoked on
old knowledge: a group is read again just before, and again after a grant.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from aws_lb_controller.api.names import Finalizer
from aws_lb_controller.aws.errors import TOO_MANY_RULES
from aws_lb_controller.cluster.indexes import finalizers_of, full_name, is_deleting
from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import AwsError, AwsRefused, ControllerError, NotLeading, NotYet
from aws_lb_controller.intent.binding import BindingIntent, networking_of, read_binding
from aws_lb_controller.plan.node_rules import Doubt, Rules, sources_of
from aws_lb_controller.reconcile.access import AccessOpener, GroupRules
from aws_lb_controller.reconcile.access_ledger import AccessLedger
from aws_lb_controller.reconcile.backends import NO_BACKEND, Backend, BackendMissing, Backends
from aws_lb_controller.reconcile.ports import Obj

log = logging.getLogger(__name__)

_ROUNDS = 4
"""How often a group is read again after a grant, until nothing is left to grant."""

_VERIFY_SECONDS = 2.0
"""Until a grant that is not seen yet is looked for again: EC2 shows writes with a delay."""


class NodeSecurityGroupsReconciler:
    """Settles all security groups of targets. audit_seconds: after which a quiet run looks at them again."""

    def __init__(
        self,
        *,
        store: Store,
        backends: Backends,
        opener: AccessOpener,
        rules: GroupRules,
        ledger: AccessLedger,
        audit_seconds: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._backends = store, backends
        self._opener, self._rules, self._ledger = opener, rules, ledger
        self._audit_seconds, self._clock = audit_seconds, clock
        self._swept: float | None = None
        self._lock = threading.Lock()

    def reconcile(self, _name: str = "") -> None:
        """There is only one. Raises the first `AwsError`, after every group was tried."""
        with self._lock:
            bindings = self._complete_ledger()
            if self._is_due():
                self._sweep()
            if self._ledger.unsettled():
                doubts = self._doubts(bindings)
                self._settle(self._ledger.unsettled(doubts), doubts)

    def _is_due(self) -> bool:
        return self._swept is None or self._clock() - self._swept >= self._audit_seconds

    # ---- what is needed

    def _complete_ledger(self) -> dict[str, Obj]:
        """Every binding that has targets is in the ledger, and no other; returns them by name."""
        for name in self._ledger.bindings():
            if self._store.get(TARGET_GROUP_BINDING, *name.split("/")) is None:
                self._ledger.strike(name)
        held = {full_name(obj): obj for obj in self._store.list(TARGET_GROUP_BINDING) if not _is_let_go(obj)}
        self._enter([held[name] for name in sorted(held.keys() - self._ledger.bindings())])
        return held

    def _doubts(self, bindings: Mapping[str, Obj]) -> tuple[Doubt, ...]:
        """The bindings of which it cannot be said what they need."""
        return tuple(_doubt_of(name, bindings[name]) for name in sorted(bindings) if not self._ledger.is_certain(name))

    def _enter(self, objs: Iterable[Obj]) -> None:
        """Bindings that nobody has reconciled since we started are entered with what can be told. They stay in doubt
        until they are reconciled, for targets may still be registered that are to leave.
        """
        new = [both for both in map(self._with_backend, objs) if both]
        with suppress(AwsError):  # then it is for each by itself to say what cannot be told
            self._opener.read_interfaces(new)
        for binding, backend in new:
            with _telling(binding.key):
                found = self._opener.find(binding, backend)
                if not found.problems:
                    self._ledger.enter_if_new(binding.key, found.access)

    def _with_backend(self, obj: Obj) -> tuple[BindingIntent, Backend] | None:
        with _telling(full_name(obj)):
            binding = read_binding(obj)
            return binding, self._backend(binding)
        return None

    def _backend(self, binding: BindingIntent) -> Backend:
        try:
            return self._backends.find(binding)
        except BackendMissing:
            return NO_BACKEND

    # ---- what is there

    def _sweep(self) -> None:
        """Reads every group in which rules of ours may be: tagged for the cluster, wanted now, or seen before."""
        there = self._rules.read_groups_of_the_cluster()
        others = {*self._ledger.wanted(), *self._ledger.known_groups()} - there.keys()
        if others:
            there |= self._rules.read(others)
        for group, rules in there.items():
            self._ledger.saw(group, rules)
        for gone in others - there.keys():
            self._ledger.forget_group(gone)
        self._swept = self._clock()

    def _settle(self, groups: Iterable[str], doubts: tuple[Doubt, ...]) -> None:
        failures: list[ControllerError] = []
        for group in sorted(groups):
            try:
                self._settle_one(group, doubts)
            except NotLeading:
                raise
            except ControllerError as failure:
                self._ledger.distrust(group)
                failures.append(failure)
        if failures:
            raise failures[0]

    def _settle_one(self, group: str, doubts: tuple[Doubt, ...]) -> None:
        """Revokes only when, read afresh, nothing is left to grant: needs may change at any time but then."""
        with self._opener.alone_with(group):
            for _ in range(_ROUNDS):
                there = self._rules.read([group]).get(group)
                if there is None:
                    self._ledger.forget_group(group)
                    return
                change = self._ledger.settle(group, there, doubts=doubts)
                if not change.grant:
                    self._revoke(group, change.revoke)
                    return
                self._grant(group, change.grant, change.revoke)
        raise NotYet(f"rules granted to {group} are not seen yet", after=_VERIFY_SECONDS)

    def _revoke(self, group: str, rules: Rules) -> None:
        if rules:
            log.info("revoking rules", extra={"group": group, "rules": len(rules)})
            self._rules.revoke(group, rules)

    def _grant(self, group: str, grant: Rules, revoke: Rules) -> None:
        log.info("granting rules", extra={"group": group, "rules": len(grant)})
        try:
            self._rules.authorize(group, grant)
        except AwsRefused as refused:
            useless = self._ledger.serves_nobody(group, revoke)
            if refused.code != TOO_MANY_RULES or not useless:
                raise
            # the group is full: make room with rules that nobody needs
            self._rules.revoke(group, useless)
            self._rules.authorize(group, grant)
        self._ledger.granted(group, grant)


def _is_let_go(obj: Obj) -> bool:
    """Whether the binding has no targets any more; while it is being deleted it still may."""
    return is_deleting(obj) and Finalizer.TARGET_GROUP_BINDING not in finalizers_of(obj)


@contextmanager
def _telling(name: str) -> Iterator[None]:
    """That it cannot be told what a binding needs stops nobody."""
    try:
        yield
    except NotLeading:
        raise
    except ControllerError as failure:
        log.warning("cannot tell which security group rules a binding needs", extra={"binding": name})
        log.debug("%s", failure)


def _doubt_of(name: str, obj: Obj) -> Doubt:
    networking = networking_of(obj)
    return Doubt(binding=name, sources=None if networking is None else sources_of(networking))
