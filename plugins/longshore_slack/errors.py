"""The errors, one class for each `except` clause someone would write.

SlackError
├── SlackUnauthorizedError (PermissionError)   the token or webhook is not accepted, or a scope is missing
├── SlackNotFoundError (LookupError)           no such channel, user, message, file or webhook
├── SlackRateLimitedError                      Slack asks to be left alone for a while
├── SlackRefusedError (ValueError)             Slack does not take what was sent, or not there
├── SlackUnreachableError (ConnectionError)    no connection, no whole answer, or Slack itself fails
│   └── SlackTlsError                          the server's certificate cannot be trusted
├── SlackDeniedError                           somebody denied what was waited for
└── SlackWaitError (TimeoutError)              nobody answered in time

None of them shows a token or a webhook's URL, and none keeps an error of a library that would.
"""

from __future__ import annotations

from longshore import LongshoreError


class SlackError(LongshoreError):
    """The root of the errors of Slack.

    Attributes:
        error: Slack's own word for it, such as `channel_not_found`; empty when Slack gave none.
        uncertain: The request was sent whole and no whole answer came, so it may have been carried out.
    """

    error: str = ""
    uncertain: bool = False


class SlackUnauthorizedError(SlackError, PermissionError):
    """The token or the webhook is not accepted, or may not do this.

    Attributes:
        needed: The scope that is missing; empty when it is something else.
    """

    retryable = False
    needed: str = ""


class SlackNotFoundError(SlackError, LookupError):
    """There is no such channel, user, message, file or webhook, or the bot cannot see it."""

    retryable = False


class SlackRateLimitedError(SlackError):
    """Slack asks to be left alone for `retry_after` seconds."""


class SlackRefusedError(SlackError, ValueError):
    """Slack does not take what was sent, or not at that place."""

    retryable = False


class SlackUnreachableError(SlackError, ConnectionError):
    """There was no connection, no whole answer of Slack's, or Slack failed."""


class SlackTlsError(SlackUnreachableError):
    """The certificate of the server, or its TLS, cannot be trusted."""

    retryable = False


class SlackDeniedError(SlackError):
    """Somebody denied what was waited for.

    Attributes:
        user: The id of who did.
    """

    retryable = False
    user: str = ""


class SlackWaitError(SlackError, TimeoutError):
    """Nobody answered in time."""

    retryable = False
