"""`SlackUpload`: files in a channel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from longshore import ConfigurationError, Delay, Task, field
from longshore_slack.channel import named
from longshore_slack.client import Slack
from longshore_slack.connections import SlackConnection
from longshore_slack.directories import Directory
from longshore_slack.errors import SlackError
from longshore_slack.files import Source, hand_over, send_bytes
from longshore_slack.places import SlackFile, SlackMessage
from longshore_slack.post import RETRY_DELAY, never_twice
from longshore_slack.texts import clean, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

Content: TypeAlias = Path | str | bytes
"""The path of a file, or bytes."""


class SlackUpload(Task[tuple[SlackFile, ...]]):
    """Show files of any size in a channel or a thread; the result has one entry for each.

    Bytes are sent as they are read from disk, to a place that nobody sees; only when all are there are the
    files shown, together. So what fails before is tried again, and never half a file is seen.

    Args:
        channel: `#data`, a channel's id, `@ann`, an e-mail address, or a user's id.
        connection: How to reach Slack.
        timeout: Seconds for an attempt in all; None for no limit, as files may be large.
        repeatable: Whether files may be shown again that may have been shown.

    Example:
        >>> SlackUpload("#data")("report.pdf", comment="the report of today")
    """

    channel: str = field(kw_only=False)
    connection: SlackConnection = SlackConnection()
    retries: int = 3
    retry_delay: Delay = RETRY_DELAY
    repeatable: bool = False

    def check(self) -> None:
        object.__setattr__(self, "channel", named(self.name, self.channel))

    def run(
        self,
        files: Content | Sequence[Content],
        *,
        filename: str = "",
        title: str = "",
        comment: str = "",
        thread: SlackMessage | str | None = None,
    ) -> tuple[SlackFile, ...]:
        """Send the files and show them.

        Args:
            files: The path of a file, bytes, or several of these.
            filename: What the file is called; by default as it is on disk. For one file only.
            title: What stands above it; by default its name. For one file only.
            comment: What is said with the files; no mention and no link by itself.
            thread: The message beneath which they go.

        Raises:
            SlackError: They were not shown, or may not have been.
        """
        slack = Slack(self.connection)
        sources = _sources(self.name, files, filename, title)
        place = Directory(slack).place(self.channel)
        what = f"upload {', '.join(repr(source.filename) for source in sources[:5])} to {self.channel!r}"
        sent = [send_bytes(slack, source, what) for source in sources]
        head = thread.thread if isinstance(thread, SlackMessage) else thread or ""
        try:
            shown = hand_over(slack, what, sent, channel=place, thread=head, comment=escape(clean(comment)))
        except SlackError as error:
            raise never_twice(error, repeatable=self.repeatable) from None
        links = {str(found.get("id")): str(found.get("permalink") or "") for found in shown}
        return tuple(
            SlackFile(one["id"], source.filename, links.get(one["id"], ""))
            for one, source in zip(sent, sources, strict=True)
        )


def _sources(owner: str, files: Content | Sequence[Content], filename: str, title: str) -> list[Source]:
    given = [files] if isinstance(files, Path | str | bytes) else list(files)
    if not given:
        raise ConfigurationError(f"{owner}() got no file; give a path or bytes")
    if (filename or title) and len(given) > 1:
        raise ConfigurationError(
            f"{owner}(filename=..., title=...) are for one file, and there are {len(given)}"
        )
    return [_source(one, filename, title) for one in given]


def _source(content: Content, filename: str, title: str) -> Source:
    if isinstance(content, bytes):
        return Source(content, clean(filename or "data.bin"), clean(title))
    path = Path(content)
    return Source(path, clean(filename or path.name), clean(title))
