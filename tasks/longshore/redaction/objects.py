"""Mask the values of secrets inside objects: containers, and errors with all that hangs on them."""

from __future__ import annotations

from types import GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final, cast

from longshore.errors import PortableError
from longshore.redaction.values import has_secrets, redact, redact_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_PLAIN: Final = (int, float, complex, bool, type(None), type)
_SET_OTHERWISE: Final = {"args", "exceptions", "message", "obj"}
"""Built-in attributes of errors that are read-only or come with the arguments; `obj` is any object at all."""


def redact_value(value: Any) -> Any:
    """Return a value with every secret masked in its strings, bytes and plain containers.

    Dict keys are masked too. Other objects stay as they are; a value without secrets is returned itself.
    """
    return _Masker().mask(value) if has_secrets() else value


def redact_error(error: BaseException) -> BaseException:
    """Return an error without secrets: itself when it has none, else a masked copy of it.

    Arguments, attributes, notes, causes, contexts and the members of groups are looked at. An object among
    them that shows or pickles a secret becomes its masked `repr`. The copy has the type and the traceback of
    the original; where no clean copy can be made it is a `PortableError`.
    """
    return _redact_error(error, frozenset()) if has_secrets() else error


class _Masker:
    """Copies containers, each once, so that shared and recursive ones stay so."""

    def __init__(self, leaf: Callable[[Any], Any] = lambda value: value) -> None:
        self._leaf = leaf
        self._copies: dict[int, Any] = {}
        self._changed = False

    def mask(self, value: Any) -> Any:
        copy = self._copy(value)
        return copy if self._changed else value

    def _copy(self, value: Any) -> Any:
        match value:
            case str():
                masked: Any = redact(value)
                return self._noted(value, masked, changed=masked != value)
            case bytes() | bytearray():
                masked = type(value)(redact_bytes(bytes(value)))
                return self._noted(value, masked, changed=masked != value)
            case dict() | list() | tuple() | set() | frozenset():
                return self._container(cast("Any", value))
            case _:
                masked = self._leaf(value)
                return self._noted(value, masked, changed=masked is not value)

    def _noted(self, value: Any, masked: Any, *, changed: bool) -> Any:
        self._changed = self._changed or changed
        return masked if changed else value

    def _container(self, value: Any) -> Any:
        key, kind = id(value), cast("Any", type(value))
        if key in self._copies:
            return self._copies[key]
        if issubclass(kind, dict | list):
            copy = self._copies[key] = _emptied(value)  # before its items: one may be the container itself
            if issubclass(kind, dict):
                copy.update({self._copy(name): self._copy(item) for name, item in value.items()})
            else:
                copy.extend([self._copy(item) for item in value])
            return copy
        items = [self._copy(item) for item in value]
        self._copies[key] = kind._make(items) if hasattr(kind, "_make") else kind(items)
        return self._copies[key]


def _emptied(value: Any) -> Any:
    """Return an empty container of the same type and attributes."""
    from copy import copy

    empty = copy(value)
    empty.clear()
    return empty


def _redact_error(error: BaseException, inside: frozenset[int]) -> BaseException:
    nodes = {id(node): node for node in _reachable(error)}
    views = {key: _View(node, inside | {key}) for key, node in nodes.items()}
    tainted = {key for key, view in views.items() if view.tainted}
    grew = bool(tainted)
    while grew:
        more = {key for key, node in nodes.items() if any(id(link) in tainted for link in _links(node))}
        grew = not more <= tainted
        tainted |= more
    if id(error) not in tainted:
        return error
    copies: dict[int, BaseException] = {}
    for key in tainted:
        _copy_into(copies, nodes[key], tainted, views)
    for key, copy in copies.items():
        original = nodes[key]
        copy.__cause__ = _replaced(original.__cause__, copies)
        copy.__context__ = _replaced(original.__context__, copies)
        copy.__suppress_context__ = original.__suppress_context__
        copy.__traceback__ = original.__traceback__
    return copies[id(error)]


def _replaced(error: BaseException | None, copies: dict[int, BaseException]) -> BaseException | None:
    return copies.get(id(error), error)


