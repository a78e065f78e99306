"""What a Task class or function declares: its fields, checked at class definition, and its signature."""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
from dataclasses import MISSING, Field, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, cast, get_origin

from longshore.errors import ArgumentError, TaskDefinitionError
from longshore.references import isolate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

RESERVED = ("after",)


def define(cls: type) -> None:
    """Check a subclass's body and make it a frozen, keyword-only dataclass.

    Raises:
        TaskDefinitionError: The body cannot work, and why.
    """
    own = {
        name: text for name, text in vars(cls).get("__annotations__", {}).items() if not _is_classvar(text)
    }
    inherited = _fields_of(cls)
    where = f"{cls.__module__}.{cls.__qualname__}"
    if "__init__" in vars(cls):
        raise TaskDefinitionError(f"{where} has its own __init__; declare fields: bucket: str")
    for name in own:
        if callable(getattr(_base_of(cls), name, None)) and name not in inherited:
            raise TaskDefinitionError(
                f"{where} has a field {name!r}, which is a method of every task; rename it"
            )
        if name in inherited:
            _check_type(cls, where, name, own[name], inherited[name])
    for name in vars(cls):
        if name in inherited and name not in own:
            kind = _show(inherited[name].type)
            raise TaskDefinitionError(
                f"{where} sets {name!r} without its type, so it would have no effect; "
                f"write {name}: {kind} = ..."
            )
    _make_dataclass(cls, where)
    positional = [f.name for f in fields(cls) if not f.kw_only]
    if len(positional) > 1:
        raise TaskDefinitionError(f"{where} has more than one positional field: {', '.join(positional)}")
    if "run" in vars(cls):
        signature_of(cls).reserve(where, [f.name for f in fields(cls)])


def _make_dataclass(cls: type, where: str) -> None:
    has_repr = "__repr__" in vars(cls)
    try:
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
    except ValueError as error:
        raise TaskDefinitionError(
            f"cannot define {where}: {error}; write field(default_factory=...)"
        ) from error
    if not has_repr and "__repr__" in vars(cls):
        del cls.__repr__


def _fields_of(cls: type) -> dict[str, Field[Any]]:
    found: dict[str, Field[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        found.update(vars(base).get("__dataclass_fields__", {}))
    return found


def _base_of(cls: type) -> type:
    return cls.__mro__[1]


def _is_classvar(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return annotation.startswith(("ClassVar", "typing.ClassVar", "t.ClassVar"))
    return annotation is ClassVar or get_origin(annotation) is ClassVar


def _check_type(cls: type, where: str, name: str, annotation: Any, inherited: Field[Any]) -> None:
    if _show(annotation) == _show(inherited.type):
        return
    owner = next(b for b in cls.__mro__[1:] if name in vars(b).get("__annotations__", {}))
    resolved = _resolve(cls, annotation)
    if resolved is None or resolved == _resolve(owner, inherited.type):
        return
    raise TaskDefinitionError(
        f"{where} redeclares {name!r} as {_show(annotation)}; it is {_show(inherited.type)} on "
        f"{owner.__name__}; keep that type, or use another name"
    )


def _resolve(owner: type, annotation: Any) -> Any:
    """Return the type that an annotation means, or None when it names what is imported for checkers alone."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, vars(sys.modules[owner.__module__]))  # noqa: S307 - the class's own source
    except Exception:  # noqa: BLE001 - a type checker will compare it
        return None


def _show(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def changed_fields(instance: object) -> dict[str, Any]:
    """Return the fields that differ from their defaults, by name."""
    changed: dict[str, Any] = {}
    for f in fields(cast("Any", instance)):
        value = getattr(instance, f.name)
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        if f.name == "name" and value == cast("Any", instance).default_name():
            continue
        if value is not default and (type(value) is not type(default) or value != default):
            changed[f.name] = value
    return changed


class Signature:
    """What a call takes: names, which of them are required, and how to pass them on."""

    __slots__ = ("_containers", "_inspected", "_simple", "names", "required")

    def __init__(self, inspected: inspect.Signature, *, skip_self: bool) -> None:
        parameters = list(inspected.parameters.values())[1 if skip_self else 0 :]
        self._inspected = inspected.replace(parameters=parameters)
        plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        self._simple = all(p.kind in plain for p in parameters)
        self.names = tuple(p.name for p in parameters)
        self.required = tuple(
            p.name
            for p in parameters
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        )
        self._containers: dict[str, Any] = {
            p.name: p.default for p in parameters if type(p.default) in (list, dict, set, bytearray)
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
        if (
            self._simple
            and not args
            and kwargs.keys() <= set(self.names)
            and kwargs.keys() >= set(self.required)
        ):
            return dict(kwargs)
        try:
            return dict(self._inspected.bind(*args, **kwargs).arguments)
        except TypeError as error:
            raise self._explain(caller, args, kwargs, error) from None

    def _explain(
        self, caller: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], error: TypeError
    ) -> ArgumentError:
        open_ended = any(p.kind is p.VAR_KEYWORD for p in self.parameters.values())
        if not open_ended and any(name not in self.names for name in kwargs):
            return self._unknown(caller, kwargs)
        positional = [p.name for p in self.parameters.values() if p.kind is not p.KEYWORD_ONLY]
        given = {*kwargs, *positional[: len(args)]}
        missing = [name for name in self.required if name not in given]
        if missing:
            return ArgumentError(f"{caller}() lacks {', '.join(map(repr, missing))}; it takes {self}")
        twice = [name for name in positional[: len(args)] if name in kwargs]
        if twice:
            return ArgumentError(f"{caller}() got {twice[0]!r} twice; it takes {self}")
        return ArgumentError(f"{caller}(): {error}; it takes {self}")

    def check_names(self, caller: str, given: Iterable[str]) -> None:
        """Raise `ArgumentError` for a name that is not in the signature."""
        if any(name not in self.names for name in given):
            raise self._unknown(caller, given)

    def _unknown(self, caller: str, given: Iterable[str]) -> ArgumentError:
        name = next(name for name in given if name not in self.names)
        close = difflib.get_close_matches(name, self.names, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"it takes {self}"
        return ArgumentError(f"{caller}() has no argument {name!r} ({hint})")

    def reserve(self, where: str, taken: Iterable[str] = ()) -> None:
        """Refuse parameters that a call could not tell from the task's own words.

        Raises:
            TaskDefinitionError: A parameter is named like a field, or `after`.
        """
        for name in self.names:
            if name in taken:
                raise TaskDefinitionError(
                    f"run() of {where} takes {name!r}, which is a field; rename one of them"
                )
            if name in RESERVED:
                raise TaskDefinitionError(
                    f"{where} takes {name!r}, which every call in a flow has; rename it"
                )

    def with_defaults(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Add copies of the defaults that a call could otherwise change for the next one."""
        for name, default in self._containers.items():
            if name not in arguments:
                arguments[name] = isolate(default)
        return arguments

    def call(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Call a function with bound arguments."""
        if self._containers:
            arguments = self.with_defaults(arguments)
        if self._simple:
            return function(**arguments)
        bound = inspect.BoundArguments(self._inspected, cast("Any", arguments))
        return function(*bound.args, **bound.kwargs)

    def __str__(self) -> str:
        return str(self._inspected.replace(return_annotation=inspect.Signature.empty))


@functools.cache
def signature_of(cls: type) -> Signature:
    """Return the signature of a class's `run()`."""
    return Signature(inspect.signature(cast("Any", cls).run), skip_self=True)
