"""Readers of annotation text: each takes the text as written and gives a typed value, or says what to write instead.

They accept exactly what the peer's parser (Go's strconv and encoding/json) accepts, so that an annotation that
works there works here: booleans ``1 t T TRUE true True`` and ``0 f F FALSE false False``, integers with a sign and
leading zeros but without blanks, lists and maps with blanks around items, ``\\,`` for a comma inside a map's value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Reader = Callable[[str], T]

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_LOAD_BALANCER_NAME = re.compile(r"(?!internal-)(?!-)[A-Za-z0-9-]{1,32}(?<!-)\Z")
_LONGEST_NAME = 32
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,19})\Z")


class Unreadable(ValueError):
    """The text has no meaning for its annotation; the message is the remedy, a clause such as ``write true or
    false``.
    """


def read_text(text: str) -> str:
    """The text as it is."""
    return text


def read_bool(text: str) -> bool:
    """A boolean in one of Go's spellings."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise Unreadable('write "true" or "false"')


def read_int(text: str, *, bits: int = 64) -> int:
    """A decimal integer of as many bits."""
    found, limit = _INTEGER.match(text), 2 ** (bits - 1)
    if not found or not -limit <= int("".join(found.groups())) < limit:
        raise Unreadable("write a whole number without blanks")
    return int("".join(found.groups()))


def read_int32(text: str) -> int:
    """A decimal integer of 32 bits."""
    return read_int(text, bits=32)


def read_short_name(text: str) -> str:
    """A load balancer's name that is not too long: that counts at any time. Whatever else is wrong with it matters only
    when a load balancer is made by it (`read_load_balancer_name`).
    """
    if len(text.encode()) > _LONGEST_NAME:
        raise Unreadable(f"write at most {_LONGEST_NAME} letters, digits and hyphens")
    return text


def read_load_balancer_name(text: str) -> str:
    """A name that AWS takes for a load balancer."""
    if not _LOAD_BALANCER_NAME.match(text):
        raise Unreadable(
            "write 1 to 32 letters, digits and hyphens, with no hyphen at either end and not internal- at the start"
        )
    return text


def integer_between(low: int, high: int) -> Reader[int]:
    """A reader of integers that lie in a range, both ends included."""

    def read(text: str) -> int:
        number = read_int(text)
        if not low <= number <= high:
            raise Unreadable(f"write a whole number from {low} to {high}")
        return number

    return read


def one_of(*allowed: str) -> Reader[str]:
    """A reader of one of some words, letter for letter."""

    def read(text: str) -> str:
        if text not in allowed:
            raise Unreadable(f"write one of {', '.join(allowed)}")
        return text

    return read


def read_list(text: str) -> tuple[str, ...]:
    """Items between commas, trimmed; empty ones are dropped."""
    return tuple(item for part in text.split(",") if (item := part.strip()))


def read_map(text: str) -> dict[str, str]:
    """``key=value`` pairs between commas, trimmed; a value may be empty, a key may not.

    The last of equal keys holds.
    """
    return dict(_pair(part) for part in _pairs(text))


def doubled_keys(text: str) -> list[str]:
    """The keys that stand more than once in what `read_map` reads."""
    keys = [_pair(part)[0] for part in _pairs(text)]
    return [key for key in dict.fromkeys(keys) if keys.count(key) > 1]


def _pair(part: str) -> tuple[str, str]:
    key, equals, value = part.partition("=")
    if not equals or not key.strip():
        raise Unreadable("write key=value pairs with commas between them")
    return key.strip(), value.strip()


def _pairs(text: str) -> Iterator[str]:
    """Splits at the commas that another pair follows; any other comma belongs to the value it ends, or is an error."""
    current, i = "", 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            current += text[i + 1]
            i += 2
            continue
        if text[i] == "," and (rest := text[i + 1 :].strip()):
            yield current.strip()
            if "=" not in rest:
                yield rest
                return
            current = ""
        else:
            current += text[i]
        i += 1
    if current:
        yield current.strip()


def read_json(text: str) -> Any:
    """Any JSON value. Objects come as dicts; `fold` finds their keys as Go does."""
    try:
        return _well_formed(json.loads(text, parse_constant=_no_constant))
    except ValueError as e:
        raise Unreadable(f"write valid JSON ({e})") from None
    except RecursionError:
        raise Unreadable("write JSON that is not nested so deeply") from None


def _no_constant(name: str) -> None:
    """Python's own ``NaN`` and ``Infinity`` are not JSON."""
    raise ValueError(f"{name} is no value")


def _well_formed(value: Any) -> Any:
    """Half a surrogate pair (``\\ud800``), which nothing can send, becomes U+FFFD, as in Go."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_well_formed(each) for each in value]
    return {_well_formed(k): _well_formed(v) for k, v in value.items()} if isinstance(value, dict) else value


def fold(value: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """The wanted fields of a JSON object: keys match in any case, the last wins, null is absent, others are ignored."""
    wanted = {f.lower(): f for f in fields}
    return {wanted[k.lower()]: v for k, v in value.items() if k.lower() in wanted and v is not None}
