"""Times in time zones, by the names of the zones."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from longshore.errors import ConfigurationError
from longshore.signatures import did_you_mean


def zone_of(what: str, name: str) -> tzinfo:
    """Return a time zone.

    Args:
        what: What errors name: what the zone was given to.
        name: The zone's name in the IANA database: `Europe/Berlin`.

    Raises:
        ConfigurationError: There is no such zone on this machine.
    """
    if name == "UTC":  # needs no database
        return UTC
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        known = zoneinfo.available_timezones()
        if not known:
            raise ConfigurationError(
                f"cannot use {what}: this machine has no time zones; run: pip install 'longshore[schedules]'"
            ) from error
        hint = did_you_mean(str(name), known, "names are those of the IANA database: Europe/Berlin")
        raise ConfigurationError(f"cannot use {what}: there is no time zone {name!r} ({hint})") from error


def in_utc(what: str, moment: datetime, zone: tzinfo) -> datetime:
    """Return a moment in UTC; one without a zone of its own is read as the time on the wall in `zone`.

    Raises:
        ConfigurationError: It is no datetime.
    """
    if not isinstance(moment, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] - users' own
        raise ConfigurationError(f"cannot use {what}: {moment!r} is no datetime; write datetime(2026, 1, 31)")
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
