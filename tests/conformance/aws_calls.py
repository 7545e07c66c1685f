"""Writes aws-calls.txt: every AWS action that conformance runs called, as their call logs (``calls.jsonl``) have it.

``python tests/conformance/aws_calls.py ROOT…`` with the folders that were given to the runs as ``--root``. Actions of
earlier runs stay in the file: what a case no longer makes the controller call, another may.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

FILE = Path(__file__).with_name("aws-calls.txt")


def called(root: Path) -> Iterator[str]:
    """The actions of one run, as IAM names them."""
    for line in (root / "calls.jsonl").read_text().splitlines():
        call = json.loads(line)
        yield f"{call['service']}:{call['action']}"


def main(roots: list[str]) -> None:
    """Adds what these runs called."""
    known = set(FILE.read_text().splitlines()) if FILE.exists() else set()
    found = known.union(*(called(Path(root)) for root in roots))
    FILE.write_text("".join(f"{one}\n" for one in sorted(found)))


if __name__ == "__main__":
    main(sys.argv[1:])
