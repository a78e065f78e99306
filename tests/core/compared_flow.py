"""A flow."""

import enum
import functools
import re
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from longshore import Flow, Parameter, Resource, Secret, Task, case, task, text
from longshore_http import HttpRequest
from longshore_shell import Shell

LIMIT = {"rows": 10, "words": {"a", "b", "c"}}
counter = 0


class Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class Table:
    name: str
    keys: frozenset[str] = frozenset({"x", "y", "z"})


def helper(value):
    return value + LIMIT["rows"]


def scaled(factor):
    @task
    def scale(rows, by=factor):
        return [row * factor for row in rows]

    return scale


@task
def extract(day, airports=("JFK", "LGA")):
    """Read rows."""
    if day in {"mon", "tue", "wed"}:
        return [n for n in range(3) if n not in {"a", 1, None}]
    return [(lambda x: helper(x))(n) for n in range(3)]


@task
def load(rows, key, **options):
    try:
        return key
    except ValueError:
        return options


@task
def single(n):
    return n


class Export(Task[str]):
    bucket: str
    connection: object = None
    kinds: ClassVar = {"csv", "json"}

    def run(self, rows, *, table=Table("t")):
        return self._path(rows)

    def _path(self, rows):
        return f"{self.bucket}/{len(rows)}"


class Other(Export):
    pass


class Workspace(Resource[str]):
    size: int = 4

    def setup(self):
        return "a"

    def cleanup(self, value):
        pass


with Flow("nightly") as nightly:
    day = Parameter("day", str)
    rows = extract(day)
    more = scaled(3)(rows)
    loaded = load(
        {"a": [rows[0], more["x"].y], "t": text("{d}!", d=day)},
        "k",
        colours={Colour.RED},
        when=date(2013, 1, 1),
        moment=datetime(2013, 1, 1, tzinfo=UTC),
        price=Decimal("1.0"),
        path=Path("a"),
        lock=threading.Lock(),
        token=Secret("env:TOKEN"),
        table=Table("x"),
        pattern=re.compile("a+"),
        call=functools.partial(helper, 3),
        gap=timedelta(1),
        function=lambda x: x in {"p", "q"},
        kind=ValueError,
    )
    Export(bucket="lake", connection=threading.RLock())(rows, after=loaded)
    each = single.map([1, 2, 3])
    with case(day, "mon"):
        Shell("make")(env={"A": "b"})
    with Workspace(size=day):
        HttpRequest("GET")("http://127.0.0.1/")
