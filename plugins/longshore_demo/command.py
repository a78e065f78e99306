"""`longshore demo`: run the demo's flow, check its numbers, and say where to look next."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from contextlib import closing
from pathlib import Path
from textwrap import indent
from typing import Any, Final

import click

from longshore import SQLiteStore, flush_alerts
from longshore_demo.routes import what_spark_lacks
from longshore_slack.testing import SlackServer

SOURCE = Path(__file__).parent / "flights.py"
FAILED: Final = 1
"""What `longshore run` exits with when the run failed."""
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

    They are split and counted by bash and awk, timed by Perl or Node, for each airport at once, shipped
    to S3, from there to Google Cloud Storage, and back, where Spark looks at each route if it is installed,
    and loaded into Snowflake. A summary is posted by HTTP to a server that is too busy: the run fails, and
    Slack is told. Then it is resumed. All servers are started here, Slack's too. Nothing leaves this machine;
    the files stay.
    """
    if show:
        click.echo(SOURCE.read_text(), nl=False)
        return 0
    folder = folder or Path(tempfile.mkdtemp(prefix="longshore-demo-"))
    code = _run_and_resume(ctx.find_root().command, folder, ["--executor", executor] if executor else [])
    if code:
        click.echo(f"\nthe demo did not succeed; its files are in {folder}", err=True)
        return code
    summary = json.loads((folder / "summary.json").read_text())
    problem = check(summary, folder)
    _tell(summary, folder)
    if problem:
        click.echo(f"\nthe demo's numbers are wrong: {problem}", err=True)
    return 1 if problem else 0


def _run_and_resume(longshore: click.Command, folder: Path, more: list[str]) -> int:
    """Run the flow, which fails, and resume it; show what Slack was told; return the last exit code."""
    store = str(folder / "runs.db")
    with SlackServer() as slack:
        slack.add_channel("flights")
        os.environ.update(LONGSHORE_DEMO_SLACK=slack.base_url, LONGSHORE_DEMO_TOKEN=slack.token)
        run = ["run", f"{SOURCE}:flights", "--folder", str(folder), "--store", store, *more]
        code = _call(longshore, run)
        if code != FAILED:
            return code or FAILED  # it has to fail at first: Slack would have nothing to show
        _show(slack, "What Slack shows now")
        with closing(SQLiteStore(store)) as kept:
            [record] = kept.runs(limit=1)
        code = _call(longshore, ["resume", record.run_id[:8], "--store", store, *more])
        _show(slack, "What Slack shows now: the message was edited")
    return code


def _call(longshore: click.Command, words: list[str]) -> int:
    click.echo(f"\n$ longshore {' '.join(words)}\n")
    code: int = longshore.main(words, prog_name="longshore", standalone_mode=False)
    return code


def _show(slack: SlackServer, title: str) -> None:
    flush_alerts()
    click.echo(f"\n{title}\n")
    click.echo(indent(slack.transcript("flights").rstrip(), "  "))


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
    click.echo(_routed(folder))
    click.echo(_loaded(folder))
    click.echo(
        "  The server was too busy for both tries of the post; the run was resumed, and nothing ran twice."
    )
    click.echo("\nWhere to look next\n")
    looks = {
        folder / "summary.json": "what was posted, and came back",
        folder / "EWR.csv": "the flights of one airport; beside it JFK.csv and LGA.csv",
        folder / "back": "what came back of them from the object stores",
        folder / "routes.csv": "what Spark found, if it is there: delays by route",
        folder / "delays.csv": "what Snowflake answered: delays by carrier",
        "longshore demo --show": "the flow: a page of Python",
        SOURCE.parent / "programs": "the programs in bash, awk, Perl and JavaScript",
        f"longshore graph {SOURCE}": "the flow as a picture",
        "longshore describe shell.Shell": "the task that runs the programs",
        "docs/tutorial.md": "the documentation begins here",
    }
    for what, why in looks.items():
        click.echo(f"  {what}\n      {why}")


def _routed(folder: Path) -> str:
    lacks = what_spark_lacks()
    if lacks:
        return f"  How late each route is was left out: {lacks}."
    with (folder / "routes.csv").open() as file:
        found = list(csv.DictReader(file))
    latest = [f"{one['origin']} to {one['dest']} by {one['minutes_late']} min" for one in found][:3]
    return f"  Spark looked at the {len(found)} routes. Latest on average: {', '.join(latest)}."


def _loaded(folder: Path) -> str:
    found = json.loads((folder / "warehouse.json").read_text())
    with (folder / "delays.csv").open() as file:
        latest = [f"{one['CARRIER']} by {one['MINUTES_LATE']} min" for one in csv.DictReader(file)][:3]
    return (
        f"  All {found['loaded']:,} were loaded into Snowflake, and the {found['merged']:,} of January 2\n"
        f"  merged twice: {found['rows']:,} rows, as before. Latest on average: {', '.join(latest)}."
    )
