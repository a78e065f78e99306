"""`longshore alert`: what channels are told, were told and have still to be told."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from longshore.alerts.addresses import open_channel
from longshore.alerts.messages import Message, Receipt
from longshore.alerts.previews import preview
from longshore.alerts.silences import look_for_silence
from longshore.alerts.waiting import deliver_waiting
from longshore.cli import FAILED
from longshore.commands.alerts_told import as_json, read_told, show
from longshore.commands.flow_options import complete_flow
from longshore.commands.recorded import in_store, opened, store_option
from longshore.commands.shown import bold, clean, faint, one_line
from longshore.errors import ConfigurationError, error_text
from longshore.flowfiles import load_flow, load_flows
from longshore.quantities import duration, iso, many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.alerts.handlers import Alert
    from longshore.flows import Flow
    from longshore.stores.interface import RunStore


@click.command(short_help="See what channels are told, and have told what waits.")
@click.option("--list", "lists", is_flag=True, help="List what waits, and what was told; the default.")
@click.option(
    "--preview",
    "previewed",
    metavar="FLOW",
    shell_complete=complete_flow,
    help="Print what the alerts of a flow would tell, and tell nobody.",
)
@click.option("--send", is_flag=True, help="Have told what waits in the store.")
@click.option("--test", "tested", metavar="ADDRESS", help="Send one test message: slack:#data.")
@click.option(
    "--check",
    "checked",
    metavar="FLOW",
    shell_complete=complete_flow,
    help="Tell when a flow had no success for longer than its alerts' silent_after; for cron.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="How long --send and --check may take to tell.",
)
@click.option(
    "--flow",
    "files",
    metavar="FILE",
    multiple=True,
    help="Import this file or module first, for the channels and templates that are defined there.",
)
@store_option
@click.option("--json", "wants_json", is_flag=True, help="Print a list of JSON objects.")
def alert(
    lists: bool,
    previewed: str | None,
    send: bool,
    tested: str | None,
    checked: str | None,
    timeout: float,
    files: tuple[str, ...],
    store: str | None,
    wants_json: bool,
) -> int:
    """See what channels are told of runs, and have told what waits.

        longshore alert                              what waits, and what was told
        longshore alert --preview flows.py:nightly   what a flow's alerts would tell
        longshore alert --send                       have told what waits
        longshore alert --test slack:#data           send one test message
        longshore alert --check flows.py:nightly     is the flow silent? for cron

    Exits with 1 when something still waits after --send, when the test message did not arrive, and when the
    flow of --check is silent.
    """
    if sum(map(bool, (lists, previewed, send, tested, checked))) > 1:
        raise click.UsageError("give one of --list, --preview, --send, --test and --check")
    flows = [flow for file in files for flow in load_flows(file)]
    if previewed:
        return _preview(previewed, wants_json)
    if tested:
        return _test(tested, wants_json)
    with opened(store) as kept:
        if checked:
            return _check(kept, checked, timeout, wants_json)
        if send:
            return _send(kept, timeout, flows, wants_json)
        found = read_told(kept)
        if wants_json:
            click.echo(json.dumps([as_json(one) for one in found]))
        else:
            show(found, in_store(store))
        return 0


def _preview(target: str, wants_json: bool) -> int:
    found = preview(load_flow(target))
    if wants_json:
        click.echo(
            json.dumps([_preview_json(alert, channel.address, told) for alert, channel, told in found])
        )
    elif not found:
        click.echo("the flow has no alerts; give it one: @flow(state_handlers=[Alert(...)])")
    else:
        texts = [
            f"{bold(one_line(channel.address))}  {faint(_fires(alert))}\n\n{_indented(told)}"
            for alert, channel, told in found
        ]
        click.echo("\n\n".join(texts))
    return 0


def _fires(alert: Alert) -> str:
    words = [word for word in alert.on if word != "late" or alert.late_after is not None]
    seconds = {"late after": alert.late_after, "silent after": alert.silent_after}
    words += [f"{word} {duration(after)}" for word, after in seconds.items() if after is not None]
    quiet = f"; quiet {alert.quiet_hours}" if alert.quiet_hours else ""
    return f"on {', '.join(words) or 'nothing'}{quiet}"


def _indented(message: Message) -> str:
    return "\n".join(f"    {line}".rstrip() for line in clean(message.plain).splitlines())


def _preview_json(alert: Alert, address: str, message: Message) -> dict[str, Any]:
    return {"channel": address, "on": list(alert.on), "fires": _fires(alert), "message": asdict(message)}


def _send(store: RunStore, timeout: float, flows: Sequence[Flow], wants_json: bool) -> int:
    found = deliver_waiting(store, timeout, flows)
    if wants_json:
        click.echo(json.dumps([asdict(one) for one in found]))
    elif not found:
        click.echo("nothing waits to be told")
    else:
        for one in found:
            why = f": {clean(one.why)}" if one.why else ""
            stands = f"{many(one.waiting, 'alert')} still waiting{why}" if one.waiting else "all is told"
            click.echo(f"{one_line(one.channel)}  {stands}")
    return FAILED if any(one.waiting for one in found) else 0


def _test(address: str, wants_json: bool) -> int:
    channel = open_channel(address)
    message = Message(
        key=f"test/{time.time_ns():x}",
        title="A test of longshore alert",
        text="Alerts of this channel arrive here.",
        status="succeeded",
        severity="info",
        time=time.time(),
    )
    try:
        receipt = channel.send(message)
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - a channel of somebody's own raises what it likes
        said = clean(f"{type(error).__name__}: {error_text(error)}")
        _say_test(address, {"arrived": False, "error": said}, f"did not arrive: {said}", wants_json)
        return FAILED
    if not isinstance(receipt, Receipt):
        receipt = Receipt(id=receipt or "")
    where = " ".join(filter(None, [receipt.id, receipt.place]))
    text = f"was accepted: {clean(where)}" if where else "was accepted"
    _say_test(address, {"arrived": True, "receipt": asdict(receipt)}, text, wants_json)
    return 0


def _say_test(address: str, found: dict[str, Any], text: str, wants_json: bool) -> None:
    line = json.dumps([{"channel": address, **found}]) if wants_json else f"{one_line(address)}  {text}"
    click.echo(line, err=not wants_json and not found["arrived"])


def _check(store: RunStore, target: str, timeout: float, wants_json: bool) -> int:
    flow = load_flow(target)
    # Without a success: from when on? The flow has been heard of since its first run.
    runs = store.runs(flow=flow.name)
    since = min((run.created for run in runs), default=0.0)
    found = look_for_silence(store, flow, since)
    if not found:
        raise ConfigurationError(
            f"cannot check flow {flow.name!r}: none of its alerts has silent_after; "
            "write @flow(state_handlers=[Alert(channel, silent_after=86_400)])"
        )
    deliver_waiting(store, timeout, [flow])
    if wants_json:
        click.echo(
            json.dumps([{**asdict(one), "flow": flow.name, "success": iso(one.success)} for one in found])
        )
    else:
        for one in found:
            last = "no success on record" if one.success is None else f"last success {iso(one.success)}"
            is_silent = one.verdict in ("silent", "told")
            click.echo(
                f"{one_line(flow.name)} {'is silent' if is_silent else 'is well'}: {last}, "
                f"silent after {duration(one.after)}" + (", told before" if one.verdict == "told" else "")
            )
    return FAILED if any(one.verdict in ("silent", "told") for one in found) else 0
