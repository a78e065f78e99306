"""`Secret`: named where it is configured, resolved where it is used, masked wherever its value might show."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from longshore.errors import ConfigurationError, SecretError
from longshore.redaction import (
    StreamRedactor,
    has_secrets,
    isolated,
    redact,
    redact_bytes,
    redact_error,
    redact_value,
    register,
    registered,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Secret",
    "StreamRedactor",
    "has_secrets",
    "isolated",
    "redact",
    "redact_bytes",
    "redact_error",
    "redact_value",
    "register",
    "register_scheme",
    "registered",
]

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")
_VARIABLE: Final = re.compile(r"[^=\0\s]+")
_LARGEST_FILE: Final = 1 << 20


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Name a secret value without holding it.

    Only the reference is kept, shown, compared and pickled. The value is looked up by `get()`, in the process
    that calls it, each time, so a value that is rotated is followed.

    Args:
        reference: `env:NAME` for an environment variable, `file:/path` for a file (UTF-8, at most 1 MiB; a
            line end at its end is left out), or the scheme of a plugin.

    Raises:
        SecretError: The reference cannot be one. Its text is not shown, since it may be the value itself.

    Example:
        >>> Secret("env:SLACK_TOKEN")
        Secret('env:SLACK_TOKEN')
    """

    reference: str

    def __post_init__(self) -> None:
        given = self.reference
        if not isinstance(cast("object", given), str):
            raise SecretError(f"cannot use a {type(given).__name__} as a secret's reference; {_USAGE}")
        scheme, _, rest = given.partition(":")
        if not _SCHEME.fullmatch(scheme) or not rest or (scheme == "env" and not _VARIABLE.fullmatch(rest)):
            raise SecretError(
                f"cannot use a text of {len(given)} characters as a secret's reference (it is not shown, as "
                f"it may be the value): it has no scheme and name; {_USAGE}"
            )

    def get(self) -> str:
        """Look the value up now, and mask it from now on in this process.

        Raises:
            SecretError: The variable or file is missing, empty or unreadable, or no plugin has the scheme.
        """
        scheme, _, rest = self.reference.partition(":")
        value = _resolver(self, scheme)(rest)
        if not isinstance(cast("object", value), str):
            raise SecretError(
                f"cannot resolve {self}: the resolver of {scheme!r} returned a {type(value).__name__}; "
                "it has to return a str"
            )
        register(value)
        return value

    def __repr__(self) -> str:
        return f"Secret({self.reference!r})"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (self.reference,)


_USAGE: Final = 'write Secret("env:NAME") or Secret("file:/run/secrets/name")'


def register_scheme(scheme: str, resolver: Callable[[str], str]) -> None:
    """Let `Secret("scheme:text")` be resolved by a function that takes the text, in this process.

    A plugin offers its schemes through the hook `longshore_secrets` instead.

    Raises:
        ConfigurationError: The scheme is no lower-case word, or has another resolver already.
    """
    if not _SCHEME.fullmatch(scheme):
        raise ConfigurationError(
            f"cannot register the secret scheme {scheme!r}: it is no lower-case word; "
            "use letters, digits, '+', '.' and '-'"
        )
    if _resolvers.setdefault(scheme, resolver) is not resolver:
        raise ConfigurationError(
            f"cannot register the secret scheme {scheme!r}: it has a resolver; choose another name"
        )


def _resolver(secret: Secret, scheme: str) -> Callable[[str], str]:
    if scheme in _resolvers:
        return _resolvers[scheme]
    from longshore.plugins import host

    offered = host().secret_resolvers()
    if scheme not in offered:
        known = ", ".join(sorted({*_resolvers, *offered}))
        raise SecretError(
            f"cannot resolve a secret of scheme {scheme!r}: no plugin offers it (known: {known}); "
            f"install the plugin that does, or {_USAGE}"
        )

    def resolve(rest: str) -> str:
        try:
            return offered[scheme](rest)
        except SecretError:
            raise
        except Exception as error:
            seen = f"{type(error).__name__}: {redact(str(error))}"
            raise SecretError(f"cannot resolve {secret}: {seen}; run: longshore doctor") from error

    return resolve


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value:
        return value
    seen = "is not set" if value is None else "is empty"
    raise SecretError(
        f"cannot resolve Secret('env:{name}'): the variable {seen}; run: export {name}=..., "
        "in the environment of the process that runs the task"
    )


def _from_file(path: str) -> str:
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise _unreadable(path, "there is no such file; create it, or name another") from error
    except PermissionError as error:
        raise _unreadable(path, f"this user may not read it; run: ls -l {path}") from error
    except (OSError, RuntimeError, ValueError) as error:
        seen = getattr(error, "strerror", None) or str(error)
        raise _unreadable(path, f"{seen}; name a file that holds the value alone") from error
    if len(data) > _LARGEST_FILE:
        raise _unreadable(path, "it is larger than 1 MiB; name a file that holds the value alone")
    try:
        value = data.decode()
    except UnicodeDecodeError:
        # Not chained: that error holds the file's bytes.
        raise _unreadable(path, "it is not UTF-8 text; store it as text, for instance in base64") from None
    if not value.strip():
        raise _unreadable(path, "it is empty; write the value into it")
    return value.removesuffix("\n").removesuffix("\r")


def _unreadable(path: str, reason: str) -> SecretError:
    return SecretError(f"cannot resolve Secret('file:{path}'): {reason}")


_resolvers: Final[dict[str, Callable[[str], str]]] = {"env": _from_environment, "file": _from_file}
