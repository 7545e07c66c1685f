"""The annotation ``actions.NAME``: what a rule does, written as JSON in the shape of ELBv2's own actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lb_controller.intent import json_fields
from aws_lb_controller.intent.json_fields import Fields
from aws_lb_controller.intent.readers import Unreadable, read_int32, read_json
from aws_lb_controller.model.listener import FixedResponse, Redirect


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A target group as written: by ARN, by name, or a Service of the Ingress's namespace with a port."""

    arn: str | None = None
    name: str | None = None
    service: str | None = None
    port: int | str | None = None
    weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenForward:
    """A forward before its Services are looked up. stickiness_seconds None: not sticky."""

    to: tuple[Destination, ...]
    stickiness_seconds: int | None = None


WrittenAction = FixedResponse | Redirect | WrittenForward

NOT_FOUND = FixedResponse(status_code="404", content_type="text/plain")
"""What a listener answers where no rule and no default backend does."""

MISSING_ACTION = FixedResponse(
    status_code="503", content_type="text/plain", message_body="Backend action does not exist"
)
MISSING_SERVICE = FixedResponse(
    status_code="503", content_type="text/plain", message_body="Backend service does not exist"
)

_FIXED_RESPONSE: Fields = {f: {} for f in ("contentType", "messageBody", "statusCode")}
_REDIRECT_PARTS = ("host", "path", "port", "protocol", "query")
_REDIRECT: Fields = {f: {} for f in (*_REDIRECT_PARTS, "statusCode")}
_TARGET_GROUP: Fields = {f: {} for f in ("targetGroupARN", "targetGroupName", "serviceName", "servicePort", "weight")}
_STICKINESS: Fields = {"enabled": {}, "durationSeconds": {}}
_FORWARD: Fields = {"targetGroups": _TARGET_GROUP, "targetGroupStickinessConfig": _STICKINESS}
_BY_TYPE: Mapping[str, Fields] = {
    "fixed-response": {"type": {}, "fixedResponseConfig": _FIXED_RESPONSE},
    "redirect": {"type": {}, "redirectConfig": _REDIRECT},
    "forward": {"type": {}, "targetGroupARN": {}, "targetGroupName": {}, "forwardConfig": _FORWARD},
}
_ACTION = tuple(dict.fromkeys(field for fields in _BY_TYPE.values() for field in fields))


def redirect_to_https(port: int) -> Redirect:
    """What an HTTP listener answers where ``ssl-redirect`` names an HTTPS port."""
    return Redirect(status_code="HTTP_301", protocol="HTTPS", port=str(port))


def port_as_written(text: str) -> int | str:
    """A Service's port given as text: a number where it is one, else a name."""
    try:
        return read_int32(text)
    except Unreadable:
        return text


def read_action(text: str) -> WrittenAction:
    """Reads one action. Raises `Unreadable`."""
    action = json_fields.object_of(read_json(text), _ACTION, of="the action")
    match json_fields.text(action, "type"):
        case "fixed-response":
            return _fixed_response(_config(action, "fixedResponseConfig", _FIXED_RESPONSE))
        case "redirect":
            return _redirect(_config(action, "redirectConfig", _REDIRECT))
        case "forward":
            return _forward(action)
        case _:
            raise Unreadable("write the type as fixed-response, redirect or forward")


def without_effect(action: Any) -> Iterator[str]:
    """The keys of an action as written that count for nothing: unknown ones, other types', names beside ARNs."""
    kind = json_fields.text(json_fields.object_of(action, ("type",), of="the action"), "type")
    fields = _BY_TYPE[kind or ""]
    yield from json_fields.unknown(action, fields)
    written = json_fields.object_of(action, fields, of="the action")
    if "targetGroupARN" in written and "targetGroupName" in written:
        yield "targetGroupName"
    forward = json_fields.object_of(written.get("forwardConfig"), _FORWARD, of="forwardConfig")
    for each in forward.get("targetGroups", ()):
        group = json_fields.object_of(each, _TARGET_GROUP, of="an item of targetGroups")
        losing = ("targetGroupName", "servicePort") if "targetGroupARN" in group else ("servicePort",)
        if "serviceName" not in group:
            yield from (f"forwardConfig.targetGroups.{field}" for field in losing if field in group)


def _config(action: Mapping[str, Any], field: str, fields: Fields) -> dict[str, Any]:
    if field not in action:
        raise Unreadable(f"add {field}")
    return json_fields.object_of(action[field], fields, of=field)


def _status_code(config: Mapping[str, Any]) -> str:
    code = json_fields.text(config, "statusCode")
    if not code:
        raise Unreadable("add statusCode, in quotes")
    return code


def _fixed_response(config: Mapping[str, Any]) -> FixedResponse:
    return FixedResponse(
        status_code=_status_code(config),
        content_type=json_fields.text(config, "contentType"),
        message_body=json_fields.text(config, "messageBody"),
    )


def _redirect(config: Mapping[str, Any]) -> Redirect:
    written = {f: value for f in _REDIRECT_PARTS if (value := json_fields.text(config, f)) is not None}
    return Redirect(status_code=_status_code(config), **written)


def _forward(action: Mapping[str, Any]) -> WrittenForward:
    arn, name = json_fields.text(action, "targetGroupARN"), json_fields.text(action, "targetGroupName")
    by_itself = arn is not None or name is not None
    if by_itself == ("forwardConfig" in action):
        raise Unreadable("write one of forwardConfig, targetGroupARN and targetGroupName")
    if by_itself:
        return WrittenForward(to=(Destination(arn=arn, name=None if arn is not None else name),))
    config = _config(action, "forwardConfig", _FORWARD)
    to = tuple(_destination(d) for d in json_fields.list_of(config.get("targetGroups"), of="targetGroups"))
    _check_weights(to)
    return WrittenForward(to=to, stickiness_seconds=_stickiness(config.get("targetGroupStickinessConfig")))


def _check_weights(to: tuple[Destination, ...]) -> None:
    if not to:
        raise Unreadable("name at least one of targetGroups")
    if len(to) > 1 and any(d.weight is None for d in to):
        raise Unreadable("give each of several targetGroups a weight")


def _destination(value: Any) -> Destination:
    written = json_fields.object_of(value, _TARGET_GROUP, of="an item of targetGroups")
    arn, name = json_fields.text(written, "targetGroupARN"), json_fields.text(written, "targetGroupName")
    service, port = json_fields.text(written, "serviceName"), _port(written)
    if (arn is not None or name is not None) == (service is not None):
        raise Unreadable("name each of targetGroups by targetGroupARN, targetGroupName or serviceName")
    if service is not None and port is None:
        raise Unreadable(f"add servicePort to serviceName {service}")
    return Destination(
        arn=arn,
        name=None if arn is not None else name,
        service=service,
        port=port,
        weight=json_fields.integer(written, "weight"),
    )


def _port(written: Mapping[str, Any]) -> int | str | None:
    value = written.get("servicePort")
    return port_as_written(value) if isinstance(value, str) else json_fields.integer(written, "servicePort")


def _stickiness(value: Any) -> int | None:
    config = json_fields.object_of(value, _STICKINESS, of="targetGroupStickinessConfig")
    enabled, seconds = json_fields.boolean(config, "enabled"), json_fields.integer(config, "durationSeconds")
    if enabled and seconds is None:
        raise Unreadable("add durationSeconds to targetGroupStickinessConfig")
    return seconds if enabled else None
