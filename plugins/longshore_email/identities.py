"""One Message-ID for each call: the same in each of its attempts, another one for every other call."""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING

from longshore import current
from longshore_email.mails import make_message_id

if TYPE_CHECKING:
    from longshore_email.mails import Mail

_counted: ContextVar[tuple[object, int]] = ContextVar("longshore_email_counted", default=(None, 0))


def identified(mail: Mail) -> Mail:
    """Return a mail with the Message-ID of the call that is being made."""
    content = (mail.subject, mail.text, mail.html, mail.recipients, mail.attachments)
    digest = hashlib.sha256(repr(content).encode("utf-8", "surrogatepass"))
    for attachment in mail.attachments:
        data = attachment.data
        digest.update(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
    key = f"{current.call_id}/{_count()}/{digest.hexdigest()}"
    return replace(mail, message_id=make_message_id(key, mail.sender))


def _count() -> int:
    """Return how many mails this attempt has sent before."""
    attempt = (current.call_id, current.attempt) if current.name else None
    known, count = _counted.get()
    count = count + 1 if attempt is not None and known == attempt else 0
    _counted.set((attempt, count))
    return count
