"""How `longshore sweep` and `longshore prune` show what plugins have left in other systems."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click

from longshore.commands.shown import bold, coloured, one_line, table
from longshore.histories import short_id
from longshore.quantities import duration, iso, many
from longshore.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from longshore.errors import PluginError
    from longshore.leftovers import FoundLeftover

_COLOURS: Final = {"left": "Unknown", "cannot end": "Failed", "was ended": "Success", "in use": "Running"}


def show(found: Sequence[FoundLeftover], *, ended: bool, store: str) -> None:
    """Print what was found, and what to type to end it.

    Args:
        found: What plugins left.
        ended: Whether it was to be ended.
        store: The option that the lines to type need.
    """
    if not found:
        return
    head = [bold(word) for word in ("run", "what is left", "which", "", "")]
    click.echo("\n".join(table([head, *map(_row, found)])))
    left = [one for one in found if one.found == "left"]
    held = [one for one in found if one.found == "held"]
    if left and not ended:
        click.echo(f"\n{_counted(left)} can be ended: longshore sweep --end{store}")
    if held:
        click.echo(f"\n{_counted(held)} held for a run; to end that too: longshore sweep --end --held{store}")
        if held[0].run is not None:
            click.echo(f"to go on with it: longshore resume {short_id(held[0].run.run_id)}{store}")


def say_ended(found: Sequence[FoundLeftover], *, foreseen: bool) -> None:
    """Print what was ended with the runs that were removed.

    Args:
        found: What plugins left, without what is held.
        foreseen: Whether it only would be ended.
    """
    gone = [one for one in found if one.found == ("left" if foreseen else "was ended")]
    if gone:
        click.echo(f"{'would end' if foreseen else 'ended'} {_counted(gone)} that no run goes on with")
    for one in found:
        if one.found == "cannot end":
            what = f"{one.leftover.kind} {one.leftover.label!r}"
            click.echo(one_line(f"cannot end {what} of plugin {one.plugin!r}: {one.text}"), err=True)


def say_problems(problems: Iterable[PluginError]) -> None:
    """Print which plugins could not say what they left."""
    for problem in problems:
        click.echo(one_line(str(problem)), err=True)


def as_json(one: FoundLeftover) -> dict[str, Any]:
    """Return what programs are told."""
    left = one.leftover
    return {
        "kind": left.kind,
        "plugin": one.plugin,
        "label": redact(left.label),
        "run_id": left.run_id or None,
        "run_state": one.run.state if one.run else None,
        "store": left.store or None,
        "since": iso(left.since or None),
        "found": one.found,
        "text": one.text,
    }


def _row(one: FoundLeftover) -> list[str]:
    left = one.leftover
    age = f"{duration(time.time() - left.since)} ago" if left.since else ""
    return [
        one_line(short_id(left.run_id)) or "-",
        one_line(left.kind),
        one_line(left.label),
        coloured(one.found, _COLOURS.get(one.found, "")),
        one_line(", ".join(filter(None, (one.text, age, f"plugin {one.plugin}")))),
    ]


def _counted(found: Sequence[FoundLeftover]) -> str:
    kinds = Counter(one_line(one.leftover.kind) for one in found)
    return " and ".join(many(count, kind) for kind, count in kinds.items())
