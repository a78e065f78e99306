"""The commands of `longshore`, each imported when it is used; and those that plugins offer."""

from __future__ import annotations

import importlib
import os
from difflib import get_close_matches
from typing import Any, Final

import click

from longshore.entrypoints import own_version
from longshore.plugins import host

_GROUPS: Final = {
    "Flows": {
        "run": ("run", "Run a flow."),
        "serve": ("serving", "Run flows on their schedules, and when somebody submits them."),
        "submit": ("serving", "Submit a run of a flow, for a serving process to take."),
        "graph": ("graph", "Draw a flow, as Mermaid text or as a picture."),
    },
    "Recorded runs": {
        "runs": ("runs", "List recorded runs, the newest first."),
        "show": ("show", "Show a run, or one of its steps."),
        "logs": ("logs", "Show what a run's steps logged."),
        "report": ("report", "Write a run as one HTML page."),
        "resume": ("resume", "Go on with a run that was killed, cancelled, or failed."),
        "cancel": ("cancel", "Cancel a run."),
        "alert": ("alert", "See what channels are told, and have told what waits."),
        "sweep": ("sweep", "Find jobs that no run owns any more, and end them."),
        "prune": ("prune", "Remove old runs."),
    },
    "Tasks and plugins": {
        "tasks": ("tasks", "List the tasks that plugins offer."),
        "describe": ("tasks", "Describe a task: arguments, types, units, defaults, an example."),
        "plugins": ("plugins", "List the installed plugins."),
        "doctor": ("plugins", "Check that plugins load, and find what they need."),
        "new-plugin": ("scaffolds", "Start a plugin of your own."),
        "completion": ("completion", "Print the script that completes commands in your shell."),
    },
}
"""Our own commands, as the help shows them: the module that has each one, and what is said of it."""
COMMANDS: Final = {name: found for group in _GROUPS.values() for name, found in group.items()}


class Root(click.Group):
    """Imports a command when it is named, and asks plugins for the names that are not its own."""

    def main(self, *args: Any, **extra: Any) -> Any:
        if "_LONGSHORE_COMPLETE" in os.environ:  # a shell asks; our own way of reading its line must be known
            importlib.import_module("longshore.commands.completion")
        return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *sorted(_of_plugins())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return _of_plugins().get(cmd_name)
        module = importlib.import_module(f"longshore.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx) if args[0] not in COMMANDS else COMMANDS
        if args[0] not in known and not args[0].startswith("-"):
            close = get_close_matches(args[0], known, 1)
            hint = f"did you mean {close[0]!r}?" if close else "see longshore --help"
            ctx.fail(f"no command {args[0]!r} ({hint})")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, group in _GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in group.items()])
        others = [(name, command.get_short_help_str(80)) for name, command in sorted(_of_plugins().items())]
        if others:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(others)


def _of_plugins() -> dict[str, Any]:
    return {command.name: command for command in host().commands()}


def _show_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"longshore {own_version() or 'unknown'}")
        ctx.exit()


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="More of each: longshore COMMAND --help",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
@click.option("--no-plugins", is_flag=True, expose_value=False, help="Load no plugin. May stand anywhere.")
@click.option(
    "--debug", is_flag=True, expose_value=False, help="Show tracebacks of errors. May stand anywhere."
)
def longshore() -> None:
    """Run flows, and look at tasks and plugins."""
