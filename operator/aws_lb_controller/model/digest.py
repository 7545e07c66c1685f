"""A short name for a whole stack, by which a later run of the program knows that it wants what an earlier one left."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from aws_lb_controller.model.stack import Stack


def digest(stack: Stack, *, version: str) -> str:
    """32 hexadecimal digits; equal stacks of one program version have equal ones.

    Of a client secret only its mark is in the stack, so nothing of it gets into a digest that anybody may read.
    """
    return hashlib.sha256(f"{version} {_canonical(stack)}".encode()).hexdigest()[:32]


def _canonical(value: Any) -> Any:
    """The value as nested tuples whose order says nothing but what order means in the model."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return (
            type(value).__name__,
            *(_canonical(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare),
        )
    if isinstance(value, Mapping):
        return tuple(sorted((str(k), _canonical(v)) for k, v in value.items()))
    if isinstance(value, (set, frozenset)):
        return tuple(sorted(repr(_canonical(v)) for v in value))
    if isinstance(value, (list, tuple)):
        return tuple(_canonical(v) for v in value)
    return value
