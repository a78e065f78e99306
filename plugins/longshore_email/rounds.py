"""One message to several people, of whom some may be put off while others get it."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from longshore import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_email.connections import EmailConnection
    from longshore_email.letters import Letter, Refusal

_log: Final = logging.getLogger("longshore.run")
WITHIN: Final = 25.0
"""Seconds for one mail, from the connection to the server's answer."""
_MOST_TRIES: Final = 8
"""How often a mail is sent to those who are put off (4xx) when others have got it."""
_MOST_KNOWN: Final = 1_000


class Round:
    """Who has got a message already, while some of its recipients are put off.

    A process remembers it, so that those who have it do not get it again. After a restart they may, with the
    same Message-ID.
    """

    _known: ClassVar[OrderedDict[tuple[str, str], Round]] = OrderedDict()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, key: tuple[str, str]) -> None:
        self._key = key
        self._accepted: set[str] = set()
        self._refused: dict[str, Refusal] = {}
        self._tries = 0

    @classmethod
    def of(cls, address: str, key: str) -> Round:
        """Return what is known of a message for a channel."""
        with cls._lock:
            found = cls._known.get((address, key))
        return found or cls((address, key))

    def deliver(self, connection: EmailConnection, letter: Letter) -> None:
        """Send a mail to those who have not got it, and may get it.

        Raises:
            DeliveryError: Some were put off, or all were refused.
        """
        from longshore_email.client import deliver

        left = tuple(one for one in letter.recipients if one not in self._accepted | self._refused.keys())
        refused = deliver(connection, replace(letter, recipients=left), partial=True, within=WITHIN)
        self._accepted.update(one for one in left if one not in refused)
        self._tries += 1
        put_off = {one: refusal for one, refusal in refused.items() if refusal.code < 500}
        self._refused |= {one: refusal for one, refusal in refused.items() if one not in put_off}
        if put_off and not (self._accepted and self._tries >= _MOST_TRIES):
            self._remember()
            raise DeliveryError(_said(put_off, f"{len(put_off)} of {len(letter.recipients)} was put off"))
        self._forget()
        if not self._accepted:
            raise DeliveryError(_said(self._refused, "all was refused"), retryable=False)
        for one, refusal in (self._refused | put_off).items():
            _log.warning("alerts | mail to %s was refused: %s", one, refusal)

    def _remember(self) -> None:
        with self._lock:
            self._known[self._key] = self
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

    def _forget(self) -> None:
        with self._lock:
            self._known.pop(self._key, None)


def _said(refused: Mapping[str, Refusal], what: str) -> str:
    return f"mail to {what}: " + "; ".join(f"{one}: {refusal}" for one, refusal in refused.items())
