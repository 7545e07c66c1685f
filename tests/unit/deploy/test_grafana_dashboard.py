"""The dashboard asks for what the controller shows, and for all of it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from contract_data import REPOSITORY, contract
from every_metric import series

DASHBOARD = json.loads((REPOSITORY / "deploy" / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
OF_PROMETHEUS = {"instance"}
SELECTED = re.compile(r"([a-z_]+)\{([^}]*)\}")
GROUPED = re.compile(r"by \(([^)]*)\)")
SHOWN = series()


def queries() -> Iterator[tuple[str, str]]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


EVERY_QUERY = pytest.mark.parametrize(("title", "query"), [*queries()])


@EVERY_QUERY
def test_a_query_asks_for_metrics_that_there_are(title: str, query: str) -> None:
    asked = {name for name, _ in SELECTED.findall(query)}
    assert asked, title
    assert asked <= SHOWN.keys()


@EVERY_QUERY
def test_a_query_selects_and_groups_by_labels_that_its_metrics_bear(title: str, query: str) -> None:
    asked = SELECTED.findall(query)
    borne = frozenset.union(*(SHOWN[name] for name, _ in asked)) | OF_PROMETHEUS
    selected = {label for _, selector in asked for label in re.findall(r"([a-z_]+)[!=]", selector)}
    grouped = {label for labels in GROUPED.findall(query) for label in labels.split(", ")}
    assert selected | grouped <= borne, title


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_legend_names_labels_that_its_query_keeps(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        kept = {label for labels in GROUPED.findall(target["expr"]) for label in labels.split(", ")}
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept


def test_every_metric_of_the_contract_is_on_it() -> None:
    asked = " ".join(query for _, query in queries())
    assert [] == [name for name in contract("names")["metrics"] if name not in asked]


def test_every_replica_that_can_be_chosen_is_one_of_ours() -> None:
    (chosen,) = [each for each in DASHBOARD["templating"]["list"] if each["name"] == "instance"]
    assert "label_values(awslbc_watch_age_seconds, instance)" == chosen["query"]["query"]
    assert "awslbc_watch_age_seconds" in SHOWN
    assert all('instance=~"$instance"' in selector for _, query in queries() for _, selector in SELECTED.findall(query))


def test_panels_say_what_they_show_have_ids_of_their_own_and_do_not_overlap() -> None:
    everything = DASHBOARD["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert [] == [panel["title"] for panel in PANELS if not panel["description"]]
    cells = [cell for panel in everything for cell in _cells(panel["gridPos"])]
    assert len(set(cells)) == len(cells)
    assert all(0 <= x < 24 for x, _ in cells)


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    across = range(place["x"], place["x"] + place["w"])
    return itertools.product(across, range(place["y"], place["y"] + place["h"]))
