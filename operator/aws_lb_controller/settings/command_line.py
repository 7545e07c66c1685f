"""Splits a command line into flags as Go's pflag does, and says in one line what is wrong with it.

Words that are no flags are passed over, as pflag does, but not in silence: `--enable-waf false` means true. Beyond
pflag, one dash is as good as two, which is how Go's own flag package takes them; there are no one-letter flags but -h.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_lb_controller.errors import UsageError
from aws_lb_controller.settings.readers import Reader

Table = Mapping[str, Reader[Any]]
"""Flag (without dashes) -> how its value is read."""


def wants_help(argv: Sequence[str]) -> bool:
    """Whether the help is asked for, wherever it stands before ``--``."""
    flags = argv[: argv.index("--")] if "--" in argv else argv
    return any(argument in ("--help", "-help", "-h") for argument in flags)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What was typed. values: of every flag that is given; remarks: a line on each word that means nothing."""

    values: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def parse(argv: Sequence[str], table: Table) -> CommandLine:
    """Reads a command line. Raises `UsageError` for a flag that is unknown, or whose value is malformed."""
    line, rest = CommandLine(), list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            line.remarks.extend(f"{word}: passed over: it stands behind --" for word in rest)
            break
        if not word.startswith("-") or word == "-":
            line.remarks.append(f"{word}: passed over: it is no flag")
            continue
        flag, text = _take_value(word, rest, line, table)
        value = _read(flag, text, table[flag])
        line.values[flag] = table[flag].merge(line.values[flag], value) if flag in line.values else value
    return line


def _take_value(word: str, rest: list[str], line: CommandLine, table: Table) -> tuple[str, str]:
    """The flag of a word and its text, which is in the word, or taken off the words behind it."""
    typed, equals, text = word.partition("=")
    flag = typed.removeprefix("-").removeprefix("-")
    if flag not in table:
        raise UsageError(_unknown(typed, flag, table))
    if equals:
        return flag, text
    bare = table[flag].bare
    if bare is not None:
        _remark_on_a_detached_value(flag, bare, rest, line)
        return flag, bare
    if not rest or rest[0].startswith("--"):
        raise UsageError(f"--{flag}: needs a value: --{flag}=VALUE")
    return flag, rest.pop(0)


def _remark_on_a_detached_value(flag: str, bare: str, rest: list[str], line: CommandLine) -> None:
    if rest and not rest[0].startswith("-"):
        word = rest.pop(0)
        line.remarks.append(
            f"--{flag} {word}: means --{flag}={bare}, as a value must follow an equals sign: --{flag}={word}"
        )


def _read(flag: str, text: str, reader: Reader[Any]) -> Any:
    try:
        return reader.read(text)
    except ValueError as wrong:
        raise UsageError(f"--{flag}={text}: {wrong}".replace("\n", " ")) from None


def _unknown(typed: str, flag: str, table: Table) -> str:
    near = difflib.get_close_matches(flag.replace("_", "-").lower(), table, n=1)
    return f"{typed}: no such flag; " + (f"did you mean --{near[0]}?" if near else "see --help")


_PARAGRAPH = textwrap.TextWrapper(
    width=110, initial_indent=" " * 8, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False
)


def described(name: str, *, kind: str, default: str, text: str) -> str:
    """The help's paragraph on one flag or feature gate."""
    known = f" (default {default})" if default else ""
    return f"  {name} {kind}\n{_PARAGRAPH.fill(text + known)}"
