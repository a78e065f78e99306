"""Files, by Slack's flow in three steps: ask for a place, send the bytes there, hand it over to a channel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, cast

from longshore import current
from longshore_slack.answers import check_upload
from longshore_slack.connections import check_url
from longshore_slack.errors import SlackError, SlackRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from longshore_slack.client import Slack

_CHUNK: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be sent: a file, or bytes.

    Attributes:
        content: Where the bytes are.
        filename: What Slack calls it.
        title: What people see above it.
    """

    content: Path | bytes
    filename: str
    title: str = ""


class _Counted:
    """A file that is read as it is sent, and tells how far it is; never more bytes than were announced."""

    def __init__(self, stream: IO[bytes], size: int, name: str) -> None:
        self._stream, self._size, self._name, self._done = stream, size, name, 0

    def read(self, count: int = -1) -> bytes:
        left = self._size - self._done
        chunk = self._stream.read(min(_CHUNK, left, count if count > 0 else left))
        if left and not chunk:
            raise SlackRefusedError(f"cannot send {self._name!r}: it became shorter while it was sent")
        self._done += len(chunk)
        current.progress(done=self._done, total=self._size, unit="B", message=self._name)
        return chunk


def send_bytes(slack: Slack, source: Source, what: str, *, within: float = 0.0) -> dict[str, str]:
    """Send a file's bytes to a place that nobody sees yet, and return what `hand_over` takes.

    Args:
        slack: The workspace.
        source: The file.
        what: What is being done, for messages.
        within: Seconds for the bytes in all; 0 for no limit.

    Raises:
        SlackError: It failed.
    """
    if isinstance(source.content, bytes):
        return _send(slack, source, what, source.content, len(source.content), within)
    try:
        with source.content.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            return _send(slack, source, what, _Counted(stream, size, source.filename), size, within)
    except OSError as error:
        if error.filename is None:
            raise
        raise SlackRefusedError(f"cannot {what}: {error.strerror}; give a file that can be read") from error


def _send(slack: Slack, source: Source, what: str, data: Any, size: int, within: float) -> dict[str, str]:
    from urllib.request import Request

    from longshore_slack.transport import exchange

    if not size:
        raise SlackRefusedError(f"cannot {what}: it is empty, and Slack takes no empty files")
    answer = slack.ask("files_getUploadURLExternal", what, filename=source.filename, length=size)
    url, file_id = str(answer.get("upload_url", "")), str(answer.get("file_id", ""))
    # The URL lets anybody write there, so it is not shown.
    check_url("the place that Slack gave for the file", url, shown=False)
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    request = Request(url, data=data, headers=headers, method="POST")  # noqa: S310 - looked at above
    try:
        check_upload(exchange(slack.connection, request, what, within=within), what)
    except SlackError as error:
        error.uncertain = False  # nobody sees the file before it is handed over
        raise
    return {"id": file_id, "title": source.title or source.filename}


def hand_over(
    slack: Slack,
    what: str,
    sent: Sequence[dict[str, str]],
    *,
    channel: str = "",
    thread: str = "",
    comment: str = "",
) -> list[dict[str, Any]]:
    """Show files that were sent, in a channel or a thread of it; return what Slack has of them."""
    answer = slack.act(
        "files_completeUploadExternal",
        what,
        files=list(sent),
        channel_id=channel or None,
        thread_ts=thread or None,
        initial_comment=comment or None,
    )
    return cast("list[dict[str, Any]]", answer.get("files") or [])
