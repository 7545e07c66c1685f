"""Stacks have short names by which a later run knows them."""

from __future__ import annotations

from dataclasses import replace

from aws_lb_controller.model.digest import digest
from aws_lb_controller.model.listener import Authenticate, ClientSecret
from aws_lb_controller.model.stack import Stack
from builders_model import a_listener, a_security_group, a_stack, an_ingress_rule


def test_equal_stacks_have_equal_digests_whatever_the_order_of_sets_and_maps() -> None:
    one = a_stack(security_groups=(a_security_group(ingress=frozenset({an_ingress_rule(80), an_ingress_rule(81)})),))
    (group,) = one.security_groups
    turned = replace(group, tags=dict(reversed(group.tags.items())), ingress=frozenset(reversed([*group.ingress])))
    assert digest(one, version="1") == digest(replace(one, security_groups=(turned,)), version="1")


def test_any_difference_changes_the_digest() -> None:
    stack = a_stack()
    other = replace(stack, rules=tuple(replace(rule, priority=rule.priority + 1) for rule in stack.rules))
    assert digest(stack, version="1") != digest(other, version="1")


def test_another_version_of_the_program_may_build_otherwise_so_its_digest_differs() -> None:
    assert digest(a_stack(), version="1") != digest(a_stack(), version="2")


def signed_in(mark: str, *, news: bool = False) -> Stack:
    secret = ClientSecret(owner="shop/web", secret="shop/oidc", mark=mark, news=news)
    action = Authenticate(type="authenticate-oidc", config={"ClientId": "shop"}, client_secret=secret)
    listener = a_listener()
    return a_stack(listeners=(replace(listener, default_actions=(action, *listener.default_actions)),))


def test_another_client_secret_changes_the_digest() -> None:
    assert digest(signed_in("a"), version="1") != digest(signed_in("b"), version="1")


def test_that_a_client_secret_is_news_does_not_change_the_digest() -> None:
    assert digest(signed_in("a"), version="1") == digest(signed_in("a", news=True), version="1")
