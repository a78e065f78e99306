"""The driver of an application in a standalone cluster, where the master's REST server starts it."""

from __future__ import annotations

import re
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from longshore import (
    JobFailed,
    JobFinished,
    JobRunning,
    Outputs,
    OutputsError,
    parse_outputs,
    parse_progress,
)
from longshore_spark import faults, settings
from longshore_spark.applications import KEY
from longshore_spark.driverlogs import DriverFiles
from longshore_spark.drivers import Driver
from longshore_spark.errors import SparkUnreachableError
from longshore_spark.loglines import leveled
from longshore_spark.masters import Master
from longshore_spark.memories import Memory
from longshore_spark.results import SparkResult
from longshore_spark.submissions import request_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from longshore import Handle, LogLine
    from longshore_spark.applications import Application
    from longshore_spark.connections import SparkConnection
    from longshore_spark.submit import SparkSubmit

_ACTIVE: Final = frozenset({"SUBMITTED", "RUNNING", "RELAUNCHING", "UNKNOWN"})
_LINES: Final = 2000
"""Lines of the log's end that are looked at for the reason of a failure."""
_TAIL: Final = 20
_keys: Final = Memory[tuple[str, str], str]()
"""The keys of drivers, by their master and id."""
_told: Final = Memory[tuple[str, str], tuple[float, str]]()
"""How far drivers say that they are."""
_pages: Final = Memory[str, str]()
"""The pages of workers, by their ids."""


