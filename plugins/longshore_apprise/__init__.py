"""A hundred services by the `apprise` library: alerts, and messages as a task.

The Apprise URL of a service holds its credentials, so it is always a `Secret`. Nothing else is read: no
configuration files of Apprise, none of its variables.

Example:
    >>> from longshore_apprise import AppriseAlert, AppriseNotify
    >>> AppriseNotify(url=Secret("env:DISCORD_URL"))("336,776 flights loaded", "nightly")
    >>> @flow(state_handlers=[AppriseAlert("pagerduty", url=Secret("env:PAGERDUTY_URL"))])
    ... def nightly(): ...
"""

from __future__ import annotations

from longshore_apprise.channel import AppriseAlert, AppriseChannel
from longshore_apprise.client import Sent
from longshore_apprise.errors import AppriseError, NotifyFailed, ServiceInvalid
from longshore_apprise.notify import AppriseNotify

__all__ = [
    "AppriseAlert",
    "AppriseChannel",
    "AppriseError",
    "AppriseNotify",
    "NotifyFailed",
    "Sent",
    "ServiceInvalid",
]
