"""Recorded runs on the command line: which store, which run, which step."""

from __future__ import annotations

import re
import shlex
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from longshore.commands.shown import one_line
from longshore.errors import FlowError, LongshoreError
from longshore.histories import Unit, read_outline, short_id
from longshore.signatures import did_you_mean
from longshore.stores.errors import StoreError
from longshore.stores.locations import default_path, open_store
from longshore.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore.histories import RunHistory
    from longshore.stores.interface import RunStore

VARIABLE: Final = "LONGSHORE_STORE"
_MOST_OFFERED: Final = 50
_LABEL: Final = re.compile(r"(?P<step>.+)\[(?P<index>\d+)\]")


def store_option(function: Any) -> Any:
    """Give a command the option --store."""
    return click.option(
        "--store",
        metavar="PATH|URL",
        help=f"The run store; by default ${VARIABLE}, or ~/.local/share/longshore/runs.db.",
    )(function)


def run_argument(function: Any) -> Any:
    """Give a command the argument RUN: an id, or its beginning."""
    return click.argument("run", shell_complete=complete_run)(function)


def usual(where: str | None) -> str:
    """Return what lines to paste have to say of the store: nothing when it is the usual one."""
    return "" if where is None or where == default_path() else where


def in_store(where: str | None) -> str:
    """Return the option that lines to paste need, with a space before it; nothing for the usual store."""
    return f" --store {shlex.quote(usual(where))}" if usual(where) else ""


@contextmanager
def opened(where: str | None) -> Generator[RunStore]:
    """Open a store that is there, and close it when the block ends.

    Args:
        where: What `--store` says.

    Raises:
        StoreError: There is none: nothing is made for somebody who only wants to look.
    """
    store = open_store(where)
    if isinstance(store, SQLiteStore) and not store.path.is_file():
        raise StoreError(
            f"cannot read run store {str(store.path)!r}: there is no such file; the first run makes it: "
            "longshore run flows.py:name, or name another one: --store PATH"
        )
    try:
        yield store
    finally:
        store.close()


def find_unit(history: RunHistory, label: str) -> Unit:
    """Return a step of a run, or one of a mapped one's, by what people write: `count`, `count[3]`.

    Raises:
        FlowError: There is none.
    """
    steps = {step.record.step: step for step in history.steps}
    if label in steps:
        return steps[label]
    found = _LABEL.fullmatch(label)
    step = steps.get(found["step"]) if found else None
    if found is None or step is None:
        known = ", ".join(list(steps)[:20]) or "none"
        hint = did_you_mean(found["step"] if found else label, steps, known).replace("it takes", "it has")
        raise FlowError(f"run {short_id(history.run.run_id)!r} has no step {label!r} ({hint})")
    for unit in step.children:
        if unit.record.map_index == int(found["index"]):
            return unit
    has = f"it has {len(step.children):,}, from 0" if step.children else "it is not mapped, or has not begun"
    raise FlowError(f"step {step.record.step!r} has no {label!r}: {has}")


def complete_run(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the id of a run; zsh and fish show beside it what it is."""
    with suppress(LongshoreError), opened(ctx.params.get("store")) as store:
        runs = [run for run in store.runs(limit=_MOST_OFFERED) if run.run_id.startswith(incomplete)]
        ids = [
            run.run_id if len(incomplete) > len(short_id(run.run_id)) else short_id(run.run_id)
            for run in runs
        ]
        told = [one_line(f"{run.name or run.flow}, {run.state}") for run in runs]
        return [CompletionItem(run_id, help=text) for run_id, text in zip(ids, told, strict=True)]
    return []


def complete_step(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a step of the run that stands before it."""
    run = ctx.params.get("run") or next(iter(ctx.args), "")  # click reads no argument before an option's end
    with suppress(LongshoreError), opened(ctx.params.get("store")) as store:
        names = [step.record.step for step in read_outline(store, store.run(run)).steps]
        return [name for name in names if name.startswith(incomplete)]
    return []
