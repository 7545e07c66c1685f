"""What AWS was given of client secrets is known in the next process, and what it was not given counts as news."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.api.names import CLIENT_SECRETS_ANNOTATION
from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.cluster.writes import merged
from aws_lb_controller.model.listener import Authenticate, ClientSecret
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan.steps import CreateRule, ModifyListener, ModifyRule, SetRulePriorities, Step
from aws_lb_controller.reconcile.bindings import manifest
from aws_lb_controller.reconcile.client_secrets import GivenSecrets
from aws_lb_controller.reconcile.stack_bindings import StackBindings
from builders_model import a_listener, a_rule, a_stack


def sign_in(mark: str, *, secret: str = "shop/oidc") -> Authenticate:
    client = ClientSecret(owner="shop/web", secret=secret, mark=mark)
    return Authenticate(type="authenticate-oidc", config={}, client_secret=client)


def a_stack_with(*actions: Authenticate) -> Stack:
    """A stack whose rules sign in."""
    return a_stack(rules=tuple(a_rule(priority=n, actions=(action,)) for n, action in enumerate(actions, start=1)))


class World:
    """A store with the stack's bindings and who writes to it; `restart` forgets the rest."""

    def __init__(self, *, bindings: bool = True) -> None:
        self.store, self.patches = Store(), 0
        for number, binding in enumerate(a_stack().bindings if bindings else ()):
            obj = manifest(replace(binding, target_group=f"arn:{number}", networking=None))
            obj["metadata"] |= {"uid": str(number), "resourceVersion": str(number + 1)}
            self.store.upsert(TARGET_GROUP_BINDING, obj)
        self.restart()

    def restart(self) -> None:
        self.given = GivenSecrets(StackBindings(self.store, self))  # type: ignore[arg-type]  # only patches are made

    def patch(self, kind: Any, namespace: str, name: str, body: Any) -> Any:
        held = self.store.get(kind, namespace, name) or {}
        self.patches += 1
        new = merged(merged(held, body), {"metadata": {"resourceVersion": str(1000 + self.patches)}})
        self.store.upsert(kind, new)
        return new

    def news(self, stack: Stack) -> list[str]:
        """The marks that AWS does not have."""
        compared = self.given.compared(stack)
        holders = [*(x.default_actions for x in compared.listeners), *(x.actions for x in compared.rules)]
        found = (a.client_secret for actions in holders for a in actions if isinstance(a, Authenticate))
        return [secret.mark for secret in found if secret is not None and secret.news]


def test_where_nothing_is_recorded_nothing_is_news() -> None:
    assert [] == World().news(a_stack_with(sign_in("a")))


@pytest.mark.parametrize("bindings", [True, False], ids=["with a binding", "without"])
def test_what_was_given_is_no_news_and_another_is(bindings: bool) -> None:
    world = World(bindings=bindings)
    world.given.done(a_stack_with(sign_in("a")))
    assert ([], ["b"]) == (world.news(a_stack_with(sign_in("a"))), world.news(a_stack_with(sign_in("b"))))


def test_it_is_known_after_a_restart_where_there_is_a_binding() -> None:
    world = World()
    world.given.done(a_stack_with(sign_in("a")))
    world.restart()
    assert ([], ["b"]) == (world.news(a_stack_with(sign_in("a"))), world.news(a_stack_with(sign_in("b"))))


def test_a_second_secret_is_news_beside_one_that_was_given() -> None:
    world = World()
    world.given.done(a_stack_with(sign_in("a")))
    assert ["c"] == world.news(a_stack_with(sign_in("a"), sign_in("c", secret="shop/other")))


def test_default_actions_count_too() -> None:
    world = World()
    world.given.done(a_stack(listeners=(a_listener(default_actions=(sign_in("a"),)),)))
    assert ["b"] == world.news(a_stack(listeners=(a_listener(default_actions=(sign_in("b"),)),)))


def test_a_record_that_is_right_is_not_written_again() -> None:
    world = World()
    for _ in range(3):
        world.given.done(a_stack_with(sign_in("a")))
    assert 1 == world.patches


def test_stacks_without_client_secrets_are_never_written_to() -> None:
    world = World()
    world.given.done(a_stack())
    assert 0 == world.patches


def test_that_no_secret_is_left_is_recorded_so_that_the_next_one_is_news() -> None:
    world = World()
    world.given.done(a_stack_with(sign_in("a")))
    world.given.done(a_stack())
    world.restart()
    assert ["a"] == world.news(a_stack_with(sign_in("a")))


@pytest.mark.parametrize(
    "step",
    [
        CreateRule(rule=a_rule(actions=(sign_in("a"),))),
        ModifyRule(arn="arn", rule=a_rule(actions=(sign_in("a"),)), changed=("actions",)),
        ModifyListener(arn="arn", listener=a_listener(default_actions=(sign_in("a"),)), changed=("default_actions",)),
    ],
    ids=lambda step: type(step).__name__,
)
def test_what_is_being_sent_is_news_until_all_is_done(step: Step) -> None:
    """AWS's answer may be lost, or a later step may fail: then it is sent again."""
    world, stack = World(), a_stack_with(sign_in("a"))
    world.given.begin(stack, [step])
    assert ["a"] == world.news(stack)
    world.given.done(stack)
    assert [] == world.news(stack)


def test_steps_that_send_no_secret_leave_what_is_known() -> None:
    world, stack = World(), a_stack_with(sign_in("a"))
    world.given.begin(stack, [SetRulePriorities(priorities={"arn": 2})])
    assert [] == world.news(stack)


@pytest.mark.parametrize("text", ["{", "[]", "1"])
def test_a_record_that_somebody_spoiled_makes_everything_news(text: str) -> None:
    world = World()
    world.given.done(a_stack_with(sign_in("a")))
    (binding,) = world.store.list(TARGET_GROUP_BINDING)
    meta = binding["metadata"]
    body = {"metadata": {"annotations": {CLIENT_SECRETS_ANNOTATION: text}}}
    world.patch(TARGET_GROUP_BINDING, meta["namespace"], meta["name"], body)
    world.restart()
    assert ["a"] == world.news(a_stack_with(sign_in("a")))


def test_what_was_known_of_a_deleted_stack_is_forgotten() -> None:
    world = World(bindings=False)
    world.given.done(a_stack_with(sign_in("a")))
    world.given.forget(a_stack().id)
    assert [] == world.news(a_stack_with(sign_in("b")))
