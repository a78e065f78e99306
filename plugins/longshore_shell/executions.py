"""One execution of a command, from its start to what came of it."""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore import current, redact
from longshore_shell import commands
from longshore_shell.errors import CommandFailed, not_started
from longshore_shell.linelogs import LineLog, Rate
from longshore_shell.output import Capture, OutputFile, Stream
from longshore_shell.processes import LostError, Process, Request, StartError
from longshore_shell.results import Finished

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Settings:
    """What does not depend on the command: how to log, keep and stop it."""

    grace: float
    log_level: str | int | None
    log_rate: int | None
    capture: Capture | None
    output_file: str | os.PathLike[str] | None
    accepts: Callable[[int | None], bool]


class Execution:
    """Starts a command, sees it through and gathers what came of it."""

    def __init__(self, settings: Settings, shown: str, words: Sequence[str]) -> None:
        self._settings = settings
        self._shown = shown
        self._words = tuple(redact(word) for word in words)

    def run(self, request: Request, stdin: commands.Input, outputs_path: str) -> Finished:
        """Run the command to its end.

        Raises:
            CommandNotStarted: It could not be started, and why.
            CommandFailed: What watched it was killed.
        """
        settings = self._settings
        file = None if settings.output_file is None else commands.open_output(os.fspath(settings.output_file))
        rate = Rate(settings.log_rate)
        level = level_of(settings.log_level)
        out = Stream(LineLog("stdout", level, rate), file, settings.capture)
        err = Stream(LineLog("stderr", level, rate), file)
        began = time.monotonic()
        try:
            process = self._see_through(request, stdin, out, err)
            out.finish()
            err.finish()
            duration = time.monotonic() - began
        finally:
            if file is not None:
                file.close()
        self._report(rate, process, file)
        assert process.end is not None
        return Finished(
            self._shown,
            self._words,
            process.end,
            duration,
            out.tail.text(),
            err.tail.text(),
            settings.capture.data() if settings.capture is not None else b"",
            commands.read_outputs(outputs_path),
            leftover_names(process.leftovers),
        )

    def _see_through(self, request: Request, stdin: commands.Input, out: Stream, err: Stream) -> Process:
        began = time.monotonic()
        process = self._start(request, stdin, out, err)
        grace = self._settings.grace
        owner = threading.get_ident()

        def stop() -> None:
            process.stop(grace)
            if threading.get_ident() != owner:
                process.gone.wait(grace + 1.5)

        try:
            with current.on_cancel(stop):
                process.pump()
                if process.end is not None and not self._settings.accepts(process.end.exit_code):
                    process.abandon(grace) if process.leftovers else None
        except StartError as error:
            raise not_started(
                self._shown, self._words, request.program, request.folder, error.stage, error.number
            ) from None
        except LostError:
            raise CommandFailed(
                f"{self._shown} was lost: the process that watched it was killed; "
                "all that it started is ended",
                command=self._words,
                duration=time.monotonic() - began,
            ) from None
        except BaseException:
            process.abandon(grace)
            raise
        finally:
            process.close()
        return process

    def _start(self, request: Request, stdin: commands.Input, out: Stream, err: Stream) -> Process:
        descriptor = commands.open_input(stdin)
        try:
            return Process(request, descriptor, out, err)
        finally:
            os.close(descriptor)

    def _report(self, rate: Rate, process: Process, file: OutputFile | None) -> None:
        if rate.left_out:
            where = (
                "the output file has them"
                if file is not None
                else "set output_file= or log_rate=None to have all"
            )
            current.log.warning("%d bytes of output were left out of the log; %s", rate.left_out, where)
        if process.survivors:
            current.log.error(
                "%s left processes that SIGKILL did not end: %s", self._shown, _names(process.survivors)
            )
        elif process.leftovers:
            current.log.warning(
                "%s ended and left running: %s; they are ended with this worker",
                self._shown,
                _names(process.leftovers),
            )


def _names(processes: dict[int, str]) -> str:
    return ", ".join(leftover_names(processes))


def leftover_names(processes: dict[int, str]) -> tuple[str, ...]:
    """Return processes as people read them: `sleep (4711)`."""
    return tuple(f"{name} ({pid})" for pid, name in processes.items())


def level_of(level: str | int | None) -> int | None:
    """Return a logging level's number; None for no log.

    Raises:
        KeyError: There is no level of that name.
    """
    return logging.getLevelNamesMapping()[level.upper()] if isinstance(level, str) else level
