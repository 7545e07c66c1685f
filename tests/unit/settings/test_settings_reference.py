"""The page on configuration is made from the model, and stands in the repository as it was made."""

from __future__ import annotations

import re

import pytest

from aws_lb_controller.settings.flags import FLAGS_WITHOUT_EFFECT, GATES_ALWAYS_OFF, READERS
from aws_lb_controller.settings.gates import NAMES
from aws_lb_controller.settings.reference import EFFECTS, ENVIRONMENT, configuration_reference
from contract_data import REPOSITORY

PAGE = REPOSITORY / "docs" / "configuration.md"
SOURCES = REPOSITORY / "operator" / "aws_lb_controller"
READ = re.compile(r"""os\.environ(?:\.get\(|\[)["']([A-Z0-9_]+)["']""")


def rows(heading: str) -> dict[str, list[str]]:
    """The first table under a heading: the first cell of each row, without its code marks -> the others."""
    chapter = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = [re.split(r" (?<!\\)\| ", line[2:-2]) for line in chapter.splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): cells[1:] for cells in table}


def test_the_page_is_as_the_model_makes_it() -> None:
    assert configuration_reference() == PAGE.read_text(), "the page is stale: run `make docs`"


def test_every_flag_stands_on_the_page_with_kind_default_and_meaning() -> None:
    shown = rows("Flags")
    assert {f"--{flag}" for flag in READERS} == shown.keys()
    assert ["duration", "`10h0m0s`"] == shown["--sync-period"][:2]
    assert [] == [flag for flag, cells in shown.items() if not cells[2]]


def test_every_feature_gate_stands_on_the_page_with_its_default() -> None:
    shown = rows("Feature gates")
    assert NAMES.keys() == shown.keys()
    assert ("true", "false") == (shown["EndpointsFailOpen"][0], shown["ALBSingleSubnet"][0])


@pytest.mark.parametrize("what", [*(f"--{flag}" for flag in FLAGS_WITHOUT_EFFECT), *GATES_ALWAYS_OFF])
def test_what_has_no_effect_says_so_and_why(what: str) -> None:
    cells = rows("Flags").get(what) or rows("Feature gates")[what]
    why = {**{f"--{flag}": why for flag, why in FLAGS_WITHOUT_EFFECT.items()}, **GATES_ALWAYS_OFF}[what]
    assert f"**none:** {why}" == cells[-1]


def test_a_remark_on_an_effect_is_of_a_flag_that_has_one() -> None:
    assert EFFECTS.keys() <= READERS.keys() - FLAGS_WITHOUT_EFFECT.keys()


def test_every_environment_variable_that_the_code_reads_is_told_and_no_other() -> None:
    sources = [file.read_text() for file in SOURCES.rglob("*.py")]
    read = {name for text in sources for name in READ.findall(text)}
    assert read == ENVIRONMENT.keys()
