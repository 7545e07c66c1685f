"""The annotation ``actions.PROTOCOL-PORT`` of Services: a listener forwards to several target groups by weight.

Its JSON is that of ELBv2's forward action, but the Service itself is always the first target group, with
``baseServiceWeight``. Of what an Ingress's action may have, other types, target groups by name and a duration of
stickiness are nothing that an NLB's listener has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from aws_lb_controller.intent import json_fields
from aws_lb_controller.intent.json_fields import Fields
from aws_lb_controller.intent.readers import Unreadable, read_json

T = TypeVar("T")
_TARGET_GROUP: Fields = {f: {} for f in ("targetGroupARN", "serviceName", "servicePort", "decrypt", "weight")}
_STICKINESS: Fields = {"enabled": {}}
_FORWARD: Fields = {
    "baseServiceWeight": {},
    "targetGroups": _TARGET_GROUP,
    "targetGroupStickinessConfig": _STICKINESS,
}
_ACTION: Fields = {"type": {}, "forwardConfig": _FORWARD}

_HEAVIEST = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One target group beside the Service's own: by ARN, or a Service of the same namespace with a port.

    port: a number, or a port's name. decrypt: behind a TLS listener the targets speak plain TCP.
    """

    arn: str | None = None
    service: str | None = None
    port: int | str | None = None
    weight: int | None = None
    decrypt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedForward:
    """A listener's forward before its Services are looked up. A weight of None is AWS's default.

    base_weight: that of the Service that the annotation stands on. passed_over: fields that no such action has.
    """

    base_weight: int | None
    to: tuple[Backend, ...]
    sticky: bool = False
    passed_over: tuple[str, ...] = ()


def read_weighted_forward(text: str) -> WeightedForward:
    """Reads an action. Raises `Unreadable`, with all that is wrong within ``forwardConfig`` at once."""
    written = read_json(text)
    action = json_fields.object_of(written, _ACTION, of="the action")
    if json_fields.text(action, "type") != "forward":
        raise Unreadable("write the type as forward, the only one that a Service's listener can have")
    if "forwardConfig" not in action:
        raise Unreadable("add forwardConfig")
    config = json_fields.object_of(action["forwardConfig"], _FORWARD, of="forwardConfig")
    wrong: list[str] = []
    base_weight = _attempt(partial(_weight, config, "baseServiceWeight"), wrong)
    backends = _attempt(partial(json_fields.list_of, config.get("targetGroups"), of="targetGroups"), wrong) or []
    to = [_attempt(partial(_backend, b), wrong, place=f"targetGroups[{i}]: ") for i, b in enumerate(backends)]
    sticky = _attempt(partial(_is_sticky, config.get("targetGroupStickinessConfig")), wrong)
    if wrong:
        raise Unreadable("; ".join(wrong))
    found = tuple(backend for backend in to if backend is not None)
    _check_weights(found)
    unknown = tuple(dict.fromkeys(key.rpartition(".")[2] for key in json_fields.unknown(written, _ACTION)))
    return WeightedForward(base_weight=base_weight, to=found, sticky=bool(sticky), passed_over=unknown)


def _attempt(read: Callable[[], T], wrong: list[str], *, place: str = "") -> T | None:
    """What `read` gives; what it cannot read is added to `wrong`."""
    try:
        return read()
    except Unreadable as e:
        wrong.append(f"{place}{e}")
        return None


def _backend(value: Any) -> Backend:
    written = json_fields.object_of(value, _TARGET_GROUP, of="an item of targetGroups")
    arn, service = json_fields.text(written, "targetGroupARN"), json_fields.text(written, "serviceName")
    if (arn is None) == (service is None):
        raise Unreadable("name it by targetGroupARN or by serviceName, one of the two")
    if arn == "":
        raise Unreadable("write an ARN in targetGroupARN")
    port = _port(written)
    if service is not None and port is None:
        raise Unreadable(f"add servicePort to serviceName {service}")
    return Backend(
        arn=arn,
        service=service,
        port=port,
        weight=_weight(written, "weight"),
        decrypt=bool(json_fields.boolean(written, "decrypt")),
    )


def _port(written: Mapping[str, Any]) -> int | str | None:
    """Text is a port's name, also where it looks like a number: no port can have such a name."""
    value = written.get("servicePort")
    return value if isinstance(value, str) else json_fields.integer(written, "servicePort")


def _weight(holder: Mapping[str, Any], field: str) -> int | None:
    weight = json_fields.integer(holder, field)
    if weight is not None and not 0 <= weight <= _HEAVIEST:
        raise Unreadable(f"write {field} as a whole number from 0 to {_HEAVIEST}")
    return weight


def _check_weights(backends: Sequence[Backend]) -> None:
    if len(backends) > 1 and any(backend.weight is None for backend in backends):
        raise Unreadable("give each of several targetGroups a weight")


def _is_sticky(value: Any) -> bool:
    config = json_fields.object_of(value, _STICKINESS, of="targetGroupStickinessConfig")
    return bool(json_fields.boolean(config, "enabled"))
