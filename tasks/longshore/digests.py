# The public names of a reference select from its value, so those that modules share begin with _.
# pyright: reportPrivateUsage=false
"""Short digests of values and of code, which are the same in every process: what a resume compares.

Objects that have no lasting description, such as open connections, count by their class alone.
"""

from __future__ import annotations

import functools
import re
import sys
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from longshore.definitions import Configured
from longshore.functions import FunctionTask
from longshore.nodes import Parameter, Step
from longshore.references import Reference
from longshore.stores.classes import main_name

if TYPE_CHECKING:
    from collections.abc import Iterable

_ATOMS: Final = frozenset({int, float, bool, complex, type(None), range, bytearray})
_SHOWN: Final = (timedelta, Decimal, UUID, PurePath, re.Pattern)
_CODE: Final = (type, FunctionType, BuiltinFunctionType, MethodType, functools.partial)
_CONTAINERS: Final = (dict, list, tuple, set, frozenset)
_MOMENTS: Final = (datetime, date, time)
_LONG: Final = 256
"""Characters or bytes from which on a value's digest stands for it."""
_DEEPEST: Final = 50
_CONSTANT: Final = re.compile(r"_*[A-Z][A-Z0-9_]*")
"""How constants are written; other global values may change while a program runs."""


class Digester:
    """Digests the values of one flow; what it learned of a function or class holds as long as it lives."""

    def __init__(self) -> None:
        self._own: dict[FunctionType, str] = {}
        self._codes: dict[FunctionType | type, str] = {}
        self._open: set[int] = set()
        self._main = main_name()
        self._steps: dict[str, None] = {}

    def of(self, value: Any) -> str:
        """Return the digest of a value."""
        return _digest(self.describe(value))

    def of_input(self, value: Any) -> tuple[str, tuple[str, ...]]:
        """Return the digest of an input, and the names of the steps that it comes from."""
        self._steps.clear()
        return _digest(self.describe(value)), tuple(self._steps)

    def describe(self, value: Any) -> str:
        """Return a text that equal values share, in this process and in any other."""
        kind = cast("type[Any]", type(value))
        if kind in _ATOMS:
            return f"{kind.__name__} {value!r}"
        if kind is str or kind is bytes:
            return (
                f"{kind.__name__} {value!r}" if len(value) < _LONG else f"{kind.__name__} #{_digest(value)}"
            )
        if id(value) in self._open or len(self._open) > _DEEPEST:
            return "deeper"
        self._open.add(id(value))
        try:
            return self._describe_object(kind, value)
        except Exception:  # noqa: BLE001 - whatever foreign objects raise when they are looked at
            return self.name_of(kind)
        finally:
            self._open.discard(id(value))

    def _describe_object(self, kind: type, value: Any) -> str:
        if isinstance(value, Reference):
            return self._describe_reference(value)
        if isinstance(value, _CODE):
            return self._describe_code(value)
        name = self.name_of(kind)
        if isinstance(value, Enum):
            return f"{name}.{value.name}"
        if isinstance(value, _CONTAINERS):
            return f"{name} {self._describe_items(value)}"
        if isinstance(value, _MOMENTS):
            return f"{name} {value.isoformat()} {getattr(getattr(value, 'tzinfo', None), 'key', '')}"
        if isinstance(value, _SHOWN):
            return f"{name} {value!r}"
        if hasattr(kind, "__store__"):
            return f"{name} {self.describe(value.__store__())}"
        if isinstance(value, tzinfo):
            return f"{name} {getattr(value, 'key', None) or value.utcoffset(None)}"
        if is_dataclass(kind):
            return f"{name} {self._describe_fields(kind, value)}"
        return name

    def _describe_items(self, value: Any) -> str:
        """Describe what a container holds; sets and dicts have no order."""
        if isinstance(value, dict):
            items = [f"{self.describe(k)}: {self.describe(v)}" for k, v in cast("Any", value).items()]
        else:
            items = [self.describe(item) for item in cast("Iterable[Any]", value)]
        if not isinstance(value, list | tuple):
            items.sort()
        return f"[{', '.join(items)}]"

    def _describe_fields(self, kind: type, value: Any) -> str:
        held = {f.name: getattr(value, f.name, None) for f in fields(cast("Any", kind))}
        code = self.code_of(kind) if isinstance(value, Configured) else ""
        return f"{self._describe_items(held)}{code}"

    def _describe_reference(self, value: Reference) -> str:
        if isinstance(value, Step):
            self._steps.setdefault(value._node.name)
            return f"step {value._node.name!r}"
        if isinstance(value, Parameter):
            return f"parameter {value._name!r}"
        slots = [slot for base in type(value).__mro__ for slot in vars(base).get("__slots__", ())]
        held = {slot: getattr(value, slot) for slot in slots}
        return f"{type(value).__qualname__} {self._describe_items(held)}"

    def _describe_code(self, value: Any) -> str:
        if isinstance(value, FunctionType):
            return f"function {self.code_of(value)}"
        if isinstance(value, MethodType):
            return f"method {self.describe(value.__func__)} of {self.describe(value.__self__)}"
        if isinstance(value, functools.partial):
            held = cast("Any", value)
            return f"partial {self.describe((held.func, held.args, held.keywords))}"
        return self.name_of(value)

    def name_of(self, value: Any) -> str:
        """Return the name of a class or function, as other processes have it too."""
        module = getattr(value, "__module__", None) or ""
        return f"{self._main if module == '__main__' else module}.{value.__qualname__}"

    def code_of(self, value: FunctionType | type) -> str:
        """Return the digest of all that decides what a function does, or the methods of a class.

        That is its code, defaults and captured values, and the same of the functions of its module that it
        names, with the constants of the module, which are written in capitals. The code of Longshore and its
        integrations does not count.
        """
        if value not in self._codes:
            self._codes[value] = self._class_code(value) if isinstance(value, type) else self._joined([value])
        return self._codes[value]

    def _class_code(self, kind: type) -> str:
        own = _field_names(kind)
        members = [
            (f"{base.__qualname__}.{name}", member)
            for base in kind.__mro__
            if not _is_foreign(base.__module__)
            for name, member in vars(base).items()
            if not name.startswith(("__", "_abc_")) and name not in own
        ]
        functions = [function for _, member in members for function in _functions_in(member)]
        values = {name: member for name, member in members if not _functions_in(member)}
        return _digest(self._joined(functions) + self.describe(values)) if members else ""

    def _joined(self, functions: Iterable[FunctionType]) -> str:
        """Return the digest of functions and all those that they lead to."""
        found: dict[FunctionType, None] = {}
        waiting = [*functions]
        while waiting:
            function = waiting.pop()
            if function not in found:
                found[function] = None
                waiting += [other for value in _named_by(function).values() for other in _functions_in(value)]
        return _digest("\n".join(sorted({self._own_of(function) for function in found})))

    def _own_of(self, function: FunctionType) -> str:
        if function not in self._own:
            given = (function.__defaults__, function.__kwdefaults__, function.__name__)
            held = {name: v for name, v in _named_by(function).items() if not _functions_in(v)}
            described = [self._code_text(function.__code__, function.__doc__), self.describe((given, held))]
            self._own[function] = _digest("\n".join(described))
        return self._own[function]

    def _code_text(self, code: CodeType, doc: str | None) -> str:
        """Describe a code object without its line numbers, file names and docstring."""
        constants = [
            self._code_text(item, None) if isinstance(item, CodeType) else self.describe(item)
            for place, item in enumerate(code.co_consts)
            if not (place == 0 and doc is not None and item == doc)
        ]
        taken = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        told = (code.co_code, code.co_exceptiontable, code.co_names, taken, code.co_freevars)
        return f"{told!r}{code.co_flags}{constants!r}"


