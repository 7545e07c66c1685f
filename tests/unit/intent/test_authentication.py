"""Who must sign in before an Ingress's backends are reached."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from aws_lb_controller.intent.values import ActionIntent
from aws_lb_controller.model.listener import Authenticate, FixedResponse
from builders_ingress import (
    FIXED,
    a_backend,
    a_member,
    a_path,
    a_rule,
    an_action_path,
    an_ingress,
    only_listener,
    problems,
    settings_with,
    wish,
)
from builders_kube import a_secret, a_service

CERT = {"certificate-arn": "arn:aws:acm:us-west-2:111122223333:certificate/1"}
POOL = {"userPoolARN": "arn:pool", "userPoolClientID": "client", "userPoolDomain": "shop-login"}
PROVIDER = {
    "issuer": "https://id.example.com",
    "authorizationEndpoint": "https://id.example.com/auth",
    "tokenEndpoint": "https://id.example.com/token",
    "userInfoEndpoint": "https://id.example.com/me",
    "secretName": "oidc",
}
COGNITO = {"auth-type": "cognito", "auth-idp-cognito": json.dumps(POOL)}
OIDC = {"auth-type": "oidc", "auth-idp-oidc": json.dumps(PROVIDER)}
JWT = {"jwksEndpoint": "https://id.example.com/keys", "issuer": "https://id.example.com"}
SESSION = {
    "OnUnauthenticatedRequest": "authenticate",
    "Scope": "openid",
    "SessionCookieName": "AWSELBAuthSessionCookie",
    "SessionTimeout": 604800,
}
COGNITO_CONFIG = {"UserPoolArn": "arn:pool", "UserPoolClientId": "client", "UserPoolDomain": "shop-login"}


def secured(alb: dict[str, str], **more: Any) -> dict[str, Any]:
    return an_ingress(alb={**CERT, **alb}, **more)


def before(actions: Iterable[ActionIntent]) -> list[Authenticate]:
    return [action for action in actions if isinstance(action, Authenticate)]


def demanded(ingress: dict[str, Any], **more: Any) -> list[Authenticate]:
    """What stands before the first rule's own action on the only listener."""
    return before(only_listener(wish(ingress, **more)).rules[0].actions)


def first_config(ingress: dict[str, Any], **more: Any) -> dict[str, Any]:
    (action,) = demanded(ingress, **more)
    return dict(action.config)


def on_service(alb: dict[str, str]) -> dict[str, Any]:
    return a_service(annotations={f"alb.ingress.kubernetes.io/{key}": text for key, text in alb.items()})


# -- providers


def test_cognito_signs_users_in_with_the_defaults_of_a_session() -> None:
    assert COGNITO_CONFIG | SESSION == first_config(secured(COGNITO))


def test_what_is_said_of_the_session_holds() -> None:
    said = {
        "auth-scope": "openid email",
        "auth-session-cookie": "shop",
        "auth-session-timeout": "3600",
        "auth-on-unauthenticated-request": "deny",
    }
    expected = {
        "OnUnauthenticatedRequest": "deny",
        "Scope": "openid email",
        "SessionCookieName": "shop",
        "SessionTimeout": 3600,
    }
    assert COGNITO_CONFIG | expected == first_config(secured(COGNITO | said))


def test_extra_parameters_go_to_the_provider() -> None:
    pool = json.dumps(POOL | {"authenticationRequestExtraParams": {"prompt": "login"}})
    config = first_config(secured(COGNITO | {"auth-idp-cognito": pool}))
    assert {"prompt": "login"} == config["AuthenticationRequestExtraParams"]


def test_oidc_takes_the_clients_name_from_the_secret() -> None:
    expected = SESSION | {
        "Issuer": "https://id.example.com",
        "AuthorizationEndpoint": "https://id.example.com/auth",
        "TokenEndpoint": "https://id.example.com/token",
        "UserInfoEndpoint": "https://id.example.com/me",
        "ClientId": "shop",
    }
    assert expected == first_config(secured(OIDC), secrets=[a_secret()])


def test_of_the_client_secret_the_wish_holds_nothing_but_where_it_stands() -> None:
    (action,) = demanded(secured(OIDC), secrets=[a_secret()])
    assert action.client_secret is not None
    assert ("shop/web", "shop/oidc") == (action.client_secret.owner, action.client_secret.secret)
    assert "hush" not in f"{action} {action.config} {action.client_secret}"


def test_a_changed_client_secret_is_another_wish() -> None:
    wishes = [
        wish(secured(OIDC), secrets=[a_secret(clientID="shop", clientSecret=text)]) for text in ("one", "two", "one")
    ]
    assert (False, True) == (wishes[0] == wishes[1], wishes[0] == wishes[2])


