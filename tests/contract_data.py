"""Reads the copies of the contract's data in ``tests/contract/``."""

import json
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
COPIES = REPOSITORY / "tests" / "contract"
ORIGIN = REPOSITORY.parent / "shared" / "contract"


def contract(name: str) -> Any:
    """The data of one file, named without its suffix."""
    return json.loads((COPIES / f"{name}.json").read_text())
