"""Steps in doit: Python actions, its database in a temporary folder."""

from __future__ import annotations

from typing import Any

from clock import STEPS, report
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

DONE: list[int] = []


def step(n: int) -> None:
    DONE.append(n)


def build() -> dict[str, Any]:
    DONE.clear()
    tasks = [{"name": str(n), "actions": [(step, [n])]} for n in range(STEPS)]
    return {"task_step": lambda: (each for each in tasks)}


def run(module: dict[str, Any]) -> None:
    code = DoitMain(ModuleTaskLoader(module)).run(["run", "--db-file", "bench.db", "--reporter", "zero"])
    assert (code, len(DONE)) == (0, STEPS)


report(build, run)
