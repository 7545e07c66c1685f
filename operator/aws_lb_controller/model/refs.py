"""Values that AWS gives only once a resource exists: a stack is built before they are known, so it holds references."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar

Kind = Literal["LoadBalancer", "TargetGroup", "SecurityGroup", "Listener", "BackendSecurityGroup"]
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Stands for the ARN (elbv2 kinds) or the group id (security groups) of the resource `id` of the same stack.

    The shared backend security group belongs to no stack: its reference is `BACKEND_SECURITY_GROUP`.
    """

    kind: Kind
    id: str


Value = str | Ref

BACKEND_SECURITY_GROUP = Ref("BackendSecurityGroup", "shared")


def resolve(value: T, known: Mapping[Ref, str]) -> T:
    """The same value with every reference that is known replaced, however deep it lies; unknown ones stay."""
    return _resolve(value, known)  # type: ignore[no-any-return]  # the shape is kept


def _resolve(value: Any, known: Mapping[Ref, str]) -> Any:
    if isinstance(value, Ref):
        return known.get(value, value)
    if isinstance(value, (tuple, frozenset)):
        return type(value)(_resolve(v, known) for v in value)
    if isinstance(value, Mapping):
        return {k: _resolve(v, known) for k, v in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        changed = {k: new for k, v in fields.items() if (new := _resolve(v, known)) != v}
        return dataclasses.replace(value, **changed) if changed else value
    return value


def references(value: Any) -> Iterator[Ref]:
    """Every reference inside a value."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (tuple, frozenset)):
        for v in value:
            yield from references(v)
    elif isinstance(value, Mapping):
        for v in value.values():
            yield from references(v)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for f in dataclasses.fields(value):
            yield from references(getattr(value, f.name))