def test_the_action_stands_before_the_ingresss_own() -> None:
    ingress = secured(COGNITO | {"actions.hi": FIXED}, rules=[a_rule(an_action_path())])
    (rule,) = only_listener(wish(ingress)).rules
    assert [Authenticate, FixedResponse] == [type(action) for action in rule.actions]


# -- where it holds


def test_without_an_auth_type_nobody_signs_in() -> None:
    assert [] == demanded(secured({"auth-idp-cognito": json.dumps(POOL)}))


def test_on_http_listeners_it_is_left_out() -> None:
    both = COGNITO | {"listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]'}
    kinds = {x.protocol: before(x.rules[0].actions) for x in wish(secured(both)).listeners}
    assert (0, 1) == (len(kinds["HTTP"]), len(kinds["HTTPS"]))


def test_without_an_https_listener_a_provider_and_a_secret_may_be_missing() -> None:
    assert [] == demanded(an_ingress(alb={"auth-type": "oidc"}))
    assert [] == demanded(an_ingress(alb=OIDC))


def test_it_holds_for_the_default_backend() -> None:
    ingress = secured(COGNITO, rules=[], defaultBackend=a_backend())
    assert 1 == len(before(only_listener(wish(ingress)).default_actions))


def test_on_http_the_default_backend_goes_without_too() -> None:
    ingress = an_ingress(alb=COGNITO, rules=[], defaultBackend=a_backend())
    assert [] == before(only_listener(wish(ingress)).default_actions)


def test_where_no_backend_is_nobody_signs_in() -> None:
    assert [] == before(only_listener(wish(secured(COGNITO))).default_actions)


def test_a_backend_that_is_missing_is_answered_for_after_signing_in() -> None:
    (rule,) = only_listener(wish(secured(COGNITO), services=[])).rules
    assert [Authenticate, FixedResponse] == [type(action) for action in rule.actions]


# -- the Service's own


def test_a_service_may_demand_it_for_itself() -> None:
    rules = [a_rule(a_path("/a"), a_path("/b", service="other"))]
    services = [on_service(COGNITO), a_service("other")]
    listener = only_listener(wish(secured({}, rules=rules), services=services))
    assert [1, 0] == [len(before(rule.actions)) for rule in listener.rules]


def test_a_service_may_opt_out() -> None:
    assert [] == demanded(secured(COGNITO), services=[on_service({"auth-type": "none"})])


def test_each_annotation_of_the_service_wins_by_itself() -> None:
    config = first_config(secured(COGNITO), services=[on_service({"auth-scope": "email"})])
    assert COGNITO_CONFIG | SESSION | {"Scope": "email"} == config


def test_a_forward_to_several_services_goes_by_the_ingress() -> None:
    groups = [{"serviceName": name, "servicePort": 80, "weight": 1} for name in ("web", "other")]
    split = {"actions.hi": json.dumps({"type": "forward", "forwardConfig": {"targetGroups": groups}})}
    ingress = secured(COGNITO | split, rules=[a_rule(an_action_path())])
    services = [on_service({"auth-type": "none"}), a_service("other")]
    assert 1 == len(demanded(ingress, services=services))


def test_an_action_that_forwards_to_one_service_heeds_its_annotations() -> None:
    group = {"serviceName": "web", "servicePort": 80}
    one = {"actions.hi": json.dumps({"type": "forward", "forwardConfig": {"targetGroups": [group]}})}
    ingress = secured(COGNITO | one, rules=[a_rule(an_action_path())])
    assert [] == demanded(ingress, services=[on_service({"auth-type": "none"})])


def test_a_token_validation_on_a_service_does_not_count() -> None:
    assert [] == demanded(secured({}), services=[on_service({"jwt-validation": json.dumps(JWT)})])


# -- tokens


def test_tokens_are_validated_by_what_is_written() -> None:
    claim = {"format": "string-array", "name": "role", "values": ["a", "b"]}
    (action,) = demanded(secured({"jwt-validation": json.dumps(JWT | {"additionalClaims": [claim]})}))
    expected = {
        "JwksEndpoint": "https://id.example.com/keys",
        "Issuer": "https://id.example.com",
        "AdditionalClaims": [{"Format": "string-array", "Name": "role", "Values": ["a", "b"]}],
    }
    assert ("jwt-validation", expected) == (action.type, dict(action.config))


def test_tokens_are_not_validated_on_http() -> None:
    assert [] == demanded(an_ingress(alb={"jwt-validation": json.dumps(JWT)}))


def test_tokens_and_sign_in_exclude_each_other() -> None:
    (problem,) = problems(secured(COGNITO | {"jwt-validation": json.dumps(JWT)}))
    assert problem.endswith("leave it out, or write auth-type: none")


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ({"issuer": "x"}, "add jwksEndpoint"),
        ({"jwksEndpoint": "x"}, "add issuer"),
        (JWT | {"additionalClaims": [{"format": "string-array", "name": "n"}]}, "add values to each"),
        (JWT | {"additionalClaims": [{"name": "n", "values": ["v"]}]}, "add format"),
        (JWT | {"additionalClaims": [{"format": "x", "name": "n", "values": ["v"]}]}, "write the format of each"),
        (JWT | {"additionalClaims": [{"format": "string-array", "values": ["v"]}]}, "add name"),
        (None, "add jwksEndpoint"),
    ],
)
def test_a_token_validation_must_be_whole(written: Any, remedy: str) -> None:
    (problem,) = problems(an_ingress(alb={"jwt-validation": json.dumps(written)}))
    assert remedy in problem


