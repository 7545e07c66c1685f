from __future__ import annotations

from dataclasses import replace

import pytest

from aws_lb_controller.model.listener import (
    Authenticate,
    ClientSecret,
    FixedResponse,
    Forward,
    Transform,
    WeightedTargetGroup,
)
from aws_lb_controller.plan import canon
from builders_model import a_rule


def oidc(**config: object) -> Authenticate:
    given = {"Issuer": "https://id.example", "ClientId": "me"}
    return Authenticate(type="authenticate-oidc", config=given | config)


@pytest.mark.parametrize(
    "told",
    [
        {"SessionTimeout": "604800", "Scope": "openid", "SessionCookieName": "AWSELBAuthSessionCookie"},
        {"OnUnauthenticatedRequest": "authenticate", "AuthenticationRequestExtraParams": {}},
        {"UseExistingClientSecret": True},
    ],
)
def test_what_aws_fills_in_for_authentication_is_no_difference(told: dict[str, object]) -> None:
    assert canon.actions([oidc()]) == canon.actions([oidc(**told)])


def with_secret(mark: str, *, news: bool = False) -> Authenticate:
    secret = ClientSecret(owner="shop/web", secret="shop/oidc", mark=mark, news=news)
    return replace(oidc(), client_secret=secret)


def test_a_client_secret_that_aws_does_not_tell_is_no_difference() -> None:
    assert canon.actions([with_secret("x")]) == canon.actions([oidc()])


def test_a_client_secret_that_aws_is_known_not_to_have_is_a_difference() -> None:
    assert canon.actions([with_secret("x", news=True)]) != canon.actions([oidc()])


def test_a_client_secret_that_is_known_to_differ_is_a_difference() -> None:
    assert canon.actions([with_secret("x")]) != canon.actions([with_secret("y")])


def test_a_client_secret_that_was_news_and_has_been_sent_is_no_difference() -> None:
    assert canon.actions([with_secret("x", news=True)]) == canon.actions([with_secret("x")])


def test_another_scope_is_a_difference() -> None:
    assert canon.actions([oidc(Scope="email")]) != canon.actions([oidc()])


def test_jwt_claims_are_compared_in_depth() -> None:
    def jwt(*values: str) -> Authenticate:
        return Authenticate(type="jwt-validation", config={"AdditionalClaims": [{"Name": "n", "Values": list(values)}]})

    assert canon.actions([jwt("a")]) == canon.actions([jwt("a")])
    assert canon.actions([jwt("a")]) != canon.actions([jwt("b")])


def test_the_order_of_weighted_target_groups_does_not_matter_but_weights_do() -> None:
    def split(*groups: WeightedTargetGroup) -> Forward:
        return Forward(target_groups=groups)

    a, b = WeightedTargetGroup("a", 1), WeightedTargetGroup("b", None)

    assert canon.actions([split(a, b)]) == canon.actions([split(WeightedTargetGroup("b", 1), a)])
    assert canon.actions([split(a, b)]) != canon.actions([split(a, WeightedTargetGroup("b", 2))])


def test_stickiness_that_goes_is_a_difference() -> None:
    group = (WeightedTargetGroup("a"),)

    assert canon.actions([Forward(target_groups=group, stickiness_seconds=60)]) != canon.actions(
        [Forward(target_groups=group)]
    )


def test_an_empty_body_is_no_body() -> None:
    empty = FixedResponse(status_code="404", content_type="", message_body="")

    assert canon.actions([empty]) == canon.actions([FixedResponse(status_code="404")])


def test_the_order_of_transforms_does_not_matter_but_that_of_rewrites_does() -> None:
    url = Transform(type="url-rewrite", rewrites=(("a", "b"), ("c", "d")))
    host = Transform(type="host-header-rewrite", rewrites=(("a", "b"),))

    assert canon.rule(a_rule(transforms=(url, host))) == canon.rule(a_rule(transforms=(host, url)))
    turned = Transform(type="url-rewrite", rewrites=url.rewrites[::-1])
    assert canon.rule(a_rule(transforms=(url,))) != canon.rule(a_rule(transforms=(turned,)))


def test_what_is_no_network_stays_as_it_is_written() -> None:
    assert "pl-1" == canon.network("pl-1")
