"""How moto's classes are changed, and the numbers that tests may turn.

Modules register with `around` and `instead`; nothing happens before `carry_out`, so that importing has no effect.
Refusals must come before everything else: they are registered last and so stand outermost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")
Method = Callable[..., Any]

_changes: list[Callable[[], None]] = []
_carried_out: list[bool] = []


@dataclass
class Behaviour:
    """Delays in seconds, and AWS's default quotas of one region."""

    draining_seconds: float = 0.0  # a deregistered target is listed as draining for so long (AWS: 300 by default)
    group_release_seconds: float = 0.0  # a deleted load balancer's interfaces keep its security groups in use so long
    targets_per_target_group: int = 1000
    rules_per_load_balancer: int = 100
    listeners_per_load_balancer: int = 50
    target_groups_per_action: int = 5
    tags_per_resource: int = 50

    def become(self, other: Behaviour) -> None:
        """Take over every value of another behaviour."""
        for one in fields(self):
            setattr(self, one.name, getattr(other, one.name))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Behaviour:
        """The defaults, with what LOCALWORLD_DRAINING_SECONDS and its like for the other fields say."""
        made = cls()
        for one in fields(made):
            if text := environment.get(variable(one.name)):
                setattr(made, one.name, type(getattr(made, one.name))(text))
        return made


def variable(field_name: str) -> str:
    """The environment variable that sets a field of Behaviour in moto's server."""
    return f"LOCALWORLD_{field_name.upper()}"


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
