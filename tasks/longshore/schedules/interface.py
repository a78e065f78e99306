"""`Schedule`: what every schedule can do, and several schedules as one."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast, get_args

from longshore.errors import ConfigurationError
from longshore.schedules.zones import in_utc, zone_of

if TYPE_CHECKING:
    from datetime import tzinfo

Parameters: TypeAlias = Mapping[str, Any] | Callable[[datetime], Mapping[str, Any]]
Overlap: TypeAlias = Literal["queue", "skip", "together"]
Missed: TypeAlias = Literal["last", "all", "none"]

INSTANT: Final = timedelta(microseconds=1)
"""The step between one moment and the next."""


@dataclass(frozen=True)
class Schedule(ABC):
    """The times at which a flow is to run, in order.

    Args:
        start: No time is before it; it may be one itself.
        end: No time is after it; it may be one itself.
        timezone: The zone, by its name, in which wall times are meant: those of the schedule, and `start`
            and `end` where they have no zone of their own.
        parameters: The parameters of the runs that it makes; or a function that makes them from the time a
            run is due, given in the schedule's zone: `lambda due: {"day": due.date()}`.
    """

    _: KW_ONLY
    start: datetime | None = None
    end: datetime | None = None
    timezone: str = "UTC"
    parameters: Parameters = field(default_factory=dict[str, Any], hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.parameters, Mapping) and not callable(self.parameters):
            raise ConfigurationError(
                f"cannot use {self}: parameters={self.parameters!r} is neither a dict nor a function "
                "that makes one"
            )
        self.zone  # noqa: B018 - raises when there is none
        start, end = self.bounds
        if start is not None and end is not None and start > end:
            raise ConfigurationError(
                f"cannot use {self}: it starts {self.start} and ends before that, {self.end}"
            )

    @cached_property
    def zone(self) -> tzinfo:
        """The time zone."""
        return zone_of(type(self).__name__, self.timezone)

    @cached_property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """The start and the end, in UTC."""
        given = {"start": self.start, "end": self.end}
        start, end = (
            None if moment is None else in_utc(f"{type(self).__name__}({name}=...)", moment, self.zone)
            for name, moment in given.items()
        )
        return start, end

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first time after a moment, in UTC; None when there is none any more.

        Args:
            moment: A datetime with a time zone.

        Raises:
            ConfigurationError: The moment has no time zone.
        """
        if moment.tzinfo is None:
            raise ConfigurationError(
                f"cannot say what comes after {moment}: it has no time zone; give tzinfo="
            )
        start, end = self.bounds
        moment = moment.astimezone(UTC)
        found = self._following(moment if start is None else max(moment, start - INSTANT))
        return None if found is None or (end is not None and found > end) else found

    def times(self, after: datetime) -> Iterator[datetime]:
        """Yield the times after a moment, in UTC, in order."""
        found = self.next_after(after)
        while found is not None:
            yield found
            found = self.next_after(found)

    def parameters_at(self, due: datetime) -> dict[str, Any]:
        """Return the parameters of the run that is due at a time.

        Raises:
            ConfigurationError: The function that makes them failed.
        """
        parameters = self.parameters
        try:
            made = parameters(due.astimezone(self.zone)) if callable(parameters) else parameters
            return {str(name): value for name, value in made.items()}
        except Exception as error:
            raise ConfigurationError(
                f"cannot make the parameters of the run due {self.shown(due)} of {self}: "
                f"{type(error).__name__}: {error}"
            ) from error

    def shown(self, due: datetime) -> str:
        """Return a time as people in the schedule's zone write it."""
        return f"{due.astimezone(self.zone):%Y-%m-%d %H:%M:%S %Z}"

    @abstractmethod
    def __str__(self) -> str:
        """Return what people call the schedule; it is recorded with the runs that it makes."""

    @abstractmethod
    def _following(self, moment: datetime) -> datetime | None:
        """Return the first time after a moment, both in UTC, whatever the start and the end."""


def as_schedules(what: str, given: Schedule | Iterable[Schedule] | None) -> tuple[Schedule, ...]:
    """Return one schedule, several or none as a tuple.

    Raises:
        ConfigurationError: One is no schedule.
    """
    many: Iterable[Any] = (
        () if given is None else (given,) if isinstance(given, Schedule) else _listed(what, given)
    )
    schedules = tuple(many)
    for schedule in schedules:
        if not isinstance(schedule, Schedule):
            raise _no_schedule(what, schedule)
    return schedules


def _listed(what: str, given: Any) -> list[Any]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise _no_schedule(what, given)
    return list(cast("Iterable[Any]", given))


def _no_schedule(what: str, given: object) -> ConfigurationError:
    hint = (
        f"Cron({given!r})" if isinstance(given, str) else 'Interval(3600), Cron("30 2 * * *") or Dates([...])'
    )
    return ConfigurationError(f"cannot use {what}: {given!r} is no schedule; write {hint}")


def check_rules(what: str, overlap: str, missed: str) -> None:
    """Look at the rules for runs that overlap and for those that were missed.

    Raises:
        ConfigurationError: There is no such rule.
    """
    for name, given, known in (("overlap", overlap, get_args(Overlap)), ("missed", missed, get_args(Missed))):
        if given not in known:
            raise ConfigurationError(
                f"cannot use {what} with {name}={given!r}: write one of {', '.join(map(repr, known))}"
            )


def times_of(schedules: Iterable[Schedule], after: datetime) -> Iterator[tuple[datetime, Schedule]]:
    """Yield the times of several schedules after a moment, in order, each with its schedule.

    Times that coincide come one after the other, as the schedules were given.
    """
    each = (_paired(schedule, after) for schedule in schedules)
    return heapq.merge(*each, key=lambda pair: pair[0])


def _paired(schedule: Schedule, after: datetime) -> Iterator[tuple[datetime, Schedule]]:
    return ((due, schedule) for due in schedule.times(after))
