"""Client secrets enter a request's actions at the last moment, or AWS is told to keep its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.aws.client_secrets import ClientSecrets, for_creation, for_modification
from aws_lb_controller.errors import NoClientSecret
from aws_lb_controller.model.listener import Action, Authenticate, ClientSecret, FixedResponse

THERE = ClientSecret(owner="shop/web", secret="shop/oidc", mark="m1")


def oidc(secret: ClientSecret | None = THERE) -> Authenticate:
    return Authenticate(type="authenticate-oidc", config={"ClientId": "shop"}, client_secret=secret)


def secrets(**found: str) -> ClientSecrets:
    """Secrets of namespace shop: name → text, with the mark m1."""
    return lambda namespace, name: ("m1", found[name]) if namespace == "shop" and name in found else None


def config_of(actions: tuple[Action, ...]) -> dict[str, object]:
    (action,) = actions
    assert isinstance(action, Authenticate)
    return dict(action.config)


@pytest.mark.parametrize("prepare", [for_creation, for_modification])
def test_the_text_is_put_beside_what_else_is_said_of_the_provider(prepare: object) -> None:
    assert callable(prepare)
    expected = {"ClientId": "shop", "ClientSecret": "hush"}
    assert expected == config_of(prepare((oidc(),), secrets(oidc="hush")))


def test_a_modification_keeps_what_aws_has_where_the_secret_is_gone() -> None:
    expected = {"ClientId": "shop", "UseExistingClientSecret": True}
    assert expected == config_of(for_modification((oidc(),), secrets()))


def test_a_modification_keeps_what_aws_has_where_another_secret_stands_in_its_place() -> None:
    """The member that asked for this one is set aside; or it changed just now, and the next run will carry it."""
    actions = (oidc(ClientSecret(owner="shop/web", secret="shop/oidc", mark="before")),)
    expected = {"ClientId": "shop", "UseExistingClientSecret": True}
    assert expected == config_of(for_modification(actions, secrets(oidc="hush")))


def test_a_modification_keeps_what_aws_has_where_nobody_knows_whence_it_came() -> None:
    expected = {"ClientId": "shop", "UseExistingClientSecret": True}
    assert expected == config_of(for_modification((oidc(None),), secrets(oidc="hush")))


def test_a_creation_waits_for_the_secret() -> None:
    with pytest.raises(NoClientSecret, match="shop/oidc"):
        for_creation((oidc(),), secrets())


def test_a_modification_waits_for_the_secret_where_aws_has_none_to_keep() -> None:
    lacking = (oidc(replace(THERE, lacking=True)),)
    with pytest.raises(NoClientSecret, match="shop/oidc"):
        for_modification(lacking, secrets())
    expected = {"ClientId": "shop", "ClientSecret": "hush"}
    assert expected == config_of(for_modification(lacking, secrets(oidc="hush")))


@pytest.mark.parametrize("kind", ["authenticate-cognito", "jwt-validation"])
def test_other_authentications_have_no_client_secret(kind: str) -> None:
    actions = (Authenticate(type=kind, config={"Issuer": "x"}), FixedResponse(status_code="404"))
    assert actions == for_creation(actions, secrets()) == for_modification(actions, secrets())


@given(st.text(min_size=1))
def test_what_is_planned_is_not_changed_by_sending_it(text: str) -> None:
    actions = (oidc(),)
    for_creation(actions, secrets(oidc=text))
    assert {"ClientId": "shop"} == config_of(actions)
