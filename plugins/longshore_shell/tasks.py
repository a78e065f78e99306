"""What `Shell` and `Subprocess` share: the fields of a command and how one call of it goes."""

from __future__ import annotations

import shlex
from abc import abstractmethod
from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates its annotations
from pathlib import Path  # noqa: TC003
from typing import Final, TypeVar

from longshore import ConfigurationError, Outputs, Skip, Task, field, redact
from longshore_shell import commands, templates, workers
from longshore_shell.commands import EnvValue, Input, Value  # noqa: TC001
from longshore_shell.errors import CommandInputError
from longshore_shell.executions import Execution, Finished, Settings, level_of
from longshore_shell.processes import Request

R = TypeVar("R")

MiB: Final = 1024 * 1024
_LONGEST_GRACE: Final = 13.0
"""Seconds; a timed-out attempt waits 15 s for its tree to end."""
_LONGEST_SHOWN: Final = 60
_MOST_SHOWN: Final = 20


class CommandOutputs(Outputs):
    """What a command handed back by name, through `LONGSHORE_OUTPUTS`, and how it ran.

    Attributes:
        exit_code: One of the task's `success_codes`.
        duration: Seconds from start to end.
        cpu_seconds: Processor time of the command and of the children it waited for.
        peak_memory: Bytes of memory, of the largest of these processes; some 10 MB more than a tiny one needs.
        leftovers: Processes that it left running, such as `sleep (4711)`; they are ended with the worker.
        stdout_tail: The end of its standard output, secrets masked.
        stderr_tail: The end of its standard error, secrets masked.
    """

    exit_code: int = 0
    duration: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    leftovers: tuple[str, ...] = ()
    stdout_tail: str = ""
    stderr_tail: str = ""

    @classmethod
    def of(cls, finished: Finished) -> CommandOutputs:
        """Return what a finished command handed back."""
        outputs = cls(finished.outputs())
        outputs.exit_code = finished.end.exit_code or 0
        outputs.duration = finished.duration
        outputs.cpu_seconds = finished.end.cpu_seconds
        outputs.peak_memory = finished.end.peak_memory
        outputs.leftovers = finished.leftovers
        outputs.stdout_tail = finished.stdout_tail
        outputs.stderr_tail = finished.stderr_tail
        return outputs


class CommandTask(Task[R]):
    """The fields of every command; see `Shell` and `Subprocess`."""

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
        values: Mapping[str, Value] | None = None,
    ) -> R:
        """Run the command to its end.

        Args:
            env: Environment variables, beside our own (or the kept ones); None takes one out. A `Secret` is resolved here.
            args: Arguments after those of the task: `$1`, `$2` in a script.
            stdin: Text, bytes, a `Path` to read from, or a `Secret`; without it the command finds its input at its end.
            values: For the places `{name}` of a template; only then braces have a meaning.

        Raises:
            CommandFailed: It ended badly.
            CommandNotStarted: It could not be started; `CommandNotFound` when it, or its folder, is not there.
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
        self, args: Sequence[Value], values: Mapping[str, Value] | None
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
        values: Mapping[str, Value] | None,
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
                words = tuple(script_file if word is _SCRIPT else word for word in words)
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
            max_output=getattr(self, "max_output", None),
            output_file=self.output_file,
            accepts=self._accepts,
        )

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


_SCRIPT: Final = _Script("script")


class ShellTask(CommandTask[R]):
    """A script; see `Shell`."""

    script: str = field(kw_only=False)
    interpreter: str | tuple[str, ...] = "bash"
    strict: bool = True

    def check(self) -> None:
        super().check()
        if not self.script.strip():
            raise ConfigurationError(f"{type(self).__name__}: the script is empty")
        if not self.interpreter:
            raise ConfigurationError(
                f"{type(self).__name__}: the interpreter is empty; give 'bash', or ('perl', '-w')"
            )

    def _command(
        self, args: Sequence[Value], values: Mapping[str, Value] | None
    ) -> tuple[tuple[str, ...], bytes | None]:
        words = commands.interpreter_words(self.interpreter, strict=self.strict)
        script = self.script if values is None else self._filled(words, values)
        given = (commands.argument(value, f"argument {n}") for n, value in enumerate(args, 1))
        return (*words, _SCRIPT, *given), commands.encode(script, "the script")

    def _filled(self, words: Sequence[str], values: Mapping[str, Value]) -> str:
        if commands.shell_name(words) not in commands.POSIX_SHELLS:
            raise CommandInputError(
                f"cannot put values into a script for {words[0]!r}: its quoting is not known here; use env=, args= or stdin="
            )
        texts = {name: commands.value_text(value, f"value {name!r}") for name, value in values.items()}
        return templates.fill_script(self.script, texts, allow_options=self.allow_options)

    def _shown(self, words: Sequence[str]) -> str:
        first, newline, _ = redact(self.script.strip()).partition("\n")
        text = f"{first}..." if newline and len(first) <= _LONGEST_SHOWN else _shorten(first)
        return f"{commands.shell_name(words)} script {text!r}"


class SubprocessTask(CommandTask[R]):
    """An argument vector; see `Subprocess`."""

    command: Sequence[str] = field(kw_only=False)

    def check(self) -> None:
        super().check()
        where = type(self).__name__
        if isinstance(self.command, str):
            raise ConfigurationError(
                f"{where}({self.command!r}): give one word each, {tuple(shlex.split(self.command))!r}"
            )
        if not self.command or not self.command[0]:
            raise ConfigurationError(f"{where}: the command is empty")

    def _command(
        self, args: Sequence[Value], values: Mapping[str, Value] | None
    ) -> tuple[tuple[str, ...], bytes | None]:
        words = tuple(self.command)
        if values is not None:
            texts = {name: commands.text_of(value, f"value {name!r}") for name, value in values.items()}
            words = templates.fill_words(words, texts, allow_options=self.allow_options)
        given = [commands.text_of(value, f"argument {n}") for n, value in enumerate(args, 1)]
        if not self.allow_options and "--" not in words:
            for number, text in enumerate(given, 1):
                templates.refuse_option(f"argument {number}", text)
        return tuple(
            commands.argument(word, f"word {n} of the command") for n, word in enumerate([*words, *given], 1)
        ), None

    def _shown(self, words: Sequence[str]) -> str:
        return f"command {[_shorten(redact(word)) for word in words[:_MOST_SHOWN]]!r}"


def _shorten(text: str) -> str:
    """Cut what was masked before, so that no part of a secret is left."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
