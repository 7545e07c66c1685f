"""The pages in docs/ are whole: every reason of an Event has its section, and every link leads somewhere."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import aws_lb_controller.reconcile as reconcile
from aws_lb_controller.api.names import Reason
from contract_data import REPOSITORY, contract

DOCS = REPOSITORY / "docs"
PAGES = sorted([*DOCS.glob("*.md"), REPOSITORY / "README.md"])
SERVED = ("Ingress", "Service", "TargetGroupBinding")


def text_of(page: Path) -> str:
    """A page without its code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+?)\s*$", text_of(page), re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def reasons_emitted() -> Iterator[str]:
    """The constants that reconcilers give as the reason of an Event, but for those of `Reason`."""
    for file in sorted(Path(reconcile.__path__[0]).glob("*.py")):
        module = importlib.import_module(f"{reconcile.__name__}.{file.stem}")
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "emit":
                reason = call.args[1]
                if isinstance(reason, ast.Name) and hasattr(module, reason.id):
                    yield getattr(module, reason.id)


def test_every_reason_of_an_event_has_a_section_of_its_own() -> None:
    wanted = {*map(str, Reason), *reasons_emitted()}
    assert {"IgnoredValue", "Waiting", "SeveralSecurityGroups"} <= wanted
    assert set() == wanted - set(headings(DOCS / "troubleshooting.md"))


def test_every_section_named_like_a_reason_is_of_one() -> None:
    alike = re.compile(r"([A-Z][a-z]+){2,}|Waiting")
    named = {heading for heading in headings(DOCS / "troubleshooting.md") if alike.fullmatch(heading)}
    assert set() == named - {*map(str, Reason), *reasons_emitted()}


def test_the_reasons_of_v3_5_0_for_what_is_served_are_all_there() -> None:
    known = contract("names")["eventReasons"]
    served = {reason for kind in SERVED for reason in known[kind]}
    assert set() == served - set(headings(DOCS / "troubleshooting.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)) if "://" not in link]
    broken = [link for link in links if not leads_somewhere(page, link)]
    assert [] == broken


def leads_somewhere(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = (page.parent / file).resolve() if file else page
    return target.exists() and (not anchor or anchor in anchors(target))


def test_the_readme_links_every_page() -> None:
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)", (REPOSITORY / "README.md").read_text()))
    assert {page.name for page in DOCS.glob("*.md")} == linked


def test_the_picture_of_the_architecture_has_every_layer() -> None:
    [picture] = re.findall(r"^```mermaid\n(.*?)^```", (DOCS / "architecture.md").read_text(), re.MULTILINE | re.DOTALL)
    layers = {"runtime", "webhooks", "reconcile", "aws", "cluster", "plan", "build", "intent"}
    assert set() == {layer for layer in layers if f"{layer}/" not in picture}
