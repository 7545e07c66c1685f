"""Sign-ins and token validations are sent in the shapes of AWS's own service model, which botocore checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aws_builders import our_clients, settings
from botocore.stub import Stubber

from aws_lb_controller.aws.apply import Applier
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.wire import listener as wire_listener
from aws_lb_controller.aws.wire import rule as wire_rule
from aws_lb_controller.intent.identity_providers import read_cognito, read_jwt_validation, read_oidc
from aws_lb_controller.model.listener import Authenticate, ClientSecret, FixedResponse
from aws_lb_controller.plan import canon, steps
from builders_model import a_rule, a_tls_listener

SESSION = {
    "OnUnauthenticatedRequest": "authenticate",
    "Scope": "openid",
    "SessionCookieName": "AWSELBAuthSessionCookie",
    "SessionTimeout": 604800,
}
EXTRA = '"authenticationRequestExtraParams": {"prompt": "login", "display": "page"}'
POOL = f'{{"userPoolARN": "arn:pool", "userPoolClientID": "client", "userPoolDomain": "shop", {EXTRA}}}'
PROVIDER = (
    '{"issuer": "https://id", "authorizationEndpoint": "https://id/auth", "tokenEndpoint": "https://id/token", '
    f'"userInfoEndpoint": "https://id/me", "secretName": "oidc", {EXTRA}}}'
)
TOKENS = (
    '{"jwksEndpoint": "https://id/keys", "issuer": "https://id", "additionalClaims": '
    '[{"name": "role", "format": "string-array", "values": ["a", "b"]}]}'
)
EXPECTED_EXTRA = {"AuthenticationRequestExtraParams": {"prompt": "login", "display": "page"}}
EXPECTED_OIDC = {
    "Issuer": "https://id",
    "AuthorizationEndpoint": "https://id/auth",
    "TokenEndpoint": "https://id/token",
    "UserInfoEndpoint": "https://id/me",
    "ClientId": "shop",
    **EXPECTED_EXTRA,
    **SESSION,
}
COGNITO = Authenticate(type="authenticate-cognito", config={**read_cognito(POOL).config, **SESSION})
OIDC = Authenticate(
    type="authenticate-oidc",
    config={**read_oidc(PROVIDER).config, **SESSION, "ClientId": "shop"},
    client_secret=ClientSecret(owner="shop/web", secret="shop/oidc", mark="m1"),
)
JWT = Authenticate(type="jwt-validation", config=read_jwt_validation(TOKENS))
NOT_FOUND = FixedResponse(status_code="404")

SENT: dict[str, dict[str, Any]] = {
    "cognito": {
        "Type": "authenticate-cognito",
        "AuthenticateCognitoConfig": {
            "UserPoolArn": "arn:pool",
            "UserPoolClientId": "client",
            "UserPoolDomain": "shop",
            **EXPECTED_EXTRA,
            **SESSION,
        },
    },
    "oidc": {"Type": "authenticate-oidc", "AuthenticateOidcConfig": {**EXPECTED_OIDC, "ClientSecret": "hush"}},
    "jwt": {
        "Type": "jwt-validation",
        "JwtValidationConfig": {
            "JwksEndpoint": "https://id/keys",
            "Issuer": "https://id",
            "AdditionalClaims": [{"Format": "string-array", "Name": "role", "Values": ["a", "b"]}],
        },
    },
}
ACTIONS = {"cognito": COGNITO, "oidc": OIDC, "jwt": JWT}


def then_not_found(first: dict[str, Any]) -> list[dict[str, Any]]:
    last = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}, "Order": 2}
    return [{**first, "Order": 1}, last]


class Expecting:
    """An applier whose calls are answered one by one as expected, and no others."""

    def __init__(self, **texts: str) -> None:
        clients = our_clients("vpc-1")
        self._stubber = Stubber(clients.elbv2)
        backend = BackendSecurityGroup(clients, settings())
        self.applier = Applier(clients, settings(), backend, lambda _ns, name: ("m1", texts[name]) if texts else None)

    @contextmanager
    def call(self, operation: str, answer: dict[str, Any], expected: dict[str, Any]) -> Iterator[Applier]:
        self._stubber.add_response(operation, {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}, expected)
        with self._stubber:
            yield self.applier
            self._stubber.assert_no_pending_responses()


@pytest.mark.parametrize("kind", SENT)
def test_a_rule_is_made_with_its_sign_in_first(kind: str) -> None:
    wanted = a_rule(actions=(ACTIONS[kind], NOT_FOUND), listener="arn:listener")
    expected = {**wire_rule.create(wanted), "Actions": then_not_found(SENT[kind])}
    answer = {"Rules": [{"RuleArn": "arn:rule"}]}
    with Expecting(oidc="hush").call("create_rule", answer, expected) as applier:
        applier.carry_out(steps.CreateRule(rule=wanted))


@pytest.mark.parametrize("kind", SENT)
def test_a_rule_is_changed_with_its_whole_sign_in(kind: str) -> None:
    wanted = a_rule(actions=(ACTIONS[kind], NOT_FOUND), listener="arn:listener")
    expected = {**wire_rule.modify("arn:rule", wanted), "Actions": then_not_found(SENT[kind])}
    with Expecting(oidc="hush").call("modify_rule", {"Rules": []}, expected) as applier:
        applier.carry_out(steps.ModifyRule(arn="arn:rule", rule=wanted, changed=("actions",)))


def test_a_change_without_the_secret_keeps_the_one_that_aws_has() -> None:
    wanted = a_rule(actions=(OIDC, NOT_FOUND), listener="arn:listener")
    config = {**EXPECTED_OIDC, "UseExistingClientSecret": True}
    sent = {"Type": "authenticate-oidc", "AuthenticateOidcConfig": config}
    expected = {**wire_rule.modify("arn:rule", wanted), "Actions": then_not_found(sent)}
    with Expecting().call("modify_rule", {"Rules": []}, expected) as applier:
        applier.carry_out(steps.ModifyRule(arn="arn:rule", rule=wanted, changed=("actions",)))


@pytest.mark.parametrize("kind", SENT)
def test_a_listener_is_changed_with_the_sign_in_of_its_default_actions(kind: str) -> None:
    wanted = a_tls_listener(default_actions=(ACTIONS[kind], NOT_FOUND))
    expected = {**wire_listener.modify("arn:listener", wanted), "DefaultActions": then_not_found(SENT[kind])}
    step = steps.ModifyListener(arn="arn:listener", listener=wanted, changed=("default_actions",))
    with Expecting(oidc="hush").call("modify_listener", {"Listeners": []}, expected) as applier:
        applier.carry_out(step)


@pytest.mark.parametrize("kind", SENT)
def test_what_aws_tells_of_it_is_what_was_wanted(kind: str) -> None:
    """Should AWS ever tell a client secret, it is not kept."""
    told = {"RuleArn": "arn:rule", "Priority": "1", "Conditions": [], "Actions": then_not_found(SENT[kind])}
    seen = wire_rule.seen(told, listener="arn:listener", resource_tag="-", tags={}).resource
    assert canon.actions((ACTIONS[kind], NOT_FOUND)) == canon.actions(seen.actions)
    assert "hush" not in repr([getattr(action, "config", None) for action in seen.actions])
