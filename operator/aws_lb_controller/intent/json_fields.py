"""Typed fields of JSON objects, as strict as Go's encoding/json: a number where a text is wanted is an error.

Each takes an object that `readers.fold` gave, and raises `Unreadable` with the field's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aws_lb_controller.intent.readers import Unreadable, fold

Fields = Mapping[str, "Fields | None"]
"""The fields that a JSON object may have, each with those of the object, or of the array's objects, that it holds; {}:
it holds none. None: it holds an object whose keys are the user's own.
"""


def object_of(value: Any, fields: Iterable[str], *, of: str) -> dict[str, Any]:
    """The wanted fields of a JSON object, null being an empty one; of: what it is, for the remedy."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Unreadable(f"write {of} as a JSON object")
    return fold(value, tuple(fields))


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


def unknown(value: Any, fields: Fields, *, at: str = "") -> Iterator[str]:
    """The keys at any depth that are not among the fields, each with those above it (``forwardConfig.wieght``).

    Keys match in any case, as they are read; null says nothing. at: what `value` is the value of.
    """
    if isinstance(value, list):
        for each in value:
            yield from unknown(each, fields, at=at)
    elif isinstance(value, Mapping):
        held = {field.lower(): of_field for field, of_field in fields.items()}
        for key, each in value.items():
            path = f"{at}.{key}" if at else key
            if each is not None and key.lower() not in held:
                yield path
            elif below := held.get(key.lower()):
                yield from unknown(each, below, at=path)


def doubled(text: str) -> tuple[str, ...]:
    """The keys that stand more than once in one object of valid JSON, of which the last holds."""
    found: dict[str, None] = {}

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        found.update(dict.fromkeys(key for key in keys if keys.count(key) > 1))
        return dict(pairs)

    json.loads(text, object_pairs_hook=note)
    return tuple(found)
