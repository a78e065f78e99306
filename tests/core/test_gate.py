"""The reliability page and the tests name the same rows."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_promised_row_has_a_test_and_every_marked_test_a_row() -> None:
    promised = set(
        re.findall(r"^\| ([A-Z]\d+) \|", (ROOT / "docs" / "reliability.md").read_text(), re.MULTILINE)
    )
    tested = {
        row
        for path in (ROOT / "tests").rglob("test_*.py")
        for row in re.findall(r"mark\.gate\(\"([A-Z]\d+)\"\)", path.read_text())
    }
    assert promised == tested
