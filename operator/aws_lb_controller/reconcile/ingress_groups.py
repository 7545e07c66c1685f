"""Which Ingresses form which group, as the store has them now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aws_lb_controller.cluster.kinds import INGRESS, INGRESS_CLASS, INGRESS_CLASS_PARAMS
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.group import group_of, groups_by_finalizers
from aws_lb_controller.intent.ingress_class import Classified, classify, ingress_name
from aws_lb_controller.intent.ingress_member import MemberInput
from aws_lb_controller.reconcile.ports import Obj
from aws_lb_controller.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """An Ingress whose class or group cannot be told. held: it bears the group's finalizer, so it was a member."""

    ingress: Obj
    problem: SpecError
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """members: active; leaving: those that bear the group's finalizer but are deleted, or belong elsewhere now."""

    members: tuple[MemberInput, ...]
    leaving: tuple[Obj, ...]
    unplaced: tuple[Unplaced, ...]


class IngressGroups:
    """Reads groups from the store. namespace: a Namespace by name, for classes with a namespaceSelector."""

    def __init__(self, store: Store, settings: Settings, *, namespace: Callable[[str], Obj | None]) -> None:
        self._store, self._settings, self._namespace = store, settings, namespace

    def names(self, ingress: Obj) -> set[str]:
        """The groups to look at when this Ingress changes: where it belongs, and where its finalizers hold it.

        One that cannot be placed is looked at under its own name, so that it is told.
        """
        try:
            classified = self._classify(ingress)
            asked = {group_of(ingress, classified)} if classified else set[str]()
        except SpecError:
            asked = {ingress_name(ingress)}
        return asked | groups_by_finalizers(ingress)

    def load(self, group: str) -> Group:
        """The group as it stands now."""
        members, leaving, unplaced = [], [], []
        for ingress in self._store.list(INGRESS):
            held = group in groups_by_finalizers(ingress)
            try:
                classified = self._classify(ingress)
            except SpecError as e:
                if held or ingress_name(ingress) == group:
                    unplaced.append(Unplaced(ingress=ingress, problem=e, held=held))
                continue
            if classified is not None and self._belongs(ingress, classified, group, held=held, unplaced=unplaced):
                members.append(MemberInput(ingress=ingress, classified=classified))
            elif held:
                leaving.append(ingress)
        return Group(members=tuple(members), leaving=tuple(leaving), unplaced=tuple(unplaced))

    def _belongs(
        self, ingress: Obj, classified: Classified, group: str, *, held: bool, unplaced: list[Unplaced]
    ) -> bool:
        """A group name that is none means leaving the group all the same: it is told, and nothing more."""
        try:
            return group_of(ingress, classified) == group
        except SpecError as e:
            if held or ingress_name(ingress) == group:
                unplaced.append(Unplaced(ingress=ingress, problem=e, held=False))
            return False

    def _classify(self, ingress: Obj) -> Classified | None:
        return classify(
            ingress,
            classes=lambda name: self._store.get(INGRESS_CLASS, "", name),
            params=lambda name: self._store.get(INGRESS_CLASS_PARAMS, "", name),
            namespaces=self._namespace,
            settings=self._settings,
            all_classes=lambda: self._store.list(INGRESS_CLASS),
        )
