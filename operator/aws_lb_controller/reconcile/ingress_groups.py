"""Which Ingresses form which group, as the store has them now.

Which groups an Ingress may be in is told without any request, so that it can be told at every change. Only to load a
group, Namespaces are read where the parameters of a class choose among them: afresh, each once, as a label may have
been set a moment before the edit that asks to look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from aws_lb_controller.api.ingress_class_params import IngressClassParams
from aws_lb_controller.cluster.indexes import finalizer_groups, full_name
from aws_lb_controller.cluster.kinds import INGRESS, INGRESS_CLASS, INGRESS_CLASS_PARAMS
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.group import group_of
from aws_lb_controller.intent.ingress_class import Classified, Lookup, classify, ingress_name, is_default
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
    """members: active; leaving: those that bear the group's finalizer but are deleted, or belong elsewhere now.

    Each by ``namespace/name``.
    """

    members: tuple[MemberInput, ...]
    leaving: tuple[Obj, ...]
    unplaced: tuple[Unplaced, ...]


class IngressGroups:
    """Reads groups from the store. namespace: a Namespace by name, for classes with a namespaceSelector."""

    def __init__(self, store: Store, settings: Settings, *, namespace: Callable[[str], Obj | None]) -> None:
        self._store, self._settings, self._namespace = store, settings, namespace
        self._params = _ParamsOnceRead(store)

    def names(self, ingress: Obj) -> set[str]:
        """The groups to look at when this Ingress changes, beside those that its finalizers hold it in.

        One that cannot be placed is looked at under its own name, so that it is told. So is one whose class chooses
        namespaces: which, is not asked here.
        """
        try:
            classified = self._classify(ingress, namespaces=None)
            asked = {group_of(ingress, classified)} if classified else set[str]()
        except SpecError:
            return {ingress_name(ingress)}
        may_be_refused = classified is not None and classified.spec.namespace_selector is not None
        return asked | ({ingress_name(ingress)} if may_be_refused else set())

    def load(self, group: str) -> Group:
        """The group as it stands now. Raises `KubernetesError` where a Namespace that decides cannot be read."""
        members, leaving, unplaced = [], [], []
        namespaces = cache(self._namespace)
        for ingress in self._candidates(group):
            held = group in finalizer_groups(ingress)
            try:
                classified = self._classify(ingress, namespaces=namespaces)
            except SpecError as e:
                if held or ingress_name(ingress) == group:
                    unplaced.append(Unplaced(ingress=ingress, problem=e, held=held))
                continue
            if classified is not None and self._belongs(ingress, classified, group, held=held, unplaced=unplaced):
                members.append(MemberInput(ingress=ingress, classified=classified))
            elif held:
                leaving.append(ingress)
        return Group(members=tuple(members), leaving=tuple(leaving), unplaced=tuple(unplaced))

    def _candidates(self, group: str) -> Iterable[Obj]:
        """Whoever may have to do with the group, by ``namespace/name``: all others belong elsewhere for certain."""
        namespace, _, name = group.partition("/")
        alone = self._store.get(INGRESS, namespace, name)
        found = [*self._store.by_index(INGRESS, "group", group), *self._by_class(group)]
        found += [alone] if alone is not None else []
        return [ingress for _, ingress in sorted({full_name(ingress): ingress for ingress in found}.items())]

    def _by_class(self, group: str) -> Iterator[Obj]:
        """The Ingresses of classes whose parameters name the group."""
        for params in self._store.by_index(INGRESS_CLASS_PARAMS, "group", group):
            for ingress_class in self._store.by_index(INGRESS_CLASS, "params", full_name(params)):
                for name in (full_name(ingress_class), *([""] if is_default(ingress_class) else [])):
                    yield from self._store.by_index(INGRESS, "class", name)

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

    def _classify(self, ingress: Obj, *, namespaces: Lookup | None) -> Classified | None:
        return classify(
            ingress,
            classes=lambda name: self._store.get(INGRESS_CLASS, "", name),
            params=self._params,
            namespaces=namespaces,
            settings=self._settings,
            all_classes=lambda: self._store.list(INGRESS_CLASS),
        )


class _ParamsOnceRead:
    """The store's IngressClassParams by name, each version read once. For any thread: at worst two read the same."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[Obj, IngressClassParams]] = {}

    def __call__(self, name: str) -> IngressClassParams | None:
        """None if there are none. Raises `SpecError` for those that cannot be read."""
        obj = self._store.get(INGRESS_CLASS_PARAMS, "", name)
        known = self._known.get(name)
        if obj is None:
            self._known.pop(name, None)
            return None
        if known is None or known[0] is not obj:
            known = self._known[name] = obj, IngressClassParams.read(obj)
        return known[1]
