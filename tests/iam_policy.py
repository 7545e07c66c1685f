"""IAM's decision about one action on one resource, for as much of the policy language as deploy/ uses.

What is not understood is an error, never a yes: whoever writes a new operator into a policy writes it here first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contract_data import REPOSITORY

Statement = Mapping[str, Any]
Values = str | tuple[str, ...]


@dataclass(frozen=True)
class Ask:
    """May this be done to that? resource: an ARN, "*" where AWS knows none for the action.

    context: the condition keys that AWS fills in for the action and the resource; those with several values as tuples.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, Values] = field(default_factory=dict)


class Policy:
    """The statements of several documents together."""

    def __init__(self, *documents: Mapping[str, Any]) -> None:
        self.statements: tuple[Statement, ...] = tuple(one for document in documents for one in document["Statement"])

    @classmethod
    def of(cls, *names: str) -> Policy:
        """The documents of deploy/ by name, without their suffix."""
        return cls(*(json.loads(text_of(name)) for name in names))

    def actions(self) -> set[str]:
        """Every action that is granted."""
        return {action for one in self.statements for action in listed(one["Action"])}

    def allows(self, ask: Ask) -> bool:
        """Whether a statement allows it; these documents deny nothing."""
        return any(_matches(one, ask) for one in self.statements)


def text_of(name: str) -> str:
    """A document of deploy/ as it is written."""
    return (REPOSITORY / "deploy" / f"{name}.json").read_text()


def listed(value: str | Sequence[str]) -> list[str]:
    """One text or several."""
    return [value] if isinstance(value, str) else list(value)


def _matches(statement: Statement, ask: Ask) -> bool:
    assert "Allow" == statement["Effect"]
    assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
    return (
        any(_like(pattern.lower(), ask.action.lower()) for pattern in listed(statement["Action"]))
        and any(_like(pattern, ask.resource) for pattern in listed(statement["Resource"]))
        and all(_holds(*condition, ask.context) for condition in _conditions(statement))
    )


def _conditions(statement: Statement) -> Iterator[tuple[str, str, list[str]]]:
    for operator, wanted in statement.get("Condition", {}).items():
        for key, values in wanted.items():
            yield operator, key, listed(values)


def _like(pattern: str, text: str) -> bool:
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


_TESTS: Mapping[str, Callable[[list[str], str], bool]] = {
    "StringEquals": lambda wanted, value: value in wanted,
    "StringLike": lambda wanted, value: any(_like(pattern, value) for pattern in wanted),
    "StringNotEquals": lambda wanted, value: value not in wanted,
}


def _holds(operator: str, key: str, wanted: list[str], context: Mapping[str, Values]) -> bool:
    """One key of one operator. A key that is not there fails what asks for a value, and passes what forbids one."""
    if operator == "Null":
        [absent] = wanted
        return (key not in context) == (absent == "true")
    quantifier, _, test = operator.rpartition(":")
    given = context.get(key, ())
    values = (given,) if isinstance(given, str) else given
    passed = [_TESTS[test](wanted, value) for value in values]
    match quantifier:
        case "ForAllValues":
            return all(passed)
        case "ForAnyValue":
            return any(passed)
        case "" if key in context:
            assert isinstance(given, str), f"{key} has several values: say ForAllValues or ForAnyValue"
            return passed[0]
        case "":
            return test.startswith("StringNot")
    raise ValueError(f"the operator {operator} is not known here")
