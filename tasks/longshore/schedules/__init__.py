"""When a flow is to run: every so often, by a cron expression, at given times."""

from longshore.schedules.crons import Cron
from longshore.schedules.dates import Dates
from longshore.schedules.interface import Schedule
from longshore.schedules.intervals import Interval

__all__ = ["Cron", "Dates", "Interval", "Schedule"]
