"""What a run store keeps for the channels that are to be told of runs; times are seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """Something that a channel is to tell of, and that no incident has taken in yet.

    Args:
        channel: The channel's address.
        flow: The flow's name; empty for a task called outside a flow.
        step: The step's name; empty for the flow itself.
        kind: `failed`, `retrying`, `recovered` and the like.
        severity: `info`, `warning`, `error` or `critical`.
        time: When it happened.
        run_id: The run; empty when there is none.
        map_index: The place among mapped steps, or -1.
        text: The error, or what else is to be said, on one line.
        body: More of it, as JSON text; empty when there is no more.
    """

    channel: str
    flow: str
    step: str
    kind: str
    severity: str
    time: float
    run_id: str = ""
    map_index: int = -1
    text: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRecord:
    """What a channel has been told of one step's failures, or is about to be.

    Args:
        incident: Its id.
        channel: The channel's address.
        flow: The flow's name.
        step: The step's name; empty for the flow itself.
        open: Whether more may come to it: it has not recovered.
        waiting: Whether the channel has still to be told something.
        opened: When the first alert came to it.
        updated: When the last one did.
        body: All else, as JSON text.
    """

    incident: str
    channel: str
    flow: str
    step: str
    open: bool
    waiting: bool
    opened: float
    updated: float
    body: str
