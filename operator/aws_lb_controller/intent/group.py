"""IngressGroups: which group an Ingress is in, the finalizer of its members, and its members read one by one.

A group's name is ``namespace/name`` for an Ingress that stands alone, and the given name, which has no slash, for one
that is shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lb_controller.api.names import ingress_finalizer
from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent.deletion_protection import protects
from aws_lb_controller.intent.ingress import notes_of, read_member
from aws_lb_controller.intent.ingress_class import Classified, ingress_name
from aws_lb_controller.intent.ingress_member import MemberInput, MemberIntent
from aws_lb_controller.intent.oidc_client import Secrets
from aws_lb_controller.intent.service import Services
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


def deletion_protection(ingress: Obj) -> bool | None:
    """Whether an Ingress's own annotations protect one of its load balancers from deletion; None: they are silent.

    What cannot be read counts as protection.
    """
    notes = notes_of(ingress)
    annotations = [table.LOAD_BALANCER_ATTRIBUTES]
    annotations += [table.FRONTEND_NLB_ATTRIBUTES] if notes.get(table.ENABLE_FRONTEND_NLB) else []
    said = [protects(notes.get(annotation)) for annotation in annotations]
    return True if any(said) else said[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """The members of a group that can be read, and what is wrong with the others; both by ``namespace/name``."""

    read: Mapping[str, MemberIntent]
    unreadable: Mapping[str, SpecError]


def read_members(
    members: Iterable[MemberInput], *, services: Services, secrets: Secrets, settings: Settings
) -> Readings:
    """Each member for itself: what is wrong with one says nothing about another."""
    read: dict[str, MemberIntent] = {}
    unreadable: dict[str, SpecError] = {}
    for member in members:
        name = ingress_name(member.ingress)
        try:
            read[name] = read_member(member, services=services, secrets=secrets, settings=settings)
        except SpecError as wrong:
            unreadable[name] = wrong
    return Readings(read=read, unreadable=unreadable)
