"""Actions of listeners and rules, as requests and answers have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aws_lb_controller.aws.wire.tags import Json, without_none
from aws_lb_controller.model.listener import (
    STICKY_WITHOUT_DURATION,
    Action,
    Authenticate,
    FixedResponse,
    Forward,
    Redirect,
    WeightedTargetGroup,
)

_CONFIG_OF = {
    "authenticate-cognito": "AuthenticateCognitoConfig",
    "authenticate-oidc": "AuthenticateOidcConfig",
    "jwt-validation": "JwtValidationConfig",
}

_SECRET_FIELDS = frozenset({"ClientSecret", "UseExistingClientSecret"})
"""What AWS never tells (moto does) and what is no more than a word of a request."""


def to_aws(actions: Iterable[Action]) -> list[dict[str, Any]]:
    """``Actions`` or ``DefaultActions`` of a request; their order is that of the model.

    Without the text of client secrets: the model does not have it (`aws.client_secrets` puts it in).
    """
    return [{**_action(action), "Order": order} for order, action in enumerate(actions, start=1)]


def from_aws(described: Iterable[Json]) -> tuple[Action, ...]:
    """``Actions`` or ``DefaultActions`` of an answer."""
    return tuple(_seen(action) for action in sorted(described, key=lambda action: int(action.get("Order", 0))))


def _action(action: Action) -> dict[str, Any]:
    match action:
        case Forward(target_groups=(alone,), without_config=True):
            return {"Type": "forward", "TargetGroupArn": alone.arn}
        case Forward():
            return {"Type": "forward", "ForwardConfig": _forward(action)}
        case FixedResponse():
            return {"Type": "fixed-response", "FixedResponseConfig": _fixed_response(action)}
        case Redirect():
            return {"Type": "redirect", "RedirectConfig": _redirect(action)}
        case Authenticate():
            return {"Type": action.type, _CONFIG_OF[action.type]: _plain(action.config)}


def _forward(action: Forward) -> dict[str, Any]:
    groups = [without_none({"TargetGroupArn": g.arn, "Weight": g.weight}) for g in action.target_groups]
    # STICKY_WITHOUT_DURATION is 0, and is not told
    sticky = without_none({"Enabled": True, "DurationSeconds": action.stickiness_seconds or None})
    stickiness = sticky if action.stickiness_seconds is not None else None
    return without_none({"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness})


def _fixed_response(action: FixedResponse) -> dict[str, Any]:
    return without_none(
        {"StatusCode": action.status_code, "ContentType": action.content_type, "MessageBody": action.message_body}
    )


def _redirect(action: Redirect) -> dict[str, Any]:
    return without_none(
        {
            "StatusCode": action.status_code,
            "Protocol": action.protocol,
            "Host": action.host,
            "Port": action.port,
            "Path": action.path,
            "Query": action.query,
        }
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (tuple, list)) else value


def _seen(described: Json) -> Action:
    match described["Type"]:
        case "forward":
            return _seen_forward(described)
        case "fixed-response":
            return _seen_fixed_response(described.get("FixedResponseConfig", {}))
        case "redirect":
            return _seen_redirect(described.get("RedirectConfig", {}))
        case kind:
            config: Json = described.get(_CONFIG_OF.get(kind, ""), {})
            return Authenticate(type=kind, config={k: v for k, v in config.items() if k not in _SECRET_FIELDS})


def _seen_forward(described: Json) -> Forward:
    config: Json = described.get("ForwardConfig", {})
    groups = config.get("TargetGroups") or [{"TargetGroupArn": described.get("TargetGroupArn", "")}]
    stickiness: Json = config.get("TargetGroupStickinessConfig", {})
    return Forward(
        target_groups=tuple(WeightedTargetGroup(g["TargetGroupArn"], g.get("Weight")) for g in groups),
        stickiness_seconds=stickiness.get("DurationSeconds", STICKY_WITHOUT_DURATION)
        if stickiness.get("Enabled")
        else None,
    )


def _seen_fixed_response(config: Json) -> FixedResponse:
    return FixedResponse(
        status_code=config.get("StatusCode", ""),
        content_type=config.get("ContentType"),
        message_body=config.get("MessageBody"),
    )


def _seen_redirect(config: Json) -> Redirect:
    parts = {
        part: config[part.title()] for part in ("protocol", "host", "port", "path", "query") if part.title() in config
    }
    return Redirect(status_code=config.get("StatusCode", ""), **parts)
