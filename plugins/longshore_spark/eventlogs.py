"""The event log that Spark writes of an application, read as it grows."""

from __future__ import annotations

import json
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from longshore_spark.driverpages import page_of
from longshore_spark.events import TAKEN, Told

if TYPE_CHECKING:
    from pathlib import Path

    from longshore import JobRunning
    from longshore_spark.metrics import SparkMetrics

_KEPT: Final = 256
"""Event logs of which is known how far they were read; one that was forgotten is read anew."""
_CHUNK: Final = 1 << 20
_LOOKS: Final = 5
"""How often the page of a driver is looked for."""
_BEGIN: Final = b'{"Event":"'


class EventLog:
    """The one event log of a folder, and what of it was read so far.

    Half a line at the end of a log whose writer was killed, and lines that are no events, are left out.
    """

    def __init__(self, folder: Path) -> None:
        self.told = Told()
        self._folder = folder
        self._offset = 0
        self._rest = b""
        self._lock = Lock()
        self._page = ""
        self._looks = 0

    @classmethod
    def of(cls, folder: Path) -> EventLog:
        """Return the event log of a folder, with what was read of it before."""
        with _lock:
            found = _logs.pop(folder, None) or cls(folder)
            _logs[folder] = found
            while len(_logs) > _KEPT:
                _logs.popitem(last=False)
            return found

    @classmethod
    def forget(cls, folder: Path) -> None:
        """Forget what was read of a folder that goes."""
        with _lock:
            _logs.pop(folder, None)

    def metrics(self) -> SparkMetrics | None:
        """Return what the log says by now; None when no application has begun one."""
        self._update()
        return self.told.metrics() if self.told.application_id else None

    def running(self) -> JobRunning:
        """Return how far the application is by now."""
        self._update()
        return replace(self.told.running(), link=self.page)

    @property
    def page(self) -> str:
        """The URL of its driver's page, where that was seen; it goes with the driver."""
        if not self._page and self.told.application_id and self._looks < _LOOKS:
            self._looks += 1
            self._page = page_of(self.told.application_id, self.told.properties)
        return self._page

    def _update(self) -> None:
        """Read what has come since; a log that is not there yet has nothing."""
        with self._lock, suppress(OSError):
            path = next((path for path in sorted(self._folder.iterdir()) if path.is_file()), None)
            if path is None:
                return
            with path.open("rb") as file:
                file.seek(self._offset)
                while chunk := file.read(_CHUNK):
                    self._offset += len(chunk)
                    self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            name = _event_of(line)
            if name in TAKEN:
                with suppress(ValueError, LookupError, TypeError, AttributeError):
                    self.told.take(name, json.loads(line))


_logs: OrderedDict[Path, EventLog] = OrderedDict()
_lock = Lock()


def _event_of(line: bytes) -> str:
    """Return the name of a line's event without reading the rest, which can be megabytes of plans."""
    if not line.startswith(_BEGIN):
        return ""
    return line[len(_BEGIN) : line.find(b'"', len(_BEGIN))].decode("ascii", "replace")
