"""`longshore new-plugin`: start a plugin of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from longshore.scaffold import new_plugin as write_plugin


@click.command("new-plugin", short_help="Start a plugin of your own.")
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to put it; here by default.",
)
def new_plugin(name: str, folder: Path) -> None:
    """Write a distribution with one task that works, its tests and its page.

    NAME is the plugin's short word: `longshore new-plugin acme` writes longshore-acme, with the package
    longshore_acme.
    """
    target = write_plugin(name, folder)
    click.echo(f"wrote {target}")
    click.echo(f"next: pip install -e '{target}' && longshore plugins")
