"""What a type checker sees of Apprise. Checked by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from longshore import Alert, Channel, Secret, flow
from longshore_apprise import AppriseAlert, AppriseChannel, AppriseNotify, Sent

url = Secret("env:DISCORD_URL")
notify = AppriseNotify(url=url, kind="success", format="markdown", overflow="split", retries=5)
assert_type(notify("body", "title", attachments=[Path("a"), "b"]), Sent)
assert_type(notify("body").left_out, int)
assert_type(notify.map(["one", "two"]), list[Sent])

AppriseNotify()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
AppriseNotify(url="json://h")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

channel: Channel = AppriseChannel("pager", url=url)
alert: Alert = AppriseAlert("pager", url=url, late_after=60)


@flow(state_handlers=[AppriseAlert("pager", url=url, overflow="cut")])
def nightly() -> Sent:
    return AppriseNotify(url=url)("done")
