"""Stacks have short names by which a later run knows them."""

from __future__ import annotations

from dataclasses import replace

from aws_lb_controller.model.digest import digest
from aws_lb_controller.model.listener import Authenticate
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


def test_a_stack_with_a_client_secret_has_none() -> None:
    secret = Authenticate(type="authenticate-oidc", config={"ClientSecret": "hush"})
    listener = a_listener()
    stack = a_stack(listeners=(replace(listener, default_actions=(secret, *listener.default_actions)),))
    assert digest(stack, version="1") is None
