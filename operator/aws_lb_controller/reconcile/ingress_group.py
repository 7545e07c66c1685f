"""An IngressGroup: its ALB is made and kept for all members together, and goes with the last of them.

A member that cannot be read, built or deployed is set aside (`intent.isolation`): it is told, alone, and what it last
gave holds, from `group_memory`. The others converge, and whoever leaves is let go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from aws_lb_controller.api.names import INGRESS_ANNOTATION_PREFIX, Reason
from aws_lb_controller.build.gift import gift
from aws_lb_controller.cluster.indexes import finalizers_of, is_deleting
from aws_lb_controller.cluster.kinds import INGRESS, SERVICE
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import (
    AwsAlreadyExists,
    AwsDenied,
    AwsError,
    AwsNotFound,
    AwsRefused,
    ControllerError,
    ForbiddenChange,
    KubernetesError,
    NotYet,
    Problem,
    SpecError,
    UnmetNeed,
)
from aws_lb_controller.intent.deletion_protection import protected
from aws_lb_controller.intent.group import Readings, deletion_protection, finalizer_of, read_members
from aws_lb_controller.intent.ingress import notes_of
from aws_lb_controller.intent.ingress_class import ingress_name
from aws_lb_controller.intent.ingress_ignored import passed_over_together
from aws_lb_controller.intent.ingress_member import MemberInput, MemberIntent
from aws_lb_controller.intent.isolation import Draft
from aws_lb_controller.intent.merge import Merged, merge
from aws_lb_controller.intent.oidc_client import Secrets
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.reconcile.deploy import Deployed
from aws_lb_controller.reconcile.group_memory import GroupMemory
from aws_lb_controller.reconcile.ingress_groups import Group, IngressGroups
from aws_lb_controller.reconcile.ports import KubernetesWriter, Obj
from aws_lb_controller.reconcile.provision import Built, Provisioner
from aws_lb_controller.reconcile.refusals import Refusals
from aws_lb_controller.reconcile.status import told_of
from aws_lb_controller.reconcile.telling import Teller
from aws_lb_controller.settings import Settings


class IngressGroupReconciler:
    """Reconciles one group at a time."""

    def __init__(
        self,
        *,
        store: Store,
        groups: IngressGroups,
        writer: KubernetesWriter,
        provisioner: Provisioner,
        teller: Teller,
        memory: GroupMemory,
        secrets: Secrets,
        settings: Settings,
    ) -> None:
        self._store, self._groups, self._writer = store, groups, writer
        self._provisioner, self._teller, self._settings = provisioner, teller, settings
        self._memory, self._secrets = memory, secrets
        self._refusals = Refusals()

    def reconcile(self, name: str) -> None:
        """name: ``namespace/name`` of an Ingress alone, or an explicit group's name.

        Raises what went wrong with a member at the end, when all that could be done is done.
        """
        group = self._groups.load(name)
        for unplaced in group.unplaced:
            self._teller.failure([unplaced.ingress], Reason.FAILED_LOAD_GROUP_ID, unplaced.problem)
        aside = self._bring(name, group)
        self._let_go(name, group.leaving)
        if aside:
            raise _of_all(aside)

    def _bring(self, name: str, group: Group) -> Sequence[ControllerError]:
        """Returns what is wrong with the members that were set aside."""
        run = _Run(self, name, group)
        if run.draft.members and not run.unknown:
            try:
                return run.provision()
            except _NobodyLeft:
                pass
            except _StandStill:
                return run.wrong()
            except _STUCK as error:
                run.tell_those_aside()
                return (*run.wrong(), error)  # whoever leaves is let go all the same
        if run.unknown:
            run.stand_still()
        if run.draft.aside:
            run.tell_those_aside()
            if not group.leaving or run.unknown:
                return run.wrong()
        if group.leaving:
            self._remove(name, group)
        return run.wrong()

    def _with_finalizer(self, name: str, member: MemberInput) -> MemberInput:
        with self._teller.stage([member.ingress], Reason.FAILED_ADD_FINALIZER):
            ingress = self._writer.add_finalizer(INGRESS, member.ingress, finalizer_of(name))
        return MemberInput(ingress=ingress, classified=member.classified)

    def _read(self, members: Sequence[MemberInput]) -> Readings:
        services = partial(self._store.get, SERVICE)
        return read_members(members, services=services, secrets=self._secrets, settings=self._settings)

    def _remove(self, name: str, group: Group) -> None:
        """Nobody is told of what goes wrong now: an object that is being deleted is read by nobody."""
        for ingress in group.leaving:
            if deletion_protection(ingress):
                raise SpecError([protected(f"Ingress {ingress_name(ingress)}", _ATTRIBUTES)])
        off = any(deletion_protection(ingress) is False for ingress in group.leaving)
        self._provisioner.remove(StackId("ingress", name), told=(), deletion_protection_off=off)
        if _is_shared(name):
            self._memory.forget(name)

    def _let_go(self, name: str, leaving: Sequence[Obj]) -> None:
        self._refusals.forget(name, map(ingress_name, leaving))
        for ingress in leaving:
            with self._teller.stage((), Reason.FAILED_REMOVE_FINALIZER):
                self._writer.remove_finalizer(INGRESS, ingress, finalizer_of(name))
            if is_deleting(ingress):
                self._teller.forget(ingress_name(ingress))


_ATTRIBUTES = f"{INGRESS_ANNOTATION_PREFIX}/load-balancer-attributes"
_STUCK = (SpecError, UnmetNeed, ForbiddenChange, AwsRefused)
"""What keeps a group as it is until somebody does something about it."""


class _NobodyLeft(Exception):
    """All members are set aside, and none of them ever gave anything."""


class _StandStill(Exception):
    """A member is set aside that gave nobody knows what."""


class _Run:
    """One run over one group: who counts, what they ask for together, and who is told what.

    unknown: members that are set aside, and did give something that nobody remembers.
    """

    def __init__(self, of: IngressGroupReconciler, name: str, group: Group) -> None:
        self._of, self._name = of, name
        self.unknown: set[str] = set()
        self._unheard: KubernetesError | None = None
        self._told: set[str] = set()
        self._outvoted: Set[str] = frozenset()
        self._welcome(group.members)
        members = [of._with_finalizer(name, member) for member in group.members]
        held = [unplaced for unplaced in group.unplaced if unplaced.held]
        self._ingresses = {ingress_name(m.ingress): m.ingress for m in members}
        self._ingresses |= {ingress_name(unplaced.ingress): unplaced.ingress for unplaced in held}
        self._told |= {ingress_name(unplaced.ingress) for unplaced in held}
        readings = of._read(members)
        self.draft = Draft(fresh=readings.read)
        self._set_aside({ingress_name(unplaced.ingress): unplaced.problem for unplaced in held})
        self._set_aside(readings.unreadable)
        self._set_aside(self._refused_lately())

    def provision(self) -> Sequence[ControllerError]:
        """All members that count have what they ask for, or what they last had. Returns what is wrong with the others.

        Raises what goes wrong for all of them together.
        """
        deployed = self._deploy_until_it_goes()
        wrong: list[ControllerError] = [*self.wrong()]
        wrong += [deployed.later] if deployed.later else []
        try:
            self._remember()
        except KubernetesError as error:
            wrong.append(error)
        unguarded = self._tell_unguarded(deployed)
        wrong += [UnmetNeed(deployed.unmet)] if unguarded else []
        fresh = [self._ingresses[name] for name in self.draft.fresh if name not in {*self._outvoted, *unguarded}]
        self._of._teller.success(fresh, changed=deployed.changed or not all(map(told_of, fresh)))
        return wrong

    def wrong(self) -> Sequence[ControllerError]:
        """What is wrong with those who are set aside, and why it is not known what they gave."""
        return (*self.draft.aside.values(), *([self._unheard] if self._unheard else []))

    def tell_those_aside(self) -> None:
        """Each is told once what is wrong with it, and nothing of the others."""
        for name in self.draft.aside.keys() - self._told:
            error = self.draft.aside[name]
            when = isinstance(error, AwsError | ForbiddenChange)
            reason = Reason.FAILED_DEPLOY_MODEL if when else Reason.FAILED_BUILD_MODEL
            self._of._teller.failure([self._ingresses[name]], reason, error)
            self._told.add(name)

    def _tell_unguarded(self, deployed: Deployed) -> Set[str]:
        """Whoever asked for a firewall that AWS refuses is told; the rest of the load balancer is as it should be."""
        if not deployed.unmet:
            return frozenset()
        asking = {problem.member or problem.object.removeprefix("Ingress ") for problem in deployed.unmet}
        names = asking & self.draft.fresh.keys() or self.draft.fresh.keys()
        told = [self._ingresses[name] for name in sorted(names)]
        self._of._teller.failure(told, Reason.FAILED_DEPLOY_MODEL, UnmetNeed(deployed.unmet))
        return names

    def _welcome(self, members: Iterable[MemberInput]) -> None:
        """Who does not bear the finalizer yet was never a member, whatever its status tells of another group."""
        if _is_shared(self._name):
            for member in members:
                if finalizer_of(self._name) not in finalizers_of(member.ingress):
                    self._of._memory.arrives(self._name, ingress_name(member.ingress))

    # ---- who is set aside

    def _set_aside(self, wrong: Mapping[str, ControllerError]) -> None:
        if wrong:
            self.draft = self.draft.set_aside(wrong, self._recall)

    def _refused_lately(self) -> Mapping[str, ControllerError]:
        refusals = {
            name: self._of._refusals.of(self._name, name, asked=asked) for name, asked in self.draft.fresh.items()
        }
        return {name: error for name, error in refusals.items() if error is not None}

    def _recall(self, member: str) -> MemberIntent | None:
        gave, known = None, False
        try:
            if _is_shared(self._name):
                gave, known = self._of._memory.recall(self._name, member), self._of._memory.knows(self._name, member)
        except KubernetesError as error:
            self._unheard = error
        if not known and told_of(self._ingresses[member]):
            self.unknown.add(member)
        return gave

    def stand_still(self) -> None:
        """What a member gave and nobody remembers would be taken away: then nothing is done to the group at all."""
        self.tell_those_aside()
        names = ", ".join(sorted(self.unknown))
        remedy = f"mend {names} first: what it gave the load balancer before this controller ran is not known"
        problem = Problem(f"IngressGroup {self._name}", "members", "", remedy)
        self._of._teller.failure(self._fresh(), Reason.FAILED_BUILD_MODEL, SpecError([problem]))

    def _fresh(self) -> list[Obj]:
        return [self._ingresses[name] for name in self.draft.fresh]

    # ---- from members to what stands

    def _deploy_until_it_goes(self) -> Deployed:
        """Each turn sets aside those who are the cause that it does not go, so there are as many as members at most."""
        while True:
            built = self._build_until_it_goes()
            self.tell_those_aside()
            told = [self._ingresses[member.name] for member in self.draft.members]
            publish = partial(self._publish, told)
            try:
                deployed = self._of._provisioner.deploy(built, told=told, publish=publish, blamed=())
            except (AwsRefused, AwsDenied, AwsNotFound, AwsAlreadyExists, ForbiddenChange) as error:
                guilty = self._to_blame_for(built, error)
                if not guilty:
                    self._of._teller.failure(told, Reason.FAILED_DEPLOY_MODEL, error)
                    raise
                for member in guilty:
                    self._of._refusals.note(self._name, member, asked=self.draft.fresh[member], error=error)
                self._set_aside(dict.fromkeys(guilty, error))
            except NotYet as wait:
                self._of._teller.waiting(told, wait)
                raise
            except ControllerError as error:
                self._of._teller.failure(told, Reason.FAILED_DEPLOY_MODEL, error)
                raise
            else:
                self._built_from = built
                self._of._refusals.forget(self._name, self.draft.fresh)
                return deployed

    def _to_blame_for(self, built: Built, error: AwsError | ForbiddenChange) -> Set[str]:
        """Nobody in particular where it is not known what they gave before."""
        if not _is_shared(self._name) or (isinstance(error, AwsError) and error.about is None):
            return frozenset()
        about = error.about if isinstance(error, AwsError) else None
        given = {name: gift(member, built.intent, built.facts) for name, member in self.draft.fresh.items()}
        as_given = replace(self.draft, fresh=given)
        return as_given.to_blame_for(built.intent, about, self._last_gave)

    def _last_gave(self, member: str) -> MemberIntent | None:
        with suppress(KubernetesError):
            return self._of._memory.recall(self._name, member)
        return None

    def _build_until_it_goes(self) -> Built:
        while True:
            if self.unknown:
                self.stand_still()
                raise _StandStill
            if not self.draft.members:
                raise _NobodyLeft
            merged = merge(self._name, self.draft.members, settings=self._of._settings)
            if merged.impossible.keys() & self.draft.fresh.keys():
                self._set_aside({name: SpecError(those) for name, those in merged.impossible.items()})
                continue
            built = self._built(merged)
            if built is not None:
                self._tell_what_does_not_hold(merged)
                return built

    def _built(self, merged: Merged) -> Built | None:
        """None where somebody had to be set aside."""
        with self._of._teller.stage((), Reason.FAILED_BUILD_MODEL):
            try:
                return self._of._provisioner.build(merged.intent)
            except (SpecError, UnmetNeed) as error:
                guilty = self.draft.to_blame(error.problems, self._last_gave)
                if not guilty:
                    self._of._teller.failure(self._fresh(), Reason.FAILED_BUILD_MODEL, error)
                    raise
                self._set_aside({name: type(error)(those) for name, those in guilty.items()})
                return None
            except ControllerError as error:
                self._of._teller.failure(self._fresh(), Reason.FAILED_BUILD_MODEL, error)
                raise

    def _publish(self, told: Sequence[Obj], deployed: Deployed) -> None:
        status = _status(deployed)
        with self._of._teller.stage(told, Reason.FAILED_UPDATE_STATUS):
            for ingress in told:
                self._of._writer.patch_status(INGRESS, ingress, status)

    def _remember(self) -> None:
        """What each member that counts gave, for the day on which it breaks."""
        if not _is_shared(self._name):
            return
        built = self._built_from
        gave: dict[str, MemberIntent | None] = {**dict.fromkeys(self.draft.aside), **self.draft.last}
        for name, member in self.draft.fresh.items():
            # without facts nothing is other than at the last deployment
            known = None if built.facts else self._of._memory.recall(self._name, name)
            gave[name] = known or gift(member, built.intent, built.facts)
        self._of._memory.remember(self._name, gave)

    def _tell_what_does_not_hold(self, merged: Merged) -> None:
        self._outvoted = merged.outvoted.keys() & self.draft.fresh.keys()
        for name in sorted(self._outvoted):
            error = SpecError(merged.outvoted[name])
            self._of._teller.failure([self._ingresses[name]], Reason.FAILED_BUILD_MODEL, error)
        notes = {name: notes_of(self._ingresses[name]) for name in self.draft.fresh}
        together = passed_over_together(notes, self.draft.fresh.values(), merged.intent)
        for name, member in self.draft.fresh.items():
            mine = [p for p in (*member.warnings, *together) if name in (p.object.removeprefix("Ingress "), p.member)]
            self._of._teller.passed_over(self._ingresses[name], mine)


def _is_shared(group: str) -> bool:
    """Whether an explicit group: an Ingress that stands alone hurts nobody else when it breaks."""
    return "/" not in group


def _of_all(errors: Sequence[ControllerError]) -> ControllerError:
    """One error for all: the one that is to be tried again soonest, else all that users have to mend."""
    again = [error for error in errors if not isinstance(error, SpecError)]
    soonest = next((error for error in again if not isinstance(error, NotYet)), next(iter(again), None))
    return soonest or SpecError([p for error in errors if isinstance(error, SpecError) for p in error.problems])


def _status(deployed: Deployed) -> Mapping[str, Any]:
    hosts = [{"hostname": host, "ports": _ports(ports)} for host, ports in deployed.listener_ports().items()]
    return {"loadBalancer": {"ingress": hosts}}


def _ports(ports: Iterable[int]) -> list[Mapping[str, Any]]:
    return [{"port": port, "protocol": "TCP"} for port in ports]
