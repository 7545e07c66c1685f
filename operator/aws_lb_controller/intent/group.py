"""IngressGroups: which group an Ingress is in, whom its finalizers bind it to, and a whole group read into one wish.

A group's name is ``namespace/name`` for an Ingress that stands alone, and the given name, which has no slash, for one
that is shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aws_lb_controller.api.names import GROUP_FINALIZER_PREFIX, Finalizer, ingress_finalizer
from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent.ingress import notes_of, read_member
from aws_lb_controller.intent.ingress_class import Classified, ingress_name
from aws_lb_controller.intent.ingress_member import MemberInput, MemberIntent
from aws_lb_controller.intent.merge import merge
from aws_lb_controller.intent.readers import Unreadable, read_bool
from aws_lb_controller.intent.service import Services
from aws_lb_controller.intent.values import StackIntent
from aws_lb_controller.settings import Settings

Obj = Mapping[str, Any]

_NAME = re.compile(r"([a-z0-9][-a-z0-9.]*)?[a-z0-9]")
_NAME_REMEDY = "write at most 63 of a-z, 0-9, - and ., with a letter or digit at both ends"


def group_of(ingress: Obj, classified: Classified) -> str:
    """The group of an Ingress that is ours: its class's, else its own. Raises `SpecError` for a name that is none."""
    name, field, owner = _written_name(ingress, classified)
    if name is None:
        return ingress_name(ingress)
    if not _NAME.fullmatch(name) or len(name) > 63:
        raise SpecError([Problem(owner, field, name, _NAME_REMEDY)])
    return name


def _written_name(ingress: Obj, classified: Classified) -> tuple[str | None, str, str]:
    if classified.params and classified.spec.group is not None:
        return classified.spec.group.name, "spec.group.name", f"IngressClassParams {classified.params.metadata.name}"
    notes = notes_of(ingress)
    return notes.raw(table.GROUP_NAME), notes.key(table.GROUP_NAME), notes.object_ref


def finalizer_of(group: str) -> str:
    """The finalizer that members of a group bear."""
    return ingress_finalizer(group)


def groups_by_finalizers(ingress: Obj) -> set[str]:
    """The groups that an Ingress is or was a member of, as its finalizers say."""
    return {
        ingress_name(ingress) if finalizer == Finalizer.INGRESS else finalizer.removeprefix(GROUP_FINALIZER_PREFIX)
        for finalizer in ingress["metadata"].get("finalizers") or ()
        if finalizer == Finalizer.INGRESS or finalizer.startswith(GROUP_FINALIZER_PREFIX)
    }


def order(members: Iterable[MemberInput]) -> list[MemberInput]:
    """Members by ``group.order``, then by namespace/name; an order that cannot be read counts as 0 here."""
    return sorted(members, key=lambda m: (notes_of(m.ingress).get(table.GROUP_ORDER) or 0, ingress_name(m.ingress)))


def deletion_protection(ingress: Obj) -> bool | None:
    """Whether an Ingress's own annotation protects its load balancer from deletion; None: it is silent.

    What cannot be read counts as protection.
    """
    text = (notes_of(ingress).get(table.LOAD_BALANCER_ATTRIBUTES) or {}).get("deletion_protection.enabled")
    try:
        return None if text is None else read_bool(text)
    except Unreadable:
        return True


def read_group(
    group: str, members: Sequence[MemberInput], *, services: Services, settings: Settings
) -> tuple[StackIntent, tuple[Problem, ...]]:
    """The wish of a group of at least one member, and warnings about what is passed over.

    Raises `SpecError` with every problem of every member; each names its own object.
    """
    read: list[MemberIntent] = []
    problems: list[Problem] = []
    for member in order(members):
        try:
            read.append(read_member(member, services=services, settings=settings))
        except SpecError as wrong:
            problems += wrong.problems
    if problems:
        raise SpecError(list(dict.fromkeys(problems)))
    stack = merge(group, read, settings=settings)
    return stack, tuple(dict.fromkeys(warning for member in read for warning in member.warnings))
