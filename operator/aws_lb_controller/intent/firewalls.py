"""What is to guard a load balancer (WAF, WAF Classic, Shield Advanced): read for one member, and agreed on by a group.

A name counts before an ARN: where anybody in a group gives the web ACL's name, nobody's ARN is looked at. What a flag
turns off is read all the same, so that a typo is told, and then passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent.annotations import AnnotationReader
from aws_lb_controller.intent.ingress_member import Asked, MemberFirewall, asked_of
from aws_lb_controller.intent.values import Blame, FirewallIntent
from aws_lb_controller.settings import Settings

T = TypeVar("T")


class Agreeing(Protocol):
    """How a group agrees on a value."""

    def __call__(self, asked: Iterable[Asked[T] | None]) -> Asked[T] | None:
        """What all who speak say; of several, what the first says."""


def read_firewall(
    notes: AnnotationReader, *, web_acl: Asked[str] | None, web_acl_name: Asked[str] | None, settings: Settings
) -> MemberFirewall:
    """What one Ingress asks for; web_acl and web_acl_name: ``wafv2-acl-arn``, ``wafv2-acl-name``, or its class's.

    Complains in `notes` of what cannot be read.
    """
    classic, shield = _classic_web_acl(notes), asked_of(notes, table.SHIELD_ADVANCED_PROTECTION)
    return MemberFirewall(
        web_acl=_no_web_acl(web_acl) if settings.enable_wafv2 else None,
        web_acl_name=_no_web_acl(web_acl_name) if settings.enable_wafv2 else None,
        classic_web_acl=_no_web_acl(classic) if settings.enable_waf else None,
        shield=shield if settings.enable_shield else None,
    )


def _classic_web_acl(notes: AnnotationReader) -> Asked[str] | None:
    """The newer annotation hides the older one, even where it is empty."""
    newer = notes.raw(table.WAF_ACL_ID) is not None
    return asked_of(notes, table.WAF_ACL_ID if newer else table.WEB_ACL_ID)


def _no_web_acl(asked: Asked[str] | None) -> Asked[str] | None:
    return Asked("", asked.blame) if asked and asked.value == table.NO_WEB_ACL else asked


def merge_firewalls(members: Sequence[MemberFirewall], agreeing: Agreeing) -> FirewallIntent:
    """What members ask for together."""
    name = agreeing(m.web_acl_name for m in members)
    web_acl = None if name else agreeing(m.web_acl for m in members)
    return FirewallIntent(
        web_acl=_value(web_acl) if not name or name.value else "",
        web_acl_name=name.value if name and name.value else None,
        web_acl_found=_found(name.value, members) if name else None,
        classic_web_acl=_value(agreeing(m.classic_web_acl for m in members)),
        shield=_value(agreeing(m.shield for m in members)),
    )


def _found(name: str, members: Iterable[MemberFirewall]) -> str | None:
    same = (m for m in members if m.web_acl_name and m.web_acl_name.value == name)
    return next((m.web_acl_found for m in same if m.web_acl_found), None)


def _value(asked: Asked[T] | None) -> T | None:
    return asked.value if asked else None


def firewall_blame(members: Sequence[MemberFirewall]) -> dict[str, Blame]:
    """By guard: whom to tell of what AWS says of it."""
    asked: dict[str, Iterable[Asked[Any] | None]] = {
        "wafv2": (*(m.web_acl_name for m in members), *(m.web_acl for m in members)),
        "waf-regional": (m.classic_web_acl for m in members),
        "shield": (m.shield for m in members),
    }
    first = {guard: next((a for a in said if a is not None), None) for guard, said in asked.items()}
    return {guard: a.blame for guard, a in first.items() if a is not None}
