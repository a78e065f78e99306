"""The fields of commands, which tasks that run them and jobs that leave them running share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates its annotations
from pathlib import Path  # noqa: TC003
from typing import Final, TypeVar

from longshore import ConfigurationError, Secret, Skip, Task, field, redact
from longshore_shell import commands, templates
from longshore_shell.commands import Value  # noqa: TC001
from longshore_shell.errors import CommandInputError
from longshore_shell.results import Finished  # noqa: TC001

R = TypeVar("R")

MiB: Final = 1024 * 1024
_LONGEST_SHOWN: Final = 60
_MOST_SHOWN: Final = 20


class CommandFields(Task[R]):
    """What a command runs in, and what its exit codes mean.

    Args:
        cwd: The folder to run in; the worker's own when None.
        umask: Such as 0o027; the worker's own when None.
        clean_env: Whether to start from the variables in `keep_env` alone, not from all that the worker has.
        keep_env: The names that a clean environment keeps.
        success_codes: The exit codes that are success.
        skip_codes: The exit codes that end the step as Skipped.
        retry_codes: The exit codes that are worth another attempt; when there are none, all failures are.
        grace: Seconds between SIGTERM and SIGKILL.
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
    output_file: str | Path | None = None
    allow_options: bool = False

    def check(self) -> None:
        where = type(self).__name__
        codes = [*self.success_codes, *self.skip_codes, *self.retry_codes]
        if any(not 0 <= code <= 255 for code in codes):
            raise ConfigurationError(f"{where}: exit codes are from 0 to 255, not {codes}")
        if len(set(codes)) < len(codes):
            raise ConfigurationError(
                f"{where}: an exit code means one of success, skip and retry; {codes} names one twice"
            )
        if self.umask is not None and not 0 <= self.umask <= 0o777:
            raise ConfigurationError(f"{where}(umask={self.umask!r}): give an octal number, such as 0o022")

    @abstractmethod
    def _command(
        self, args: Sequence[Value], values: Mapping[str, Value | Secret] | None
    ) -> tuple[tuple[str, ...], bytes | None]:
        """Return the argument vector and the script that goes in a file after its first part."""

    @abstractmethod
    def _shown(self, words: Sequence[str]) -> str:
        """Return the command as messages show it."""

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


class ScriptFields(CommandFields[R]):
    """A script and what reads it.

    Args:
        script: The script's text.
        interpreter: The program that reads it, with its options: `"bash"`, `("perl", "-w")`, `"node"`,
            `("awk", "-f")`.
        strict: Whether a shell runs in strict mode; `sh` and its like know only `-eu`.
    """

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
        self, args: Sequence[Value], values: Mapping[str, Value | Secret] | None
    ) -> tuple[tuple[str, ...], bytes | None]:
        words = commands.interpreter_words(self.interpreter, strict=self.strict)
        script = self.script if values is None else self._filled(words, values)
        given = (commands.argument(value, f"argument {n}") for n, value in enumerate(args, 1))
        return (*words, SCRIPT, *given), commands.encode(script, "the script")

    def _filled(self, words: Sequence[str], values: Mapping[str, Value | Secret]) -> str:
        if commands.shell_name(words) not in commands.POSIX_SHELLS:
            raise CommandInputError(
                f"cannot put values into a script for {words[0]!r}: how it quotes is not known here; "
                "use env=, args= or stdin="
            )
        texts = {name: commands.value_text(value, f"value {name!r}") for name, value in values.items()}
        return templates.fill_script(self.script, texts, allow_options=self.allow_options)

    def _shown(self, words: Sequence[str]) -> str:
        first, newline, _ = redact(self.script.strip()).partition("\n")
        text = f"{first}..." if newline and len(first) <= _LONGEST_SHOWN else shorten(first)
        return f"{commands.shell_name(words)} script {text!r}"


class ProgramFields(CommandFields[R]):
    """A program and its arguments.

    Args:
        command: One word each: `("dbt", "run", "--target", "prod")`.
    """

    command: Sequence[str] = field(kw_only=False)

    def check(self) -> None:
        super().check()
        where = type(self).__name__
        if isinstance(self.command, str):
            line = redact(self.command)
            raise ConfigurationError(f"{where}({line!r}): give one word each, {tuple(line.split())!r}")
        if not self.command or not self.command[0]:
            raise ConfigurationError(f"{where}: the command is empty")

    def _command(
        self, args: Sequence[Value], values: Mapping[str, Value | Secret] | None
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
        return f"command {[shorten(redact(word)) for word in words[:_MOST_SHOWN]]!r}"


class _Script(str):
    """Stands in an argument vector where the script's file will be."""

    __slots__ = ()


SCRIPT: Final = _Script("script")


def shorten(text: str) -> str:
    """Cut what was masked before, so that no part of a secret is left."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
