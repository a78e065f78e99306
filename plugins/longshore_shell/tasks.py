"""What `Shell` and `Subprocess` share: the fields of a command and how one call of it goes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates its annotations
from pathlib import Path  # noqa: TC003
from typing import Final, TypeVar

from longshore import ConfigurationError, Secret, Skip, Task
from longshore_shell import commands, workers
from longshore_shell.commands import EnvValue, Input, Value  # noqa: TC001
from longshore_shell.executions import Execution, Settings, level_of
from longshore_shell.output import Capture  # noqa: TC001
from longshore_shell.processes import Request
from longshore_shell.results import Finished  # noqa: TC001

R = TypeVar("R")

MiB: Final = 1024 * 1024
_LONGEST_GRACE: Final = 13.0
"""Seconds; a timed-out attempt waits 15 s for its tree to end."""
LONGEST_SHOWN: Final = 60


class CommandTask(Task[R]):
    """A command: what it runs in, what its exit codes mean, where its output goes.

    Args:
        cwd: The folder to run in; the worker's own when None.
        umask: Such as 0o027; the worker's own when None.
        clean_env: Whether to start from the variables in `keep_env` alone, not from all that the worker has.
        keep_env: The names that a clean environment keeps.
        success_codes: The exit codes that are success.
        skip_codes: The exit codes that end the step as Skipped.
        retry_codes: The exit codes that are worth another attempt; when there are none, all failures are.
        grace: Seconds between SIGTERM and SIGKILL; at most 13.
        log_level: The level of the log records of both streams; None logs nothing.
        log_rate: Bytes a second that are logged, 8 MiB by default; None for all. More is counted and left out
            of the log, never of `output_file` or a result.
        output_file: A file for all that both streams bring, secrets masked; made anew by each attempt.
            `{run_id}`, `{step}`, `{attempt}` and `{map_index}` have their values in it.
        allow_options: Whether a value that begins with `-` may stand where it is read as an option.
    """

    cwd: str | Path | None = None
    umask: int | None = None
    clean_env: bool = False
    keep_env: tuple[str, ...] = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR")
    success_codes: tuple[int, ...] = (0,)
    skip_codes: tuple[int, ...] = ()
    retry_codes: tuple[int, ...] = ()
    grace: float = 5.0
    log_level: str | int | None = "INFO"
    log_rate: int | None = 8 * MiB
    output_file: str | Path | None = None
    allow_options: bool = False
    repeatable: bool = False

    def check(self) -> None:
        where = type(self).__name__
        codes = [*self.success_codes, *self.skip_codes, *self.retry_codes]
        if any(not 0 <= code <= 255 for code in codes):
            raise ConfigurationError(f"{where}: exit codes are from 0 to 255, not {codes}")
        if len(set(codes)) < len(codes):
            raise ConfigurationError(
                f"{where}: an exit code means one of success, skip and retry; {codes} names one twice"
            )
        if not 0 <= self.grace <= _LONGEST_GRACE:
            raise ConfigurationError(
                f"{where}(grace={self.grace!r}): give seconds from 0 to {_LONGEST_GRACE:g}"
            )
        if self.umask is not None and not 0 <= self.umask <= 0o777:
            raise ConfigurationError(f"{where}(umask={self.umask!r}): give an octal number, such as 0o022")
        try:
            level_of(self.log_level)
        except KeyError:
            raise ConfigurationError(
                f"{where}(log_level={self.log_level!r}): no such level; give 'INFO', or None"
            ) from None

    def run(
        self,
        *,
        env: Mapping[str, EnvValue] | None = None,
        args: Sequence[Value] = (),
        stdin: Input = None,
        values: Mapping[str, Value | Secret] | None = None,
    ) -> R:
        """Run the command to its end.

        Args:
            env: Environment variables, beside our own (or the kept ones); None takes one out. A `Secret` is
                resolved here.
            args: Arguments after those of the task: `$1`, `$2` in a script.
            stdin: Text, bytes, a `Path` to read from, or a `Secret`; without it the command finds its input
                at its end.
            values: For the places `{name}` of a template; only then braces have a meaning.

        Raises:
            CommandFailed: It ended badly.
            CommandNotStarted: It could not be started; `CommandNotFound` when it, or its folder, is not
                there.
            CommandInputError: An input cannot be handed over as it is.
            Skip: It ended with one of `skip_codes`.
        """
        with workers.slot():
            return self._result(self._judge(self._execute(env, args, stdin, values)))

    @abstractmethod
    def _result(self, finished: Finished) -> R:
        """Return what the call returns."""

    @abstractmethod
    def _command(
        self, args: Sequence[Value], values: Mapping[str, Value | Secret] | None
    ) -> tuple[tuple[str, ...], bytes | None]:
        """Return the argument vector and the script that goes in a file after its first part."""

    @abstractmethod
    def _shown(self, words: Sequence[str]) -> str:
        """Return the command as messages show it."""

    def _execute(
        self,
        env: Mapping[str, EnvValue] | None,
        args: Sequence[Value],
        stdin: Input,
        values: Mapping[str, Value | Secret] | None,
    ) -> Finished:
        folder = commands.find_folder(self.cwd)
        files = workers.folder()
        words, script = self._command(args, values)
        outputs = files.new_file(".outputs", b"", 0o600)
        script_file = ""
        try:
            own = commands.own_variables(outputs)
            environment = commands.environment(env, clean=self.clean_env, keep=self.keep_env, own=own)
            program = commands.find_program(words[0], environment, folder)
            shown = self._shown(words)
            if script is not None:
                script_file = files.new_file("", script, 0o700)
                words = tuple(script_file if word is SCRIPT else word for word in words)
            umask = commands.current_umask() if self.umask is None else self.umask
            argv = tuple(commands.encode(word, "an argument") for word in words)
            request = Request(argv, program, environment, folder, umask)
            return Execution(self._settings(), shown, words).run(request, stdin, outputs)
        finally:
            commands.remove(outputs)
            if script_file:
                commands.remove(script_file)

    def _settings(self) -> Settings:
        return Settings(
            grace=self.grace,
            log_level=self.log_level,
            log_rate=self.log_rate,
            capture=self._capture(),
            output_file=self.output_file,
            accepts=self._accepts,
        )

    def _capture(self) -> Capture | None:
        """Return what keeps standard output for the result, if the result needs it."""
        return None

    def _accepts(self, code: int | None) -> bool:
        return code is not None and code in (*self.success_codes, *self.skip_codes)

    def _judge(self, finished: Finished) -> Finished:
        code = finished.end.exit_code
        if code is not None and code in self.skip_codes:
            raise Skip(f"{finished.shown} exited with {code}, which means skip")
        if self._accepts(code) and code not in self.retry_codes:
            return finished
        only_these = bool(self.retry_codes) and code is not None
        raise finished.failure(retryable=not only_these or code in self.retry_codes)


class _Script(str):
    """Stands in an argument vector where the script's file will be."""

    __slots__ = ()


SCRIPT: Final = _Script("script")


def shorten(text: str) -> str:
    """Cut what was masked before, so that no part of a secret is left."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
