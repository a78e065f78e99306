"""`longshore tasks` and `longshore describe`: what there is, and how it is used."""

from __future__ import annotations

import json
import shutil
import textwrap
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

import click

from longshore.catalogue import ArgumentDescription, TaskDescription
from longshore.catalogue import describe as describe_task
from longshore.errors import FlowError
from longshore.flowfiles import load_module, split_target
from longshore.plugins import host
from longshore.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longshore.plugins import PluginHost


@click.command(short_help="List the tasks that plugins offer.")
@click.argument("plugin", required=False)
@click.option("--json", "wants_json", is_flag=True, help="Print a list of JSON objects.")
def tasks(plugin: str | None, wants_json: bool) -> None:
    """List the tasks that plugins offer, or those of one PLUGIN."""
    known = host().tasks()
    chosen = {name: task for name, task in known.items() if plugin in (None, name.partition(".")[0])}
    if plugin and not chosen:
        plugins = sorted({name.partition(".")[0] for name in known})
        raise click.UsageError(f"no plugin {plugin!r} offers tasks; these do: {', '.join(plugins) or 'none'}")
    described = [describe_task(task, name) for name, task in sorted(chosen.items())]
    if wants_json:
        click.echo(
            json.dumps([{"name": d.name, "module": d.module, "summary": d.summary} for d in described])
        )
        return
    if not described:
        click.echo("no plugin offers a task; run: longshore plugins")
    width = max((len(d.name) for d in described), default=0)
    for each in described:
        click.echo(f"{each.name:<{width}}  {_cut(each.summary, _columns() - width - 2)}")
    if described:
        click.echo(f"\nmore of one: longshore describe {described[0].name}")


def complete_task(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a task."""
    return [name for name in host().tasks() if name.startswith(incomplete)]


@click.command(short_help="Describe a task.")
@click.argument("task", shell_complete=complete_task)
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
@click.option("--all", "wants_all", is_flag=True, help="Show the fields that every task has as well.")
def describe(task: str, wants_json: bool, wants_all: bool) -> None:
    """Describe a task: what it does, its fields and inputs with types, units and defaults, an example.

    TASK is a plugin's, as in shell.Shell, or one of a file's or module's, as in flows.py:export.
    """
    described = describe_task(_find(host(), task), task)
    if wants_json:
        click.echo(json.dumps(described.as_json()))
        return
    click.echo("\n\n".join(filter(None, _blocks(described, wants_all=wants_all))))


def _find(plugins: PluginHost, name: str) -> Any:
    if ":" in name:
        place, attribute = split_target(name)
        found: Any = vars(load_module(place)).get(attribute)
        is_class: bool = isinstance(found, type) and issubclass(found, Task)
        if is_class or isinstance(found, Task):
            return cast("Any", found)
        raise FlowError(f"cannot describe {name!r}: {place!r} has no task {attribute!r}")
    known = plugins.tasks()
    if name in known:
        return known[name]
    by_class = [full for full in known if full.partition(".")[2] == name]
    if len(by_class) == 1:
        return known[by_class[0]]
    classes = {full.partition(".")[2]: full for full in known}
    close = get_close_matches(name, known, 1) or [classes[c] for c in get_close_matches(name, classes, 1)]
    hint = f"did you mean {close[0]!r}?" if close else "see longshore tasks"
    raise click.UsageError(f"there is no task {name!r} ({hint})")


def _blocks(task: TaskDescription, *, wants_all: bool) -> Iterator[str]:
    """Yield a description's paragraphs; those that have nothing to say are empty."""
    short = task.name.rpartition(".")[2].rpartition(":")[2]
    names = ", ".join(field.name for field in task.service_fields)
    yield _filled(task.summary)
    yield f"from {_package(task.module)} import {short}"
    yield _refilled(task.text)
    yield _section("Fields", sorted(task.fields, key=lambda field: field.default is not None))
    yield _section("Inputs of a call", task.inputs)
    yield "\n".join(filter(None, [f"Result: {task.result}", _filled(task.returns, "  ")]))
    if wants_all:
        yield _section("Fields that every task has", task.service_fields)
    yield "Example\n" + textwrap.indent(task.example, "  ") if task.example else ""
    if not wants_all:
        yield _filled(f"Every task also has: {names}. Add --all to see them.")


def _package(module: str) -> str:
    return module.partition(".")[0] if module.startswith("longshore_") else module


def _section(title: str, arguments: Sequence[ArgumentDescription]) -> str:
    lines = [title]
    for each in arguments:
        default = "  (required)" if each.default is None else f" = {each.default}" if each.default else ""
        unit = f"  [{each.unit}]" if each.unit else ""
        lines.append(f"  {each.name}: {each.type}{default}{unit}")
        lines += [_filled(each.text, "      ")] if each.text else []
    return "\n".join(lines) if arguments else ""


def _refilled(text: str) -> str:
    """Fill each paragraph of a text anew; those with indented lines stay as they are."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(p if "\n " in f"\n{p}" else _filled(p) for p in paragraphs)


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _columns(), initial_indent=indent, subsequent_indent=indent)


def _columns() -> int:
    return min(100, shutil.get_terminal_size((100, 25)).columns)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else textwrap.shorten(text, max(20, width), placeholder=" ...")
