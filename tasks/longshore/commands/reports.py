"""A finished run as one JSON object, for programs."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from longshore.errors import LongshoreError
from longshore.secrets import redact, redact_value
from longshore.states import Failed, Retrying, State, Success

if TYPE_CHECKING:
    from longshore.nodes import Node
    from longshore.runs import FlowRun


class NotJsonError(TypeError):
    """A value that JSON cannot hold."""


def run_as_json(run: FlowRun) -> str:
    """Return a run as the text of one JSON object, without secrets."""
    report = {
        "flow": run.flow.name,
        "name": run.name,
        "run_id": run.run_id,
        **_state(run.state),
        "parameters": {name: _shown(value) for name, value in run.parameters.items()},
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat() if run.ended else None,
        "seconds": round(run.duration, 6),
        **_result(_flow_result(run)),
        "steps": [_step(run, node) for node in run.flow.steps],
    }
    return json.dumps(report, ensure_ascii=False, allow_nan=False)


def _flow_result(run: FlowRun) -> Any:
    if not isinstance(run.state, Success):
        return None
    try:
        return run.result
    except LongshoreError:  # it selects from the result of a step that was skipped
        return None


def _state(state: State) -> dict[str, Any]:
    found: dict[str, Any] = {"state": type(state).__name__, "message": redact(state.message)}
    if isinstance(state, Failed | Retrying) and state.error is not None:
        found["error"] = type(state.error).__name__
    return found


def _step(run: FlowRun, node: Node) -> dict[str, Any]:
    state = run.states[node.name]
    began, ended = run.timings[node.name]
    found = {
        "name": node.name,
        **_state(state),
        "started": began.isoformat() if began else None,
        "ended": ended.isoformat() if ended else None,
        "seconds": round((ended - began).total_seconds(), 6) if began and ended else None,
        **_result(run.results[node.name]),
    }
    if node.is_mapped:
        found["mapped"] = _mapped(run.mapped_states[node.name])
    return found


def _mapped(states: tuple[State, ...]) -> dict[str, Any]:
    failed = [
        {"index": index, **_state(state)} for index, state in enumerate(states) if isinstance(state, Failed)
    ]
    return {
        "count": len(states),
        "states": dict(Counter(type(state).__name__ for state in states)),
        "failed": failed,
    }


def _result(value: Any) -> dict[str, Any]:
    """Return a result; where JSON cannot hold it, null and the name of its type."""
    try:
        return {"result": _plain(redact_value(value))}
    except (NotJsonError, RecursionError) as error:
        kind = str(error) if isinstance(error, NotJsonError) else type(value).__name__
        return {"result": None, "result_type": kind}


def _shown(value: Any) -> Any:
    try:
        return _plain(redact_value(value))
    except (NotJsonError, RecursionError):
        return redact(repr(value))


def _type_name(value: object) -> str:
    return type(value).__name__


def _plain(value: Any) -> Any:
    """Return a value in JSON's types; dates in ISO form, paths as text, durations in seconds.

    Raises:
        NotJsonError: It, or something in it, is none of these; the message is the type's name.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return redact(str(value))
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        if all(isinstance(key, str) for key, _ in items):
            return {key: _plain(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[Any]", value)]
    raise NotJsonError(_type_name(cast("object", value)))
