"""The only file that meets Docker's SDK: one client for each thread and engine, its calls, its errors."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import JobNotFoundError, current, require
from longshore_docker import archives, faults
from longshore_docker.connections import DockerConnection, Endpoint, resolve
from longshore_docker.errors import DockerError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import requests

EXTRA: Final = "docker"
KEY: Final = "longshore.key"
"""The label of a container that holds its job's key."""
_MOST_ENGINES: Final = 8
_STOP_ANSWER: Final = 0.5
"""Seconds that a stop is waited for; the engine goes on with it by itself."""
_CHUNK: Final = 64 * 1024

Json = dict[str, Any]
_here = threading.local()
_versions: dict[tuple[int, Endpoint], str] = {}


def engine(connection: DockerConnection) -> Engine:
    """Return this thread's client for a connection; a forked process makes its own.

    One for each thread, as the SDK's pool for a socket closes connections that another thread is about to use
    once it has seen 25 different containers.
    """
    key = (os.getpid(), resolve(connection))
    engines: dict[tuple[int, Endpoint], Engine] = vars(_here).setdefault("engines", {})
    found = engines.get(key)
    if found is None:
        found = engines[key] = Engine(key[1])
        for oldest in list(engines)[:-_MOST_ENGINES]:
            engines.pop(oldest)
    return found


