"""Reads deploy/Dockerfile: its stages and their instructions, so that tests can judge them and carry them out."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from contract_data import REPOSITORY

DOCKERFILE = REPOSITORY / "deploy" / "Dockerfile"


@dataclass(frozen=True)
class Stage:
    """`base`: what it is made from; `steps`: (instruction, rest of the line), in order."""

    name: str
    base: str
    steps: tuple[tuple[str, str], ...]

    def all(self, instruction: str) -> list[str]:
        """The rests of the lines of one instruction."""
        return [rest for word, rest in self.steps if word == instruction]

    def only(self, instruction: str) -> str:
        """The rest of the one line of an instruction."""
        [rest] = self.all(instruction)
        return rest

    def words(self, instruction: str) -> list[str]:
        """The words of an instruction in exec form; an error in any other form."""
        words: list[str] = json.loads(self.only(instruction))
        return words

    def variables(self) -> dict[str, str]:
        """What ENV sets."""
        return dict(word.split("=", 1) for rest in self.all("ENV") for word in shlex.split(rest))

    def copy_sources(self, context: Path, folder: Path) -> None:
        """Carries the COPY lines out, from one folder into another."""
        for rest in self.all("COPY"):
            *sources, target = rest.split()
            for source in sources:
                place = folder / target / Path(source).name if target.endswith("/") else folder / target
                place.parent.mkdir(parents=True, exist_ok=True)
                found = context / source
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(found, place, ignore=ignored) if found.is_dir() else shutil.copy(found, place)


def stages(text: str | None = None) -> list[Stage]:
    """The stages of a Dockerfile (ours, if none is given), with arguments put in."""
    lines = re.sub(r"\\\n\s*", " ", text or DOCKERFILE.read_text()).splitlines()
    steps = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    arguments = dict(rest.split("=", 1) for word, rest in steps if word == "ARG")
    found: list[tuple[str, str, list[tuple[str, str]]]] = []
    for word, rest in steps:
        if word == "FROM":
            base, _, name = _filled(rest, arguments).partition(" AS ")
            found.append((name, base, []))
        elif found:
            found[-1][2].append((word, rest))
    return [Stage(name, base, tuple(inside)) for name, base, inside in found]


def _filled(text: str, arguments: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], text)
