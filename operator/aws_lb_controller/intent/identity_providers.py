"""Who vouches for users: the annotations ``auth-idp-cognito``, ``auth-idp-oidc`` and ``jwt-validation``, as written.

Readers accept what is well-formed, even where a field is missing: whether a provider is complete matters only to an
Ingress that signs users in by it, and is judged there. A JWT validation has no such switch, so it must be whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lb_controller.intent import json_fields
from aws_lb_controller.intent.json_fields import Fields
from aws_lb_controller.intent.readers import Unreadable, read_json

_EXTRA = "authenticationRequestExtraParams"
_COGNITO = {"userPoolARN": "UserPoolArn", "userPoolClientID": "UserPoolClientId", "userPoolDomain": "UserPoolDomain"}
_OIDC = {
    "issuer": "Issuer",
    "authorizationEndpoint": "AuthorizationEndpoint",
    "tokenEndpoint": "TokenEndpoint",
    "userInfoEndpoint": "UserInfoEndpoint",
}
_CLAIM: Fields = {"format": {}, "name": {}, "values": {}}
_FIELDS_OF_COGNITO: Fields = {**{field: {} for field in _COGNITO}, _EXTRA: None}
_FIELDS_OF_OIDC: Fields = {**{field: {} for field in (*_OIDC, "secretName")}, _EXTRA: None}
_FIELDS_OF_JWT: Fields = {"jwksEndpoint": {}, "issuer": {}, "additionalClaims": _CLAIM}
_CLAIM_FORMATS = ("single-string", "string-array", "space-separated-values")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """A provider as written. config: ELBv2's own field names, as in ``AuthenticateCognitoConfig``.

    missing: required fields, by the annotation's names, that are not there or empty. secret_name: the Secret, in the
    Ingress's namespace, with the OIDC client's name and secret.
    """

    config: Mapping[str, Any]
    missing: tuple[str, ...] = ()
    secret_name: str = ""


def read_cognito(text: str) -> IdentityProvider:
    """Reads a Cognito user pool. Raises `Unreadable`."""
    return _provider(_object(text, _FIELDS_OF_COGNITO), _COGNITO)


def read_oidc(text: str) -> IdentityProvider:
    """Reads an OpenID Connect provider. Raises `Unreadable`."""
    return _provider(_object(text, _FIELDS_OF_OIDC), _OIDC, more=("secretName",))


def _object(text: str, fields: Fields) -> dict[str, Any]:
    return json_fields.object_of(read_json(text), fields, of="the provider")


def _provider(written: Mapping[str, Any], fields: Mapping[str, str], more: tuple[str, ...] = ()) -> IdentityProvider:
    values = {field: json_fields.text(written, field) or "" for field in (*fields, *more)}
    config: dict[str, Any] = {name: values[field] for field, name in fields.items()}
    if extra := _extra(written):
        config["AuthenticationRequestExtraParams"] = extra
    return IdentityProvider(
        config=config,
        missing=tuple(field for field, value in values.items() if not value),
        secret_name=values.get("secretName", ""),
    )


def _extra(written: Mapping[str, Any]) -> dict[str, str]:
    extra = written.get(_EXTRA, {})
    if not isinstance(extra, Mapping) or not all(isinstance(value, str) for value in extra.values()):
        raise Unreadable(f"write {_EXTRA} as a JSON object of texts in quotes")
    return dict(extra)


def read_jwt_validation(text: str) -> dict[str, Any]:
    """Reads a JWT validation as ELBv2's ``JwtValidationConfig``. Raises `Unreadable`."""
    written = json_fields.object_of(read_json(text), _FIELDS_OF_JWT, of="the validation")
    config: dict[str, Any] = {
        "JwksEndpoint": _required(written, "jwksEndpoint"),
        "Issuer": _required(written, "issuer"),
    }
    claims = [_claim(c) for c in json_fields.list_of(written.get("additionalClaims"), of="additionalClaims")]
    return config | ({"AdditionalClaims": claims} if claims else {})


def _claim(value: Any) -> dict[str, Any]:
    written = json_fields.object_of(value, _CLAIM, of="an item of additionalClaims")
    values = json_fields.texts(written, "values")
    if not values:
        raise Unreadable("add values to each of additionalClaims")
    kind = _required(written, "format")
    if kind not in _CLAIM_FORMATS:
        raise Unreadable(f"write the format of each of additionalClaims as one of {', '.join(_CLAIM_FORMATS)}")
    return {"Format": kind, "Name": _required(written, "name"), "Values": list(values)}


def _required(written: Mapping[str, Any], field: str) -> str:
    value = json_fields.text(written, field)
    if not value:
        raise Unreadable(f"add {field}")
    return value


# -- keys that count for nothing


def cognito_without_effect(written: Any) -> Iterator[str]:
    """Keys of a Cognito user pool that nobody knows."""
    return json_fields.unknown(written, _FIELDS_OF_COGNITO)


def oidc_without_effect(written: Any) -> Iterator[str]:
    """Keys of an OpenID Connect provider that nobody knows."""
    return json_fields.unknown(written, _FIELDS_OF_OIDC)


def jwt_without_effect(written: Any) -> Iterator[str]:
    """Keys of a JWT validation that nobody knows."""
    return json_fields.unknown(written, _FIELDS_OF_JWT)
