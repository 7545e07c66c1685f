"""How the value of a flag is spelt: one reader for each kind, from text to value and, for the help, back.

The spellings are those of Go's `strconv`, `time` and of pflag, because command lines written for the controller we
replace must mean the same here. A reader raises `ValueError` with what is allowed, as a clause that can stand after
``--flag=value: ``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


def _last_wins(_earlier: Any, later: Any) -> Any:
    return later


@dataclass(frozen=True)
class Reader(Generic[T]):
    """How one kind of flag is read.

    type: the kind's name in the help; merge: what a flag given twice means, of the earlier and the later value;
    bare: the text that stands for the value where the flag is given without one, None where it needs one;
    show: the value as it would be typed.
    """

    type: str
    read: Callable[[str], T]
    merge: Callable[[T, T], T] = _last_wins
    bare: str | None = None
    show: Callable[[T], str] = str


# --- text ---


def read_text_or_none(text: str) -> str | None:
    """Text, with the empty text meaning that the flag is not set."""
    return text or None


def show_text_or_none(value: str | None) -> str:
    """The reverse of `read_text_or_none`."""
    return value or ""


def text_or(default: str) -> Callable[[str], str]:
    """A reader of text, where the empty text means the default."""

    def read(text: str) -> str:
        return text or default

    return read


def one_of(*allowed: str) -> Callable[[str], str]:
    """A reader of one of a few words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return read


def starting_with(prefix: str) -> Callable[[str], str | None]:
    """A reader of an optional AWS id with a known prefix."""

    def read(text: str) -> str | None:
        if text and not text.startswith(prefix):
            raise ValueError(f"must be an id that starts with {prefix}")
        return text or None

    return read


def read_namespace(text: str) -> str | None:
    """One namespace's name, or nothing for all of them."""
    if not text:
        return None
    if len(text) > 63 or not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", text):
        raise ValueError("must be the name of one namespace, or empty for all of them")
    return text


def read_label(text: str) -> tuple[str, str] | None:
    """A label as ``key=value``, or nothing."""
    if not text:
        return None
    key, _, value = text.partition("=")
    if not key or not value:
        raise ValueError("must be a label written key=value")
    return key, value


def show_label(label: tuple[str, str] | None) -> str:
    """The reverse of `read_label`."""
    return "=".join(label) if label else ""


# --- numbers, switches, times ---

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


def read_switch(text: str) -> bool:
    """A boolean in one of the twelve spellings of Go's ``strconv.ParseBool``."""
    if text not in _TRUE | _FALSE:
        raise ValueError("must be true or false")
    return text in _TRUE


def show_switch(value: bool) -> str:
    """``true`` or ``false``."""
    return "true" if value else "false"


def whole_number(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """A reader of integers from minimum to maximum (None: no limit), in Go's spellings (``10``, ``+10``, ``0x0a``)."""
    allowed = f"from {minimum} to {maximum}" if maximum is not None else f"of {minimum} or more"

    def read(text: str) -> int:
        number = _integer(text)
        if number is None or number < minimum or (maximum is not None and number > maximum):
            raise ValueError(f"must be a whole number {allowed}")
        return number

    return read


def at_least(minimum: int) -> Callable[[str], int]:
    """A reader of integers in Go's spellings; what is less than the minimum means the minimum."""

    def read(text: str) -> int:
        number = _integer(text)
        if number is None:
            raise ValueError(f"must be a whole number of {minimum} or more")
        return max(minimum, number)

    return read


def port_or(default: int) -> Callable[[str], int]:
    """A reader of TCP ports; 0 means the default, as for the controller before us."""
    read_port = whole_number(0, 65535)
    return lambda text: read_port(text) or default


def _integer(text: str) -> int | None:
    if not re.fullmatch(r"[+-]?[0-9][0-9a-zA-Z_]*", text):
        return None
    go_octal = re.sub(r"^([+-]?)0([0-7_]+)$", r"\g<1>0o\2", text)
    try:
        return int(go_octal, 0)
    except ValueError:
        return None


_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"


def duration(*, zero: bool = False) -> Callable[[str], timedelta]:
    """A reader of Go's durations (``1h30m``, ``15s``, ``.5s``): positive ones and, with `zero`, ``0`` too."""

    def read(text: str) -> timedelta:
        value = _go_duration(text)
        if value is None or value < timedelta(0) or (not value and not zero):
            allowed = "0 or a duration" if zero else "a duration above zero"
            raise ValueError(f"must be {allowed} such as 15s, 2m or 10h0m0s")
        return value

    return read


def _go_duration(text: str) -> timedelta | None:
    sign, unsigned = (text[0], text[1:]) if text[:1] in ("+", "-") and text else ("", text)
    if unsigned != "0" and not re.fullmatch(f"({_PART})+", unsigned):
        return None
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, unsigned))
    try:
        return timedelta(seconds=-seconds if sign == "-" else seconds)
    except OverflowError:
        return None


