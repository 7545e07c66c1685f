"""Typed fields of JSON objects, as strict as Go's encoding/json: a number where a text is wanted is an error.

Each takes an object that `readers.fold` gave, and raises `Unreadable` with the field's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_lb_controller.intent.readers import Unreadable, fold


def object_of(value: Any, fields: Sequence[str], *, of: str) -> dict[str, Any]:
    """The wanted fields of a JSON object, null being an empty one; of: what it is, for the remedy."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Unreadable(f"write {of} as a JSON object")
    return fold(value, fields)


def list_of(value: Any, *, of: str) -> list[Any]:
    """The items of a JSON array, null being an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"write {of} as a JSON array")
    return value


def text(holder: Mapping[str, Any], field: str) -> str | None:
    """A text, None if it is absent."""
    value = holder.get(field)
    if value is not None and not isinstance(value, str):
        raise Unreadable(f"write {field} as a text in quotes")
    return value


def integer(holder: Mapping[str, Any], field: str) -> int | None:
    """A whole number of 32 bits, None if it is absent."""
    value = holder.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise Unreadable(f"write {field} as a whole number, without quotes")
    return value


def boolean(holder: Mapping[str, Any], field: str) -> bool | None:
    """True or false, None if it is absent."""
    value = holder.get(field)
    if value is not None and not isinstance(value, bool):
        raise Unreadable(f"write {field} as true or false, without quotes")
    return value


def texts(holder: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """An array of texts, empty if it is absent."""
    values = list_of(holder.get(field), of=field)
    if not all(isinstance(v, str) for v in values):
        raise Unreadable(f"write {field} as an array of texts in quotes")
    return tuple(values)