def _links(error: BaseException) -> list[BaseException]:
    linked = [error.__cause__, error.__context__, *_members(error)]
    return [link for link in linked if link is not None]


def _members(error: BaseException) -> tuple[BaseException, ...]:
    group = isinstance(error, BaseExceptionGroup)
    return cast("BaseExceptionGroup[BaseException]", error).exceptions if group else ()


def _reachable(error: BaseException) -> Iterable[BaseException]:
    found: dict[int, BaseException] = {}
    waiting = [error]
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found[id(node)] = node
            waiting += _links(node)
    return found.values()


class _View:
    """What one error holds by itself, as it is and masked."""

    def __init__(self, error: BaseException, inside: frozenset[int]) -> None:
        masker = _Masker(lambda value: _masked_object(value, inside))
        group = isinstance(error, BaseExceptionGroup)
        held = (error.args[:1] if group else error.args, dict(_attributes(error)))
        masked = masker.mask(held)
        self.args: tuple[Any, ...] = masked[0]
        self.attributes: dict[str, Any] = masked[1]
        self.text = _text(error)
        self.tainted = masked is not held or redact(self.text) != self.text


def _attributes(error: BaseException) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of an error, also those that C code or `__slots__` keep outside its `__dict__`."""
    yield from vars(error).items()
    for kind in type(error).__mro__:
        for name, member in vars(kind).items():
            stored = isinstance(member, MemberDescriptorType | GetSetDescriptorType)
            if stored and not name.startswith("__") and name not in _SET_OTHERWISE:
                try:
                    yield name, getattr(error, name)
                except AttributeError:
                    continue


def _masked_object(value: Any, inside: frozenset[int]) -> Any:
    """Return an object that an error carries, or its masked `repr` if it would give a secret away."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, BaseException) and id(value) not in inside:
        return _redact_error(value, inside | {id(value)})
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 - a foreign __repr__; what cannot be shown is not shown
        shown = f"<{type(value).__name__}>"
    return redact(shown) if redact(shown) != shown or _pickles_a_secret(value) else value


def _pickles_a_secret(value: Any) -> bool:
    import pickle

    try:
        data = pickle.dumps(value)
    except Exception:  # noqa: BLE001 - whatever a foreign __reduce__ raises: it does not pickle, so it stays here
        return False
    return redact_bytes(data) != data


def _text(error: BaseException) -> str:
    try:
        return f"{error}\n{error!r}"
    except Exception:  # noqa: BLE001 - a foreign __str__; an error that cannot be shown shows no secret
        return type(error).__name__


def _copy_into(
    copies: dict[int, BaseException], error: BaseException, tainted: set[int], views: dict[int, _View]
) -> BaseException:
    """Make the masked copy of one error, after those of its members."""
    if id(error) in copies or id(error) not in tainted:
        return copies.get(id(error), error)
    members = [_copy_into(copies, member, tainted, views) for member in _members(error)]
    view = views[id(error)]
    copy = copies[id(error)] = _copy(error, view, members) or _portable(error, members)
    return copy


def _copy(error: BaseException, view: _View, members: list[BaseException]) -> BaseException | None:
    """Return a copy of the same type, or None where none without secrets can be made."""
    kind = cast("Any", type(error))
    try:
        copy: BaseException = kind.__new__(kind, *view.args, *([members] if members else ()))
        if not members:
            copy.args = view.args
        for name, value in view.attributes.items():
            if getattr(copy, name, copy) is not value:
                object.__setattr__(copy, name, value)
        text = f"{copy}\n{copy!r}"
    except Exception:  # noqa: BLE001 - foreign constructors and properties may raise anything
        return None
    return copy if redact(text) == text else None


def _portable(error: BaseException, members: list[BaseException]) -> BaseException:
    import traceback

    message = redact(_text(error).partition("\n")[0])
    if members:
        return BaseExceptionGroup(message, members)
    lines = traceback.format_exception(error, chain=False)
    kind = type(error)
    portable = PortableError(message, f"{kind.__module__}.{kind.__qualname__}", redact("".join(lines)))
    for name in ("retryable", "retry_after"):
        if hasattr(error, name):
            setattr(portable, name, getattr(error, name))
    return portable
