"""What the fields of `DockerRun` are in the engine's words, and which values they cannot have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import ConfigurationError, Secret, current
from longshore_docker.client import KEY
from longshore_docker.errors import DockerInputError
from longshore_docker.inputs import environment, image_name, size_of, text_of, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from longshore_docker.inputs import EnvValue, Value
    from longshore_docker.run import DockerRun

_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
_SECRET: Final = re.compile(r"(?!\.)[A-Za-z0-9_.-]+", re.ASCII)
_OWN: Final = "longshore."
_CHOICES: Final = {"pull": ("missing", "always", "never"), "keep": ("never", "failed", "always")}


def check(task: DockerRun) -> None:
    """Refuse fields that no container can have.

    Raises:
        ConfigurationError: It names the field.
    """
    for name, problem in _problems(task):
        raise ConfigurationError(f"{task.name}({name}={getattr(task, name)!r}): {problem}")
    image_name(task.image)
    words_of(task.command, "command")
    words_of(task.entrypoint or (), "entrypoint")
    if task.memory is not None:
        size_of(task.memory, "memory")
    # A secret is looked up where the container is made, and not here.
    environment({n: value for n, value in task.environment.items() if not isinstance(value, Secret)})


def _problems(task: DockerRun) -> list[tuple[str, str]]:
    codes = [*task.success_codes, *task.skip_codes]
    rules = {
        "secrets": (
            all(
                _SECRET.fullmatch(n) and isinstance(cast("object", s), Secret)
                for n, s in task.secrets.items()
            ),
            'give names of files and secrets: {"token": Secret("env:TOKEN")}',
        ),
        "labels": (not any(n.startswith(_OWN) for n in task.labels), "'longshore.' begins our own labels"),
        "container_name": (
            task.container_name is None or _NAME.fullmatch(task.container_name),
            "give letters, digits, '_', '.' and '-'",
        ),
        "working_dir": (
            task.working_dir is None or task.working_dir.startswith("/"),
            "give an absolute path in the container",
        ),
        "cpus": (task.cpus is None or task.cpus > 0, "give a number above 0"),
        "stop_timeout": (task.stop_timeout >= 0, "give seconds, 0 or more"),
        "success_codes": (len(set(codes)) == len(codes), "an exit code means one of success and skip"),
        "gpus": (
            task.gpus is None or task.gpus == "all" or not isinstance(task.gpus, str | bool),
            "give 'all', how many, or a tuple of ids",
        ),
        **{
            name: (getattr(task, name) in choices, f"give one of {', '.join(map(repr, choices))}")
            for name, choices in _CHOICES.items()
        },
    }
    return [(name, problem) for name, (holds, problem) in rules.items() if not holds]


def config(
    task: DockerRun,
    key: str,
    args: Sequence[Value],
    env: Mapping[str, EnvValue] | None,
    *,
    local: bool,
) -> dict[str, Any]:
    """Return what the engine is asked to create.

    Args:
        task: The fields.
        key: The job's key.
        args: More words of the command.
        env: More variables.
        local: Whether the engine sees our files.

    Raises:
        DockerInputError: A value cannot be handed over, or a mounted path is not there.
    """
    command = words_of(task.command, "command") + words_of(args, "args")
    ports: dict[str, Any] = task.host_config.get("PortBindings") or {}
    options: dict[str, Any] = {
        "image": image_name(task.image),
        "command": command or None,
        "environment": environment(current.environment(), task.environment, env or {}),
        "entrypoint": None if task.entrypoint is None else words_of(task.entrypoint, "entrypoint"),
        "user": None if task.user is None else text_of(task.user, "user"),
        "working_dir": task.working_dir,
        "labels": _labels(task, key),
        "tty": task.tty,
        "ports": {port: {} for port in ports} or None,
        "host_config": _host_config(task, local=local),
    }
    return {name: value for name, value in options.items() if value is not None}


def _labels(task: DockerRun, key: str) -> dict[str, str]:
    given = {text_of(n, "a label"): text_of(v, f"label {n!r}") for n, v in task.labels.items()}
    place = "" if current.map_index is None else str(current.map_index)
    own = {
        "run": current.run_id,
        "flow": current.flow,
        "step": current.name or task.name,
        "map_index": place,
        "attempt": str(current.attempt),
    }
    return {**given, **{f"{_OWN}{n}": v for n, v in own.items() if v}, KEY: key}


def _host_config(task: DockerRun, *, local: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Init": task.init,
        "NetworkMode": None if task.network is None else text_of(task.network, "network"),
        "Memory": None if task.memory is None else size_of(task.memory, "memory"),
        "NanoCpus": None if task.cpus is None else round(task.cpus * 1e9),
        "ExtraHosts": [
            f"{text_of(host, 'a host')}:{text_of(address, 'an address')}"
            for host, address in task.extra_hosts.items()
        ],
        "Mounts": [mount.as_engine_takes_it(local=local) for mount in task.mounts],
        "DeviceRequests": _gpus(task.gpus),
    }
    for name in task.host_config:
        if found.get(name):
            raise DockerInputError(f"host_config has {name!r}, which a field of {task.name} sets as well")
    return {name: value for name, value in found.items() if value is not None} | dict(task.host_config)


def _gpus(gpus: int | str | Sequence[str] | None) -> list[dict[str, Any]] | None:
    """Return the devices as `docker run --gpus` asks for them."""
    if gpus is None:
        return None
    request: dict[str, Any] = {"Capabilities": [["gpu"]]}
    if gpus == "all" or isinstance(gpus, int):
        return [{**request, "Count": -1 if gpus == "all" else gpus}]
    return [{**request, "DeviceIDs": list(gpus)}]
