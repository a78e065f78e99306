"""`ShellJob` and `SubprocessJob`: commands that go on when their worker has died."""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from pathlib import Path
from typing import Any

from longshore import (
    ConfigurationError,
    Handle,
    Job,
    JobFinished,
    JobRunning,
    LogLine,
    Secret,
    parse_progress,
    redact,
    registered_secrets,
)
from longshore_shell import commands, workers
from longshore_shell.commands import EnvValue, Input, Value  # noqa: TC001
from longshore_shell.errors import CommandNotStarted
from longshore_shell.fields import SCRIPT, CommandFields, MiB, ProgramFields, R, ScriptFields
from longshore_shell.jobs import ends, records
from longshore_shell.jobs.commands import SCRIPT_DESCRIPTOR
from longshore_shell.jobs.folders import JobFolder, default_jobs_folder, tidy
from longshore_shell.jobs.logs import read_log
from longshore_shell.jobs.starts import start
from longshore_shell.results import CommandOutputs


class CommandJob(CommandFields[R], Job[R]):
    """A command that is started once, and goes on without the worker that started it.

    Args:
        jobs_folder: Where jobs have their folders, private to their owner, on a disk of this machine;
            `$XDG_STATE_HOME/longshore/jobs`, or `~/.local/state/longshore/jobs`, when None.
        log_limit: Bytes of the log that are kept, 16 MiB by default. Of what comes after them the last 64 KiB
            are kept too, with a mark that says how much was left out.
        grace: Seconds between SIGTERM and SIGKILL when it is cancelled; below `cancel_grace`.
    """

    jobs_folder: str | Path | None = None
    log_limit: int = 16 * MiB
    poll_interval: float = 1.0

    def check(self) -> None:
        super().check()
        where = type(self).__name__
        if not 0 <= self.grace < self.cancel_grace:
            raise ConfigurationError(
                f"{where}(grace={self.grace!r}): give seconds from 0 to below cancel_grace, which is "
                f"{self.cancel_grace:g}"
            )
        if self.log_limit < 0:
            raise ConfigurationError(f"{where}(log_limit={self.log_limit!r}): give bytes, 0 or more")

    def submit(
        self,
        key: str,
        /,
        *,
        env: Mapping[str, EnvValue] | None = None,
        args: Sequence[Value] = (),
        stdin: Input = None,
        values: Mapping[str, Value | Secret] | None = None,
    ) -> Handle:
        """Start the command under a key, once; return at once.

        Args:
            env: Environment variables, beside our own (or the kept ones); None takes one out. A `Secret` is
                resolved here, and not written to disk.
            args: Arguments after those of the task: `$1`, `$2` in a script.
            stdin: Text, bytes, a `Path` to read from, or a `Secret`; without it the command finds its input
                at its end.
            values: For the places `{name}` of a template; only then braces have a meaning.

        Raises:
            CommandNotStarted: It could not be started; `CommandNotFound` when it, or its folder, is not
                there.
            CommandInputError: An input cannot be handed over as it is.
        """
        if sys.platform != "linux":
            raise CommandNotStarted(
                f"cannot start {type(self).__name__} on {sys.platform}: a command that outlives its worker "
                "needs Linux; use Shell or Subprocess, which end with it"
            )
        folder = self._folder(key)
        if not folder.was_started():
            with workers.slot():
                tidy(self._jobs_folder())
                request = self._request(folder, env, args, values)
                descriptor = commands.open_input(stdin)
                try:
                    start(folder, request, descriptor)
                finally:
                    os.close(descriptor)
        return {"folder": folder.path}

    def find(self, key: str) -> Handle | None:
        """Return the handle of the job that was, or may have been, started under a key."""
        folder = self._folder(key)
        return {"folder": folder.path} if folder.was_started() else None

    def poll(self, handle: Handle) -> JobRunning | JobFinished:
        """Return how the job stands; settle one whose watcher was killed, or whose machine went down."""
        folder = JobFolder(handle["folder"])
        end = folder.end()
        if end is None:
            return _progress(folder)
        return JobFinished(ends.failure(folder, end, self._judge))

    def logs(self, handle: Handle, since: str | None) -> Iterable[LogLine]:
        """Return the lines of the log behind a cursor."""
        return read_log(JobFolder(handle["folder"]).file(records.LOG), since)

    def cancel(self, handle: Handle) -> None:
        """Have everything that the command started ended: SIGTERM, `grace` seconds, SIGKILL."""
        JobFolder(handle["folder"]).stop(self.grace)

    def discard(self, handle: Handle) -> None:
        """Remove the job's folder."""
        JobFolder(handle["folder"]).discard()

    def _outputs(self, handle: Handle) -> CommandOutputs:
        """Return what the command handed back.

        Raises:
            Skip: It ended with one of `skip_codes`.
            OutputsError: A line of it cannot be read.
        """
        folder = JobFolder(handle["folder"])
        end = folder.end()
        assert end is not None
        return CommandOutputs.of(self._judge(ends.finished(folder, end)))

    @abstractmethod
    def result(self, handle: Handle) -> R:
        """Return what the call returns."""

    def _jobs_folder(self) -> str:
        return default_jobs_folder() if self.jobs_folder is None else str(Path(self.jobs_folder).expanduser())

    def _folder(self, key: str) -> JobFolder:
        return JobFolder.of(self._jobs_folder(), key)

    def _request(
        self,
        folder: JobFolder,
        env: Mapping[str, EnvValue] | None,
        args: Sequence[Value],
        values: Mapping[str, Value | Secret] | None,
    ) -> dict[str, Any]:
        """Return all that the watcher has to know."""
        cwd = commands.find_folder(self.cwd)
        words, script = self._command(args, values)
        own = commands.own_variables(folder.file(records.OUTPUTS))
        environment = commands.environment(env, clean=self.clean_env, keep=self.keep_env, own=own)
        program = commands.find_program(words[0], environment, cwd)
        private = script is not None and redact(text := script.decode("utf-8", "surrogateescape")) != text
        script_path = f"/dev/fd/{SCRIPT_DESCRIPTOR}" if private else folder.file(records.SCRIPT)
        argv = [script_path if word is SCRIPT else word for word in words]
        said = {
            "shown": self._shown(words),
            "words": [redact(word) for word in argv],
            "program": redact(program),
            "folder": redact(cwd),
        }
        return {
            "argv": tuple(commands.encode(word, "an argument") for word in argv),
            "program": program,
            "environment": environment,
            "folder": cwd,
            "umask": commands.current_umask() if self.umask is None else self.umask,
            "grace": float(self.grace),
            "script": script,
            "private": private,
            "output_file": self._output_path(),
            "log_limit": self.log_limit,
            "secrets": sorted(registered_secrets()),
            "path": [os.path.abspath(entry) for entry in sys.path],  # noqa: PTH100
            "said": said,
        }

    def _output_path(self) -> str | None:
        if self.output_file is None:
            return None
        return os.path.abspath(commands.output_path(self.output_file))  # noqa: PTH100


