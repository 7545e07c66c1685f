"""A TargetGroupBinding: the endpoints of its Service port are the target group's targets, from second to second.

What leaves is deregistered first, and waits for nothing but that call. Only then are security groups opened for what
comes, and then it is registered. Closing security groups is left to `node_security_groups`.

The checkpoint that the controller before us kept in an annotation is not written: what we know is in memory, and
after a restart one call per target group reads it. One that is found is taken away when targets change, so that
whoever reads it later is not told that nothing happened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from aws_lb_controller.api.names import CHECKPOINT_ANNOTATION, Finalizer, Reason
from aws_lb_controller.cluster.indexes import annotations_of, finalizers_of, full_name, is_deleting
from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import (
    AwsNotFound,
    ControllerError,
    NotLeading,
    NotYet,
    Problem,
    SpecError,
)
from aws_lb_controller.intent.binding import BindingIntent, read_binding, target_group_of
from aws_lb_controller.plan.targets import (
    Target,
    TargetChange,
    change_targets,
    with_zones,
)
from aws_lb_controller.reconcile.access import AccessOpener
from aws_lb_controller.reconcile.access_ledger import AccessLedger
from aws_lb_controller.reconcile.backends import Backend, BackendMissing, Backends, wanted_targets
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.reconcile.ports import EventSink, KubernetesWriter, Obj

NODE_SECURITY_GROUPS = Key("node-security-groups")
SEVERAL_SECURITY_GROUPS = "SeveralSecurityGroups"
"""Reason of the Warning that more than one of a target's security groups is tagged for the cluster."""

SERVICE_GRACE_SECONDS = 5.0
"""How long a missing Service keeps its targets: one that is made anew at once loses none."""

Identity = tuple[str, int, str | None]
Networks = Collection[IPv4Network | IPv6Network]

_FAILURES = {
    Reason.FAILED_ADD_FINALIZER: "Failed add finalizer due to",
    Reason.FAILED_REMOVE_FINALIZER: "Failed remove finalizer due to",
    Reason.FAILED_UPDATE_STATUS: "Failed update status due to",
    Reason.FAILED_CLEANUP: "Failed cleanup due to",
    Reason.FAILED_RECONCILE: "Failed reconcile due to",
}


class TargetGroups(Protocol):
    """Targets in AWS: `aws.targets.Targets`. Everything raises `AwsError`."""

    def registered(self, arn: str) -> tuple[Target, ...]:
        """Known, or read."""

    def registered_now(self, arn: str) -> tuple[Target, ...]:
        """Read; none where there is no such group."""

    def audit_is_due(self, arn: str) -> bool:
        """Whether what is known is old."""

    def forget(self, arn: str) -> None:
        """Read anew next time."""

    def register(self, arn: str, targets: Sequence[Target]) -> None:
        """Registers."""

    def deregister(self, arn: str, targets: Sequence[Target]) -> None:
        """Deregisters."""


