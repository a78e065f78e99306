"""What this integration offers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from longshore import Channel, Task, hookimpl
from longshore_slack import (
    SlackChannel,
    SlackDelete,
    SlackLookup,
    SlackPost,
    SlackReact,
    SlackUpdate,
    SlackUpload,
    SlackWait,
)
from longshore_slack.checkups import check_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    return [SlackPost, SlackUpload, SlackUpdate, SlackDelete, SlackReact, SlackLookup, SlackWait]


@hookimpl
def longshore_channels() -> Mapping[str, type[Channel]]:
    """Return the channels of alerts by their schemes."""
    return {"slack": SlackChannel}


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the SDK, and ask Slack who we are where the environment has a credential."""
    if find_spec("slack_sdk") is None:
        yield "slack-sdk", False, "not installed; run: pip install 'longshore[slack]'"
        return
    yield "slack-sdk", True, "installed"
    yield from check_credentials()
