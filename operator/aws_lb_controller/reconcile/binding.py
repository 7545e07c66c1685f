"""A TargetGroupBinding: the endpoints of its Service port are the target group's targets, from second to second.

What leaves is deregistered first, and waits for nothing but that call. What comes is registered once its security
groups are open: `access_desk` knows, or has them opened by others, so that nobody who deregisters waits for EC2. What
only moves to another port is deregistered after that, so that its traffic has somewhere to go. Closing security groups
is left to `node_security_groups`.

The checkpoint that the controller before us kept in an annotation is not written: what we know is in memory, and
after a restart one call per target group reads it. That controller passes over a binding whose checkpoint is the hash
of its spec and endpoints, so one that is found is taken away as soon as targets change, before any is registered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from aws_lb_controller.api.names import CHECKPOINT_ANNOTATION, Finalizer, Reason
from aws_lb_controller.aws.errors import INVALID
from aws_lb_controller.cluster.indexes import annotations_of, finalizers_of, full_name, is_deleting
from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import (
    AwsDenied,
    AwsError,
    AwsNotFound,
    AwsRefused,
    ControllerError,
    KubernetesError,
    NotLeading,
    NotYet,
    Problem,
    UnmetNeed,
)
from aws_lb_controller.intent.binding import (
    AssumedRole,
    BindingIntent,
    is_multi_cluster,
    read_binding,
    role_of,
    target_group_of,
)
from aws_lb_controller.plan.targets import (
    Identity,
    Target,
    TargetChange,
    change_targets,
    with_zones,
)
from aws_lb_controller.reconcile.access_desk import AccessDesk, Standing
from aws_lb_controller.reconcile.access_ledger import AccessLedger
from aws_lb_controller.reconcile.backends import Backend, BackendMissing, Backends, wanted_targets
from aws_lb_controller.reconcile.binding_condition import with_failed_cleanup
from aws_lb_controller.reconcile.keys import NODE_SECURITY_GROUPS, Key
from aws_lb_controller.reconcile.multi_cluster import TrackedTargets, name_of
from aws_lb_controller.reconcile.ports import EventSink, KubernetesWriter, Obj

SEVERAL_SECURITY_GROUPS = "SeveralSecurityGroups"
"""Reason of the Warning that more than one of a target's security groups is tagged for the cluster."""

SERVER_ID_MISSING = "QuicServerIdMissing"
"""Reason of the Warning that pods behind QUIC listeners have no server id, and so are no targets."""

_NO_SERVER_ID = (
    "has no QUIC server id and is no target: label the namespace elbv2.k8s.aws/quic-server-id-inject=enabled, name the "
    "container in the pod's annotation service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers, and make "
    "the pod anew"
)

TRACKED_TARGETS_MISSING = "TrackedTargetsMissing"
"""Reason of the Warning that nothing says which targets of a shared target group are ours."""

SERVICE_GRACE_SECONDS = 5.0
"""How long a missing Service keeps its targets: one that is made anew at once loses none."""

Networks = Collection[IPv4Network | IPv6Network]

_FAILURES = {
    Reason.FAILED_ADD_FINALIZER: "Failed add finalizer due to",
    Reason.FAILED_REMOVE_FINALIZER: "Failed remove finalizer due to",
    Reason.FAILED_UPDATE_STATUS: "Failed update status due to",
    Reason.FAILED_CLEANUP: "Failed cleanup due to",
    Reason.FAILED_RECONCILE: "Failed reconcile due to",
}


class TargetGroups(Protocol):
    """Targets in AWS: `aws.targets.Targets`. Everything raises `AwsError`. role: whose account has the group."""

    def registered(self, arn: str, *, role: AssumedRole | None) -> tuple[Target, ...]:
        """Known, or read."""

    def registered_now(self, arn: str, *, role: AssumedRole | None) -> tuple[Target, ...]:
        """Read; none where there is no such group."""

    def audit_is_due(self, arn: str) -> bool:
        """Whether what is known is old."""

    def forget(self, arn: str) -> None:
        """Read anew next time."""

    def register(self, arn: str, targets: Sequence[Target], *, role: AssumedRole | None) -> None:
        """Registers."""

    def deregister(self, arn: str, targets: Sequence[Target], *, role: AssumedRole | None) -> None:
        """Deregisters."""


