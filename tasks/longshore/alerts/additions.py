"""Alerts that a flow gets beside those that its file gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.flows import Flow


def add_alerts(flow: Flow, addresses: Sequence[str]) -> None:
    """Have channels told of a flow's runs in this process.

    Raises:
        ConfigurationError: Nothing offers a channel.
    """
    if not addresses:
        return
    from longshore.alerts.addresses import open_channel
    from longshore.alerts.handlers import Alert

    alerts = tuple(Alert(open_channel(address)) for address in addresses)
    flow.state_handlers = (*flow.state_handlers, *alerts)
    flow.step_handlers = (*flow.step_handlers, *alerts)
