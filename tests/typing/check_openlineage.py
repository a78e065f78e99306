"""What a type checker sees of lineage. Checked by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, assert_type

from longshore import Dataset, current, hookimpl
from longshore.testing import datasets_told
from longshore_openlineage import dataset_name, flush_lineage, parent_id, run_uuid

assert_type(current.reads("s3://lake/a.csv", bytes=1, rows=2, columns=["a"], version="v"), None)
assert_type(current.writes(Path("a.csv"), columns={"a": "INT64"}), None)
assert_type(dataset_name("s3://lake/a.csv"), tuple[str, str])
assert_type(run_uuid("2013-01-01", "load"), str)
assert_type(parent_id(), str)
assert_type(flush_lineage(3), int)

with datasets_told() as told:
    assert_type(told, list[Dataset])
    assert_type(told[0].direction, Literal["read", "write"])
    assert_type(told[0].rows, int | None)


@hookimpl
def longshore_dataset(dataset: Dataset) -> None:
    assert_type(dataset.columns, tuple[tuple[str, str], ...])


current.reads("s3://lake/a.csv", rows="many")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
