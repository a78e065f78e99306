"""A template of the user's, applied to a message; a broken one loses no alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from longshore import deadlines
from longshore.alerts.messages import Message
from longshore.errors import error_text
from longshore.logs import run_log
from longshore.secrets import redact

if TYPE_CHECKING:
    from longshore.alerts.handlers import Template
    from longshore.alerts.incidents import Incident

_LONGEST: Final = 5.0
"""Seconds that a template may take; nothing is told meanwhile."""


def apply_template(template: Template, message: Message, incident: Incident) -> Message:
    """Return what a template makes of a message; the message itself when the template is broken."""
    try:
        made = deadlines.ask_within(lambda: template(message, incident), _LONGEST)
        if isinstance(cast("object", made), Message):
            return made
        why = f"it returned {type(made).__name__}; return a Message"
    except Exception as error:  # noqa: BLE001 - the alert goes out all the same
        why = redact(f"{type(error).__name__}: {error_text(error)}")  # the run may have ended
    run_log.warning("alerts | a template failed: %s", why)
    return message
