"""Plain text tables for people to read in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A title, column names, and rows of as many cells. A cell may have several lines."""

    title: str
    columns: Row
    rows: Sequence[Row]

    def __str__(self) -> str:
        """The table as text, with a word instead of rows where there are none."""
        if not self.rows:
            return f"{self.title}\n  (none)"
        lines = [line for row in (self.columns, *self.rows) for line in _lines(row)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        return "\n".join([self.title, *(_line(line, widths) for line in lines)])


def _lines(row: Row) -> list[Row]:
    """A row of cells with line breaks as several rows of cells without."""
    cells = [cell.split("\n") for cell in row]
    height = max(len(cell) for cell in cells)
    return [tuple(cell[number] if number < len(cell) else "" for cell in cells) for number in range(height)]


def _line(cells: Row, widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return ("  " + "  ".join(padded)).rstrip()
