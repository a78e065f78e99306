"""Describes tasks: what `longshore tasks` and `longshore describe` show, read from the class alone.

Fields and their defaults come from the dataclass, inputs and the result from the signature of `run()`, and
the words for each from the Google-style sections of the docstrings. No instance is made and no SDK
imported.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_args, get_origin

from longshore.functions import FunctionTask
from longshore.tasks import SERVICE_FIELDS, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SECTION: Final = re.compile(
    r"^(Args|Arguments|Attributes|Example|Examples|Note|Notes|Raises|Returns|Warning|Yields):[ \t]*$",
    re.MULTILINE,
)
_ITEM: Final = re.compile(r"(\*{0,2}\w+)(?: \([^)]*\))?: *(.*)")
_UNIT: Final = re.compile(
    r"\b(seconds?|milliseconds?|minutes?|hours?|days?|bytes|[KMGT]i?B|rows?|lines?|characters?|grams?|percent)\b",
    re.IGNORECASE,
)
_DIRECTIVE: Final = re.compile(r"[ \t]*# doctest:.*")
_NUMBER: Final = re.compile(r"\b(int|float)\b")


@dataclass(frozen=True, kw_only=True)
class ArgumentDescription:
    """One field of a task, or one input of its call.

    Attributes:
        name: As it is written in a call; with its stars for `*args` and `**kwargs`.
        type: Its annotation.
        default: The default's text; None when it must be given.
        unit: The unit of a number, as its words name it; empty when they name none.
        text: What the docstring says of it.
    """

    name: str
    type: str
    default: str | None
    unit: str
    text: str


@dataclass(frozen=True, kw_only=True)
class TaskDescription:
    """What a task is, for people and programs.

    Attributes:
        name: The name it was asked for by, such as `s3.S3Upload`.
        module: Where to import it from.
        summary: The docstring's first sentence.
        text: The rest of it, without its sections.
        fields: Its own fields: the configuration.
        inputs: What a call takes.
        result: The type of the result.
        returns: What the docstring says of the result.
        example: Code that runs.
        service_fields: The fields that every task has.
    """

    name: str
    module: str
    summary: str
    text: str
    fields: tuple[ArgumentDescription, ...]
    inputs: tuple[ArgumentDescription, ...]
    result: str
    returns: str
    example: str
    service_fields: tuple[ArgumentDescription, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, for `--json`."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Docstring:
    """A docstring in Google's form."""

    summary: str = ""
    text: str = ""
    sections: Mapping[str, str] = field(default_factory=dict[str, str])

    def arguments(self) -> dict[str, str]:
        """Return what it says of each argument, by name."""
        found: dict[str, str] = {}
        for section in ("Args", "Arguments", "Attributes"):
            found |= _items(self.sections.get(section, ""))
        return found

    def section(self, *names: str) -> str:
        """Return the first of the named sections that it has."""
        return next((self.sections[name] for name in names if name in self.sections), "")


def describe(task: type[Task[Any]] | Task[Any], name: str = "") -> TaskDescription:
    """Describe a task class, or a task such as `@task` makes.

    Args:
        task: The class, or the object.
        name: What to call it; the class's or function's own name when empty.
    """
    kind = task if isinstance(task, type) else type(task)
    function: Any = task.fn if isinstance(task, FunctionTask) else kind.run
    subject: Any = function if isinstance(task, FunctionTask) else kind
    own, run = docstring(subject), docstring(function)
    described = list(_fields(kind))
    return TaskDescription(
        name=name or subject.__name__,
        module=subject.__module__,
        summary=own.summary,
        text=own.text,
        fields=tuple(argument for argument in described if argument.name not in SERVICE_FIELDS),
        inputs=tuple(_inputs(_signature(task), own.arguments() | run.arguments())),
        result=_result(kind, _type(inspect.signature(function).return_annotation)),
        returns=" ".join((run.section("Returns") or own.section("Returns")).split()),
        example=_DIRECTIVE.sub("", own.section("Example", "Examples") or run.section("Example", "Examples")),
        service_fields=tuple(argument for argument in described if argument.name in SERVICE_FIELDS),
    )


def _result(kind: type, declared: str) -> str:
    """Return the type that a generic base's `run() -> R` has in a class, and any other as it is declared."""
    for base in kind.__mro__:
        for generic in vars(base).get("__orig_bases__", ()):
            parameters = getattr(get_origin(generic), "__parameters__", ())
            for parameter, argument in zip(parameters, get_args(generic), strict=False):
                if parameter.__name__ == declared and not isinstance(argument, TypeVar):
                    return _type(argument)
    return declared


def _signature(task: type[Task[Any]] | Task[Any]) -> Mapping[str, inspect.Parameter]:
    signature = task.run_signature() if isinstance(task, type) else task.signature()
    return signature.parameters


def _fields(kind: type[Task[Any]]) -> Iterable[ArgumentDescription]:
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        texts |= docstring(base).arguments()
    for each in dataclasses.fields(cast("Any", kind)):
        if kind is FunctionTask and each.name == "fn":
            continue
        if each.default_factory is not dataclasses.MISSING:
            default: str | None = _value(each.default_factory())
        else:
            default = None if each.default is dataclasses.MISSING else _value(each.default)
        yield _argument(each.name, _type(each.type), default, texts.get(each.name, ""))


def _inputs(
    parameters: Mapping[str, inspect.Parameter], texts: Mapping[str, str]
) -> Iterable[ArgumentDescription]:
    stars: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    for parameter in parameters.values():
        star = stars.get(parameter.kind, "")
        default = "" if star else None if parameter.default is parameter.empty else _value(parameter.default)
        text = texts.get(star + parameter.name) or texts.get(parameter.name, "")
        yield _argument(star + parameter.name, _type(parameter.annotation), default, text)


def _argument(name: str, kind: str, default: str | None, text: str) -> ArgumentDescription:
    unit = _UNIT.search(text) if _NUMBER.search(kind) else None
    return ArgumentDescription(
        name=name, type=kind, default=default, unit=unit[0].lower() if unit else "", text=text
    )


def _type(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return "Any"
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z_])", "", text)


def _value(value: Any) -> str:
    if isinstance(value, type) or inspect.isroutine(value):
        return value.__qualname__
    return repr(value)


def docstring(thing: Any) -> Docstring:
    """Read the docstring of a class or function, not an inherited one."""
    own = vars(thing).get("__doc__") if isinstance(thing, type) else thing.__doc__
    lines = inspect.cleandoc(own or "")
    if lines.startswith(f"{getattr(thing, '__name__', '')}("):  # what dataclass writes when there is none
        return Docstring()
    pieces = _SECTION.split(lines)
    summary, _, text = pieces[0].strip().partition("\n\n")
    sections = {
        name: textwrap.dedent(body).strip("\n").rstrip()
        for name, body in zip(pieces[1::2], pieces[2::2], strict=True)
    }
    return Docstring(" ".join(summary.split()), text.strip(), sections)


def _items(section: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        match = _ITEM.match(line)
        if match:
            name, found[match[1]] = match[1], match[2]
        elif name and line.startswith(" "):
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
