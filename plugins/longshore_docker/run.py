"""`DockerRun`: one container, from its image to its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from typing import Any, Literal

from longshore import (
    ConfigurationError,
    Job,
    JobFailed,
    JobFinished,
    JobNotFoundError,
    JobRunning,
    LogLine,
    Secret,
    Skip,
    field,
)
from longshore_docker import client, containers, files, settings
from longshore_docker.connections import DockerConnection
from longshore_docker.errors import DockerImageNotFoundError, DockerUnauthorizedError
from longshore_docker.inputs import EnvValue, Value
from longshore_docker.lines import LogReader
from longshore_docker.mounts import DockerMount  # noqa: TC001
from longshore_docker.results import DockerResult, Ended

Container = dict[str, str]


class DockerRun(Job[DockerResult]):
    """Run a container to its end.

    The job's key is in the container's name and in its label `longshore.key`, so that no second one can be
    made under it, and a run that was killed finds the one it made. A container that was made and not yet
    started is started when it is taken up.

    Args:
        image: Such as `python:3.13-slim`.
        command: A list of words, or a text that is split into words at its spaces, with quotes as in a shell;
            there is no shell unless you name one: `("sh", "-c", "...")`. The image's own when empty.
        entrypoint: What stands before the command; the image's own when None.
        environment: Variables; None takes out one of the image's. A `Secret` is resolved where the container
            is made. Whoever may use the engine can read it there (`docker inspect`): prefer `secrets`.
        secrets: Files at `/run/secrets/NAME` that only the container's user can read. They are put into the
            container before it starts and are in no image, variable or description of it.
        mounts: What the container sees of the engine's host.
        user: A name or number, with `:group` if wanted; the image's own when None.
        working_dir: The folder that it runs in; the image's own when None.
        memory: Its limit: bytes, or a text such as `512m`. More ends it, for the reason `out of memory`.
        cpus: Processors that it may use, such as 1.5.
        network: The name of a network, `none`, or `host`; the engine's bridge when None.
        platform: Such as `linux/arm64`; what the engine takes for its own when None.
        gpus: `all`, how many, or a tuple of ids; as `docker run --gpus`.
        pull: When the image is pulled: when the engine does not have it, `always`, or `never`.
        keep: Whether the container stays when it is done and its log and outputs are read: `never`, `failed`
            or `always`.
        labels: Labels, beside our own.
        container_name: Its name, instead of one made from the key; then a second one has to wait for the
            removal of the first.
        extra_hosts: Names with their addresses, for its `/etc/hosts`.
        init: Whether a tiny init hands signals on and reaps children.
        tty: Whether it has a terminal, which joins standard error with standard output.
        host_config: Anything else, in the words of the Engine API's `HostConfig`: `{"ShmSize": 1 << 30}`.
        success_codes: The exit codes that are success.
        skip_codes: The exit codes that end the step as Skipped.
        retry_codes: The exit codes that are worth another attempt; when there are none, all but those of a
            program that is not found are.
        stop_timeout: Seconds between the stop signal and SIGKILL when it is cancelled; below `cancel_grace`.
        connection: Where the engine is.

    Example:
        >>> DockerRun("busybox:1", ("wc", "-l", "/data/flights.csv"), mounts=(DockerMount(".", "/data"),))
    """

    image: str = field(kw_only=False)
    command: str | Sequence[Value] = ()
    entrypoint: str | Sequence[Value] | None = None
    environment: Mapping[str, EnvValue] = field(default_factory=dict[str, EnvValue])
    secrets: Mapping[str, Secret] = field(default_factory=dict[str, Secret])
    mounts: Sequence[DockerMount] = ()
    user: str | int | None = None
    working_dir: str | None = None
    memory: int | str | None = None
    cpus: float | None = None
    network: str | None = None
    platform: str | None = None
    gpus: int | str | Sequence[str] | None = None
    pull: Literal["missing", "always", "never"] = "missing"
    keep: Literal["never", "failed", "always"] = "never"
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    container_name: str | None = None
    extra_hosts: Mapping[str, str] = field(default_factory=dict[str, str])
    init: bool = True
    tty: bool = False
    host_config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    success_codes: tuple[int, ...] = (0,)
    skip_codes: tuple[int, ...] = ()
    retry_codes: tuple[int, ...] = ()
    stop_timeout: int = 5
    connection: DockerConnection = DockerConnection()

    def check(self) -> None:
        settings.check(self)
        if self.stop_timeout >= self.cancel_grace:
            raise ConfigurationError(
                f"{self.name}(stop_timeout={self.stop_timeout!r}): give less than "
                f"cancel_grace={self.cancel_grace!r}"
            )

    def submit(
        self, key: str, /, args: Sequence[Value] = (), *, env: Mapping[str, EnvValue] | None = None
    ) -> Container:
        """Make the container and start it.

        Args:
            args: Words after those of `command`.
            env: Variables over those of `environment`.

        Raises:
            JobFailed: The image is not found, or its registry refuses us.
            DockerError: The engine refused.
            DockerInputError: A value cannot be handed over as it is; a mounted path does not exist.
        """
        engine = self._engine()
        config = settings.config(self, containers.checked_key(key), args, env, local=engine.endpoint.local)
        name = self.container_name or f"longshore-{key}"
        try:
            container = containers.make(engine, key, name, self.platform, self.pull, config)
        except DockerImageNotFoundError as error:
            raise JobFailed(str(error), reason="image not found") from error
        except DockerUnauthorizedError as error:
            raise JobFailed(str(error), reason="unauthorized") from error
        containers.begin(engine, container, self.secrets)
        return {"container": container}

    def find(self, key: str) -> Container | None:
        found = self._engine().find(containers.checked_key(key))
        return None if found is None else {"container": found}

    def poll(self, handle: Container) -> JobRunning | JobFinished:
        engine, container = self._engine(), containers.checked_id(handle)
        about = engine.inspect(container)
        if containers.is_new(about):  # whoever made it was killed before it could start it
            containers.begin(engine, container, self.secrets)
            return JobRunning(message="starting")
        if containers.goes_on(about):
            return containers.running(container, about)
        ended = Ended(about)
        if ended.started and self._accepts(ended.exit_code):
            return JobFinished()
        return JobFinished(containers.failure(engine, ended, tty=self.tty, retry_codes=self.retry_codes))

    def result(self, handle: Container) -> DockerResult:
        """Return what the container handed back.

        Raises:
            OutputsError: A line of its outputs cannot be read.
            Skip: It ended with one of `skip_codes`.
        """
        engine = self._engine()
        ended = Ended(engine.inspect(containers.checked_id(handle)))
        if ended.exit_code in self.skip_codes:
            raise Skip(f"{ended.shown} exited with {ended.exit_code}, which means skip")
        return ended.result(containers.outputs(engine, ended))

    def logs(self, handle: Container, since: str | None) -> Iterator[LogLine]:
        engine, container = self._engine(), containers.checked_id(handle)
        reader = LogReader(since, tty=self.tty)
        lines = reader.read(engine.log(container, reader.since), ended=False)
        yield from (line for line in lines if not containers.note_progress(container, line))
        # The rest of a line may come until the container has ended, and be read only after that.
        if reader.waits and not containers.goes_on(engine.inspect(container)):
            lines = reader.read(engine.log(container, reader.since), ended=True)
            yield from (line for line in lines if not containers.note_progress(container, line))

    def cancel(self, handle: Container) -> None:
        engine, container = self._engine(), containers.checked_id(handle)
        try:
            about = engine.inspect(container)
            if not Ended(about).started:
                engine.remove(container)  # so that nobody can start it any more
            elif containers.goes_on(about):
                engine.stop(container, self.stop_timeout)
        except JobNotFoundError:
            return

    def discard(self, handle: Container) -> None:
        engine, container = self._engine(), containers.checked_id(handle)
        try:
            ended = Ended(engine.inspect(container))
        except JobNotFoundError:
            return
        well = ended.started and self._accepts(ended.exit_code)
        if self.keep == "never" or (self.keep == "failed" and well):
            engine.remove(container)
        elif self.secrets:
            engine.put(container, files.without_secrets(self.secrets))

    def _engine(self) -> client.Engine:
        return client.engine(self.connection)

    def _accepts(self, exit_code: int) -> bool:
        return exit_code in (*self.success_codes, *self.skip_codes)
