"""`longshore report`: a recorded run as one HTML page."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from longshore.announcements import read_announcements
from longshore.commands.recorded import in_store, opened, run_argument, store_option
from longshore.errors import ConfigurationError
from longshore.histories import read_history, short_id
from longshore.reports.pages import Report, write_page


@click.command(short_help="Write a recorded run as one HTML page.")
@run_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Where to write it, - for standard output; run-ID.html here by default.",
)
@store_option
def report(run: str, output: Path | None, store: str | None) -> None:
    """Write one self-contained page of a run: its graph, a timeline, steps, attempts, results, logs.

    The page fetches nothing and can be sent to others; secrets are masked.
    """
    with opened(store) as kept:
        history = read_history(kept, run)
        logs = kept.logs(history.run.run_id)
        told = read_announcements(kept, history.run.run_id)
    page = write_page(Report(history, logs, time.time(), in_store(store), told))
    if output is not None and str(output) == "-":
        click.echo(page, nl=False)
        return
    path = output or Path(f"run-{_file_name(short_id(history.run.run_id))}.html")
    _write(path, page)
    click.echo(f"wrote {path}", err=True)


def _file_name(run_id: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in run_id)[:80]


def _write(path: Path, page: str) -> None:
    """Write a page for its owner alone: it shows results and logs."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(page)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {str(path)!r}: {error.strerror}; name another file: -o FILE"
        ) from error