class ClusterDriver(Driver):
    """A driver that a standalone cluster runs. Nothing of it is on this machine.

    Its key is in the command that its worker has started it by, where the worker shows it with its log: a
    master has no name or label for drivers.
    """

    def __init__(self, task: SparkSubmit, connection: SparkConnection) -> None:
        super().__init__(task, connection)
        self._master = Master(connection)

    def submit(self, key: str, app: Application) -> Handle:
        known, _ = self._look_for(key, app.main_class)
        if known is not None:
            return known
        request = request_of(app)
        driver = self._master.create(request)
        _keys[self._master.page, driver] = key
        return {"driver": driver, "app": app.name, "class": app.main_class}

    def find(self, key: str) -> Handle | None:
        """Return the driver of a key.

        Raises:
            SparkUnreachableError: The master does not answer; or there are drivers of this class of which
                nobody can say whose they are: they wait for a worker, or their worker does not answer.
        """
        found, unseen = self._look_for(key, self.task.main_class or "")
        if found is None and unseen:
            raise SparkUnreachableError(
                f"cannot tell whether {unseen[0]} of {self.connection.master!r} is this step's: it waits for "
                "a worker, or its worker does not answer; resume the run when the driver runs or its worker "
                "is back, or start a new run where it is not this step's"
            )
        return found

    def poll(self, handle: Handle) -> JobRunning | JobFinished:
        stands = self._master.status(handle["driver"])
        state = stands["driverState"]
        if state in _ACTIVE:
            fraction, message = _told.get((self._master.page, handle["driver"])) or (None, "")
            return JobRunning(fraction=fraction, message=message or state.lower(), link=self._link(stands))
        return JobFinished(None if state == "FINISHED" else self._failure(handle, stands))

    def result(self, handle: Handle) -> SparkResult:
        """Return what the driver handed back.

        Raises:
            SparkUnreachableError: The worker that ran it does not answer.
        """
        stands = self._master.status(handle["driver"])
        data = self._files(stands).outputs()
        seen = self._application(handle)
        return SparkResult(
            outputs=dict(parse_outputs(data, self._shown(handle))),
            application_id=str(seen.get("id", "")),
            driver=handle["driver"],
            link=self._link(stands),
            duration=float(seen.get("duration", 0)) / 1000,
        )

    def logs(self, handle: Handle, since: str | None) -> Iterator[LogLine]:
        stands = self._master.status(handle["driver"])
        if not stands.get("workerId"):
            return
        lines = self._files(stands).lines(since, ended=stands["driverState"] not in _ACTIVE)
        for line in leveled(lines):
            told = (
                line.stream == "stdout" and line.text.startswith("::progress ") and parse_progress(line.text)
            )
            if not told:
                yield line
            else:
                _told[self._master.page, handle["driver"]] = told

    def cancel(self, handle: Handle) -> None:
        self._master.kill(handle["driver"])

    def discard(self, handle: Handle) -> None:
        """Forget it: its folder is its worker's, which clears it away (`spark.worker.cleanup.enabled`)."""
        _told.pop((self._master.page, handle["driver"]))

    def _look_for(self, key: str, main_class: str) -> tuple[Handle | None, list[str]]:
        """Return the driver of a key, and the drivers that may be it."""
        state = self._master.state()
        pages = {worker["id"]: worker["webuiaddress"] for worker in state["workers"]}
        unseen: list[str] = []
        silent: set[str] = set()
        drivers = [*state["activedrivers"], *state["completeddrivers"]]
        for driver in sorted(drivers, key=lambda driver: driver["id"], reverse=True):
            if driver["mainclass"] != main_class:
                continue
            theirs = self._key_of(driver, pages.get(driver["worker"]), silent)
            if theirs == key:
                return {"driver": driver["id"], "app": settings.name_of(self.task), "class": main_class}, []
            if theirs is None and driver["state"] != "KILLED":
                unseen.append(driver["id"])
        return None, unseen

    def _key_of(self, driver: Mapping[str, Any], page: str | None, silent: set[str]) -> str | None:
        """Return the key of a driver, empty when it has none; None when that cannot be told.

        Args:
            page: Its worker's.
            silent: The pages that do not answer: they are asked once.
        """
        place = self._master.page, driver["id"]
        if place not in _keys:
            if page is None or page in silent:
                return None
            try:
                command = DriverFiles(page, driver["id"], self.connection.timeout).launched()
            except SparkUnreachableError:
                silent.add(page)
                return None
            if not command and driver["state"] in _ACTIVE:
                return None
            found = re.search(rf'"-D{re.escape(KEY)}=([\w.-]+)"'.encode(), command)
            _keys[place] = found[1].decode() if found else ""
        return _keys.get(place)

    def _files(self, stands: Mapping[str, Any]) -> DriverFiles:
        """Return the files of a driver.

        Raises:
            SparkUnreachableError: Nobody knows where its worker's pages are.
        """
        page = self._page(stands)
        if page is None:
            raise SparkUnreachableError(
                f"cannot read what {stands['submissionId']} of {self.connection.master!r} wrote: its worker "
                f"{stands.get('workerId') or '(it never had one)'} is gone"
            )
        return DriverFiles(page, stands["submissionId"], self.connection.timeout)

    def _page(self, stands: Mapping[str, Any]) -> str | None:
        workers = self._master.state()["workers"]
        return next((w["webuiaddress"] for w in workers if w["id"] == stands.get("workerId")), None)

    def _link(self, stands: Mapping[str, Any]) -> str:
        """Return the page with the log of a driver; the master's while it waits for a worker."""
        page = _pages.get(stands.get("workerId") or "")
        if page is None and stands.get("workerId"):
            page = self._page(stands)
            if page is not None:
                _pages[stands["workerId"]] = page
        driver = stands["submissionId"]
        return f"{page}/logPage/?driverId={driver}&logType=stderr" if page else self._master.page

    def _application(self, handle: Handle) -> Mapping[str, Any]:
        """Return the application that a driver made, where it can be told from others of its name."""
        state = self._master.state()
        drivers = [*state["activedrivers"], *state["completeddrivers"]]
        began = next((int(d["starttime"]) for d in drivers if d["id"] == handle["driver"]), None)
        named = [app for app in state["completedapps"] if app["name"] == handle["app"]]
        after = [app for app in named if began is not None and int(app["starttime"]) >= began]
        return after[0] if len(after) == 1 else {}

    def _failure(self, handle: Handle, stands: Mapping[str, Any]) -> JobFailed:
        shown, state, why = self._shown(handle), stands["driverState"], str(stands.get("message") or "")
        if state == "KILLED":
            return JobFailed(f"{shown} was cancelled", reason="cancelled")
        lines, outputs = self._end_of(handle, stands)
        if state == "ERROR" and not why:
            return JobFailed(
                f"{shown} was lost with its worker ({stands.get('workerId') or 'not known'}); try it again",
                reason="evicted",
                log_tail=lines[-_TAIL:],
                outputs=outputs,
            )
        return faults.failure(
            (*lines, *why.splitlines()),
            shown=shown,
            exit_code=None,
            signal=None,
            outputs=outputs,
            log_tail=lines[-_TAIL:],
        )

    def _end_of(self, handle: Handle, stands: Mapping[str, Any]) -> tuple[tuple[str, ...], Outputs]:
        """Return the end of a driver's log and its outputs, as far as they can be seen."""
        lines, outputs = deque[str](maxlen=_LINES), Outputs()
        with suppress(SparkUnreachableError, OutputsError):  # that it failed is said anyway
            files = self._files(stands)
            lines.extend(line.text for line in files.last_lines())
            outputs = parse_outputs(files.outputs(), self._shown(handle))
        return tuple(lines), outputs

    def _shown(self, handle: Handle) -> str:
        return f"Spark application {handle['class']!r} ({handle['driver']})"
