"""Addresses, taken apart and checked: what stands in a header, and what goes to the server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.headerregistry import Address as HeaderAddress
from typing import TYPE_CHECKING, Final

from longshore_email.errors import MailInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable

_ATOM: Final = r"[^\s\x00-\x20\x7f-\xa0\"(),:;<>@\[\]\\.]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_LITERAL: Final = re.compile(r"\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]+)\]")
_BROKEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What no header may hold: control characters, line ends of any kind, halves of characters."""
_WHOLE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>]*>|,')
_DIFFERS: Final = re.compile("[ßςẞ\u200c\u200d]")
"""Characters that name one domain by IDNA 2003, which Python has, and another one by IDNA 2008."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address.

    Args:
        local: What stands before the @.
        domain: What stands after it, in ASCII.
        name: Whose it is; may be empty.
    """

    local: str
    domain: str
    name: str = ""

    @property
    def mailbox(self) -> str:
        """What goes to the server."""
        return f"{self.local}@{self.domain}"

    @property
    def header(self) -> HeaderAddress:
        """What stands in a header."""
        return HeaderAddress(self.name, self.local, self.domain)

    @property
    def international(self) -> bool:
        """Whether only a server with SMTPUTF8 takes it."""
        return not self.local.isascii()


def parse_addresses(given: str | Iterable[str]) -> tuple[Address, ...]:
    """Return the addresses of texts, each with one or several: `Ann Lee <ann@example.com>, bob@example.com`.

    Raises:
        MailInvalid: One of them is no address.
    """
    texts = [given] if isinstance(given, str) else list(given)
    found = [parse_address(part) for text in texts for part in _split(text)]
    return tuple({address.mailbox: address for address in found}.values())


def parse_address(text: str) -> Address:
    """Return one address: `ann@example.com` or `Ann Lee <ann@example.com>`.

    Raises:
        MailInvalid: It is none.
    """
    if _BROKEN.search(text):
        raise _invalid(text, "it has a line break or another control character")
    name, bracket, rest = text.strip().rpartition("<")
    mailbox = rest.strip().removesuffix(">") if bracket else text.strip()
    if bracket and not rest.strip().endswith(">"):
        raise _invalid(text, "it has a '<' without a '>'")
    local, at, domain = mailbox.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local.encode()) > 64:
        raise _invalid(text, "it is not of the form name@domain")
    return Address(local, _ascii_domain(text, domain), _unquoted(name.strip()))


def check_header(name: str, value: str) -> str:
    """Return a header's value, if it is one line.

    Raises:
        MailInvalid: It has a line break or another control character.
    """
    if _BROKEN.search(value):
        raise MailInvalid(
            f"cannot send the header {name!r}: its value has a line break or a control character"
        )
    return value


def as_line(text: str) -> str:
    """Return any text as one line that a header may hold."""
    return " ".join(_BROKEN.sub(" ", text).split())


def _split(text: str) -> list[str]:
    """Split at the commas outside of quotes and brackets."""
    parts, start = list[str](), 0
    for match in _WHOLE.finditer(text):
        if match[0] == ",":
            parts.append(text[start : match.start()])
            start = match.end()
    return [part for part in (*parts, text[start:]) if part.strip()]


def _unquoted(name: str) -> str:
    if len(name) > 1 and name.startswith('"') and name.endswith('"'):
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name


def _ascii_domain(text: str, domain: str) -> str:
    if _LITERAL.fullmatch(domain):
        return domain
    if _DIFFERS.search(domain):
        raise _invalid(text, "its domain reads differently by two standards; write it as xn--...")
    try:
        found = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        found = ""
    labels = found.split(".")
    if len(found) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid(text, "what stands after its @ is no domain")
    return found


def _invalid(text: str, why: str) -> MailInvalid:
    shown = text if len(text) <= 100 else f"{text[:100]}..."
    return MailInvalid(f"cannot use {shown!r} as an address: {why}; write ann@example.com")