class BindingReconciler:
    """Reconciles one TargetGroupBinding at a time; several threads may do so for different ones.

    vpc_networks gives the networks of a VPC by id (None: the cluster's). enqueue asks for another key to be looked at.
    brought is told of each binding whose targets are as they should be, or cannot be for now.
    max_targets: in one target group, 0 for no limit. retry_seconds: until closed security groups are tried again.
    """

    def __init__(
        self,
        *,
        store: Store,
        writer: KubernetesWriter,
        events: EventSink,
        backends: Backends,
        targets: TargetGroups,
        opener: AccessOpener,
        ledger: AccessLedger,
        vpc_networks: Callable[[str | None], Networks],
        enqueue: Callable[[Key], None],
        brought: Callable[[str], None] = lambda _binding: None,
        max_targets: int = 0,
        retry_seconds: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._writer, self._events = store, writer, events
        self._backends, self._targets = backends, targets
        self._opener, self._ledger = opener, ledger
        self._vpc_networks, self._enqueue, self._brought = vpc_networks, enqueue, brought
        self._max_targets, self._retry_seconds, self._clock = max_targets, retry_seconds, clock
        self._notes: dict[str, _Notes] = {}
        self._lock = threading.Lock()

    def reconcile(self, name: str) -> None:
        """name: ``namespace/name``."""
        obj = self._store.get(TARGET_GROUP_BINDING, *name.split("/"))
        if obj is None:
            self._close(name)
        elif not is_deleting(obj):
            self._keep(obj)
        elif Finalizer.TARGET_GROUP_BINDING in finalizers_of(obj):
            self._let_go(name, obj)

    # ---- while it lives

    def _keep(self, obj: Obj) -> None:
        with self._told(obj, Reason.FAILED_ADD_FINALIZER):
            obj = self._writer.add_finalizer(TARGET_GROUP_BINDING, obj, Finalizer.TARGET_GROUP_BINDING)
        with self._told(obj, Reason.FAILED_RECONCILE):
            changed = self._bring(obj)
        with self._told(obj, Reason.FAILED_UPDATE_STATUS):
            changed |= self._say_that_it_is_done(obj, targets_changed=changed)
        self._succeed(obj, changed=changed)

    def _bring(self, obj: Obj) -> bool:
        """The target group has the targets that it should; returns whether that took a change."""
        binding = read_binding(obj)
        _refuse_another_account(binding)
        notes = self._notes_of(binding.key)
        try:
            backend = self._backends.find(binding)
        except BackendMissing as missing:
            return self._do_without_backend(obj, binding, missing)
        notes.missing = None
        change = self._change(binding, backend, notes)
        self._deregister(binding, change.deregister, notes)
        closed = self._open(obj, binding, backend)
        self._register(binding, change.register)
        self._brought(binding.key)
        if closed:
            raise NotYet(f"security groups are not open: {closed}", after=self._retry_seconds)
        return bool(change)

    def _change(self, binding: BindingIntent, backend: Backend, notes: _Notes) -> TargetChange:
        wanted = wanted_targets(binding, backend)
        change = self._change_to(binding, wanted, notes)
        if not change and self._targets.audit_is_due(binding.target_group):
            self._targets.forget(binding.target_group)
            change = self._change_to(binding, wanted, notes)
        return change

    def _change_to(self, binding: BindingIntent, wanted: Collection[Target], notes: _Notes) -> TargetChange:
        if binding.multi_cluster:
            notes.ours.update(target.identity for target in wanted)
        return change_targets(
            wanted,
            self._targets.registered(binding.target_group),
            ours=notes.ours if binding.multi_cluster else None,
            limit=self._max_targets,
        )

    def _deregister(self, binding: BindingIntent, targets: Sequence[Target], notes: _Notes) -> None:
        if targets:
            self._targets.deregister(binding.target_group, targets)
            notes.ours.difference_update(target.identity for target in targets)

    def _register(self, binding: BindingIntent, targets: Sequence[Target]) -> None:
        if not targets:
            return
        if binding.target_type == "ip":
            targets = with_zones(targets, self._vpc_networks(binding.vpc_id))
        self._targets.register(binding.target_group, targets)

    def _open(self, obj: Obj, binding: BindingIntent, backend: Backend) -> ControllerError | None:
        """Lets traffic in, before it comes. If that fails targets are registered all the same: others may let it in."""
        try:
            opened = self._opener.open(binding, backend)
        except (NotYet, NotLeading):
            raise
        except ControllerError as failure:
            self._fail(obj, Reason.FAILED_NETWORK_RECONCILE, str(failure))
            self._enqueue(NODE_SECURITY_GROUPS)
            return failure
        if opened.changed:
            self._enqueue(NODE_SECURITY_GROUPS)
        self._warn(obj, binding.key, opened.warnings)
        return None

    def _warn(self, obj: Obj, key: str, warnings: Sequence[str]) -> None:
        notes = self._notes_of(key)
        for warning in warnings:
            if warning not in notes.warned:
                self._events.emit(obj, SEVERAL_SECURITY_GROUPS, warning, "Warning")
        notes.warned = frozenset(warnings)

    def _do_without_backend(self, obj: Obj, binding: BindingIntent, missing: BackendMissing) -> bool:
        notes = self._notes_of(binding.key)
        now = self._clock()
        if notes.missing is None or notes.missing[0] != str(missing):
            notes.missing = (str(missing), now)
            self._events.emit(obj, Reason.BACKEND_NOT_FOUND, str(missing), "Warning")
        grace = notes.missing[1] + SERVICE_GRACE_SECONDS - now
        if missing.service and grace > 0:
            raise NotYet(f"{missing}: its targets stay for a moment", after=grace)
        change = self._change_to(binding, (), notes)
        self._deregister(binding, change.deregister, notes)
        self._strike(binding.key)
        return bool(change)

    def _say_that_it_is_done(self, obj: Obj, *, targets_changed: bool) -> bool:
        """Returns whether this generation was not known to be done."""
        metadata = obj["metadata"]
        if targets_changed and annotations_of(obj).get(CHECKPOINT_ANNOTATION):
            stale = {CHECKPOINT_ANNOTATION: None, f"{CHECKPOINT_ANNOTATION}-timestamp": None}
            body = {"metadata": {"annotations": stale}}
            obj = self._writer.patch(TARGET_GROUP_BINDING, metadata["namespace"], metadata["name"], body)
        generation = metadata.get("generation")
        if (obj.get("status") or {}).get("observedGeneration") == generation:
            return False
        self._writer.patch_status(TARGET_GROUP_BINDING, obj, {"observedGeneration": generation})
        return True

    # ---- when it goes

    def _let_go(self, name: str, obj: Obj) -> None:
        """Needs no valid spec: whatever is registered by the binding is deregistered."""
        with self._told(obj, Reason.FAILED_CLEANUP):
            if arn := target_group_of(obj):
                self._empty(name, arn, obj)
        with self._told(obj, Reason.FAILED_REMOVE_FINALIZER):
            self._writer.remove_finalizer(TARGET_GROUP_BINDING, obj, Finalizer.TARGET_GROUP_BINDING)
        self._close(name)

    def _empty(self, name: str, arn: str, obj: Obj) -> None:
        shared, ours = bool((obj.get("spec") or {}).get("multiClusterTargetGroup")), self._notes_of(name).ours
        leaving = [t for t in self._targets.registered_now(arn) if not shared or t.identity in ours]
        try:
            self._targets.deregister(arn, leaving)
        except AwsNotFound:
            pass  # the target group went meanwhile, and its targets with it
        finally:
            self._targets.forget(arn)

    def _close(self, name: str) -> None:
        self._strike(name)
        with self._lock:
            self._notes.pop(name, None)

    def _strike(self, name: str) -> None:
        if name in self._ledger.bindings():
            self._ledger.strike(name)
            self._enqueue(NODE_SECURITY_GROUPS)

    # ---- what is told and remembered

    @contextmanager
    def _told(self, obj: Obj, reason: Reason) -> Iterator[None]:
        try:
            yield
        except (NotYet, NotLeading):
            raise
        except ControllerError as failure:
            self._fail(obj, reason, f"{_FAILURES[reason]} {failure}")
            raise

    def _fail(self, obj: Obj, reason: Reason, message: str) -> None:
        self._notes_of(full_name(obj)).failed = True
        self._events.emit(obj, reason, message, "Warning")

    def _succeed(self, obj: Obj, *, changed: bool) -> None:
        """Told when something came of it, and after a failure."""
        notes = self._notes_of(full_name(obj))
        if changed or notes.failed:
            self._events.emit(obj, Reason.SUCCESSFULLY_RECONCILED, "Successfully reconciled")
        notes.failed = False

    def _notes_of(self, name: str) -> _Notes:
        with self._lock:
            return self._notes.setdefault(name, _Notes())


class _Notes:
    """What is remembered of one binding; only the one worker that has it touches them.

    missing: why it has no backend, and since when. ours: the targets of a shared target group that we registered.
    warned: of what. failed: whether a failure was told, and no success since.
    """

    def __init__(self) -> None:
        self.missing: tuple[str, float] | None = None
        self.ours: set[Identity] = set()
        self.warned: frozenset[str] = frozenset()
        self.failed = False


def _refuse_another_account(binding: BindingIntent) -> None:
    if binding.assumed_role is not None:
        problem = Problem(
            f"TargetGroupBinding {binding.key}",
            "spec.iamRoleArnToAssume",
            binding.assumed_role.arn,
            "target groups of other accounts are not served yet: name one of this account, without a role",
        )
        raise SpecError([problem])
