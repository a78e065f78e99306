"""What goes to a mail server, and whom it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore_email.errors import RecipientsRefused

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail as it goes to the server.

    Args:
        sender: Where failures are returned to.
        recipients: Who gets it.
        content: Headers and body.
        international: Whether only a server with SMTPUTF8 can take it.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    international: bool = False

    def label(self, server: str) -> str:
        """Return what messages call the sending of it."""
        people = ", ".join(self.recipients[:3]) + (", ..." if len(self.recipients) > 3 else "")
        return f"send mail to {people!r} by {server!r}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server said to one recipient.

    Args:
        code: The reply code; from 500 on for good.
        text: The server's words.
    """

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def recipients_refused(label: str, refused: Mapping[str, Refusal]) -> RecipientsRefused:
    """Return the error of a mail that was sent to nobody, as these were refused."""
    said = {address: str(refusal) for address, refusal in refused.items()}
    shown = "; ".join(f"{address}: {text}" for address, text in list(said.items())[:5])
    more = f"; and {len(said) - 5} more" if len(said) > 5 else ""
    # One that is refused for good will be so again.
    worst = max(refusal.code for refusal in refused.values())
    return RecipientsRefused(
        f"cannot {label}: it was refused for {shown}{more}; nobody has got it", worst, said
    )
