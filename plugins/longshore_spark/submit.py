"""`SparkSubmit`: an application, from its submission to its result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from pathlib import Path  # noqa: TC003
from typing import Literal

from longshore import ConfigurationError, Handle, Job, JobFinished, JobRunning, LogLine, field
from longshore_spark import settings
from longshore_spark.applications import EnvValue, Value
from longshore_spark.clusterdrivers import ClusterDriver
from longshore_spark.connections import ConfValue, SparkConnection, connection_of
from longshore_spark.drivers import Driver, LocalDriver
from longshore_spark.results import SparkResult


class SparkSubmit(Job[SparkResult]):
    """Run a Spark application to its end.

    In client mode, and with a local master, its driver is a process of this machine that outlives the worker,
    and is found again by the job's key. In cluster mode on a standalone master it is submitted to the
    master's REST server, without any process here. On YARN and Kubernetes in cluster mode Spark's launcher
    stays here until the application has ended.

    Properties, secrets among them, are in no command line of this machine and in no file.

    Args:
        application: A Python file (`.py`), a JAR (`.jar`) or an R file (`.R`): a path of this machine, or a
            URL that Spark can read.
        main_class: The class of a JAR, such as `org.example.Main`.
        app_name: What Spark's pages call it, unless the application says otherwise; the step's name when
            None.
        conf: Spark properties, over those of `connection`. A `Secret` is resolved where it is submitted.
        packages: Maven coordinates of JARs, `group:artifact:version`.
        exclude_packages: What those do not bring along, `group:artifact`.
        repositories: URLs of further repositories.
        jars: JARs for the driver and its executors.
        py_files: Python files, zips and eggs for them.
        files: Files that lie in the executors' folders.
        archives: Archives that are unpacked there; `env.tar.gz#name` names the folder.
        python_environment: A virtual environment that the executors run Python with: its folder, which is
            packed, or an archive of it. Its base interpreter must be at the same path there.
        driver_memory: Such as `2g`.
        driver_cores: Processors of a driver in cluster mode.
        executor_memory: Such as `4g`.
        executor_cores: Processors of an executor.
        num_executors: How many executors, where that is not left to Spark.
        environment: Variables for the driver; None takes one out. A `Secret` is resolved here.
        cwd: The folder that a driver of this machine runs in; the worker's own when None.
        spark_log_level: How much Spark itself logs; None for what its own configuration says.
        jobs_folder: Where drivers of this machine have their folders, private to their owner, on a disk of
            this machine; `$XDG_STATE_HOME/longshore/jobs`, or `~/.local/state/longshore/jobs`, when None.
        grace: Seconds between SIGTERM and SIGKILL when a driver of this machine is cancelled; below
            `cancel_grace`.
        connection: The master, or its URL.

    Example:
        >>> SparkSubmit("routes.py", connection="spark://spark.example.com:7077")(["2013-01-01"])["rows"]
        224
    """

    application: str | Path = field(kw_only=False)
    main_class: str | None = None
    app_name: str | None = None
    conf: Mapping[str, ConfValue] = field(default_factory=dict[str, ConfValue])
    packages: Sequence[str] = ()
    exclude_packages: Sequence[str] = ()
    repositories: Sequence[str] = ()
    jars: Sequence[str | Path] = ()
    py_files: Sequence[str | Path] = ()
    files: Sequence[str | Path] = ()
    archives: Sequence[str | Path] = ()
    python_environment: str | Path | None = None
    driver_memory: str | None = None
    driver_cores: int | None = None
    executor_memory: str | None = None
    executor_cores: int | None = None
    num_executors: int | None = None
    environment: Mapping[str, EnvValue] = field(default_factory=dict[str, EnvValue])
    cwd: str | Path | None = None
    spark_log_level: Literal["ERROR", "WARN", "INFO", "DEBUG"] | None = "WARN"
    jobs_folder: str | Path | None = None
    grace: float = 5.0
    connection: SparkConnection | str = SparkConnection()
    poll_interval: float = 0.5

    def check(self) -> None:
        settings.check(self)
        if not 0 <= self.grace < self.cancel_grace:
            raise ConfigurationError(
                f"{self.name}(grace={self.grace!r}): give seconds from 0 to below cancel_grace, which is "
                f"{self.cancel_grace:g}"
            )

    def submit(
        self, key: str, /, args: Sequence[Value] = (), *, env: Mapping[str, EnvValue] | None = None
    ) -> Handle:
        """Submit the application.

        Args:
            args: Its arguments.
            env: Variables for its driver, over those of `environment`.

        Raises:
            SparkError: Spark refused, or there is no Java.
            SparkInputError: A file is not there; a value cannot be handed over as it is.
        """
        return self._driver().submit(key, settings.application(self, key, args, env))

    def find(self, key: str) -> Handle | None:
        return self._driver().find(key)

    def poll(self, handle: Handle) -> JobRunning | JobFinished:
        return self._driver().poll(handle)

    def result(self, handle: Handle) -> SparkResult:
        """Return what the application handed back.

        Raises:
            OutputsError: A line of its outputs cannot be read.
        """
        return self._driver().result(handle)

    def logs(self, handle: Handle, since: str | None) -> Iterable[LogLine]:
        return self._driver().logs(handle, since)

    def cancel(self, handle: Handle) -> None:
        self._driver().cancel(handle)

    def discard(self, handle: Handle) -> None:
        self._driver().discard(handle)

    def _driver(self) -> Driver:
        connection = connection_of(self.connection)
        if connection.kind == "standalone" and connection.deploy_mode == "cluster":
            return ClusterDriver(self, connection)
        return LocalDriver(self, connection)
