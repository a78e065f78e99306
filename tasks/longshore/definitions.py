"""What a Task class declares: its fields, checked when the class is defined."""

from __future__ import annotations

import functools
import inspect
import sys
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Any, ClassVar, Self, cast, dataclass_transform, get_origin

from longshore.errors import TaskDefinitionError
from longshore.signatures import Signature, signature_of


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Configured:
    """Makes each subclass a frozen dataclass, keyword-only but for at most one field.

    `work` names the method whose parameters a call takes.
    """

    work: ClassVar[str] = "run"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        define(cls)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other fields.

        Raises:
            ArgumentError: There is no field of that name.
        """
        signature_of_fields(cast("Any", type(self))).check_names(self.default_name(), changes)
        copied: Self = replace(cast("Any", self), **changes)  # every subclass is a dataclass
        return copied

    def default_name(self) -> str:
        """Return what messages call it, and what it is called when it was given no name."""
        return type(self).__name__

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in changed_fields(self).items())
        return f"{type(self).__name__}({shown})"


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
    if "__post_init__" in vars(cls) and inherited:
        raise TaskDefinitionError(f"{where} has its own __post_init__; write: def check(self) -> None")
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
    if hasattr(cls, cast("Any", cls).work):
        signature_of(cls).reserve(where, [f.name for f in fields(cls)])


def _make_dataclass(cls: type, where: str) -> None:
    has_repr, text = "__repr__" in vars(cls), cls.__doc__
    try:
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
    except ValueError as error:
        raise TaskDefinitionError(
            f"cannot define {where}: {error}; write field(default_factory=...)"
        ) from error
    if not has_repr and "__repr__" in vars(cls):
        del cls.__repr__
    cls.__doc__ = text  # a dataclass without one would get its signature
    _explain_wrong_fields(cls)


def _explain_wrong_fields(cls: Any) -> None:
    """Have the generated `__init__` say what it takes when it is given something else."""
    generated = cls.__init__

    @functools.wraps(generated)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes the class's
        try:
            generated(self, *args, **kwargs)
        except TypeError:
            signature_of_fields(cls).bind(cls.__name__, args, kwargs)
            raise

    cls.__init__ = __init__


@functools.cache
def signature_of_fields(cls: type) -> Signature:
    """Return the signature of a class's fields, its own before those of every task."""
    root = [base for base in cls.__mro__ if "__dataclass_fields__" in vars(base)][-1]
    shared = [f.name for f in fields(root)]
    own = [f.name for f in fields(cls) if f.name not in shared]
    inspected = inspect.signature(cast("Any", cls).__init__)
    return Signature(inspected, skip=1, shown=", ".join([*own, *shared]) or "nothing")


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
