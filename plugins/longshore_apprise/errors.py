# ruff: noqa: N818 - failures are called what people say: NotifyFailed
"""The errors, one class for each `except` clause someone would write.

AppriseError
├── ServiceInvalid (ValueError)   no service can be made of the URL, or it cannot take what was given
└── NotifyFailed                  the service did not take the message, or may have
"""

from __future__ import annotations

from longshore import LongshoreError


class AppriseError(LongshoreError):
    """The root of the errors of Apprise."""


class ServiceInvalid(AppriseError, ValueError):
    """No service can be made of the URL, or it cannot take what was given."""

    retryable = False


class NotifyFailed(AppriseError):
    """The service did not take the message.

    Attributes:
        retryable: Whether the same message may be taken later, as far as Apprise tells.
        uncertain: The message, or a part of it, may have arrived all the same.
    """

    def __init__(self, message: str, *, retryable: bool = True, uncertain: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.uncertain = uncertain
