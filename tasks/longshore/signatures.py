"""What a call takes: names, defaults, places in templates; and what a wrong call is told."""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import TYPE_CHECKING, Any, Final, cast

from longshore.errors import ArgumentError, TaskDefinitionError
from longshore.redaction import redact
from longshore.references import isolate
from longshore.texts import places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

RESERVED: Final = ("after",)
_NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_VARIADIC: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_COPIED: Final = (list, dict, set, bytearray, tuple)


class Signature:
    """What a call takes, and how to pass it on.

    Args:
        inspected: As `inspect.signature` gives it.
        skip: Leave so many of the first parameters out.
        shown: What messages say that it takes; the parameters when empty.
    """

    __slots__ = ("_containers", "_inspected", "_shown", "_simple", "names", "required", "variadic")

    def __init__(self, inspected: inspect.Signature, *, skip: int = 0, shown: str = "") -> None:
        parameters = list(inspected.parameters.values())[skip:]
        self._inspected = inspected.replace(parameters=parameters)
        self._shown = shown
        self._simple = all(p.kind in _NAMED for p in parameters)
        self.names = tuple(p.name for p in parameters)
        self.variadic = tuple(p.name for p in parameters if p.kind in _VARIADIC)
        self.required = tuple(p.name for p in parameters if p.default is p.empty and p.kind not in _VARIADIC)
        self._containers: dict[str, Any] = {
            p.name: p.default for p in parameters if type(p.default) in _COPIED
        }

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The parameters by name, without self."""
        return self._inspected.parameters

    def bind(self, caller: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by parameter name, `*args` and `**kwargs` under theirs.

        Raises:
            ArgumentError: An argument is unknown, missing or given twice.
        """
        if not args and self._simple and self._takes(kwargs):
            return dict(kwargs)
        try:
            return dict(self._inspected.bind(*args, **kwargs).arguments)
        except TypeError as error:
            raise self._explain(caller, args, kwargs, error) from None

    def _takes(self, kwargs: Mapping[str, Any]) -> bool:
        return kwargs.keys() <= set(self.names) and kwargs.keys() >= set(self.required)

    def _explain(
        self, caller: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], error: TypeError
    ) -> ArgumentError:
        unknown = self._unknown(caller, kwargs)
        if unknown is not None:
            return unknown
        parameters = self.parameters.values()
        positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        endless = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        if len(args) > len(positional) and not endless:
            most = f"{len(positional)} by position" if positional else "nothing by position"
            return ArgumentError(f"{caller}() takes {most}, got {len(args)}; by name it takes {self}")
        twice = [name for name in positional[: len(args)] if name in kwargs]
        if twice:
            return ArgumentError(f"{caller}() got {twice[0]!r} twice; it takes {self}")
        missing = [name for name in self.required if name not in {*kwargs, *positional[: len(args)]}]
        if missing:
            return ArgumentError(f"{caller}() lacks {', '.join(map(repr, missing))}; it takes {self}")
        return ArgumentError(f"{caller}(): {error}; it takes {self}")

    def check_names(self, caller: str, given: Iterable[str]) -> None:
        """Raise `ArgumentError` for a name that is not in the signature."""
        unknown = self._unknown(caller, given)
        if unknown is not None:
            raise unknown

    def _unknown(self, caller: str, given: Iterable[str]) -> ArgumentError | None:
        if any(p.kind is p.VAR_KEYWORD for p in self.parameters.values()):
            return None
        name = next((name for name in given if name not in self.names), None)
        if name is None:
            return None
        return ArgumentError(
            f"{caller}() has no argument {name!r} ({did_you_mean(name, self.names, str(self))})"
        )

    def reserve(self, where: str, taken: Iterable[str] = ()) -> None:
        """Refuse parameters that a call could not tell from the task's own words.

        Raises:
            TaskDefinitionError: A parameter is named like a field, or `after`.
        """
        for name in self.names:
            if name in taken and name not in self.variadic:
                raise TaskDefinitionError(
                    f"run() of {where} takes {name!r}, which is a field; rename one of them"
                )
            if name in RESERVED:
                raise TaskDefinitionError(
                    f"{where} takes {name!r}, which every call in a flow has; rename it"
                )

    def check_template(self, template: str) -> None:
        """Look whether `fill` will find a value for every place of a template.

        Raises:
            ArgumentError: A place is for no argument.
        """
        if "{" not in template and "}" not in template:
            return
        for name in places(template):
            if name not in self.names:
                hint = did_you_mean(name, self.names, str(self))
                raise ArgumentError(
                    f"name {template!r} has a place for {name!r}, which is no argument ({hint}); "
                    "write {{ for a brace"
                )

    def fill(self, template: str, arguments: Mapping[str, Any]) -> str:
        """Put arguments, or their defaults, into the places of a template.

        Raises:
            ArgumentError: A value does not fit into its place.
        """
        if "{" not in template and "}" not in template:
            return template
        defaults = {p.name: p.default for p in self.parameters.values() if p.default is not p.empty}
        try:
            return template.format_map({**defaults, **arguments})
        except Exception as error:
            why = redact(f"{type(error).__name__}: {error}")
            raise ArgumentError(f"name {template!r} does not take the inputs: {why}") from error

    def call(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Call a function with bound arguments, and with copies of defaults that it could change."""
        for name, default in self._containers.items():
            if name not in arguments:
                arguments = {**arguments, name: isolate(default)}
        if self._simple:
            return function(**arguments)
        bound = inspect.BoundArguments(self._inspected, cast("Any", arguments))
        return function(*bound.args, **bound.kwargs)

    def __str__(self) -> str:
        if self._shown:
            return self._shown
        bare = [p.replace(annotation=_bare(p.annotation)) for p in self.parameters.values()]
        return str(inspect.Signature(bare))


class _Text(str):
    """A text that shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _bare(annotation: Any) -> Any:
    return _Text(annotation) if isinstance(annotation, str) else annotation


def did_you_mean(name: str, known: Iterable[str], takes: str) -> str:
    """Return a hint for a word that is not known: the one that is meant, or all."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]!r}?" if close else f"it takes {takes}"


def signature_of(cls: type) -> Signature:
    """Return what a call of a class's tasks takes: the signature of its `run()`, or of a job's `submit()`."""
    work = cast("Any", cls).work
    return _signature_of(getattr(cls, work), 1 if work == "run" else 2)  # self; a job's key, from the driver


@functools.cache
def _signature_of(function: Callable[..., Any], skip: int) -> Signature:
    """Kept by the function: a class that arrives as code gets its own when it is there already."""
    return Signature(inspect.signature(function), skip=skip)
