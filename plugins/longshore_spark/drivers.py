"""The driver of an application as a process of this machine, which goes on when its worker has died."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError, JobFailed, JobFinished, JobRunning, JobUnreachableError, Outputs
from longshore_shell import SubprocessJob, default_jobs_folder
from longshore_spark import faults, remotekills, settings
from longshore_spark.applications import Application, properties_text, read_properties
from longshore_spark.environments import driver_python
from longshore_spark.eventlogs import EventLog
from longshore_spark.homes import spark_home
from longshore_spark.java import check_java
from longshore_spark.loglines import leveled
from longshore_spark.results import SparkResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from longshore import Handle, LogLine
    from longshore_spark.connections import SparkConnection
    from longshore_spark.submit import SparkSubmit

EVENTS: Final = "events"
"""The folder of the event log, in the job's."""
_LINES: Final = 2000
"""Lines of the log's end that are looked at for the reason of a failure."""
_KEY: Final = re.compile(r"[\w.-]+", re.ASCII)
_UTF_8: Final = re.compile(r"(?i)utf-?8$")


class Driver(ABC):
    """Where the driver of an application runs."""

    def __init__(self, task: SparkSubmit, connection: SparkConnection) -> None:
        self.task = task
        self.connection = connection

    @abstractmethod
    def submit(self, key: str, app: Application) -> Handle: ...

    @abstractmethod
    def find(self, key: str) -> Handle | None: ...

    @abstractmethod
    def poll(self, handle: Handle) -> JobRunning | JobFinished: ...

    @abstractmethod
    def result(self, handle: Handle) -> SparkResult: ...

    @abstractmethod
    def logs(self, handle: Handle, since: str | None) -> Iterable[LogLine]: ...

    @abstractmethod
    def cancel(self, handle: Handle) -> None: ...

    @abstractmethod
    def discard(self, handle: Handle) -> None: ...


class LocalDriver(Driver):
    """`spark-submit` as a job of this machine: the driver itself, or the launcher that waits for it.

    What it is given goes over its standard input, which is a file in memory: nothing of it is on a disk or
    in a command line, and it goes when the last process that has it does.
    """

    def submit(self, key: str, app: Application) -> Handle:
        check_java(self.connection)
        home = spark_home(self.connection)
        defaults = settings.defaults(home)
        properties = self._properties(key, app, defaults)
        words = [str(home / "bin" / "spark-submit"), "--properties-file", "/dev/stdin"]
        if app.main_class:
            words += ["--class", app.main_class]
        variables: dict[str, Any] = {"SPARK_HOME": str(home), **app.environment}
        if self.connection.java_home is not None:
            variables["JAVA_HOME"] = str(self.connection.java_home)
        if not _UTF_8.search(_locale({**os.environ, **variables})):
            variables["LC_ALL"] = "C.UTF-8"  # Java reads its arguments by it
        return self._process([*words, app.resource, *app.args]).submit(
            key, env=variables, stdin=defaults + properties_text(properties)
        )

    def find(self, key: str) -> Handle | None:
        return self._process().find(key)

    def poll(self, handle: Handle) -> JobRunning | JobFinished:
        stands = self._process().poll(handle)
        if isinstance(stands, JobRunning):
            return self._running(handle, stands)
        if stands.failure is None:
            return stands
        return JobFinished(self._failure(handle, stands.failure))

    def result(self, handle: Handle) -> SparkResult:
        outputs = self._process().result(handle)
        events = self._events(handle)
        metrics = events.metrics()
        return SparkResult(
            outputs=dict(outputs),
            application_id="" if metrics is None else metrics.application_id,
            link=events.page,
            duration=outputs.duration,
            metrics=metrics,
        )

    def logs(self, handle: Handle, since: str | None) -> Iterable[LogLine]:
        return leveled(self._process().logs(handle, since))

    def cancel(self, handle: Handle) -> None:
        if self.connection.deploy_mode == "cluster":
            remotekills.kill(self.connection, Path(handle["folder"]).name)
        self._process().cancel(handle)

    def discard(self, handle: Handle) -> None:
        self._process().discard(handle)
        EventLog.forget(Path(handle["folder"]) / EVENTS)

    def _process(self, words: Iterable[str] = ("spark-submit",)) -> SubprocessJob:
        """Return the job of this machine that the driver is."""
        return SubprocessJob(
            tuple(words),
            name=self.task.name,
            cwd=self.task.cwd,
            grace=self.task.grace,
            cancel_grace=self.task.cancel_grace,
            jobs_folder=self._jobs_folder(),
            allow_options=True,
        )

    def _jobs_folder(self) -> Path:
        given = self.task.jobs_folder
        return Path(default_jobs_folder() if given is None else given).expanduser().absolute()

    def _properties(self, key: str, app: Application, defaults: str) -> dict[str, str]:
        properties = dict(app.properties)
        known = {**read_properties(defaults), **properties}
        if app.is_python:
            properties = settings.with_python(properties, defaults, self.connection)
            python = driver_python(self.task.python_environment)
            if python is not None and self.connection.deploy_mode == "client":
                properties["spark.pyspark.driver.python"] = python
        if self.connection.deploy_mode == "client" and "spark.eventLog.enabled" not in known:
            properties |= {
                "spark.eventLog.enabled": "true",
                "spark.eventLog.dir": self._event_folder(key).as_uri(),
                "spark.eventLog.rolling.enabled": "false",
                "spark.eventLog.compress": "false",
            }
        return properties

    def _event_folder(self, key: str) -> Path:
        folder = self._jobs_folder() / key
        if not _KEY.fullmatch(key):
            raise ConfigurationError(f"cannot use {key!r} as a job's key")
        folder.parent.mkdir(0o700, parents=True, exist_ok=True)
        for path in (folder, folder / EVENTS):
            with suppress(FileExistsError):
                path.mkdir(0o700)
        return folder / EVENTS

    def _events(self, handle: Handle) -> EventLog:
        return EventLog.of(Path(handle["folder"]) / EVENTS)

    def _running(self, handle: Handle, stands: JobRunning) -> JobRunning:
        """Return how far it is: as it says itself, else by its stages."""
        told = self._events(handle).running()
        if stands.fraction is not None or stands.message:
            return replace(stands, link=told.link)
        return told

    def _failure(self, handle: Handle, failed: JobFailed) -> JobFailed:
        if failed.reason == "evicted" and self.connection.deploy_mode == "cluster":
            raise JobUnreachableError(
                f"{self._shown(handle)} is no longer watched ({failed}); it may still run: look at "
                f"{self.connection.master}, then resume"
            )
        if failed.reason != "exit code":
            return failed
        lines = deque((line.text for line in self._process().logs(handle, None)), maxlen=_LINES)
        return faults.failure(
            tuple(lines),
            shown=self._shown(handle),
            exit_code=failed.exit_code,
            signal=failed.signal,
            outputs=failed.outputs or Outputs(),
            log_tail=failed.log_tail,
        )

    def _shown(self, handle: Handle) -> str:
        """Return what messages call the application."""
        metrics = self._events(handle).metrics()
        name = Path(str(self.task.application)).name
        return f"Spark application {name!r}" + (f" ({metrics.application_id})" if metrics else "")


def _locale(variables: Mapping[str, Any]) -> str:
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    return next((str(variables[name]) for name in names if variables.get(name)), "")
