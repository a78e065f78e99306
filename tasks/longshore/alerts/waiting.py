"""What waits in a store, told by whoever comes by: with the channels and templates of the flows it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore.alerts.addresses import open_channel
from longshore.alerts.deliveries import Delivered, here
from longshore.alerts.handlers import Alert
from longshore.errors import LongshoreError, error_text
from longshore.logs import run_log
from longshore.plugins import host
from longshore.secrets import redact
from longshore.watchers import split

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longshore.flows import Flow
    from longshore.stores.interface import RunStore

_MOST_COUNTED: Final = 100_000


def tell_waiting(store: RunStore, flows: Iterable[Flow] = ()) -> list[Delivered]:
    """Have all that waits in a store told, beside what this process does.

    Args:
        store: The store.
        flows: Those whose templates are known here.

    Returns:
        The channels that cannot be opened, with the reason; the others are told all the same.
    """
    waiting = store.waiting_channels()
    for flow in flows if waiting else ():
        _tell_own(flow, store, waiting)
    found = [_tell(store, address) for address in waiting]
    return [closed for closed in found if closed is not None]


def deliver_waiting(store: RunStore, seconds: float, flows: Iterable[Flow] = ()) -> list[Delivered]:
    """Tell all that waits in a store, in at most so many seconds; return how its channels stand."""
    waiting = set(store.waiting_channels())
    closed = tell_waiting(store, flows)
    for standing in closed:
        run_log.error("alerts | %s: %s", standing.channel, standing.why)
    shut = {standing.channel for standing in closed}
    told = [standing for standing in here().flush(seconds) if standing.channel in waiting - shut]
    return [*told, *closed]


def alerts_of(flow: Flow) -> list[Alert]:
    """Return the alerts of a flow and of its steps, with those of every flow."""
    steps = [handler for node in flow.steps for handler in node.task.state_handlers]
    watched = split((*flow.state_handlers, *flow.step_handlers, *steps, *host().state_handlers()))[1]
    return [one.watcher for one in watched if isinstance(one.watcher, Alert)]


def _tell_own(flow: Flow, store: RunStore, waiting: Iterable[str]) -> None:
    """Have the templates of a flow's own alerts used for what is told of it."""
    for alert in alerts_of(flow):
        for address, channel in alert.addresses.items() if alert.template is not None else ():
            if address in waiting:
                here().wake(channel, store, flow.name, alert.template, address=address)


def _tell(store: RunStore, address: str) -> Delivered | None:
    try:
        here().wake(open_channel(address), store, address=address)
    except Exception as error:  # noqa: BLE001 - a channel of the user's may raise anything
        why = error_text(error) if isinstance(error, LongshoreError) else _named(error)
        return Delivered(address, _count(store, address), redact(why))
    return None


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error_text(error)}"


def _count(store: RunStore, channel: str) -> int:
    alerts = store.alerts(channel, _MOST_COUNTED)
    return len(alerts) + sum(incident.waiting for incident in store.incidents(channel, waiting_only=True))
