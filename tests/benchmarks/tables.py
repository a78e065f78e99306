"""What a benchmark reports: tables for people, printed; the same as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias

Cell: TypeAlias = float | int | str | None


@dataclass(frozen=True, kw_only=True)
class Table:
    """One comparison.

    Args:
        title: What was measured, with its unit.
        columns: Headings, that of the first column too.
        rows: Their cells; None where something could not be measured.
        notes: Why, and what else a reader must know.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = field(default_factory=tuple)

    def __str__(self) -> str:
        texts = [list(self.columns), *([show(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[place]) for row in texts) for place in range(len(self.columns))]
        header, *body = (
            "| "
            + " | ".join(
                _pad(text, width, place) for place, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            + " |"
            for row in texts
        )
        rule = (
            "|"
            + "|".join("-" * (width + 1) + (":" if place else "-") for place, width in enumerate(widths))
            + "|"
        )
        return "\n".join(
            [f"### {self.title}", "", header, rule, *body, *(f"\n{note}" for note in self.notes)]
        )


def _pad(text: str, width: int, place: int) -> str:
    return text.rjust(width) if place else text.ljust(width)


def show(cell: Cell) -> str:
    """Return a cell's text, with three digits that count."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def ratio(value: float | None, base: float | None) -> Cell:
    """Return how many times the base a value is, as text."""
    return None if value is None or not base else f"{show(value / base)} x"


def machine() -> str:
    """Return the little that a reader may know of the machine."""
    return f"{os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}"


def write_json(path: Path, tables: Iterable[Table]) -> None:
    """Write all tables to a file."""
    document = {"machine": machine(), "tables": [asdict(table) for table in tables]}
    path.write_text(json.dumps(document, indent=1) + "\n")
