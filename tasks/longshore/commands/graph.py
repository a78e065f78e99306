"""`longshore graph`: draw a flow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from longshore.commands.flow_options import flow_argument

if TYPE_CHECKING:
    from longshore.flows import Flow


@click.command(short_help="Draw a flow.")
@flow_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it there: .mmd and .dot as text; .svg, .png and .pdf by graphviz.",
)
def graph(flow: Flow, output: Path | None) -> None:
    """Draw a flow: Mermaid text on standard output, or a file by its ending.

    longshore graph flows.py:nightly -o nightly.svg
    """
    drawing = flow.visualize()
    if output is None:
        click.echo(drawing.mermaid)
    else:
        click.echo(f"wrote {drawing.save(output)}", err=True)