# -- what is wrong


@pytest.mark.parametrize(
    ("annotation", "text", "remedy"),
    [
        ("auth-session-timeout", "a day", "write a whole number"),
        ("auth-idp-oidc", "{", "write valid JSON"),
        ("auth-idp-cognito", "[]", "write the provider as a JSON object"),
        ("auth-idp-cognito", '{"userPoolARN": 1}', "write userPoolARN as a text"),
        ("auth-idp-oidc", '{"authenticationRequestExtraParams": {"a": 1}}', "write authenticationRequestExtraParams"),
        ("auth-type", "basic", "write one of none, cognito, oidc"),
    ],
)
def test_annotations_are_read_even_where_nobody_signs_in(annotation: str, text: str, remedy: str) -> None:
    (problem,) = problems(an_ingress(alb={annotation: text}))
    assert problem.startswith(f"Ingress shop/web: {annotation} = {text!r}: {remedy}")


def test_a_type_without_its_provider_is_an_error_naming_the_annotation() -> None:
    expected = ["Ingress shop/web: auth-idp-oidc: add it: auth-type is oidc"]
    assert expected == problems(secured({"auth-type": "oidc"}))


def test_a_provider_must_be_whole_where_it_is_used() -> None:
    (problem,) = problems(secured(COGNITO | {"auth-idp-cognito": '{"userPoolARN": "arn:pool"}'}))
    assert problem.endswith("add userPoolClientID, userPoolDomain")


@pytest.mark.parametrize(
    ("annotation", "text", "remedy"),
    [
        ("auth-on-unauthenticated-request", "maybe", "write one of authenticate, allow, deny"),
        ("auth-session-timeout", "0", "write a number of seconds from 1 to 604800"),
    ],
)
def test_what_aws_would_refuse_is_an_error_only_where_users_sign_in(annotation: str, text: str, remedy: str) -> None:
    (problem,) = problems(secured(COGNITO | {annotation: text}))
    assert problem.endswith(remedy)
    assert [] == demanded(secured({annotation: text}))


def test_what_is_wrong_on_the_service_names_the_service() -> None:
    (problem,) = problems(secured(COGNITO), services=[on_service({"auth-type": "basic"})])
    assert problem.startswith("Service shop/web: auth-type = 'basic'")


# -- the Secret


def test_a_missing_secret_is_an_error_naming_it() -> None:
    expected = [
        "Ingress shop/web: auth-idp-oidc = 'oidc': make the Secret shop/oidc, and let the controller get, list and "
        "watch it"
    ]
    assert expected == problems(secured(OIDC))


def test_the_label_that_secrets_must_bear_is_named_too() -> None:
    settings = settings_with("--required-secrets-label=team=shop", "--default-target-type=ip")
    (problem,) = problems(secured(OIDC), settings=settings)
    assert "make the Secret shop/oidc with the label team=shop" in problem


@pytest.mark.parametrize(
    ("data", "key"),
    [({"clientSecret": "hush"}, "clientID"), ({"clientID": "shop"}, "clientSecret"), ({"other": "x"}, "clientID")],
)
def test_a_secret_without_a_key_is_an_error_naming_the_key_and_nothing_else_of_it(
    data: dict[str, str], key: str
) -> None:
    (problem,) = problems(secured(OIDC), secrets=[a_secret(**data)])
    assert f"Ingress shop/web: auth-idp-oidc = 'oidc': add the key {key} to the Secret shop/oidc" == problem


def test_a_secret_is_sought_in_the_ingresss_namespace() -> None:
    assert 1 == len(problems(secured(OIDC), secrets=[a_secret(namespace="other")]))


def test_several_backends_with_one_missing_secret_are_one_problem() -> None:
    rules = [a_rule(a_path("/a"), a_path("/b"))]
    assert 1 == len(problems(a_member(secured(OIDC, rules=rules))))
