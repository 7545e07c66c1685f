"""What a worker is asked to look at: never what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Controller = Literal[
    "service", "ingress-group", "binding", "access", "pod-readiness", "node-security-groups", "backend-security-group"
]


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """controller: who looks; name: ``namespace/name``, an explicit group's name, or "" where there is only one.

    An Ingress alone is the group ``namespace/name``; an explicit group's name has no slash.
    """

    controller: Controller
    name: str = ""

    def __str__(self) -> str:
        return f"{self.controller} {self.name}".strip()


NODE_SECURITY_GROUPS = Key("node-security-groups")
BACKEND_SECURITY_GROUP = Key("backend-security-group")
