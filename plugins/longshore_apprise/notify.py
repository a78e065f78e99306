"""`AppriseNotify`: one message to one service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from longshore import ConfigurationError, Delay, Exponential, Secret, Task
from longshore_apprise.client import Format, Kind, Overflow, Parcel, Sent, notify
from longshore_apprise.errors import NotifyFailed

if TYPE_CHECKING:
    from collections.abc import Sequence


class AppriseNotify(Task[Sent]):
    """Send one message to a service that Apprise knows.

    Worth another attempt is what Apprise calls a failure, unless the service answered that it will never take
    it (400, 401, 404, ...). A message that may have arrived is sent again only with `repeatable=True`.

    Args:
        url: The Apprise URL, which is a secret: `Secret("env:DISCORD_URL")`.
        kind: `info`, `success`, `warning` or `failure`, which services show as a color or an image.
        format: What the body is written in: `text`, `markdown` or `html`; services get what they can show.
        overflow: What to do with what the service does not take: `cut` it and say so, or `split` it in
            several messages.

    Example:
        >>> AppriseNotify(url=Secret("env:DISCORD_URL"))("336,776 flights loaded", "nightly")
    """

    url: Secret
    kind: Kind = "info"
    format: Format = "text"
    overflow: Overflow = "cut"
    retries: int = 3
    retry_delay: Delay = Exponential(base=2.0, cap=60.0)
    timeout: float | None = 120.0
    repeatable: bool = False

    def check(self) -> None:
        if not isinstance(self.url, Secret):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"{self.name}(url=...) takes a Secret, as the URL holds credentials; "
                'write url=Secret("env:APPRISE_URL")'
            )

    def run(self, body: str, title: str = "", *, attachments: Sequence[str | Path] = ()) -> Sent:
        """Send the message.

        Args:
            body: What to say.
            title: One line above it; services without titles show it as the first line.
            attachments: Paths of files.

        Raises:
            ServiceInvalid: There is no such service, or it cannot take this.
            NotifyFailed: It did not take it.
        """
        parcel = Parcel(
            title=" ".join(title.split()),
            body=body,
            kind=self.kind,
            format=self.format,
            attachments=[Path(path) for path in attachments],
            overflow=self.overflow,
        )
        try:
            return notify(self.url.get(), parcel)
        except NotifyFailed as error:
            error.retryable = error.retryable and (self.repeatable or not error.uncertain)
            raise