def _probe(endpoint: Endpoint) -> None:
    """Connect to a socket, to see what is wrong with it; the SDK leaves one open that it cannot connect."""
    if endpoint.url.startswith("unix:"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(endpoint.read_timeout)
            probe.connect(f"/{endpoint.url.partition(':')[2].lstrip('/')}")


class Engine:
    """A Docker engine, as this thread talks to it.

    Args:
        endpoint: Where it is.

    Raises:
        DockerUnreachableError: It does not answer.
        MissingExtraError: The SDK is not installed.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._docker: Any = require("docker", extra=EXTRA)
        self._requests: Any = require("requests", extra=EXTRA)
        self._urllib3: Any = require("urllib3", extra=EXTRA)
        with self._told("use Docker"):
            _probe(endpoint)
            key = (os.getpid(), endpoint)
            if key not in _versions:
                # What the SDK finds by itself, it asks for before anything can be set on its client.
                version = self._client(self._docker.constants.MINIMUM_DOCKER_API_VERSION).version(False)
                _versions[key] = str(version["ApiVersion"])
            self._api: Any = self._client(_versions[key])

    def _client(self, version: str) -> Any:
        where = self.endpoint
        tls: Any = False
        if where.tls:
            own = (where.certificate, where.key) if where.certificate else None
            tls = self._docker.tls.TLSConfig(client_cert=own, ca_cert=where.ca or None, verify=True)
        client = self._docker.APIClient(where.url, version, timeout=where.read_timeout, tls=tls)
        # Neither .netrc nor REQUESTS_CA_BUNDLE, which would count before the authorities that were given.
        client.trust_env = False
        return client

    @contextmanager
    def _told(
        self, what: str, refusal: Callable[[str, int, str], DockerError] = faults.refused
    ) -> Generator[None]:
        """Translate the SDK's errors, and those that it lets through."""
        silent = (self._urllib3.exceptions.HTTPError, HTTPException, OSError)  # requests' errors are OSErrors
        try:
            yield
        except self._docker.errors.APIError as error:
            status, said = int(error.status_code or 0), str(error.explanation or error)
            if status == 404 and "no such container" in said.lower():
                raise JobNotFoundError(f"cannot {what}: there is no such container any more") from error
            raise refusal(what, status, said) from error
        except DockerError:  # some are OSErrors too
            raise
        except silent as error:
            self._forget()
            raise faults.unreachable(what, self.endpoint, error) from error
        except (self._docker.errors.DockerException, ValueError) as error:  # settings, or an answer cut short
            raise refusal(what, 0, f"{type(error).__name__}: {error}") from error

    def _forget(self) -> None:
        """Have the next use begin anew: the engine may come back as another version."""
        key = (os.getpid(), self.endpoint)
        _versions.pop(key, None)
        vars(_here).get("engines", {}).pop(key, None)

    def about(self) -> Json:
        """Return the engine's versions."""
        with self._told("ask the engine for its version"):
            return cast("Json", self._api.version())

    # Containers

    def create(self, name: str, platform: str | None, config: Json) -> str | None:
        """Create a container and return its id; None when there is one of that name.

        Raises:
            DockerImageNotFoundError: The engine does not have the image.
        """
        what = f"create container {name!r} from {config['image']!r}"
        try:
            with self._told(what, faults.about_image(config["image"])):
                return str(self._api.create_container(name=name, platform=platform, **config)["Id"])
        except DockerError as error:
            if error.status == 409:
                return None
            raise

    def find(self, key: str) -> str | None:
        """Return the id of the container with a job's key, whatever its state."""
        with self._told(f"look for the container of job {key!r}"):
            found = self._api.containers(all=True, filters={"label": f"{KEY}={key}"})
        return str(found[0]["Id"]) if found else None

    def inspect(self, container: str) -> Json:
        with self._told(f"look at container {container[:12]}"):
            return cast("Json", self._api.inspect_container(container))

    def start(self, container: str) -> None:
        """Start a container; one that runs goes on."""
        with self._told(f"start container {container[:12]}"):
            self._api.start(container)

    def stop(self, container: str, seconds: int) -> None:
        """Tell the engine to stop a container: its stop signal, and after some seconds SIGKILL.

        The engine does both by itself, also when nobody waits for its answer or this process dies.
        """
        url = self._url(f"containers/{container}/stop")
        with self._told(f"stop container {container[:12]}"):
            try:
                answer = self._api.post(url, params={"t": seconds}, timeout=_STOP_ANSWER)
            except self._requests.exceptions.ReadTimeout:
                return
            self._check(answer)

    def remove(self, container: str, *, force: bool = True) -> None:
        """Remove a container with the volumes of its own; one that is gone is no error.

        Args:
            container: Its id.
            force: Whether one that runs is killed and removed too.
        """
        try:
            with self._told(f"remove container {container[:12]}"):
                self._api.remove_container(container, v=True, force=force)
        except JobNotFoundError:
            return
        except DockerError as error:
            if error.status != 409:  # it is being removed
                raise

    def put(self, container: str, archive: bytes) -> None:
        """Unpack an archive at the container's `/`."""
        with self._told(f"put files into container {container[:12]}"):
            self._api.put_archive(container, "/", archive)

    def archive(self, container: str, path: str) -> Iterator[bytes]:
        """Yield the archive of one file; nothing when it is not there, or empty."""
        what = f"read {path!r} of container {container[:12]}"
        with self._told(what):
            head = self._api.head(
                self._url(f"containers/{container}/archive"),
                params={"path": path},
                timeout=self.endpoint.read_timeout,
            )
            if head.status_code == 404:
                return
            self._check(head)
            if archives.is_empty(head.headers.get("X-Docker-Container-Path-Stat", "")):
                return
            yield from self._stream(f"containers/{container}/archive", {"path": path})

    def log(self, container: str, since: str, tail: int | None = None) -> Iterator[bytes]:
        """Yield a log as the engine sends it, with times; nothing where its log driver cannot be read."""
        params = {"stdout": 1, "stderr": 1, "timestamps": 1, "since": since, "tail": tail or "all"}
        try:
            with self._told(f"read the log of container {container[:12]}"):
                yield from self._stream(f"containers/{container}/logs", params)
        except DockerError as error:
            if "does not support reading" not in str(error):
                raise

    # Images

    def image(self, name: str) -> Json:
        """Return what the engine knows of an image.

        Raises:
            DockerImageNotFoundError: The engine does not have it.
        """
        with self._told(f"look at image {name!r}", faults.about_image(name)):
            return cast("Json", self._api.inspect_image(name))

    def tag(self, image: str, name: str) -> None:
        """Give an image one more name."""
        with self._told(f"tag {image!r} as {name!r}", faults.about_image(image)):
            self._api.tag(image, name)

    def pull(self, image: str, platform: str | None) -> Iterator[Json]:
        """Pull an image, and yield what the engine says meanwhile."""
        with self._watched(f"pull {image!r}", image):
            yield from self._api.pull(image, stream=True, decode=True, platform=platform)

    def push(self, image: str) -> Iterator[Json]:
        """Push an image, and yield what the engine says meanwhile."""
        with self._watched(f"push {image!r}", image):
            yield from self._api.push(image, stream=True, decode=True)

    def build(self, options: Json) -> Iterator[Json]:
        """Build an image, and yield what the engine says meanwhile."""
        with self._watched("build an image", ""):
            yield from self._api.build(decode=True, rm=True, forcerm=True, **options)

    @contextmanager
    def _watched(self, what: str, image: str) -> Generator[None]:
        """Let the attempt's timeout or cancellation end what is read inside, from another thread."""
        answers: list[requests.Response] = []

        def cut() -> None:
            for answer in answers:
                with suppress(OSError, ValueError, RuntimeError):  # it has ended by itself
                    answer.raw.shutdown()  # of urllib3 2.3

        def keep(answer: requests.Response, *_: Any, **__: Any) -> None:
            answers.append(answer)
            if current.cancelled:
                cut()

        hooks = self._api.hooks["response"]
        hooks.append(keep)
        try:
            with self._told(what, faults.about_image(image)), current.on_cancel(cut):
                self._api.reload_config()  # somebody may have logged in since
                yield
        finally:
            hooks.remove(keep)
            for answer in answers:
                answer.close()

    # What the SDK has no method for, by the session that its client is

    def _stream(self, path: str, params: Json) -> Iterator[bytes]:
        timeout = self.endpoint.read_timeout
        with self._api.get(self._url(path), params=params, stream=True, timeout=timeout) as answer:
            self._check(answer)
            yield from answer.iter_content(_CHUNK)

    def _url(self, path: str) -> str:
        return f"{self._api.base_url}/v{self._api.api_version}/{path}"

    def _check(self, answer: requests.Response) -> None:
        try:
            answer.raise_for_status()
        except self._requests.exceptions.HTTPError as error:
            self._docker.errors.create_api_error_from_http_exception(error)
