"""What `longshore run` and `longshore resume` share: executors, the live view, what they print and return."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import IO, TYPE_CHECKING, Any, Final, cast

import click

from longshore.cli import FAILED, exit_code, leave
from longshore.commands.reports import run_as_json
from longshore.errors import ConfigurationError, require
from longshore.executors import InlineExecutor, ProcessExecutor, ThreadExecutor
from longshore.histories import short_id
from longshore.plugins import host

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from longshore.flows import Flow
    from longshore.pools import Executor
    from longshore.runs import FlowRun

_OWN_EXECUTORS: Final[Mapping[str, Callable[[], Executor]]] = {
    "inline": InlineExecutor,
    "threads": ThreadExecutor,
    "processes": ProcessExecutor,
}


def complete_executor(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of an executor."""
    names = ["inline", "threads:8", "processes:2", *(f"{name}:" for name in host().executors())]
    return [name for name in names if name.startswith(incomplete)]


def executor_option(function: Any) -> Any:
    """Give a command the option --executor."""
    return click.option(
        "--executor",
        metavar="NAME[:TEXT]",
        shell_complete=complete_executor,
        help="Where steps run: inline, threads:8, processes:4, a plugin's; by default where the flow says.",
    )(function)


def json_option(function: Any) -> Any:
    """Give a command the option --json."""
    return click.option(
        "--json",
        "wants_json",
        is_flag=True,
        help="Print one JSON object at the end to stdout, nothing else.",
    )(function)


def make_executor(text: str) -> Executor:
    """Make an executor from what follows `--executor`: `inline`, `threads:8`, `processes:4`, or a plugin's.

    Raises:
        ConfigurationError: There is no executor of that name, or the text after the colon is not for it.
    """
    name, _, argument = text.partition(":")
    if name not in _OWN_EXECUTORS:
        factories = host().executors()
        if name not in factories:
            known = ", ".join([*_OWN_EXECUTORS, *factories])
            raise ConfigurationError(f"there is no executor {name!r}; there are {known}")
        return cast("Executor", factories[name](argument))
    if not argument:
        return _OWN_EXECUTORS[name]()
    if name == "inline" or not argument.isdecimal():
        raise ConfigurationError(f"cannot read executor {text!r}; write inline, threads:8 or processes:4")
    return (ThreadExecutor if name == "threads" else ProcessExecutor)(int(argument))


def drive(flow: Flow, start: Callable[[], FlowRun], *, wants_json: bool, store: str | None) -> int:
    """Have a run go on to its end, show it, and return what to exit with.

    Args:
        flow: Whose run it is.
        start: Runs or resumes it.
        wants_json: Whether it is told as one JSON object at the end, and nothing else.
        store: The option that names where it is recorded, nothing for the usual place; None when it is not.
    """
    log_is_elsewhere = _logging_is_configured()
    with _kept_stdout(wants_json) as stdout:
        with _view(flow, wants_json):
            finished, code = _finish(start)
        if stdout is not None:
            stdout.write(run_as_json(finished) + "\n")
    if code and not wants_json and log_is_elsewhere and not _is_terminal():
        click.echo(f"longshore: flow {finished.name!r} ended {finished.state}", err=True)
    if code and not wants_json and store is not None:
        click.echo(f"longshore: to see more: longshore show {short_id(finished.run_id)}{store}", err=True)
    return code


def _finish(start: Callable[[], FlowRun]) -> tuple[FlowRun, int]:
    try:
        finished = start()
    except KeyboardInterrupt as interrupt:
        if not interrupt.args:  # a second signal
            click.echo("longshore: left at once, without clean-up", err=True)
            leave(exit_code(interrupt))
        return cast("Any", interrupt).flow_run, exit_code(interrupt)
    return finished, 0 if finished.succeeded else FAILED


def _view(flow: Flow, wants_json: bool) -> AbstractContextManager[None]:
    if wants_json or not _is_terminal():
        return nullcontext()
    require("rich", extra="cli")
    from longshore.commands.live import live_view

    return live_view(flow)


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


def _logging_is_configured() -> bool:
    """Whether the flow's file set logging up, so that the run's lines go where that says."""
    loggers = (logging.getLogger(), logging.getLogger("longshore"))
    return any(not isinstance(h, logging.NullHandler) for logger in loggers for h in logger.handlers)


@contextmanager
def _kept_stdout(wanted: bool) -> Generator[IO[str] | None]:
    """Keep standard output for ourselves; what steps and their children print goes to standard error."""
    if not wanted:
        yield None
        return
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        with open(ours, "w", encoding="utf-8", closefd=False) as stream:
            yield stream
    finally:
        sys.stdout.flush()
        os.dup2(ours, 1)
        os.close(ours)
