"""The page on the test world names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_test_that_the_page_names_is_there() -> None:
    named = REFERENCE.findall((ROOT / "docs/test-world.md").read_text())
    assert named
    for file, test in named:
        text = (ROOT / file).read_text()
        assert not test or f"\ndef {test}(" in text, f"{file}::{test}"
