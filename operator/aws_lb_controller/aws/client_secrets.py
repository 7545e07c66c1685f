"""OIDC client secrets enter requests here and nowhere else: the model only knows where they stand.

A text is read for one request and dropped with it. The rule or listener of a member that is set aside may outlive its
Secret: then a modification keeps the secret that AWS has; where AWS has none to keep, and at a creation, it waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from aws_lb_controller.errors import NoClientSecret
from aws_lb_controller.model.listener import Action, Authenticate, ClientSecret

ClientSecrets = Callable[[str, str], tuple[str, str] | None]
"""A Secret's namespace and name → its mark and its text as they are now; None: there is none that may be read."""

_RETRY_SECONDS = 10.0
_EXISTING: Mapping[str, object] = {"UseExistingClientSecret": True}


def for_creation(actions: tuple[Action, ...], secrets: ClientSecrets) -> tuple[Action, ...]:
    """The actions as CreateRule and CreateListener take them. Raises `NoClientSecret` where a Secret is missing."""
    return tuple(_created(action, secrets) if _is_oidc(action) else action for action in actions)


def for_modification(actions: tuple[Action, ...], secrets: ClientSecrets) -> tuple[Action, ...]:
    """The actions as ModifyRule and ModifyListener take them.

    A secret that is not, or no longer, the one that is wanted stays as AWS has it. Raises `NoClientSecret` where AWS
    has none that could stay.
    """
    return tuple(_modified(action, secrets) if _is_oidc(action) else action for action in actions)


def _is_oidc(action: Action) -> bool:
    return isinstance(action, Authenticate) and action.type == "authenticate-oidc"


def _created(action: Action, secrets: ClientSecrets) -> Action:
    wanted = _wanted(action)
    found = _read(wanted, secrets)
    if found is None:
        name = wanted.secret if wanted else ""
        raise NoClientSecret(f"there is no Secret {name} to make a sign-in with", after=_RETRY_SECONDS)
    return _with(action, {"ClientSecret": found[1]})


def _modified(action: Action, secrets: ClientSecrets) -> Action:
    wanted = _wanted(action)
    if wanted is not None and wanted.lacking:
        return _created(action, secrets)
    found = _read(wanted, secrets)
    is_wanted = wanted is not None and found is not None and found[0] == wanted.mark
    return _with(action, {"ClientSecret": found[1]} if found and is_wanted else _EXISTING)


def _wanted(action: Action) -> ClientSecret | None:
    return action.client_secret if isinstance(action, Authenticate) else None


def _read(wanted: ClientSecret | None, secrets: ClientSecrets) -> tuple[str, str] | None:
    if wanted is None:
        return None
    namespace, _, name = wanted.secret.partition("/")
    return secrets(namespace, name)


def _with(action: Action, more: Mapping[str, object]) -> Action:
    return replace(action, config={**action.config, **more}) if isinstance(action, Authenticate) else action
