"""Sample messages of a flow's alerts: what somebody would read, without running or sending anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.alerts.handlers import Alert
from longshore.alerts.incidents import Incident
from longshore.alerts.spools import MemorySpool
from longshore.alerts.watching import RunAlerts
from longshore.alerts.wording import word
from longshore.handlers import Subject
from longshore.parameters import defaults_of
from longshore.states import Failed, Pending, Retrying, Running, State
from longshore.watchers import split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore.alerts.channels import Channel
    from longshore.alerts.messages import Message
    from longshore.flows import Flow
    from longshore.nodes import Node
    from longshore.watchers import Watched

_ERROR = ConnectionError("the warehouse does not answer (an example)")
_TAIL = ("INFO    connecting", "WARNING no answer yet, waiting 5 s")
_RUN = "0123456789abcdef0123456789abcdef"


def preview(flow: Flow) -> list[tuple[Alert, Channel, Message]]:
    """Return what each alert of a flow would tell: of the flow, or of the first step that it watches."""
    found: list[tuple[Alert, Channel, Message]] = []
    seen: set[int] = set()
    for subject, watched in _subjects(flow):
        for one in watched:
            if isinstance(one.watcher, Alert) and id(one.watcher) not in seen:
                seen.add(id(one.watcher))
                found += _messages(flow, subject, one, one.watcher)
    return found


def _subjects(flow: Flow) -> Iterator[tuple[Subject, tuple[Watched, ...]]]:
    from longshore.plugins import host

    everywhere = host().state_handlers()
    inputs = {name: f"<{name}>" for name in flow.parameters} | defaults_of(flow)
    yield (
        Subject(kind="flow", name=flow.name, flow=flow.name, run_id=_RUN, duration=187.0, log_tail=_TAIL,
                raw_inputs=inputs, tags=flow.tags),
        split((*flow.state_handlers, *everywhere))[1],
    )  # fmt: skip
    for node in flow.steps:
        handlers = (*node.task.state_handlers, *flow.step_handlers, *everywhere)
        yield _subject(flow, node), split(handlers)[1]


def _subject(flow: Flow, node: Node) -> Subject:
    attempts = node.task.retries + 1
    return Subject(
        kind="task", name=node.name, flow=flow.name, run_id=_RUN, attempt=attempts, attempts=attempts,
        duration=12.5, log_tail=_TAIL, tags=node.tags,
    )  # fmt: skip


def _messages(
    flow: Flow, subject: Subject, one: Watched, alert: Alert
) -> Iterator[tuple[Alert, Channel, Message]]:
    alerts = RunAlerts(flow.name, MemorySpool(), (one,))
    channels = {channel.address: channel for channel in alert.channels}
    for old, new in _transitions(subject):
        for record in alerts.transition(subject, old, new, (one,)):
            incident = Incident("preview", record.channel, record.flow, record.step, record.time)
            incident.take(record)
            message = word(incident)
            if alert.template is not None:
                message = alert.template(message, incident)
            yield alert, channels[record.channel], message
            return


def _transitions(subject: Subject) -> Iterator[tuple[State, State]]:
    text = f"{type(_ERROR).__name__}: {_ERROR}"
    message = f"1 failed: load: {text}" if subject.kind == "flow" else text
    yield Running(), Failed(_ERROR, message=message)
    yield Running(), Retrying(error=_ERROR, message=message, delay=30.0)
    yield Pending(), Running()
