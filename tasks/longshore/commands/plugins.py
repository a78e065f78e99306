"""`longshore plugins` and `longshore doctor`: how the installed plugins stand."""

from __future__ import annotations

import dataclasses
import json
import platform
import sys
from typing import TYPE_CHECKING

import click

from longshore.cli import FAILED
from longshore.entrypoints import own_version
from longshore.inventory import Finding, PluginInfo, Status
from longshore.plugins import host

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORDS = {Status.NOT_LOADED: "installed"}


@click.command(short_help="List the installed plugins.")
@click.option("--load", is_flag=True, help="Import them, and show what they offer.")
@click.option("--json", "wants_json", is_flag=True, help="Print a list of JSON objects.")
def plugins(load: bool, wants_json: bool) -> None:
    """List the installed plugins, from the metadata of distributions; none is imported, unless --load."""
    if load:
        host().tasks()
    found = host().list()
    if wants_json:
        click.echo(json.dumps([dataclasses.asdict(info) for info in found]))
        return
    if not found:
        click.echo("no plugin is installed")
        return
    rows = [
        (info.name, f"{info.distribution} {info.version}", _WORDS.get(info.status, info.status))
        for info in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for info, row in zip(found, rows, strict=True):
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo(f"{line}  {_more(info)}".rstrip())


def _more(info: PluginInfo) -> str:
    if info.problem:
        return info.problem
    if info.missing:
        return f"lacks {', '.join(info.missing)}; run: pip install '{info.distribution}[{info.name}]'"
    others = [hook.removeprefix("longshore_") for hook in info.hooks if hook != "longshore_tasks"]
    return ", ".join([*info.tasks, *others])


@click.command(short_help="Check that plugins load, and find what they need.")
@click.argument("names", metavar="[PLUGIN]...", nargs=-1)
@click.option("--json", "wants_json", is_flag=True, help="Print a list of JSON objects.")
def doctor(names: tuple[str, ...], wants_json: bool) -> int:
    """Import each PLUGIN and ask it how it is: its library, credentials, whether a service answers.

    Without a name all are checked, and those whose extra is not installed are shown and do not count. Exits
    with 1 when something is wrong.
    """
    standing = {info.name: info for info in host().list()}
    chosen = names or tuple(name for name, info in standing.items() if info.status is not Status.BLOCKED)
    found = {name: host().check(name) for name in chosen}
    wrong = [name for name, findings in found.items() if any(not f.ok for f in findings)]
    optional = [name for name in wrong if not names and standing[name].status is Status.MISSING_EXTRA]
    if wants_json:
        click.echo(
            json.dumps([{"plugin": n, **dataclasses.asdict(f)} for n, fs in found.items() for f in fs])
        )
    else:
        click.echo(f"longshore {own_version()}, Python {platform.python_version()}, {sys.executable}")
        for name, findings in found.items():
            _show(name, findings, optional=name in optional)
    return FAILED if set(wrong) - set(optional) else 0


def _show(name: str, findings: Sequence[Finding], *, optional: bool) -> None:
    for finding in findings:
        mark = "ok" if finding.ok else "--" if optional else "!!"
        click.echo(f"{mark}  {name}: {finding.subject}: {finding.text}")
