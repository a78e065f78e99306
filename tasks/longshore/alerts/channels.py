"""`Channel`: where messages go. A plugin offers one by its scheme; a user writes one in ten lines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast, get_args, get_type_hints
from urllib.parse import parse_qsl, quote, unquote, urlencode

from longshore.alerts.errors import DeliveryError
from longshore.errors import ConfigurationError
from longshore.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore.alerts.messages import Message, Receipt

C = TypeVar("C", bound="Channel")

_SHOWN: Final = "#@:/+,;~!$*()'"
"""Letters of a target that stand in an address as they are."""


class Channel(ABC):
    """A place that messages are sent to: a Slack channel, a mailbox, a pager.

    A subclass is a frozen dataclass whose first field names the place; it has a `scheme`, and `send`. One
    that can do more says so: `edits`, `threads`, `finds`. All methods may be called from any thread, one at
    a time for each channel; they raise `DeliveryError`, or anything else, which counts as one that may be
    tried again. Each must end by itself within some 30 s.

    Attributes:
        scheme: What its addresses begin with, a lower-case word.
        edits: Whether `edit` works.
        threads: Whether `reply` works.
        finds: Whether `find` works.

    Example:
        >>> @dataclass(frozen=True)
        ... class Pager(Channel):
        ...     scheme = "pager"
        ...     number: str
        ...
        ...     def send(self, message: Message) -> None:
        ...         dial(self.number, message.plain)
    """

    scheme: ClassVar[str] = ""

    @property
    def edits(self) -> bool:
        """Whether a message can be changed after it was sent."""
        return False

    @property
    def threads(self) -> bool:
        """Whether a message can be answered by another one, which is shown beneath it."""
        return False

    @property
    def finds(self) -> bool:
        """Whether it can be found out that a message has arrived."""
        return False

    @abstractmethod
    def send(self, message: Message) -> Receipt | str | None:
        """Show a message; return where it is, or what the channel calls it, or nothing.

        Raises:
            DeliveryError: It did not arrive, or may not have.
        """

    def edit(self, receipt: Receipt, message: Message) -> None:
        """Show a message in the place of the one that was sent before."""
        raise DeliveryError(f"{self.address!r} cannot edit messages", retryable=False)

    def reply(self, receipt: Receipt, message: Message) -> Receipt | str | None:
        """Show a message beneath the one that was sent before."""
        raise DeliveryError(f"{self.address!r} has no threads", retryable=False)

    def find(self, message: Message) -> Receipt | None:
        """Return where a message of this key is, None when it certainly never arrived.

        Raises:
            DeliveryError: That cannot be seen.
        """
        raise DeliveryError(f"{self.address!r} cannot be searched", retryable=False)

    def probe(self) -> None:  # noqa: B027 - a channel that cannot look need not
        """Return when the service answers, without showing anything to anybody; raise when it does not."""

    @property
    def address(self) -> str:
        """The channel as text without secrets: `slack:#data?token=env:SLACK_TOKEN`.

        Another process makes the same channel of it.

        Raises:
            ConfigurationError: A setting is neither text, number, yes or no, nor a `Secret`.
        """
        first, *rest = _fields(type(self))
        target = quote(_text(self, first), safe=_SHOWN)
        changed = {name: _text(self, name) for name in rest if getattr(self, name) != _default(self, name)}
        return f"{self.scheme}:{target}" + (f"?{urlencode(changed, safe=_SHOWN)}" if changed else "")

    @classmethod
    def of_address(cls: type[C], address: str) -> C:
        """Return the channel of an address.

        Raises:
            ConfigurationError: The address is another scheme's, or has settings that there are not.
        """
        scheme, _, rest = address.partition(":")
        target, _, query = rest.partition("?")
        first, *others = _fields(cls)
        given = dict(parse_qsl(query, keep_blank_values=True))
        unknown = [name for name in given if name not in others]
        if scheme != cls.scheme or unknown:
            raise ConfigurationError(_misfit(cls, given, scheme, unknown, others))
        kinds = get_type_hints(cls)
        texts = {first: unquote(target), **given}
        return cls(**{name: _setting(cls, name, text, kinds[name]) for name, text in texts.items()})


def _misfit(
    kind: type[Channel], given: Mapping[str, str], scheme: str, unknown: list[str], known: list[str]
) -> str:
    """Say what is wrong with an address without its text, in which somebody may have written a token."""
    if scheme != kind.scheme:
        return f"cannot make a {kind.__name__} of an address: it does not begin with {kind.scheme!r}"
    # What stands alone is no name of a setting: the rest of a URL, say.
    named = repr(unknown[0]) if given[unknown[0]] and unknown[0].isidentifier() else "of that name"
    there = f"there are {', '.join(known)}" if known else "there are none"
    return f"cannot make a channel of an address of {scheme!r}: it has no setting {named}; {there}"


def _setting(channel: type[Channel], name: str, text: str, kind: Any) -> Any:
    try:
        return _value(text, kind)
    except ValueError:
        raise ConfigurationError(
            f"cannot make a channel of an address of {channel.scheme!r}: its {name} is no number; write one"
        ) from None


def _fields(kind: type[Channel]) -> list[str]:
    if not is_dataclass(kind):
        raise ConfigurationError(f"{kind.__name__} is no dataclass; write @dataclass(frozen=True) above it")
    return [f.name for f in fields(kind) if f.init]


def _default(channel: Channel, name: str) -> Any:
    found: Any = next(f for f in fields(cast("Any", channel)) if f.name == name)
    return found.default_factory() if found.default_factory is not MISSING else found.default


def _text(channel: Channel, name: str) -> str:
    value = getattr(channel, name)
    if isinstance(value, Secret):
        return value.reference
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    raise ConfigurationError(
        f"cannot write {type(channel).__name__}'s {name} as text: it is a {type(value).__name__}; "
        "a channel's settings are text, numbers, yes or no, and Secret(...)"
    )


def _value(text: str, kind: Any) -> Any:
    """Return what a setting's text means, by the type that is declared for it."""
    kinds = [k for k in (get_args(kind) or (kind,)) if k is not type(None)]
    if Secret in kinds:
        return Secret(text)
    if bool in kinds:
        return text == "yes"
    number = next((k for k in (int, float) if k in kinds), None)
    return number(text) if number is not None and str not in kinds else text
