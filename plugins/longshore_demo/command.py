"""`longshore demo`: run the demo's flow, check its numbers, and say where to look next."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

SOURCE = Path(__file__).parent / "flights.py"
FLIGHTS = 336_776
"""The flights in the data of 2013; fewer in the summary means that something was lost on the way."""


@click.command(short_help="Run a flow over the real flights of 2013, and see what happens.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write; a new folder by default.",
)
@click.option("--executor", metavar="NAME[:TEXT]", help="As for longshore run.")
@click.option("--show", is_flag=True, help="Print the flow's source, and run nothing.")
@click.pass_context
def demo(ctx: click.Context, folder: Path | None, executor: str | None, show: bool) -> int:
    """Run a flow over the 336,776 flights that left New York in 2013.

    They are split and counted by bash and awk, timed by Perl or Node, for each airport at once, and
    shipped to S3, from there to Google Cloud Storage, and back. A summary is posted by HTTP. The servers
    are some that the flow starts; that of HTTP is too busy at first. Nothing leaves this machine; the
    files stay.
    """
    if show:
        click.echo(SOURCE.read_text(), nl=False)
        return 0
    folder = folder or Path(tempfile.mkdtemp(prefix="longshore-demo-"))
    words = ["run", f"{SOURCE}:flights", "--folder", str(folder)]
    words += ["--executor", executor] if executor else []
    click.echo(f"$ longshore {' '.join(words)}\n")
    code: int = ctx.find_root().command.main(words, prog_name="longshore", standalone_mode=False)
    if code:
        click.echo(f"\nthe demo did not succeed; its files are in {folder}", err=True)
        return code
    summary = json.loads((folder / "summary.json").read_text())
    problem = check(summary, folder)
    _tell(summary, folder)
    if problem:
        click.echo(f"\nthe demo's numbers are wrong: {problem}", err=True)
    return 1 if problem else 0


def check(summary: dict[str, Any], folder: Path) -> str:
    """Return what is wrong with the numbers, or nothing."""
    counted = {name: airport["flights"] for name, airport in summary["airports"].items()}
    shipped = [folder / "back" / f"{name}.csv" for name in counted]
    in_files = {file.stem: len(file.read_bytes().splitlines()) - 1 for file in shipped}
    if summary["flights"] != FLIGHTS or sum(counted.values()) != FLIGHTS:
        return f"{summary['flights']:,} flights, and not {FLIGHTS:,}"
    return f"counted {counted}, but the files that came back have {in_files}" if counted != in_files else ""


def _tell(summary: dict[str, Any], folder: Path) -> None:
    click.echo("\nWhat happened\n")
    click.echo("  from   flights  cancelled  busiest day  minutes late  latest carrier")
    for name, airport in summary["airports"].items():
        click.echo(
            f"  {name}   {airport['flights']:>7,}  {airport['cancelled']:>9,}  {airport['busiest_day']:>11}"
            f"  {airport['minutes_late']:>12.1f}  {airport['worst_carrier']}"
        )
    click.echo(
        f"  all    {summary['flights']:>7,}  as many as there are, and the server has the same summary"
    )
    click.echo(
        "\n  The files went to S3, from there to Google Cloud Storage, and back: each byte is as it was."
    )
    click.echo(
        "  The server was too busy for the first post; it was tried again, and the handler told of it."
    )
    click.echo("\nWhere to look next\n")
    looks = {
        folder / "summary.json": "what was posted, and came back",
        folder / "EWR.csv": "the flights of one airport; beside it JFK.csv and LGA.csv",
        folder / "back": "what came back of them from the object stores",
        "longshore demo --show": "the flow: a page of Python",
        SOURCE.parent / "programs": "the programs in bash, awk, Perl and JavaScript",
        f"longshore graph {SOURCE}": "the flow as a picture",
        "longshore describe shell.Shell": "the task that runs the programs",
        "docs/tutorial.md": "the documentation begins here",
    }
    for what, why in looks.items():
        click.echo(f"  {what}\n      {why}")
