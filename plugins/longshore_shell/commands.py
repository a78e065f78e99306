"""What a command is started with: program, arguments, environment, standard input, scripts."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from datetime import date, time
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from longshore import ConfigurationError, Secret, current, redact
from longshore_shell.errors import CommandInputError, CommandNotFound
from longshore_shell.output import OutputFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = str | int | float | Path | date | time
"""What may be an argument or a value in a template: `true` and `false` for a bool, ISO 8601 for dates."""
EnvValue = Value | Secret | None
"""What an environment variable may be set to; None takes it out."""
Input = str | bytes | Path | Secret | None
"""Standard input: text (in UTF-8), bytes, a file, a secret; nothing at all by default."""

POSIX_SHELLS: Final = frozenset({"sh", "bash", "dash", "ksh", "zsh", "ash", "mksh"})
_LARGEST_OUTPUTS: Final = 1024 * 1024 + 1  # one byte more than is allowed, so that it shows
_STRICT: Final = {"bash": ("-euo", "pipefail"), "zsh": ("-euo", "pipefail")}


def text_of(value: object, what: str) -> str:
    """Return a value as a program will see it.

    Args:
        value: A `Value`.
        what: Its name in messages.

    Raises:
        CommandInputError: A value of another type, or with a NUL, which ends a string for every program.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Secret):
        raise CommandInputError(
            f"{what} is a secret, which anybody on this host could read there; give it by env= or stdin="
        )
    if isinstance(value, date | time):
        text = value.isoformat()
    elif isinstance(value, str | int | float | PurePath):
        text = str(value)
    else:
        raise CommandInputError(f"{what} is a {type(value).__name__}; give text, a number, a path or a date")
    encode(text, what)
    return text


def value_text(value: Value | Secret, what: str) -> str:
    """Return a value for a script, which lies in a file that only its owner can read, so it may be a secret.

    Raises:
        CommandInputError: As for `text_of`.
    """
    return text_of(value.get() if isinstance(value, Secret) else value, what)


def encode(text: str, what: str) -> bytes:
    if "\0" in text:
        raise CommandInputError(
            f"{what} holds a NUL, which no argument or variable can hold; give it by stdin="
        )
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise CommandInputError(f"{what} holds a lone surrogate, which is no text") from None


def argument(value: object, what: str) -> str:
    """Return a value as one word of an argument vector, which must not hold a secret.

    Raises:
        CommandInputError: As for `text_of`, or a registered secret is in it.
    """
    text = text_of(value, what)
    if redact(text) != text:
        raise CommandInputError(
            f"{what} holds a secret, which anybody on this host could read there; give it by env= or stdin="
        )
    return text


def environment(
    given: Mapping[str, EnvValue] | None, *, clean: bool, keep: Sequence[str], own: Mapping[str, str]
) -> dict[bytes, bytes]:
    """Return a command's environment: ours, or the kept part of it, what was given, and Longshore's own."""
    kept = {os.fsencode(name) for name in keep}
    result = {name: value for name, value in os.environb.items() if not clean or name in kept}
    result.update((encode(name, name), encode(value, name)) for name, value in current.environment().items())
    for name, value in (given or {}).items():
        what = f"environment variable {name!r}"
        key = encode(name, what)
        if not key or b"=" in key:
            raise CommandInputError(f"cannot set {what}: a name is not empty and has no '='")
        if value is None:
            result.pop(key, None)
        else:
            text = value.get() if isinstance(value, Secret) else text_of(value, what)
            result[key] = encode(text, what)
    result.update((name.encode(), encode(value, name)) for name, value in own.items())
    return result


def own_variables(outputs: str) -> dict[str, str]:
    """Return the variables that every command finds."""
    return {
        "LONGSHORE_OUTPUTS": outputs,
        "LONGSHORE_RUN_ID": current.run_id,
        "LONGSHORE_STEP": current.name,
        "LONGSHORE_ATTEMPT": str(current.attempt),
    }


def find_folder(folder: str | Path | None) -> str:
    """Return the folder to run in.

    Raises:
        CommandNotFound: It is not there, or no folder.
    """
    path = os.path.abspath(str(folder)) if folder is not None else os.getcwd()  # noqa: PTH100, PTH109 - quicker
    if not os.path.isdir(path):  # noqa: PTH112
        what = "is not a folder" if os.path.lexists(path) else "no such folder"
        raise CommandNotFound(f"cannot run a command in {path!r}: {what}")
    return path


