"""How a job ended, as its results and failures tell it."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Final

from longshore import JobFailed, Skip
from longshore_shell import commands
from longshore_shell.errors import CommandFailed, not_started
from longshore_shell.executions import leftover_names
from longshore_shell.jobs import records
from longshore_shell.jobs.logs import last_lines
from longshore_shell.processes import End
from longshore_shell.results import Finished

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from longshore_shell.jobs.folders import JobFolder

_REFUSED: Final[dict[int, Literal["not found", "unauthorized"]]] = {
    errno.ENOENT: "not found",
    errno.EACCES: "unauthorized",
    errno.EPERM: "unauthorized",
}


def finished(folder: JobFolder, end: dict[str, Any]) -> Finished:
    """Return what came of a command that has ended."""
    start = folder.start()
    code = os.waitstatus_to_exitcode(end["status"])
    return Finished(
        start["shown"],
        tuple(start["words"]),
        End(code if code >= 0 else None, -code if code < 0 else None, end["cpu"], end["memory"]),
        end["duration"],
        end["stdout_tail"],
        end["stderr_tail"],
        b"",
        commands.read_outputs(folder.file(records.OUTPUTS)),
        leftover_names(dict(end["leftovers"])),
    )


def failure(
    folder: JobFolder, end: dict[str, Any], judge: Callable[[Finished], Finished]
) -> JobFailed | None:
    """Return why a job failed; None when it did not.

    Args:
        folder: The job's.
        end: How it is recorded that it ended.
        judge: Raises what the command's exit code means.
    """
    if end["kind"] == "refused":
        return _refused(folder.start(), end["number"])
    tail = last_lines(folder.file(records.LOG))
    shown = folder.start()["shown"]
    left = f"; these processes did not end: {_names(end['survivors'])}" if end["survivors"] else ""
    if end["kind"] == "lost":
        return JobFailed(f"{shown} was lost: {end['why']}{left}", reason="evicted", log_tail=tail)
    after = f"after {end['duration']:.1f} s{left}"
    if end["stopped"] == "cancelled":
        return JobFailed(f"{shown} was cancelled {after}", reason="cancelled", log_tail=tail)
    if end["stopped"]:
        text = f"{shown} was ended {after}: the process that watches it was told to end (SIGTERM)"
        return JobFailed(text, reason="evicted", log_tail=tail)
    return _judged(finished(folder, end), judge, tail)


def _judged(
    command: Finished, judge: Callable[[Finished], Finished], tail: tuple[str, ...]
) -> JobFailed | None:
    try:
        judge(command)
    except Skip:
        return None
    except CommandFailed as error:
        failed = JobFailed(
            str(error),
            reason="exit code",
            retryable=error.retryable,
            exit_code=error.exit_code,
            signal=command.end.signal,
            log_tail=tail,
            outputs=error.outputs,
        )
        for note in getattr(error, "__notes__", ()):
            failed.add_note(note)
        return failed
    return None


def _refused(start: dict[str, Any], number: int) -> JobFailed:
    error = not_started(start["shown"], start["words"], start["program"], start["folder"], "start", number)
    if error.retryable:
        return JobFailed(str(error), reason="throttled")
    return JobFailed(str(error), reason=_REFUSED.get(number, "bad data"), retryable=False)


def _names(processes: list[tuple[int, str]]) -> str:
    return ", ".join(leftover_names(dict(processes)))
