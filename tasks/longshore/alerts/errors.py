"""What a channel raises."""

from __future__ import annotations

from longshore.errors import LongshoreError


class DeliveryError(LongshoreError):
    """A message could not be delivered, or it is not known whether it was.

    Args:
        text: What could not be done, what was seen, what to do.
        retryable: Whether the same message may get through later.
        retry_after: Seconds that the service asked to wait; None if it said nothing.
        uncertain: The message may have arrived all the same: it was sent, and no answer came.
    """

    def __init__(
        self,
        text: str,
        *,
        retryable: bool = True,
        retry_after: float | None = None,
        uncertain: bool = False,
    ) -> None:
        super().__init__(text)
        self.retryable = retryable
        self.retry_after = retry_after
        self.uncertain = uncertain
