"""`longshore completion`: the script that completes commands, flows and parameters in a shell."""

from __future__ import annotations

import os
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

_SHELLS: Final = ("bash", "zsh", "fish")
_LINE: Final = 'COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_WORDBREAKS="$COMP_WORDBREAKS"'


class _Bash(BashComplete):
    """Reads the whole line, as bash would break `flows.py:nightly` at its colon."""

    source_template = BashComplete.source_template.replace("env COMP_WORDS", f"env {_LINE} COMP_WORDS")

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
        words = split_arg_string(line)[1:]
        incomplete = "" if line[-1:].isspace() or not words else words.pop()
        self._before_colon = incomplete.rpartition(":")[0] + ":" if ":" in incomplete else ""
        return words, incomplete

    def format_completion(self, item: CompletionItem) -> str:
        if ":" in os.environ.get("COMP_WORDBREAKS", ":"):
            item.value = str(item.value).removeprefix(self._before_colon)
        return super().format_completion(item)


add_completion_class(_Bash)


@click.command(short_help="Print the script that completes commands in your shell.")
@click.argument("shell", type=click.Choice(_SHELLS))
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
