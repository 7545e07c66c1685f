"""Which OIDC client secrets AWS was given, so that a changed one is sent, once, and a restart sends none.

AWS never tells a client secret. While this process lives, what it wrote is remembered with the rest of the stack; but
that memory goes with an error, an audit or a restart. So the marks of the secrets (see `intent.oidc_client`) are kept
apart: here, and in an annotation of the stack's first TargetGroupBinding, where the next process finds them. They are
written after a deployment only: one that was cut short sends a changed secret again.

Where nothing is recorded, as for what another controller made, AWS is taken to have what is wanted: otherwise every
takeover would write. A stack without bindings has its record in memory alone, so a Secret that changes while no
controller runs is not noticed there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import orjson

from aws_lb_controller.api.names import CLIENT_SECRETS_ANNOTATION
from aws_lb_controller.cluster.indexes import annotations_of
from aws_lb_controller.model.listener import Action, Authenticate, ClientSecret
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.plan.steps import CreateListener, CreateRule, ModifyListener, ModifyRule, Step
from aws_lb_controller.reconcile.stack_bindings import StackBindings

Marks = Mapping[str, str]
"""``OWNER SECRET`` (each ``namespace/name``) → the mark of the secret that AWS has."""


class GivenSecrets:
    """The records of all stacks; a stack is only ever used by the one worker that has it."""

    def __init__(self, bindings: StackBindings) -> None:
        self._bindings = bindings
        self._given: dict[StackId, Marks] = {}
        self._lock = threading.Lock()

    def compared(self, stack: Stack) -> Stack:
        """The stack with those secrets marked as news that AWS is known not to have."""
        wanted, given = _marks(stack), self._known(stack.id)
        if not wanted or given is None:
            return stack
        news = {key for key, mark in wanted.items() if given.get(key) != mark}
        return _with_news(stack, news) if news else stack

    def begin(self, stack: Stack, steps: Iterable[Step]) -> None:
        """Before a deployment: what it sends AWS may have or not, until all is done."""
        sent = {_key(secret) for step in steps for secret in _secrets(_actions_of(step))}
        if sent:
            given = self._known(stack.id)
            known = _marks(stack) if given is None else given
            self._remember(stack.id, {key: mark for key, mark in known.items() if key not in sent})

    def done(self, stack: Stack) -> None:
        """After a deployment: AWS has all secrets of the stack. Raises `KubernetesError`."""
        wanted = _marks(stack)
        if wanted or self._known(stack.id):
            self._remember(stack.id, wanted)
        bindings = self._bindings.staying(stack.id)
        if not bindings:
            return
        text = orjson.dumps(wanted, option=orjson.OPT_SORT_KEYS).decode()
        written = annotations_of(bindings[0]).get(CLIENT_SECRETS_ANNOTATION)
        if written != text if wanted else written not in (None, text):
            self._bindings.annotate(bindings[0], CLIENT_SECRETS_ANNOTATION, text)

    def _known(self, stack_id: StackId) -> Marks | None:
        with self._lock:
            known = self._given.get(stack_id)
        return self._recorded(stack_id) if known is None else known

    def _remember(self, stack_id: StackId, marks: Marks) -> None:
        with self._lock:
            self._given[stack_id] = marks

    def forget(self, stack_id: StackId) -> None:
        """Nothing of the stack is left."""
        with self._lock:
            self._given.pop(stack_id, None)

    def _recorded(self, stack_id: StackId) -> Marks | None:
        texts = self._bindings.notes(stack_id, CLIENT_SECRETS_ANNOTATION)
        return _read(texts[0]) if texts else None


def as_it_stands(step: Step, observed: ObservedStack) -> Step:
    """The step with those client secrets marked as lacking where AWS signs nobody in by OIDC until now."""
    match step:
        case ModifyRule(arn=arn, rule=rule):
            there = (seen.resource.actions for seen in observed.rules if seen.arn == arn)
            return replace(step, rule=replace(rule, actions=_compared_with(next(there, ()), rule.actions)))
        case ModifyListener(arn=arn, listener=listener):
            defaults = (seen.resource.default_actions for seen in observed.listeners if seen.arn == arn)
            actions = _compared_with(next(defaults, ()), listener.default_actions)
            return replace(step, listener=replace(listener, default_actions=actions))
    return step


def _compared_with(there: tuple[Action, ...], wanted: tuple[Action, ...]) -> tuple[Action, ...]:
    if any(isinstance(action, Authenticate) and action.type == "authenticate-oidc" for action in there):
        return wanted
    return tuple(_as_lacking(action) for action in wanted)


def _as_lacking(action: Action) -> Action:
    if not isinstance(action, Authenticate) or action.client_secret is None:
        return action
    return replace(action, client_secret=replace(action.client_secret, lacking=True))


def _read(text: str) -> Marks:
    """What somebody else made of the annotation tells of no secret, so all are sent once more."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return {str(key): str(mark) for key, mark in found.items()} if isinstance(found, dict) else {}


def _key(secret: ClientSecret) -> str:
    return f"{secret.owner} {secret.secret}"


def _marks(stack: Stack) -> dict[str, str]:
    holders = (*(x.default_actions for x in stack.listeners), *(x.actions for x in stack.rules))
    return {_key(secret): secret.mark for actions in holders for secret in _secrets(actions)}


def _secrets(actions: Iterable[Action]) -> Iterator[ClientSecret]:
    for action in actions:
        if isinstance(action, Authenticate) and action.client_secret is not None:
            yield action.client_secret


def _actions_of(step: Step) -> tuple[Action, ...]:
    match step:
        case CreateRule(rule=rule) | ModifyRule(rule=rule):
            return rule.actions
        case CreateListener(listener=listener) | ModifyListener(listener=listener):
            return listener.default_actions
    return ()


def _with_news(stack: Stack, news: set[str]) -> Stack:
    def marked(actions: tuple[Action, ...]) -> tuple[Action, ...]:
        return tuple(_as_news(action, news) for action in actions)

    return replace(
        stack,
        listeners=tuple(replace(x, default_actions=marked(x.default_actions)) for x in stack.listeners),
        rules=tuple(replace(x, actions=marked(x.actions)) for x in stack.rules),
    )


def _as_news(action: Action, news: set[str]) -> Action:
    if not isinstance(action, Authenticate) or action.client_secret is None:
        return action
    if _key(action.client_secret) not in news:
        return action
    return replace(action, client_secret=replace(action.client_secret, news=True))
