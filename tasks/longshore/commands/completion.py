"""`longshore completion`: the script that completes commands, flows and parameters in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(short_help="Print the script that completes commands in your shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, flows, parameters and executors.

    \b
    bash:  eval "$(longshore completion bash)"  in ~/.bashrc
    zsh:   eval "$(longshore completion zsh)"   in ~/.zshrc, after compinit
    fish:  longshore completion fish > ~/.config/fish/completions/longshore.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "longshore", "_LONGSHORE_COMPLETE")
    click.echo(script.source())
