"""What is submitted: a file, its class and arguments, and the properties and variables that it runs with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from longshore import Secret, redact
from longshore_spark.errors import SparkInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Value: TypeAlias = str | int | float | Path | date | time
"""What may be an argument: `true` and `false` for a bool, ISO 8601 for dates."""
EnvValue: TypeAlias = Value | Secret | None
"""What an environment variable may be set to; None takes it out."""

KEY: Final = "spark.longshore.key"
"""The property that an application can be found by."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_CLASS: Final = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*", re.ASCII)
_COORDINATES: Final = re.compile(r"[\w.-]+(?::[\w.-]+){2,3}", re.ASCII)
_MEMORY: Final = re.compile(r"\d+[kmgt]b?", re.IGNORECASE | re.ASCII)
_PRINTABLE_ASCII: Final = range(0x20, 0x7F)


@dataclass(frozen=True, kw_only=True)
class Application:
    """An application as it is handed to Spark.

    Attributes:
        resource: The absolute path of a Python file, a JAR or an R file, or its URL.
        main_class: The class of a JAR; empty for the others.
        args: Its arguments.
        properties: All of its Spark properties, secrets resolved.
        secrets: The names of the properties that hold a secret.
        environment: Variables for its driver; None takes one out.
        name: What Spark's pages call it.
    """

    resource: str
    main_class: str = ""
    args: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    secrets: frozenset[str] = frozenset()
    environment: dict[str, EnvValue] = field(default_factory=dict[str, EnvValue], repr=False)
    name: str = ""

    @property
    def is_jar(self) -> bool:
        """Whether it is a program for the JVM."""
        return not self.resource.endswith((".py", ".R", ".r"))

    @property
    def is_python(self) -> bool:
        return self.resource.endswith(".py")


def text_of(value: object, what: str) -> str:
    """Return a value as a program will see it.

    Raises:
        SparkInputError: A value of another type, a secret, or text with a NUL.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | time):
        return value.isoformat()
    if not isinstance(value, str | int | float | PurePath):
        raise SparkInputError(f"{what} is a {type(value).__name__}; give text, a number, a path or a date")
    text = str(value)
    if "\0" in text:
        raise SparkInputError(f"{what} holds a NUL, which no argument or property can hold")
    return text


def argument(value: object, what: str) -> str:
    """Return a value as one argument, which must not hold a secret.

    Raises:
        SparkInputError: As for `text_of`, or a registered secret is in it.
    """
    text = "" if isinstance(value, Secret) else text_of(value, what)
    if isinstance(value, Secret) or redact(text) != text:
        raise SparkInputError(
            f"{what} holds a secret, which anybody on the driver's host could read there; "
            "give it by env= or conf="
        )
    if "\r" in text:
        raise SparkInputError(f"{what} holds a carriage return, which Spark's launcher takes away; use env=")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SparkInputError(f"{what} holds a lone surrogate, which is no text") from None
    return text


def resource_of(given: object, what: str, *, must_exist: bool = True) -> str:
    """Return a file as Spark takes it: an absolute path, or a URL as it is.

    Raises:
        SparkInputError: It is not there, or is no text.
    """
    text = text_of(given, what)
    if _SCHEME.match(text):
        return text
    if "#" in text or "\n" in text:
        raise SparkInputError(
            f"{what} {text!r}: Spark cannot read a path with '#' or a line's end; rename it"
        )
    path = Path(text).expanduser()
    if must_exist and not path.exists():
        raise SparkInputError(f"cannot find {what} {text!r} here; give its path, or a URL such as s3a://...")
    return str(path.absolute())


def listed(given: Iterable[str | Path], what: str, *, must_exist: bool = True) -> str:
    """Return files as one property, which has commas between them.

    Raises:
        SparkInputError: As for `resource_of`, or one has a comma in its name.
    """
    if isinstance(given, str | Path):
        raise SparkInputError(f"{what}={str(given)!r}: give a list of them")
    texts = [_with_fragment(item, what, must_exist=must_exist) for item in given]
    for text in texts:
        if "," in text:
            raise SparkInputError(
                f"{what}: Spark separates files by commas, so {text!r} cannot be one of them"
            )
    return ",".join(texts)


def _with_fragment(item: str | Path, what: str, *, must_exist: bool) -> str:
    """Keep `#name`, which says what an archive or a file is called where it is unpacked."""
    path, mark, name = str(item).partition("#")
    if mark and not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise SparkInputError(f"{what}: {name!r} is no name for a file")
    return f"{resource_of(path, what, must_exist=must_exist)}{mark}{name}"


def coordinates(given: Sequence[str], what: str, *, parts: str = "group:artifact:version") -> str:
    """Return Maven coordinates as one property.

    Raises:
        SparkInputError: One is none.
    """
    pattern = _COORDINATES if parts.count(":") == 2 else re.compile(r"[\w.-]+:[\w.-]+", re.ASCII)
    for item in (given,) if isinstance(given, str) else given:
        if isinstance(given, str) or not pattern.fullmatch(item):
            raise SparkInputError(f"{what}: {item!r} is not a list of {parts}")
    return ",".join(given)


def urls(given: Sequence[str], what: str) -> str:
    """Return URLs of repositories as one property.

    Raises:
        SparkInputError: One is none.
    """
    for item in given:
        if urlsplit(item).scheme not in {"http", "https", "file"} or "," in item:
            raise SparkInputError(f"{what}: {item!r} is no URL of a repository")
    return ",".join(given)


def class_name(given: str) -> str:
    """Return the name of a class.

    Raises:
        SparkInputError: It cannot be one.
    """
    if not _CLASS.fullmatch(given):
        raise SparkInputError(
            f"main_class={given!r} is no name of a class; give one such as org.example.Main"
        )
    return given


def memory(given: str, what: str) -> str:
    """Return an amount of memory.

    Raises:
        SparkInputError: It is none.
    """
    if not _MEMORY.fullmatch(given):
        raise SparkInputError(f"{what}={given!r} is no amount of memory; give one such as '512m' or '4g'")
    return given


def properties_text(properties: dict[str, str]) -> str:
    """Return properties as a file that Java reads (java.util.Properties, "load")."""
    return "".join(f"{_escaped(name, ' :=')}={_escaped(value, '')}\n" for name, value in properties.items())


def _escaped(text: str, also: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\\": "\\\\", **{c: f"\\{c}" for c in also}}
    begin = f"\\{text[0]}" if text[:1] in {" ", "#", "!"} and not also else ""
    return begin + "".join(named.get(c) or _character(c) for c in text[1 if begin else 0 :])


def _character(character: str) -> str:
    if ord(character) in _PRINTABLE_ASCII:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


def read_properties(text: str) -> dict[str, str]:
    """Return the properties of a file as Spark's own `spark-defaults.conf` has them."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        parts = re.split(r"\s*[=:]\s*|\s+", line.strip(), maxsplit=1)
        if parts[0] and not parts[0].startswith(("#", "!")):
            found[parts[0]] = parts[1].strip() if len(parts) > 1 else ""
    return found