class ShellJob(ScriptFields[CommandOutputs], CommandJob[CommandOutputs]):
    """Run a script that goes on when the worker dies, and is found again.

    It is written as for `Shell`, and takes and returns the same. `Shell` ends with its worker, so that
    nothing runs that nobody watches; `ShellJob` is for work that is too long or too dear to begin anew. The
    script is started once at most: a resumed run finds it by its key, running or ended, with its log and its
    result.

    A job ends when its own process has ended and nothing that it started is left: children that it leaves
    behind are ended with it, and listed in `leftovers`.

    Example:
        >>> ShellJob('echo "rows=3" >> "$LONGSHORE_OUTPUTS"')()["rows"]
        '3'
    """

    def result(self, handle: Handle) -> CommandOutputs:
        """Return what the script handed back through `LONGSHORE_OUTPUTS`, and how it ran."""
        return self._outputs(handle)


class SubprocessJob(ProgramFields[CommandOutputs], CommandJob[CommandOutputs]):
    """Run a program that goes on when the worker dies, and is found again.

    To `Subprocess` it is what `ShellJob` is to `Shell`.

    Example:
        >>> SubprocessJob(("true",))().exit_code
        0
    """

    def result(self, handle: Handle) -> CommandOutputs:
        """Return what the program handed back through `LONGSHORE_OUTPUTS`, and how it ran."""
        return self._outputs(handle)


def _progress(folder: JobFolder) -> JobRunning:
    try:
        line = Path(folder.file(records.PROGRESS)).read_bytes()
    except FileNotFoundError:
        return JobRunning()
    progress = parse_progress(line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
    return JobRunning() if progress is None else JobRunning(fraction=progress[0], message=progress[1])
