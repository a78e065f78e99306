"""What this integration offers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from longshore import LongshoreError, Task, hookimpl
from longshore_email import EmailChannel, EmailConnection, EmailSend

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from longshore import Channel


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the task."""
    return [EmailSend]


@hookimpl
def longshore_channels() -> Mapping[str, type[Channel]]:
    """Return the channel."""
    return {"email": EmailChannel}


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Connect to the server of the environment and sign in, if one is named; nothing is sent."""
    if not os.environ.get("LONGSHORE_SMTP_HOST"):
        yield "mail server", True, "none in the environment (LONGSHORE_SMTP_HOST); flows may name one"
        return
    from longshore_email.client import knock

    try:
        connection = EmailConnection(connect_timeout=3.0, read_timeout=3.0).settled()
        knock(connection, within=5.0)
    except LongshoreError as error:
        yield "mail server", False, str(error)
    else:
        signed_in = f", signed in as {connection.username}" if connection.username else ""
        yield "mail server", True, f"{connection.label} answers{signed_in}"