def find_program(word: str, env: Mapping[bytes, bytes], folder: str) -> str:
    """Return the path of a program, by the PATH that the command will have.

    Raises:
        CommandNotFound: There is none.
    """
    if "/" in word:
        found = os.path.join(folder, word)  # noqa: PTH118
        if os.path.lexists(found):
            return found
        raise CommandNotFound(f"cannot run {word!r}: no such file ({found!r})", command=(word,))
    path = os.fsdecode(env.get(b"PATH", os.fsencode(os.defpath)))
    for entry in path.split(os.pathsep):
        found = f"{entry}/{word}" if entry[:1] == "/" else os.path.join(folder, entry, word)  # noqa: PTH118
        if os.access(found, os.X_OK) and not os.path.isdir(found):  # noqa: PTH112
            return found
    if shutil.which(word) and not env.get(b"PATH"):
        raise CommandNotFound(
            f"cannot run {word!r}: the clean environment has no PATH; add keep_env=('PATH',)", command=(word,)
        )
    raise CommandNotFound(
        f"cannot run {word!r}: not found on PATH ({path!r}); install it, or give its path", command=(word,)
    )


def interpreter_words(interpreter: str | tuple[str, ...], *, strict: bool) -> tuple[str, ...]:
    """Return the argument vector that goes before the script file."""
    words = (interpreter,) if isinstance(interpreter, str) else tuple(interpreter)
    name = shell_name(words)
    if strict and name in POSIX_SHELLS:
        return (*words, *_STRICT.get(name, ("-eu",)))
    return words


def shell_name(words: Sequence[str]) -> str:
    return Path(words[0]).name


def open_input(data: Input) -> int:
    """Return a descriptor to be a command's standard input; by default one that is at its end.

    Raises:
        CommandInputError: The file cannot be read.
    """
    if data is None:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    if isinstance(data, Path):
        try:
            return os.open(data, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise CommandInputError(
                f"cannot read standard input from {str(data)!r}: {error.strerror}"
            ) from error
    content = data.get() if isinstance(data, Secret) else data
    content = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("stdin")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    with open(fd, "wb", closefd=False) as writer:
        writer.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def read_outputs(path: str) -> bytes:
    """Return what a command wrote to its outputs file, at most one byte more than is allowed.

    The command may have put anything in its place; only a plain file is read, so that a pipe cannot hold us
    up.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return b""
        return os.read(fd, _LARGEST_OUTPUTS) if status.st_size else b""
    finally:
        os.close(fd)


def remove(path: str) -> None:
    """Remove a file of ours, or whatever the command has put in its place."""
    try:
        os.unlink(path)  # noqa: PTH108 - quicker
    except FileNotFoundError:
        pass
    except OSError:
        shutil.rmtree(path, ignore_errors=True)


def current_umask() -> int:
    """Return this process's umask, without setting it, which other threads would notice."""
    try:
        fd = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0o022
    try:
        found = os.read(fd, 4096).partition(b"\nUmask:\t")[2][:4]
    finally:
        os.close(fd)
    return int(found, 8) if found else 0o022


def output_path(path: str | Path) -> str:
    """Return the path of an output file, its places filled.

    Raises:
        ConfigurationError: Mapped calls would write one file.
    """
    name = str(path)
    places = {
        "run_id": current.run_id,
        "step": current.name,
        "attempt": current.attempt,
        "map_index": current.map_index,
    }
    if current.map_index is not None and "{map_index}" not in name:
        raise ConfigurationError(
            f"output_file={name!r}: mapped calls would overwrite each other's; put {{map_index}} in it"
        )
    for place, value in places.items():
        name = name.replace(f"{{{place}}}", str(value).replace("/", "_"))
    return name


def open_output(path: str | Path) -> OutputFile:
    """Open an output file: a new one is readable by its owner alone, an old one is emptied.

    Raises:
        ConfigurationError: Mapped calls would write one file.
    """
    name = output_path(path)
    return OutputFile(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), name)
