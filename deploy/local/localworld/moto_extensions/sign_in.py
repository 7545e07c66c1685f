"""Signing users in, as AWS does it and moto does not: a client secret is taken and never told again.

A modification without a secret keeps the one that is there if it says so, and is refused if it does not. What AWS has
of a client secret stands in an action's `client_secret`, which no answer shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.elbv2.exceptions import ValidationError
from moto.elbv2.models import ELBv2Backend, FakeAction

from localworld.moto_extensions.patching import around

OIDC, CONFIG = "authenticate-oidc", "AuthenticateOidcConfig"
SECRET_FIELDS = ("ClientSecret", "UseExistingClientSecret")


@around(FakeAction, "__init__")
def make_action(original: Any, action: Any, data: dict[str, Any]) -> None:
    """The secret is set aside from what is told."""
    told = {key: value for key, value in data.get(CONFIG, {}).items() if key not in SECRET_FIELDS}
    original(action, {**data, CONFIG: told} if CONFIG in data else data)
    action.client_secret = data.get(CONFIG, {}).get("ClientSecret")
    action.keeps_client_secret = str(data.get(CONFIG, {}).get("UseExistingClientSecret", "")).lower() == "true"


@around(ELBv2Backend, "create_rule")
def create_rule(original: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
    """Without a secret there is no sign-in by OIDC."""
    _check(kwargs["actions"], there=())
    return original(backend, *args, **kwargs)


@around(ELBv2Backend, "create_listener")
def create_listener(original: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
    """As for rules."""
    _check(kwargs["actions"], there=())
    return original(backend, *args, **kwargs)


@around(ELBv2Backend, "modify_rule")
def modify_rule(original: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
    """The secret that is there stays where that is asked for."""
    before = backend.describe_rules(listener_arn=None, rule_arns=[kwargs["rule_arn"]])[0].actions
    _check(kwargs["actions"], there=before)
    rule = original(backend, *args, **kwargs)
    _keep(rule.actions, before)
    return rule


@around(ELBv2Backend, "modify_listener")
def modify_listener(original: Any, backend: Any, arn: str, *settings: Any) -> Any:
    """As for rules; the settings end with the actions."""
    before = backend.describe_listeners(load_balancer_arn=None, listener_arns=[arn])[0].default_actions
    _check(settings[-1] or (), there=before)
    listener = original(backend, arn, *settings)
    _keep(listener.default_actions, before)
    return listener


def _check(actions: Iterable[dict[str, Any]], *, there: Iterable[Any]) -> None:
    for data in actions:
        action: Any = FakeAction(data)
        if action.type == OIDC and not action.client_secret and not (action.keeps_client_secret and _secret(there)):
            raise ValidationError("A client secret is required")


def _keep(actions: Iterable[Any], before: Iterable[Any]) -> None:
    secret = _secret(before)
    for action in actions:
        if action.type == OIDC and action.keeps_client_secret:
            action.client_secret = action.client_secret or secret


def _secret(actions: Iterable[Any]) -> str | None:
    return next((action.client_secret for action in actions if action.type == OIDC), None)
