"""Splits a command line into flags as Go's pflag does, and says in one line what is wrong with it.

Unlike pflag, an argument that is no flag is refused: `--enable-waf false` would otherwise turn it on in silence.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from aws_lb_controller.errors import UsageError
from aws_lb_controller.settings.readers import Reader

Table = Mapping[str, Reader[Any]]
"""Flag (without dashes) -> how its value is read."""


def wants_help(argv: Sequence[str]) -> bool:
    """Whether the help is asked for, wherever it stands before ``--``."""
    flags = argv[: argv.index("--")] if "--" in argv else argv
    return any(argument in ("--help", "-h") for argument in flags)


def parse(argv: Sequence[str], table: Table) -> dict[str, Any]:
    """The value of every flag that is given. Raises `UsageError` for what is unknown, malformed or no flag."""
    values: dict[str, Any] = {}
    rest = list(argv)
    while rest:
        flag, text = _take_flag(rest, table)
        value = _read(flag, text, table[flag])
        values[flag] = table[flag].merge(values[flag], value) if flag in values else value
    return values


def _take_flag(rest: list[str], table: Table) -> tuple[str, str]:
    """The next flag and its text, taken off the arguments."""
    argument = rest.pop(0)
    if not argument.startswith("--") or argument == "--":
        raise UsageError(_no_flag(argument, table))
    flag, equals, text = argument.removeprefix("--").partition("=")
    if flag not in table:
        raise UsageError(_unknown(flag, table))
    if equals:
        return flag, text
    bare = table[flag].bare
    if bare is not None:
        _refuse_a_detached_value(flag, rest)
        return flag, bare
    if not rest or rest[0].startswith("--"):
        raise UsageError(f"--{flag}: needs a value: --{flag}=VALUE")
    return flag, rest.pop(0)


def _refuse_a_detached_value(flag: str, rest: Sequence[str]) -> None:
    if rest and not rest[0].startswith("-"):
        raise UsageError(f"--{flag} {rest[0]}: the value must follow an equals sign: --{flag}={rest[0]}")


def _read(flag: str, text: str, reader: Reader[Any]) -> Any:
    try:
        return reader.read(text)
    except ValueError as wrong:
        raise UsageError(f"--{flag}={text}: {wrong}".replace("\n", " ")) from None


def _no_flag(argument: str, table: Table) -> str:
    name = argument.lstrip("-").partition("=")[0]
    if argument.startswith("-") and name in table:
        return f"{argument}: flags have two dashes: --{argument.lstrip('-')}"
    return f"{argument}: not a flag; see --help"


def _unknown(flag: str, table: Table) -> str:
    near = difflib.get_close_matches(flag.replace("_", "-").lower(), table, n=1)
    return f"--{flag}: no such flag; " + (f"did you mean --{near[0]}?" if near else "see --help")


_PARAGRAPH = textwrap.TextWrapper(
    width=110, initial_indent=" " * 8, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False
)


def described(name: str, *, kind: str, default: str, text: str) -> str:
    """The help's paragraph on one flag or feature gate."""
    known = f" (default {default})" if default else ""
    return f"  {name} {kind}\n{_PARAGRAPH.fill(text + known)}"
