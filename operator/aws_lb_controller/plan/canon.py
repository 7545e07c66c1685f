"""AWS's spellings of defaults, and ours, brought into one form before they are compared.

Everything here returns values that are only meant to be compared (and hashed); none goes into a step. References that
are not known yet stay what they are, so they are equal to nothing that exists.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Iterable, Mapping, Set
from functools import lru_cache
from typing import Any

from aws_lb_controller.model.binding import NetworkingRule
from aws_lb_controller.model.listener import (
    Action,
    Authenticate,
    Condition,
    FixedResponse,
    Forward,
    Listener,
    MutualAuthentication,
    Rule,
    Transform,
)
from aws_lb_controller.model.refs import Value
from aws_lb_controller.model.security_group import IngressRule, Source

DEFAULT_NOT_LISTED = ""
"""Stands among an observed listener's certificates where its default one is not on its certificate list."""

_AUTHENTICATE_DEFAULTS: Mapping[str, object] = {
    "OnUnauthenticatedRequest": "authenticate",
    "Scope": "openid",
    "SessionCookieName": "AWSELBAuthSessionCookie",
    "SessionTimeout": 604800,
}
"""``AuthenticateOidcActionConfig`` and ``AuthenticateCognitoActionConfig``: what AWS takes for what is not given."""


def actions(value: Iterable[Action]) -> tuple[Hashable, ...]:
    """Actions in their order (AWS carries them out in that order)."""
    return tuple(_action(action) for action in value)


def conditions(value: Iterable[Condition]) -> frozenset[Hashable]:
    """Conditions as a set: all must hold, and of one's values any, so no order matters."""
    return frozenset((c.field, frozenset(c.values), frozenset(c.regex_values), c.header_name) for c in value)


def transforms(value: Iterable[Transform]) -> frozenset[Hashable]:
    """Transforms as a set: AWS takes one of each type; the rewrites within one keep their order."""
    return frozenset((t.type, t.rewrites) for t in value)


def rule(value: Rule) -> tuple[Hashable, ...]:
    """What a rule does, wherever it stands: conditions, actions, transforms."""
    return conditions(value.conditions), actions(value.actions), transforms(value.transforms)


def mutual_authentication(value: MutualAuthentication | None) -> tuple[Hashable, ...]:
    """``MutualAuthentication``: without one it is off; only ``verify`` has more than a mode."""
    if value is None or value.mode == "off":
        return ("off",)
    if value.mode != "verify":
        return (value.mode,)
    return (
        value.mode,
        value.trust_store_arn,
        bool(value.ignore_client_certificate_expiry),
        value.advertise_trust_store_ca_names or "off",
    )


def alpn_policy(value: str | None) -> str:
    """``AlpnPolicy``: none given is the policy called None."""
    return value or "None"


def certificate_list(value: Listener) -> frozenset[str]:
    """What is, or is to be, on the certificate list of a listener, of which AWS takes what suits a client's host.

    All its certificates, the default one among them: off the list it serves those only for whom the list has nothing.
    """
    unlisted = value.certificates[:1] if DEFAULT_NOT_LISTED in value.certificates else ()
    return frozenset(value.certificates) - {DEFAULT_NOT_LISTED, *unlisted}


def seen_certificates(default: tuple[str, ...], listed: Set[str]) -> tuple[str, ...]:
    """``Listener.certificates`` of an observed listener; default: the default one, if any, listed: its list."""
    alone = (DEFAULT_NOT_LISTED,) if default and default[0] not in listed else ()
    return (*default, *alone, *sorted(listed - set(default)))


def ingress(value: Iterable[IngressRule]) -> frozenset[Hashable]:
    """Inbound rules by what they let in: EC2 takes no two that differ in nothing but their description."""
    return frozenset((r.protocol, *_ports(r), r.source.kind, _source(r.source)) for r in value)


def networking(value: tuple[NetworkingRule, ...] | None) -> Hashable:
    """A binding's ``spec.networking``: no order matters, and a port without a protocol is a TCP port."""
    if value is None:
        return None
    return frozenset(
        (frozenset(rule.peers), frozenset((port.protocol or "TCP", port.port) for port in rule.ports)) for rule in value
    )


def _action(action: Action) -> Hashable:
    if isinstance(action, Forward):
        return "forward", _weights(action), action.stickiness_seconds
    if isinstance(action, FixedResponse):
        return "fixed-response", action.status_code, action.content_type or None, action.message_body or None
    if isinstance(action, Authenticate):
        return SameAuthentication(action)
    return action.filled()


def _weights(action: Forward) -> Hashable:
    """Target groups with their weights, in any order: one alone gets everything, of several AWS's default is 1."""
    groups = action.target_groups
    if len(groups) == 1:
        return groups[0].arn
    return frozenset((group.arn, 1 if group.weight is None else group.weight) for group in groups)


class SameAuthentication:
    """An authenticate action that is equal to another if AWS's answer does not show that they differ.

    AWS never tells a client secret, so a side without one says nothing about it: then they differ if the other side is
    known to be news. Our own writes are remembered with their secret's mark.
    """

    __slots__ = ("_config", "_secret", "_type")

    def __init__(self, action: Authenticate) -> None:
        config = {
            k: v for k, v in action.config.items() if v not in (None, {}, [], ()) and k != "UseExistingClientSecret"
        }
        self._type = action.type
        self._secret = action.client_secret
        defaults = {} if action.type == "jwt-validation" else _AUTHENTICATE_DEFAULTS
        self._config = _frozen({**defaults, **config})

    def __hash__(self) -> int:
        return hash((self._type, self._config))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SameAuthentication):
            return NotImplemented
        return (self._type, self._config) == (other._type, other._config) and self._has_secret_of(other)

    def _has_secret_of(self, other: SameAuthentication) -> bool:
        if self._secret is not None and other._secret is not None:
            return self._secret.mark == other._secret.mark
        return not any(secret.news for secret in (self._secret, other._secret) if secret is not None)


def _frozen(value: Any) -> Hashable:
    """Hashable: numbers written as text are the numbers, lists are tuples, mappings are sets of pairs."""
    if isinstance(value, Mapping):
        return frozenset((key, _frozen(v)) for key, v in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(v) for v in value)
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _ports(rule: IngressRule) -> tuple[int | None, int | None]:
    if rule.protocol == "-1" or (rule.from_port, rule.to_port) == (-1, -1):
        return None, None
    return rule.from_port, rule.to_port


def _source(source: Source) -> Value:
    if source.kind in ("ipv4", "ipv6") and isinstance(source.value, str):
        return network(source.value)
    return source.value


@lru_cache(maxsize=4096)
def network(cidr: str) -> str:
    """A network as EC2 stores it: host bits cut off, IPv6 in its short lower-case form."""
    try:
        return str(ipaddress.ip_network(cidr, strict=False))
    except ValueError:
        return cidr


def differing(wanted: object, seen: object, fields: Iterable[str]) -> tuple[str, ...]:
    """Those of the dataclass fields that the user (or a default of ours) set and that differ; None says nothing."""
    return tuple(name for name in fields if getattr(wanted, name) not in (None, getattr(seen, name)))


def not_there(wanted: Mapping[str, str], seen: Mapping[str, str]) -> dict[str, str]:
    """The attributes that we set and that have another value; what we do not set is left as AWS has it."""
    return {key: value for key, value in wanted.items() if seen.get(key) != value}
