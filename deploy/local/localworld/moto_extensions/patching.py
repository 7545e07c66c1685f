"""How moto's classes are changed.

Modules register with `around` and `instead`; nothing happens before `carry_out`, so that importing has no effect.
Refusals must come before everything else: they are registered last and so stand outermost.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from localworld.behaviour import Behaviour

T = TypeVar("T")
Method = Callable[..., Any]

_changes: list[Callable[[], None]] = []
_carried_out: list[bool] = []


behaviour = Behaviour()


def around(owner: type[Any], name: str) -> Callable[[Method], Method]:
    """Register `change(original, self, …)` to stand around a method."""

    def register(change: Method) -> Method:
        def carry_out_one() -> None:
            original = getattr(owner, name)

            @wraps(original)
            def method(self: Any, *args: Any, **kwargs: Any) -> Any:
                return change(original, self, *args, **kwargs)

            setattr(owner, name, method)

        _changes.append(carry_out_one)
        return change

    return register


def instead(owner: Any, name: str) -> Callable[[T], T]:
    """Register a function or value to take the place of an attribute, or to be a new one."""

    def register(change: T) -> T:
        _changes.append(lambda: setattr(owner, name, change))
        return change

    return register


def computed(owner: type[Any], name: str) -> Callable[[Method], Method]:
    """Register a function as a read-only property; what moto assigns to it is dropped."""

    def register(change: Method) -> Method:
        _changes.append(lambda: setattr(owner, name, property(change, _drop)))
        return change

    return register


def _drop(_owner: Any, _value: Any) -> None:
    """What a computed property does with an assignment."""


def carry_out() -> None:
    """Make every registered change, once per process."""
    if not _carried_out:
        _carried_out.append(True)
        for change in _changes:
            change()
