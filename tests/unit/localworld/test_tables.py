"""Tables are readable: aligned columns, several lines in a cell, a word where there is nothing."""

from __future__ import annotations

from localworld.demo import event_table, namespace_of, shortened, title_of
from localworld.tables import Table


def test_columns_are_aligned_and_have_no_trailing_spaces() -> None:
    table = Table("FRUIT", ("NAME", "COLOUR"), [("apple", "red"), ("fig", "")])
    assert "FRUIT\n  NAME   COLOUR\n  apple  red\n  fig" == str(table)


def test_a_cell_may_have_several_lines() -> None:
    table = Table("FRUIT", ("NAME", "COLOUR"), [("apple", "red\ngreen"), ("fig", "violet")])
    assert "FRUIT\n  NAME   COLOUR\n  apple  red\n         green\n  fig    violet" == str(table)


def test_an_empty_table_says_so() -> None:
    assert "FRUIT\n  (none)" == str(Table("FRUIT", ("NAME",), []))


def test_events_that_repeat_are_one_row() -> None:
    involved = {"kind": "Ingress", "namespace": "a", "name": "b"}
    event = {"involvedObject": involved, "type": "Normal", "reason": "SuccessfullyReconciled", "message": "ok"}
    assert [("Ingress a/b", "Normal", "SuccessfullyReconciled", "ok")] == event_table([event, dict(event)]).rows


def test_long_messages_are_shortened_to_one_line() -> None:
    assert ("a b", 100, "…") == (shortened("a\n b"), len(shortened("x" * 200)), shortened("x" * 200)[-1])


def test_an_object_is_titled_by_kind_namespace_and_name() -> None:
    assert "Service a/b" == title_of({"kind": "Service", "metadata": {"namespace": "a", "name": "b"}})


def test_a_samples_namespace_is_read_from_its_first_document() -> None:
    assert ("game-2048", "echo") == (namespace_of("2048-game.yaml"), namespace_of("echo-nlb.yaml"))