def show_duration(value: timedelta) -> str:
    """A duration as Go writes it: ``10h0m0s``, ``2m0s``, ``15s``, ``0.5s`` (Go: ``500ms``, the same to a reader)."""
    minutes, seconds = divmod(value, timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    tail = f"{seconds.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{tail}"
    return f"{minutes}m{tail}" if minutes else tail


# --- lists and maps, as pflag's StringSlice and StringToString ---


def _csv_row(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as wrong:
        raise ValueError(f"must be comma-separated, quotes closed ({wrong})") from None


def read_list(text: str) -> tuple[str, ...]:
    """A comma-separated list; an item that holds a comma stands in double quotes."""
    return tuple(_csv_row(text)) if text else ()


def show_list(items: tuple[str, ...]) -> str:
    """The reverse of `read_list`, for items without commas."""
    return ",".join(items)


def concatenated(earlier: tuple[str, ...], later: tuple[str, ...]) -> tuple[str, ...]:
    """A list given twice: all items."""
    return earlier + later


def read_map(text: str) -> Mapping[str, str]:
    """``key=value`` pairs, separated by commas. A single pair may hold commas in its value, as with pflag."""
    pairs = [text.strip('"')] if text.count("=") == 1 else _csv_row(text) if text else []
    if any("=" not in pair for pair in pairs):
        raise ValueError("must be pairs written key=value,key=value")
    return dict(pair.split("=", 1) for pair in pairs)


def show_map(pairs: Mapping[str, str]) -> str:
    """The reverse of `read_map`."""
    return ",".join(f"{key}={value}" for key, value in pairs.items())


def merged(earlier: Mapping[str, T], later: Mapping[str, T]) -> Mapping[str, T]:
    """A map given twice: all keys, the later value for one that is in both."""
    return {**earlier, **later}


def read_endpoints(text: str) -> Mapping[str, str]:
    """AWS service ids (``EC2``, ``Elastic Load Balancing v2``) and the URLs at which to call them."""
    endpoints = read_map(text)
    for service, url in endpoints.items():
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise ValueError(f"{service} must have a URL that starts with https:// or http://")
    return endpoints


# --- addresses ---


@dataclass(frozen=True)
class ListenAddress:
    """Where to listen. host "" means all interfaces."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listen_address(*, empty: ListenAddress | None) -> Callable[[str], ListenAddress | None]:
    """A reader of ``host:port`` and ``:port``; ``0`` means not to listen, and the empty text is `empty`."""

    def read(text: str) -> ListenAddress | None:
        if text in ("", "0"):
            return None if text else empty
        match = re.fullmatch(r"(?:\[(?P<ipv6>[0-9a-fA-F:.%a-z]+)\]|(?P<host>[^:\[\]]*)):(?P<port>\d{1,5})", text)
        if not match or int(match["port"]) > 65535:
            raise ValueError("must be an address such as :8080 or 127.0.0.1:8080, or 0 to turn it off")
        return ListenAddress(host=match["ipv6"] or match["host"] or "", port=int(match["port"]))

    return read


def show_address(address: ListenAddress | None) -> str:
    """The reverse of `listen_address`."""
    return str(address) if address else "0"


# --- the AWS throttle ---


@dataclass(frozen=True)
class ThrottleRule:
    """A token bucket for the operations of one AWS service whose name the pattern is found in.

    rate: tokens per second; burst: how many the bucket holds.
    """

    operation: re.Pattern[str]
    rate: float
    burst: int

    def __str__(self) -> str:
        return f"{self.operation.pattern}={self.rate:g}:{self.burst}"


Throttle = Mapping[str, tuple[ThrottleRule, ...]]
"""AWS service id (``Elastic Load Balancing v2``) -> its rules, the first that matches an operation counts."""

_THROTTLE_RULE = re.compile(r"(?P<service>[^:=]+):(?P<operation>[^:=]+)=(?P<rate>[^:=]+):(?P<burst>[^:=]+)")


def read_throttle(text: str) -> Throttle:
    """``serviceID:operationRegex=rate:burst``, separated by commas."""
    rules: dict[str, tuple[ThrottleRule, ...]] = {}
    for part in text.split(","):
        match = _THROTTLE_RULE.fullmatch(part)
        if not match:
            raise ValueError(f"{part!r} must be written serviceID:operationRegex=rate:burst")
        rules[match["service"]] = (*rules.get(match["service"], ()), _throttle_rule(match))
    return rules


def _throttle_rule(match: re.Match[str]) -> ThrottleRule:
    try:
        rule = ThrottleRule(re.compile(match["operation"]), float(match["rate"]), int(match["burst"]))
    except re.error as wrong:
        raise ValueError(f"{match['operation']!r} must be a regular expression ({wrong})") from None
    except ValueError:
        raise ValueError(f"{match[0]!r} must end in a rate per second and a whole burst, as 4:20") from None
    if not 0 < rule.rate < float("inf") or rule.burst < 1:
        raise ValueError(f"{match[0]!r} must have a rate above 0 and a burst of 1 or more")
    return rule


def show_throttle(throttle: Throttle) -> str:
    """The reverse of `read_throttle`."""
    return ",".join(f"{service}:{rule}" for service, rules in throttle.items() for rule in rules)
