"""Brings the targets' security groups to what all bindings need: grants what is missing, then revokes the rest.

One key for the whole cluster, so that many changes are settled at once. Bindings open what they need by themselves
(`access`); here it is made good what others took away, and closed what nobody needs. Nothing is revoked on old
knowledge: a group is read again just before, and again after a grant.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from aws_lb_controller.api.names import Finalizer
from aws_lb_controller.aws.errors import TOO_MANY_RULES
from aws_lb_controller.cluster.indexes import finalizers_of, full_name, is_deleting
from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import AwsRefused, ControllerError, NotLeading, NotYet
from aws_lb_controller.intent.binding import BindingIntent, networking_of, read_binding
from aws_lb_controller.plan.node_rules import NO_RULES, Doubt, Rules, sources_of
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
        self._settled: tuple[object, float] | None = None
        self._lock = threading.Lock()

    def reconcile(self, _name: str = "") -> None:
        """There is only one. Raises the first `AwsError`, after every group was tried."""
        with self._lock:
            doubts = self._complete_ledger()
            wanted = self._ledger.wanted()
            if self._is_settled((wanted, doubts)):
                return
            self._settle(self._read(wanted), doubts)
            self._settled = ((wanted, doubts), self._clock())

    def _is_settled(self, inputs: object) -> bool:
        if self._settled is None:
            return False
        before, at = self._settled
        return before == inputs and self._clock() - at < self._audit_seconds

    # ---- what is needed

    def _complete_ledger(self) -> tuple[Doubt, ...]:
        """Every binding is in the ledger, and no other; returns those of which it cannot be said what they need."""
        for name in self._ledger.bindings():
            if self._store.get(TARGET_GROUP_BINDING, *name.split("/")) is None:
                self._ledger.strike(name)
        doubts = (self._doubt_of(obj) for obj in self._store.list(TARGET_GROUP_BINDING) if not _is_let_go(obj))
        return tuple(sorted((doubt for doubt in doubts if doubt), key=lambda doubt: doubt.binding))

    def _doubt_of(self, obj: Obj) -> Doubt | None:
        name, networking = full_name(obj), networking_of(obj)
        doubt = Doubt(binding=name, sources=None if networking is None else sources_of(networking))
        if name not in self._ledger.bindings():
            self._enter(name, obj)
        return None if self._ledger.is_certain(name) else doubt

    def _enter(self, name: str, obj: Obj) -> None:
        """A binding that nobody has reconciled since we started: it is entered with what can be told. It stays in doubt
        until it is reconciled, for targets may still be registered that are to leave.
        """
        try:
            binding = read_binding(obj)
            found = self._opener.find(binding, self._backend(binding))
        except NotLeading:
            raise
        except ControllerError as failure:
            log.warning("cannot tell which security group rules a binding needs", extra={"binding": name})
            log.debug("%s", failure)
            return
        if not found.problems:
            self._ledger.enter_if_new(name, found.access)

    def _backend(self, binding: BindingIntent) -> Backend:
        try:
            return self._backends.find(binding)
        except BackendMissing:
            return NO_BACKEND

    # ---- what is there

    def _read(self, wanted: Iterable[str]) -> dict[str, Rules]:
        """Every group in which rules of ours may be: tagged for the cluster, wanted now, or seen before."""
        there = self._rules.read_groups_of_the_cluster()
        others = {*wanted, *self._ledger.known_groups()} - there.keys()
        if others:
            there |= self._rules.read(others)
        for gone in others - there.keys():
            self._ledger.forget_group(gone)
        return there

    def _settle(self, groups: dict[str, Rules], doubts: tuple[Doubt, ...]) -> None:
        failures: list[ControllerError] = []
        for group, there in sorted(groups.items()):
            try:
                if self._ledger.settle(group, there, doubts=doubts):
                    self._settle_one(group, doubts)
            except NotLeading:
                raise
            except ControllerError as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def _settle_one(self, group: str, doubts: tuple[Doubt, ...]) -> None:
        """Revokes only when, read afresh, nothing is left to grant: needs may change at any time but then."""
        with self._opener.alone_with(group):
            for _ in range(_ROUNDS):
                there = self._rules.read([group]).get(group, NO_RULES)
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
