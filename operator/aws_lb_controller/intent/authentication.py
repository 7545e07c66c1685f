"""Who must sign in before a backend is reached: the actions that stand before an Ingress's own, on HTTPS listeners.

AWS signs nobody in over plain HTTP, so there the actions are left out. The annotations are read all the same, whatever
``auth-type`` says, for what is wrong in them is wrong; but what a provider lacks only matters where it is used.

A Service's own annotations win where the backend is that one Service; ``jwt-validation`` counts on Ingresses only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from aws_lb_controller.errors import Problem
from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent import oidc_client
from aws_lb_controller.intent.annotations import Annotation, AnnotationReader
from aws_lb_controller.intent.identity_providers import IdentityProvider
from aws_lb_controller.intent.ingress_target_groups import Layered
from aws_lb_controller.intent.oidc_client import Secrets
from aws_lb_controller.intent.values import ActionIntent, RuleIntent
from aws_lb_controller.model.listener import Authenticate, ClientSecret
from aws_lb_controller.settings import Settings

SESSION_COOKIE = "AWSELBAuthSessionCookie"
SESSION_SECONDS = 604800
_ON_UNAUTHENTICATED = ("authenticate", "allow", "deny")


class Authentication:
    """What one Ingress demands; problems go to the readers of the annotations they are found in.

    secure: whether the Ingress has an HTTPS listener, without which nothing is demanded.
    """

    def __init__(self, notes: AnnotationReader, *, secrets: Secrets, settings: Settings, secure: bool) -> None:
        self._notes, self._secrets, self._settings, self._secure = notes, secrets, settings, secure
        self._owner = notes.object_ref.removeprefix("Ingress ")

    def before(self, backend: Layered | None) -> tuple[Authenticate, ...]:
        """The actions before a backend's. backend: the annotations of its one Service, over the Ingress's."""
        notes = backend or Layered(self._notes, self._notes)
        kind = notes.get(table.AUTH_TYPE) or "none"
        providers = {
            "cognito": notes.get(table.AUTH_IDP_COGNITO),
            "oidc": notes.get(table.AUTH_IDP_OIDC),
        }
        session = self._session(notes, used=self._secure and kind != "none")
        jwt = self._notes.get(table.JWT_VALIDATION)
        if not self._secure:
            return ()
        if kind != "none" and jwt is not None:
            self._notes.complain(table.JWT_VALIDATION, f"leave it out, or write {self._key(table.AUTH_TYPE)}: none")
            return ()
        if jwt is not None:
            return (Authenticate(type="jwt-validation", config=jwt),)
        return () if kind == "none" else self._sign_in(kind, providers[kind], notes, session)

    def _key(self, annotation: Annotation[Any]) -> str:
        return self._notes.key(annotation)

    def _session(self, notes: Layered, *, used: bool) -> dict[str, Any]:
        unauthenticated = notes.get(table.AUTH_ON_UNAUTHENTICATED_REQUEST) or "authenticate"
        seconds = notes.get(table.AUTH_SESSION_TIMEOUT)
        if used and unauthenticated not in _ON_UNAUTHENTICATED:
            remedy = f"write one of {', '.join(_ON_UNAUTHENTICATED)}"
            _complain(notes, table.AUTH_ON_UNAUTHENTICATED_REQUEST, remedy)
        if used and seconds is not None and not 1 <= seconds <= SESSION_SECONDS:
            _complain(notes, table.AUTH_SESSION_TIMEOUT, f"write a number of seconds from 1 to {SESSION_SECONDS}")
        return {
            "OnUnauthenticatedRequest": unauthenticated,
            "Scope": notes.get(table.AUTH_SCOPE) or "openid",
            "SessionCookieName": notes.get(table.AUTH_SESSION_COOKIE) or SESSION_COOKIE,
            "SessionTimeout": SESSION_SECONDS if seconds is None else seconds,
        }

    def _sign_in(
        self, kind: str, provider: IdentityProvider | None, notes: Layered, session: dict[str, Any]
    ) -> tuple[Authenticate, ...]:
        annotation = table.AUTH_IDP_COGNITO if kind == "cognito" else table.AUTH_IDP_OIDC
        if provider is None:
            if notes.of(annotation).raw(annotation) is None:
                _complain(notes, annotation, f"add it: {notes.ingress.key(table.AUTH_TYPE)} is {kind}")
            return ()
        if provider.missing:
            _complain(notes, annotation, f"add {', '.join(provider.missing)}")
            return ()
        action = Authenticate(type=f"authenticate-{kind}", config={**provider.config, **session})
        if kind == "cognito":
            return (action,)
        return self._with_client(action, provider.secret_name, notes.of(table.AUTH_IDP_OIDC))

    def _with_client(self, action: Authenticate, name: str, notes: AnnotationReader) -> tuple[Authenticate, ...]:
        namespace = self._owner.partition("/")[0]
        secret = self._secrets(namespace, name)
        full_name = f"{namespace}/{name}"
        client, mark = (None, None) if secret is None else (oidc_client.client_id(secret), oidc_client.mark(secret))
        if secret is None or client is None or mark is None:
            remedy = self._absent(full_name) if secret is None else _lacks(full_name, client=client)
            notes.add(Problem(notes.object_ref, notes.key(table.AUTH_IDP_OIDC), name, remedy, self._owner))
            return ()
        config = {**action.config, "ClientId": client}
        known = ClientSecret(owner=self._owner, secret=full_name, mark=mark)
        return (replace(action, config=config, client_secret=known),)

    def _absent(self, name: str) -> str:
        label = self._settings.required_secrets_label
        labelled = f" with the label {label[0]}={label[1]}" if label else ""
        return f"make the Secret {name}{labelled}, and let the controller get, list and watch it"


def _lacks(name: str, *, client: str | None) -> str:
    key = oidc_client.CLIENT_ID_KEYS[0] if client is None else oidc_client.CLIENT_SECRET_KEY
    return f"add the key {key} to the Secret {name}"


def _complain(notes: Layered, annotation: Annotation[Any], remedy: str) -> None:
    notes.of(annotation).complain(annotation, remedy)


# -- listeners without TLS


def as_served(rules: Iterable[RuleIntent], *, protocol: str) -> list[RuleIntent]:
    """The rules as a listener of the protocol can have them: without TLS nobody signs in."""
    return [replace(rule, actions=actions_as_served(rule.actions, protocol=protocol)) for rule in rules]


def actions_as_served(actions: Iterable[ActionIntent], *, protocol: str) -> tuple[ActionIntent, ...]:
    """The actions as a listener of the protocol can have them."""
    return tuple(a for a in actions if protocol == "HTTPS" or not isinstance(a, Authenticate))
