"""`Alert`: the state handler that has a channel told."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from longshore import deadlines
from longshore.alerts.channels import Channel
from longshore.alerts.messages import SEVERITIES, Message, Severity, as_severity
from longshore.alerts.quiethours import read_quiet_hours
from longshore.errors import ConfigurationError, error_text
from longshore.handlers import StateTypes, Subject
from longshore.logs import run_log
from longshore.secrets import redact
from longshore.signatures import did_you_mean
from longshore.states import (
    Cancelled,
    Failed,
    Retrying,
    Running,
    State,
    Success,
    TriggerFailed,
)
from longshore.watchers import RunWatcher

if TYPE_CHECKING:
    from longshore.alerts.incidents import Incident
    from longshore.handlers import On

Predicate: TypeAlias = Callable[[Subject, State, State], bool]
Judge: TypeAlias = Callable[[Subject, State], Severity]
Template: TypeAlias = "Callable[[Message, Incident], Message]"

KINDS: Final = ("failed", "retrying", "late", "recovered", "silent", "succeeded", "cancelled", "started")
"""What an alert may tell of."""
_KIND_OF: Final[tuple[tuple[type[State], str], ...]] = (
    (Failed, "failed"),
    (Retrying, "retrying"),
    (Success, "succeeded"),
    (Cancelled, "cancelled"),
    (Running, "started"),
)
_SEVERITY_OF: Final[Mapping[str, Severity]] = {
    "failed": "error",
    "silent": "critical",
    "retrying": "warning",
    "late": "warning",
    "cancelled": "warning",
}
_LONGEST_RULE: Final = 1.0
"""Seconds that a rule of the user's may take; a run is not held up by one that hangs."""


