"""`Cron`: times by a cron expression, which the library cronsim parses and computes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from longshore.errors import ConfigurationError, require
from longshore.schedules.interface import Schedule

_NAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True)
class Cron(Schedule):
    """At the times that a cron expression names, on the wall of a time zone.

    Where the clocks are turned, the rules are those of Debian's cron (its manual page, cron(8)). An
    expression whose minutes and hours both begin with a digit names times of day: one that the clocks jump
    over runs as soon as they have jumped, and one that comes twice runs the first time. Any other one,
    `*/30 * * * *`, goes by the clock: what it does not show does not run, and what it shows twice runs twice.

    Args:
        expression: Minute, hour, day of the month, month, day of the week; or `@hourly`, `@daily`,
            `@weekly`, `@monthly`, `@yearly`. `L` is the month's last day, `MON#2` its second Monday, `5L` its
            last Friday.

    Raises:
        MissingExtraError: The library is not installed.

    Example:
        >>> Cron("30 2 * * *", timezone="Europe/Berlin").next_after(datetime(2026, 3, 29, tzinfo=UTC))
        datetime.datetime(2026, 3, 29, 1, 0, tzinfo=datetime.timezone.utc)
    """

    expression: str

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self._fields.split())
        if count != 5:  # cronsim would take a sixth one, without the rules above
            raise ConfigurationError(
                f"cannot read cron expression {self.expression!r}: it has {count} fields, not 5 (minute, "
                "hour, day of the month, month, day of the week); for seconds use Interval(10)"
            )
        cronsim = require("cronsim", extra="schedules")
        try:
            cronsim.CronSim(self._fields, datetime.now(UTC))
        except cronsim.CronSimError as error:
            raise ConfigurationError(
                f"cannot read cron expression {self.expression!r}: {str(error).lower()}"
            ) from error

    @property
    def _fields(self) -> str:
        return _NAMES.get(self.expression.strip().lower(), self.expression)

    def __str__(self) -> str:
        return f"{self.expression} {self.timezone}"

    def _following(self, moment: datetime) -> datetime | None:
        times: Any = require("cronsim", extra="schedules").CronSim(self._fields, moment.astimezone(self.zone))
        for found in times:  # ends after 50 years without one
            due: datetime = found.astimezone(UTC)
            if due > moment:  # in the second of two equal hours it begins with the first one's times
                return due
        return None
