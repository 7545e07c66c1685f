"""What each member of a shared IngressGroup last gave the load balancer, so that it holds when the member breaks.

It is kept in memory, and in a ConfigMap of the group beside the controller, from where a later life of ours has it:
tags of rules stay as users know them, and nothing of it stands on users' objects. The ConfigMap is written when
something changes, and read only when it is to be written or a member cannot be built. Client secrets are not in it
(`ClientSecret` says where one stands). Of a member that gave nothing yet it says just that: to know nothing of a member
is something else.
"""

from __future__ import annotations

import base64
import logging
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from aws_lb_controller.api.names import GROUP_CONFIG_MAP_PREFIX
from aws_lb_controller.errors import KubernetesDenied
from aws_lb_controller.intent.ingress_member import MemberIntent
from aws_lb_controller.reconcile.ports import ConfigMaps

log = logging.getLogger(__name__)

_MEMBER: TypeAdapter[MemberIntent] = TypeAdapter(MemberIntent)
Members = Mapping[str, MemberIntent | None]
"""By ``namespace/name``; None: it gave nothing yet."""


@dataclass(slots=True)
class _Kept:
    """gave: what is known of each member. stored: the ConfigMap's contents as last read or written, None: not read.

    saved: the ConfigMap says what `gave` does.
    """

    gave: dict[str, MemberIntent | None] = field(default_factory=dict)
    stored: Mapping[str, str] | None = None
    saved: bool = False


class GroupMemory:
    """One serves all groups; a group is only ever used by the one worker that has it."""

    def __init__(self, config_maps: ConfigMaps) -> None:
        self._config_maps = config_maps
        self._groups: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def recall(self, group: str, member: str) -> MemberIntent | None:
        """What the member last gave; None if it gave nothing, or nothing is known of it. Raises KubernetesError."""
        return self._gave(group, member).get(member)

    def knows(self, group: str, member: str) -> bool:
        """Whether it is known what the member last gave, be it nothing. Raises KubernetesError."""
        return member in self._gave(group, member)

    def arrives(self, group: str, member: str) -> None:
        """The member was in the group neither in this life of ours nor in an earlier one: it gave nothing yet."""
        kept = self._kept(group)
        kept.gave[member], kept.saved = None, False

    def remember(self, group: str, members: Members) -> None:
        """These are the group's members now, with what they give. Raises KubernetesError: then only this life knows."""
        kept = self._kept(group)
        if kept.saved and kept.gave == members:
            return
        kept.gave, kept.saved = dict(members), False
        wanted = {_key(name): _written(member) for name, member in members.items()}
        if wanted != self._stored(group, kept):
            labels = {"app.kubernetes.io/managed-by": "aws-load-balancer-controller", "ingress.k8s.aws/stack": group}
            self._config_maps.write(_name(group), wanted, labels=labels)
        kept.stored, kept.saved = wanted, True

    def forget(self, group: str) -> None:
        """The group is gone. Raises KubernetesError, but where we may not delete: that holds up nobody who leaves.

        What then stays says nothing of members that come: they `arrives` anew.
        """
        try:
            self._config_maps.delete(_name(group))
        except KubernetesDenied as error:
            log.warning("the ConfigMap %s stays: %s", _name(group), error)
        with self._lock:
            self._groups.pop(group, None)

    def _gave(self, group: str, member: str) -> Members:
        kept = self._kept(group)
        if member not in kept.gave and kept.stored is None:
            # what is known already is newer
            kept.gave = {**_members(self._stored(group, kept)), **kept.gave}
        return kept.gave

    def _kept(self, group: str) -> _Kept:
        with self._lock:
            return self._groups.setdefault(group, _Kept())

    def _stored(self, group: str, kept: _Kept) -> Mapping[str, str]:
        if kept.stored is None:
            kept.stored = self._config_maps.read(_name(group)) or {}
        return kept.stored


def _members(stored: Mapping[str, str]) -> Members:
    nothing = {_member(key): None for key, text in stored.items() if not text}
    return {**nothing, **{member.name: member for text in stored.values() if text and (member := _read(text))}}


def _name(group: str) -> str:
    return GROUP_CONFIG_MAP_PREFIX + group


def _key(member: str) -> str:
    """A ConfigMap's keys have no slash; a namespace has no dot, so the first dot stands for it."""
    return member.replace("/", ".", 1)


def _member(key: str) -> str:
    return key.replace(".", "/", 1)


def _written(member: MemberIntent | None) -> str:
    if member is None:
        return ""
    return base64.b64encode(zlib.compress(_MEMBER.dump_json(member))).decode()


def _read(text: str) -> MemberIntent | None:
    """None for what another version wrote and this one cannot read: then nothing is known of the member."""
    try:
        return _MEMBER.validate_json(zlib.decompress(base64.b64decode(text)))
    except (ValueError, zlib.error, ValidationError) as e:
        log.warning("what a member of a group last gave cannot be read: %s", type(e).__name__)
        return None