class Alert(RunWatcher):
    """Have a channel told of failures, and when all is well again: a state handler that never harms the run.

    Given on a flow it tells of its runs; on a task, or as a flow's `step_handlers`, of steps. Inside
    `On(Failed, ...)` the states are those of `On`. What fails again and again is one message, which is edited
    as things go on where the channel can. Nothing is waited for: a thread delivers, tries again while the
    channel is down, and what a process could not deliver waits in the run store for the next one.

    Args:
        channel: Where to tell it; or a dict of channels by severity, of which one that is not there leaves
            out what has it.
        on: What to tell of: `failed` (for good), `retrying`, `late`, `recovered`, `silent`, `succeeded`,
            `cancelled`, `started`. With `On(...)` around the alert, its states are in the place of this.
        only: Of those states, only these kinds.
        ignore: Of those states, not these kinds.
        when: Called as a state handler; only what it returns true for is told. It is to be quick.
        severity: Of what is told, or a callable `(subject, new)` that returns it; by default `error` for
            failures, `critical` for silence, `warning` for retries and what is late, else `info`.
        late_after: Seconds after which a run, or an attempt of a step, that goes on is told to be late.
        silent_after: Seconds without a success of the flow, after which a serving process, or `longshore
            alert --check`, tells that nothing was heard of it.
        quiet_hours: `22:00-07:00 Europe/Berlin`: meanwhile only what is critical is told, the rest later.
        group_within: Seconds within which failures of the same step in several runs are one message.
        template: Called with the message and the incident before it is sent; returns the message to send.
        link: Where to look, with `{run_id}`, `{flow}` and `{step}` in it; `$LONGSHORE_RUN_URL` by default.

    Raises:
        ConfigurationError: Something cannot be what was given.

    Example:
        >>> @flow(state_handlers=[Alert(SlackChannel("#data"), late_after=3600)])
        ... def nightly(): ...
    """

    def __init__(
        self,
        channel: Channel | Mapping[Severity, Channel],
        *,
        on: Collection[str] = ("failed", "late", "recovered"),
        only: StateTypes = State,
        ignore: StateTypes | None = None,
        when: Predicate | None = None,
        severity: Severity | Judge | None = None,
        late_after: float | None = None,
        silent_after: float | None = None,
        quiet_hours: str = "",
        group_within: float = 3_600.0,
        template: Template | None = None,
        link: str = "",
    ) -> None:
        self.by_severity = _by_severity(channel)
        self._addresses = {severity: channel.address for severity, channel in self.by_severity.items()}
        self.addresses = {self._addresses[severity]: one for severity, one in self.by_severity.items()}
        self.on = _words("on", (on,) if isinstance(on, str) else on, KINDS)
        self.only = only
        self.ignore = ignore
        self.when = when
        self.severity = severity
        if isinstance(severity, str):
            _words("severity", (severity,), SEVERITIES)
        self.late_after = _seconds("late_after", late_after)
        self.silent_after = _seconds("silent_after", silent_after)
        if quiet_hours:
            read_quiet_hours(quiet_hours)
        self.quiet_hours = quiet_hours
        self.group_within = _seconds("group_within", group_within) or 0.0
        self.template = template
        self.link = link
        self._broken: set[str] = set()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels, each once."""
        return tuple(self.addresses.values())

    def address_of(self, severity: Severity) -> str:
        """Return the address of the channel for a severity; empty when there is none."""
        return self._addresses.get(severity, "")

    def __call__(self, subject: Subject, old: State, new: State, /) -> None:
        """Take note of one transition that nobody else watches: of a task called outside a flow."""
        from longshore.alerts.watching import note

        try:
            note(self, subject, old, new)
        except Exception as error:  # noqa: BLE001 - an alert may not harm the call
            run_log.warning("%r failed: %s: %s", self, type(error).__name__, redact(error_text(error)))

    def kind_of(self, subject: Subject, old: State, new: State, conditions: tuple[On, ...] = ()) -> str:
        """Return what a transition is to be told as; empty when it is not to be told."""
        if not isinstance(new, self.only) or self._ignores(new, conditions):
            return ""
        kind = _kind(type(new))
        wanted = all(c.matches(new) for c in conditions) if conditions else kind in self.on
        if not wanted or not kind:
            return ""
        return kind if self._rule("when", self.when, True, subject, old, new) else ""

    def may_tell(self, new: State, conditions: tuple[On, ...]) -> bool:
        """Whether there is anything to look at: asked of every transition, most of which are none."""
        if isinstance(new, Running) and self.late_after is not None:
            return True
        return any(c.matches(new) for c in conditions) if conditions else _kind(type(new)) in self.on

    def _ignores(self, new: State, conditions: tuple[On, ...]) -> bool:
        if self.ignore is not None:
            return isinstance(new, self.ignore)
        asked = any(c.states is TriggerFailed for c in conditions)
        return isinstance(new, TriggerFailed) and not asked

    def severity_of(self, kind: str, subject: Subject, new: State) -> Severity:
        """Return how much something matters that is told as this kind."""
        usual: Severity = _SEVERITY_OF.get(kind, "info")
        if callable(self.severity):
            judged = self._rule("severity", self.severity, usual, subject, new)
            return as_severity(judged) if judged in SEVERITIES else usual
        return usual if self.severity is None or usual == "info" else as_severity(self.severity)

    def _rule(self, name: str, rule: Callable[..., Any] | None, otherwise: Any, *arguments: Any) -> Any:
        """Ask a rule of the user's; one that fails is told of once, and what it should judge is told."""
        if rule is None or name in self._broken:
            return otherwise
        try:
            return deadlines.ask_within(lambda: rule(*arguments), _LONGEST_RULE)
        except Exception as error:  # noqa: BLE001 - an alert may not harm the run
            self._broken.add(name)
            what = redact(f"{type(error).__name__}: {error_text(error)}")
            run_log.warning("alert's %s=%r is left out from now on: %s", name, rule, what)
            return otherwise

    def link_of(self, flow: str, step: str, run_id: str) -> str:
        """Return where to look at a run; empty when nothing shows it."""
        link = self.link or os.environ.get("LONGSHORE_RUN_URL", "")
        for name, value in (("{run_id}", run_id), ("{flow}", flow), ("{step}", step)):
            link = link.replace(name, value)
        return link

    def __getstate__(self) -> dict[str, Any]:
        kept: dict[str, Any] = {**self.__dict__, "_broken": set[str]()}
        # The driver of a run calls it; where steps run, what cannot travel is not missed.
        return kept | {name: None for name in ("when", "severity", "template") if not _travels(kept[name])}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(channel.address for channel in self.channels)})"


def _kind(state: type[State]) -> str:
    kind = _kinds.get(state)
    if kind is None:
        kind = _kinds[state] = next((kind for base, kind in _KIND_OF if issubclass(state, base)), "")
    return kind


_kinds: dict[type[State], str] = {}
"""What was found for the states seen: it is asked at every transition."""


def _travels(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - a lambda, a lock, an open connection
        return False
    return True


def _by_severity(given: object) -> dict[Severity, Channel]:
    if isinstance(given, Channel):
        return dict.fromkeys(SEVERITIES, given)
    if not isinstance(given, Mapping) or not given:
        raise ConfigurationError(f"Alert() got {given!r}; give a channel, or a dict of channels by severity")
    mapping = cast("Mapping[Any, Any]", given)
    _words("channel", mapping, SEVERITIES)
    for channel in mapping.values():
        if not isinstance(channel, Channel):
            raise ConfigurationError(f"Alert() got {channel!r}, which is no channel")
    return {severity: mapping[severity] for severity in SEVERITIES if severity in mapping}


def _words(name: str, given: Collection[str], known: tuple[str, ...]) -> tuple[str, ...]:
    for word in given:
        if word not in known:
            hint = did_you_mean(word, known, ", ".join(known))
            raise ConfigurationError(f"Alert({name}=...) does not know {word!r} ({hint})")
    return tuple(given)


def _seconds(name: str, given: float | None) -> float | None:
    if given is not None and (
        isinstance(given, bool) or not isinstance(cast("object", given), int | float) or given < 0
    ):
        raise ConfigurationError(f"Alert({name}={given!r}): give seconds")
    return given