class BindingReconciler:
    """Reconciles one TargetGroupBinding at a time; several threads may do so for different ones.

    tracked: which targets of shared target groups are ours. vpc_networks gives the networks of a VPC by id (None: the
    cluster's). enqueue asks for another key to be looked at.
    brought is told of each binding whose targets are as they should be, or cannot be for now; without_server_id of how
    many pods of a binding (namespace, name) are found to be no targets for lack of a QUIC server id.
    max_targets: in one target group, 0 for no limit.
    """

    def __init__(
        self,
        *,
        store: Store,
        writer: KubernetesWriter,
        events: EventSink,
        backends: Backends,
        targets: TargetGroups,
        tracked: TrackedTargets,
        desk: AccessDesk,
        ledger: AccessLedger,
        vpc_networks: Callable[[str | None], Networks],
        enqueue: Callable[[Key], None],
        brought: Callable[[str], None] = lambda _binding: None,
        without_server_id: Callable[[str, str, int], None] = lambda _namespace, _name, _pods: None,
        max_targets: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._writer, self._events = store, writer, events
        self._backends, self._targets, self._tracked = backends, targets, tracked
        self._desk, self._ledger = desk, ledger
        self._vpc_networks, self._enqueue, self._brought = vpc_networks, enqueue, brought
        self._without_server_id, self._max_targets, self._clock = without_server_id, max_targets, clock
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
            changed |= self._say_that_it_is_done(obj)
        self._succeed(obj, changed=changed)

    def _bring(self, obj: Obj) -> bool:
        """The target group has the targets that it should; returns whether that took a change."""
        binding = read_binding(obj)
        notes = self._notes_of(binding.key)
        try:
            backend = self._backends.find(binding)
        except BackendMissing as missing:
            return self._do_without_backend(obj, binding, missing)
        notes.missing = None
        wanted = wanted_targets(binding, backend)
        change = self._change(obj, binding, wanted)
        self._deregister(binding, change.deregister)
        self._warn_of_pods_without_server_id(obj, binding, backend)
        self._clear_checkpoint(obj, change)
        access = self._stand(obj, binding, backend, leaving=bool(change.replaced))
        if access.holds and change.register:
            raise NotYet(f"{binding.key}: {access.why}", after=access.again)
        self._register(binding, backend, wanted, change.register)
        self._deregister(binding, change.replaced)
        if change.replaced and access.why is None:
            self._stand(obj, binding, backend)
        self._track(binding, wanted)
        self._brought(binding.key)
        if access.why:
            raise NotYet(access.why, after=access.again)
        return bool(change)

    def _change(self, obj: Obj, binding: BindingIntent, wanted: Collection[Target]) -> TargetChange:
        change = self._change_to(obj, binding, wanted)
        if not change and self._targets.audit_is_due(binding.target_group):
            self._targets.forget(binding.target_group)
            change = self._change_to(obj, binding, wanted)
        return change

    def _change_to(self, obj: Obj, binding: BindingIntent, wanted: Collection[Target]) -> TargetChange:
        with _told_of(binding):
            there = self._targets.registered(binding.target_group, role=binding.assumed_role)
        ours = self._ours(obj, binding, wanted, there) if binding.multi_cluster else None
        return change_targets(wanted, there, ours=ours, limit=self._max_targets)

    def _deregister(self, binding: BindingIntent, targets: Sequence[Target]) -> None:
        if targets:
            with _told_of(binding):
                self._targets.deregister(binding.target_group, targets, role=binding.assumed_role)

    def _register(
        self, binding: BindingIntent, backend: Backend, wanted: Collection[Target], targets: Sequence[Target]
    ) -> None:
        if not targets:
            return
        self._track(binding, wanted)
        if binding.target_type == "instance":
            self._register_with(binding, targets)
            return
        notes, networks = self._notes_of(binding.key), self._networks(binding)
        zones = {pod.address: pod.zone for pod in backend.pods if pod.zone} if binding.assumed_role is None else {}
        try:
            self._register_with(binding, with_zones(targets, networks, zones if notes.by_zone else {}))
        except AwsRefused as refused:
            by_zone = with_zones(targets, networks, zones)
            if refused.code != INVALID or notes.by_zone or by_zone == with_zones(targets, networks):
                raise
            # some target groups take no address for all zones: then each is in the zone of its node
            self._register_with(binding, by_zone)
            notes.by_zone = True

    def _register_with(self, binding: BindingIntent, targets: Sequence[Target]) -> None:
        with _told_of(binding):
            self._targets.register(binding.target_group, targets, role=binding.assumed_role)

    def _networks(self, binding: BindingIntent) -> Networks:
        """The networks of the target group's VPC. One of another account that we may not see is behind a peering: all
        our addresses are outside of it.
        """
        try:
            return self._vpc_networks(binding.vpc_id)
        except AwsNotFound as missing:
            if binding.assumed_role is not None:
                return ()
            remedy = "AWS knows no such VPC: give that of the target group"
            raise UnmetNeed([Problem(_named(binding), "spec.vpcID", binding.vpc_id or "", remedy)]) from missing

    # ---- target groups that other clusters have targets in

    def _ours(
        self, obj: Obj, binding: BindingIntent, wanted: Collection[Target], there: Collection[Target]
    ) -> Collection[Identity]:
        """What may be deregistered: nothing, where nothing says what is ours."""
        ours = self._tracked.of(binding.key)
        if ours is None and _is_known(obj):
            strangers = {target.identity for target in there} - {target.identity for target in wanted}
            self._warn_that_nothing_is_tracked(obj, binding.key, len(strangers))
        return ours or frozenset()

    def _track(self, binding: BindingIntent, wanted: Collection[Target]) -> None:
        """Ours is what is wanted, which may be registered from now on, and what was ours until it is deregistered."""
        if not binding.multi_cluster:
            return
        there = {t.identity for t in self._targets.registered(binding.target_group, role=binding.assumed_role)}
        ours = (self._tracked.of(binding.key) or frozenset()) & there
        self._tracked.keep(binding.key, ours | {target.identity for target in wanted})

    def _warn_that_nothing_is_tracked(self, obj: Obj, name: str, strangers: int) -> None:
        notes = self._notes_of(name)
        if strangers and strangers != notes.strangers:
            namespace = name.split("/", maxsplit=1)[0]
            why = f"ConfigMap {namespace}/{name_of(name)}, which says what targets are ours, does not exist"
            what = f"{strangers} targets stay registered, for they may be those of other clusters"
            self._events.emit(obj, TRACKED_TARGETS_MISSING, f"{why}: {what}", "Warning")
        notes.strangers = strangers

    def _stand(self, obj: Obj, binding: BindingIntent, backend: Backend, *, leaving: bool = False) -> Standing:
        """How far the targets are let in; what is not yet, others open. leaving: as in `AccessDesk.stand`."""
        access = self._desk.stand(binding, backend, leaving=leaving)
        if access.changed:
            self._enqueue(NODE_SECURITY_GROUPS)
        if access.tell:
            self._fail(obj, Reason.FAILED_NETWORK_RECONCILE, access.tell)
        elif access.why is None:
            self._warn(obj, binding.key, access.warnings)
        return access

    def _warn(self, obj: Obj, key: str, warnings: Sequence[str]) -> None:
        notes = self._notes_of(key)
        for warning in warnings:
            if warning not in notes.warned:
                self._events.emit(obj, SEVERAL_SECURITY_GROUPS, warning, "Warning")
        notes.warned = frozenset(warnings)

    def _warn_of_pods_without_server_id(self, obj: Obj, binding: BindingIntent, backend: Backend) -> None:
        notes = self._notes_of(binding.key)
        without = {pod.pod for pod in backend.pods if binding.uses_server_ids and pod.server_id is None}
        if news := without - notes.without_server_id:
            self._without_server_id(binding.namespace, binding.name, len(news))
            named = f"{min(news)} (and {len(news) - 1} more)" if len(news) > 1 else min(news)
            self._events.emit(obj, SERVER_ID_MISSING, f"Pod {named} {_NO_SERVER_ID}", "Warning")
        notes.without_server_id = frozenset(without)

    def _do_without_backend(self, obj: Obj, binding: BindingIntent, missing: BackendMissing) -> bool:
        notes = self._notes_of(binding.key)
        now = self._clock()
        if notes.missing is None or notes.missing[0] != str(missing):
            notes.missing = (str(missing), now)
            self._events.emit(obj, Reason.BACKEND_NOT_FOUND, str(missing), "Warning")
        grace = notes.missing[1] + SERVICE_GRACE_SECONDS - now
        if missing.service and grace > 0:
            raise NotYet(f"{missing}: its targets stay for a moment", after=grace)
        with suppress(_GroupMissing):  # it has no targets either
            change = self._change_to(obj, binding, ())
            self._deregister(binding, change.deregister)
            self._clear_checkpoint(obj, change)
            self._track(binding, ())
            self._strike(binding.key)
            return bool(change)
        self._strike(binding.key)
        return False

    def _clear_checkpoint(self, obj: Obj, change: TargetChange) -> None:
        if change and annotations_of(obj).get(CHECKPOINT_ANNOTATION):
            metadata, stale = obj["metadata"], (CHECKPOINT_ANNOTATION, f"{CHECKPOINT_ANNOTATION}-timestamp")
            body = {"metadata": {"annotations": dict.fromkeys(stale)}}
            self._writer.patch(TARGET_GROUP_BINDING, metadata["namespace"], metadata["name"], body)

    def _say_that_it_is_done(self, obj: Obj) -> bool:
        """Returns whether this generation was not known to be done."""
        generation = obj["metadata"].get("generation")
        if (obj.get("status") or {}).get("observedGeneration") == generation:
            return False
        self._writer.patch_status(TARGET_GROUP_BINDING, obj, {"observedGeneration": generation})
        return True

    # ---- when it goes

    def _let_go(self, name: str, obj: Obj) -> None:
        """Needs no valid spec: whatever is registered by the binding is deregistered."""
        with self._told(obj, Reason.FAILED_CLEANUP), self._held_up(obj):
            if arn := target_group_of(obj):
                self._empty(name, arn, obj)
            if is_multi_cluster(obj):
                self._tracked.drop(name)
        with self._told(obj, Reason.FAILED_REMOVE_FINALIZER):
            self._writer.remove_finalizer(TARGET_GROUP_BINDING, obj, Finalizer.TARGET_GROUP_BINDING)
        self._close(name)

    @contextmanager
    def _held_up(self, obj: Obj) -> Iterator[None]:
        """Why it cannot be let go is told on the object too."""
        try:
            yield
        except (NotYet, NotLeading):
            raise
        except ControllerError as failure:
            conditions = with_failed_cleanup(obj, str(failure), now=datetime.now(UTC))
            with suppress(KubernetesError):  # the Event tells it as well
                self._writer.patch_status(TARGET_GROUP_BINDING, obj, {"conditions": conditions})
            raise

    def _empty(self, name: str, arn: str, obj: Obj) -> None:
        role, there = role_of(obj), self._leaving(name, arn, obj)
        try:
            # the target group may go meanwhile, and its targets with it
            with _told_about(name, arn, role), suppress(AwsNotFound):
                self._targets.deregister(arn, there, role=role)
        finally:
            self._targets.forget(arn)

    def _leaving(self, name: str, arn: str, obj: Obj) -> Sequence[Target]:
        ours = self._tracked.of(name) if is_multi_cluster(obj) else None
        with _told_about(name, arn, role_of(obj)):
            there = self._targets.registered_now(arn, role=role_of(obj))
        if not is_multi_cluster(obj):
            return there
        if ours is None and _is_known(obj):
            self._warn_that_nothing_is_tracked(obj, name, len(there))
        return [target for target in there if target.identity in (ours or ())]

    def _close(self, name: str) -> None:
        self._strike(name)
        self._tracked.forget(name)
        with self._lock:
            self._notes.pop(name, None)

    def _strike(self, name: str) -> None:
        self._desk.forget(name)
        if self._ledger.knows(name):
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

    missing: why it has no backend, and since when. warned: of what. failed: whether a failure was told, and no success
    since. strangers: of how many targets was told that they may be those of others. by_zone: its target group wants to
    know the zones of addresses outside its VPC. without_server_id: the pods of which was told that they lack one.
    """

    def __init__(self) -> None:
        self.missing: tuple[str, float] | None = None
        self.warned: frozenset[str] = frozenset()
        self.failed = False
        self.strangers = 0
        self.by_zone = False
        self.without_server_id: frozenset[str] = frozenset()


def _named(binding: BindingIntent) -> str:
    return f"TargetGroupBinding {binding.key}"


def _is_known(obj: Obj) -> bool:
    """Whether some controller has dealt with the binding before."""
    return (obj.get("status") or {}).get("observedGeneration") is not None


def _told_of(binding: BindingIntent) -> AbstractContextManager[None]:
    return _told_about(binding.key, binding.target_group, binding.assumed_role)


class _GroupMissing(UnmetNeed):
    """The target group does not exist."""


@contextmanager
def _told_about(name: str, target_group: str, role: AssumedRole | None) -> Iterator[None]:
    """What AWS says no to is told of the field that it is about, with what to do."""
    try:
        yield
    except (AwsDenied, AwsNotFound) as refused:
        if problem := _problem_of(f"TargetGroupBinding {name}", target_group, role, refused):
            missing = isinstance(refused, AwsNotFound)
            raise (_GroupMissing if missing else UnmetNeed)([problem]) from refused
        raise


def _problem_of(name: str, target_group: str, role: AssumedRole | None, refused: AwsError) -> Problem | None:
    said = f"{refused.code}: {refused.message}"
    if isinstance(refused, AwsNotFound):
        where = "in our account: for one of another name a role in spec.iamRoleArnToAssume" if role is None else "there"
        return Problem(name, "spec.targetGroupARN", target_group, f"AWS knows no such target group {where} ({said})")
    if role is None:
        return None
    remedy = f"let the role do elasticloadbalancing:{refused.operation}"
    if refused.operation == "AssumeRole":
        remedy = (
            "let the controller's own role do sts:AssumeRole on it, and let its trust policy name that role (and the "
            "external id of spec.assumeRoleExternalId, if it asks for one)"
        )
    return Problem(name, "spec.iamRoleArnToAssume", role.arn, f"{remedy} ({said})")