def _digest(text: str | bytes) -> str:
    import hashlib  # loads OpenSSL, which few runs need

    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _field_names(kind: Any) -> set[str]:
    return {field.name for field in fields(kind)} if is_dataclass(kind) else set()


def _is_foreign(module: str) -> bool:
    root = module.partition(".")[0]
    return root == "longshore" or root.startswith("longshore_") or root in sys.stdlib_module_names


def _functions_in(value: Any) -> list[FunctionType]:
    """Return the functions that a name stands for: itself, a method's, a property's, a task's."""
    if isinstance(value, property):
        return [f for f in (value.fget, value.fset) if isinstance(f, FunctionType)]
    inner: Any = value
    if isinstance(value, FunctionTask):
        inner = cast("Any", value).fn
    elif isinstance(value, staticmethod | classmethod):
        inner = cast("Any", value).__func__
    return [inner] if isinstance(inner, FunctionType) else []


def _named_by(function: FunctionType) -> dict[str, Any]:
    """Return what a function captured, and what it names of its module: functions and constants."""
    named: dict[str, Any] = {}
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        ours = any(other.__globals__ is function.__globals__ for other in _functions_in(value))
        if ours or (name in function.__globals__ and _CONSTANT.fullmatch(name)):
            named[name] = value
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            named[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return named


def _names(code: CodeType) -> set[str]:
    inner = [_names(item) for item in code.co_consts if isinstance(item, CodeType)]
    return {*code.co_names}.union(*inner)
