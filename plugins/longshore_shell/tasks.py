"""What `Shell` and `Subprocess` share: how one call of a command goes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates its annotations
from typing import Final

from longshore import ConfigurationError, Secret
from longshore_shell import commands, workers
from longshore_shell.commands import EnvValue, Input, Value  # noqa: TC001
from longshore_shell.executions import Execution, Settings, level_of
from longshore_shell.fields import SCRIPT, CommandFields, MiB, R
from longshore_shell.output import Capture  # noqa: TC001
from longshore_shell.processes import Request
from longshore_shell.results import Finished  # noqa: TC001

_LONGEST_GRACE: Final = 13.0
"""Seconds; a timed-out attempt waits 15 s for its tree to end."""


class CommandTask(CommandFields[R]):
    """A command that is run to its end, and ends with its worker.

    Args:
        grace: Seconds between SIGTERM and SIGKILL; at most 13.
        log_level: The level of the log records of both streams; None logs nothing.
        log_rate: Bytes a second that are logged, 8 MiB by default; None for all. More is counted and left out
            of the log, never of `output_file` or a result.
    """

    log_level: str | int | None = "INFO"
    log_rate: int | None = 8 * MiB
    repeatable: bool = False

    def check(self) -> None:
        super().check()
        where = type(self).__name__
        if not 0 <= self.grace <= _LONGEST_GRACE:
            raise ConfigurationError(
                f"{where}(grace={self.grace!r}): give seconds from 0 to {_LONGEST_GRACE:g}"
            )
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
