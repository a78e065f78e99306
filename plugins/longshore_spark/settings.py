"""The properties of an application, from the fields of its task, its connection, and Spark's own defaults."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError, Secret, current
from longshore_spark import applications
from longshore_spark.applications import KEY, Application, read_properties
from longshore_spark.connections import SparkConnection, check_conf, conf_text, connection_of
from longshore_spark.environments import packed
from longshore_spark.errors import SparkInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from longshore_spark.applications import EnvValue, Value
    from longshore_spark.connections import ConfValue
    from longshore_spark.submit import SparkSubmit

_TRIMMED: Final = "".join(map(chr, range(0x21))).replace("\r", "").replace("\n", "")
_NAMED: Final = re.compile(r"(?i)secret|password|token|access[.]?key")
"""What Spark masks in its pages and its event log by itself (`spark.redaction.regex`)."""
_OURS: Final = {
    "spark.master": "connection",
    "spark.remote": "connection",
    "spark.submit.deployMode": "connection",
    "spark.app.name": "app_name",
    KEY: "nothing: it is Longshore's",
}
"""Properties that have fields of their own."""


_LAUNCHERS: Final = frozenset(
    {"ARG", "CMD", "CMD_START_FLAG", "COUNT", "DELIM", "LAST", "LAUNCHER_EXIT_CODE", "LAUNCH_CLASSPATH"}
    | {
        "PYTHONHASHSEED",
        "RUNNER",
        "SPARK_ENV_LOADED",
        "SPARK_ENV_SH",
        "SPARK_JARS_DIR",
        "SPARK_SCALA_VERSION",
    }
)
"""Variables that the scripts of Spark's launcher set."""


def check(task: SparkSubmit) -> None:
    """Look at the fields of a task before anything runs.

    Raises:
        ConfigurationError: Some do not go together.
        SparkInputError: One cannot be handed to Spark as it is.
    """
    connection = connection_of(task.connection)
    if connection.kind == "connect":
        raise ConfigurationError(
            f"{task.name}: a Spark Connect server takes no applications; give the master's URL "
            "(spark://host:7077), or use SparkSQL or @spark_task"
        )
    check_conf(task.name, task.conf)
    for name, field in _OURS.items():
        if name in {**connection.conf, **task.conf}:
            raise ConfigurationError(f"{task.name}: {name} is given by {field}, not by conf")
    local = connection.deploy_mode == "client"
    app = _described(task, connection, here=False)
    if app.is_jar and local and not app.resource.endswith(".jar"):
        raise SparkInputError(
            f"cannot submit {app.resource!r}: give a Python file (.py), a JAR (.jar) or an R file (.R)"
        )
    if not app.is_jar and app.main_class:
        raise ConfigurationError(f"{task.name}: main_class is for a JAR, not for {app.resource!r}")


def application(
    task: SparkSubmit, key: str, args: Sequence[Value], env: Mapping[str, EnvValue] | None
) -> Application:
    """Return what is submitted under a key.

    Raises:
        SparkInputError: A file is not there; a value cannot be handed over as it is.
    """
    connection = connection_of(task.connection)
    app = _described(task, connection, here=True)
    app.properties[KEY] = key
    _add_tags(app.properties, connection, key)
    if isinstance(args, str):
        raise SparkInputError(f"args={args!r}: give a list of them")
    words = tuple(applications.argument(value, f"argument {n}") for n, value in enumerate(args, 1))
    variables = {**task.environment, **(env or {})}
    taken = sorted(_LAUNCHERS & variables.keys())
    if taken:
        raise SparkInputError(f"Spark's launcher sets the variable {taken[0]} itself; give it another name")
    return replace(app, args=words, environment=variables)


def name_of(task: SparkSubmit) -> str:
    """Return what Spark's pages call an application."""
    return task.app_name or current.name or task.name


def defaults(home: Path) -> str:
    """Return the text of Spark's own `spark-defaults.conf`, which a file of properties takes the place of."""
    folder = os.environ.get("SPARK_CONF_DIR") or home / "conf"
    try:
        return (Path(folder) / "spark-defaults.conf").read_text("utf-8", "backslashreplace") + "\n"
    except OSError:
        return ""


def with_python(properties: dict[str, str], text: str, connection: SparkConnection) -> dict[str, str]:
    """Return properties by which Python files run with this Python, unless somebody has chosen another one.

    Args:
        properties: Those of the application.
        text: Spark's own defaults.
        connection: Where it runs: on this machine the workers of Python run with it too.
    """
    known = {**read_properties(text), **properties}
    chosen = {"PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"} & os.environ.keys()
    if chosen or {"spark.pyspark.python", "spark.pyspark.driver.python"} & known.keys():
        return properties
    ours = {"spark.pyspark.driver.python": sys.executable}
    if connection.kind == "local":
        ours["spark.pyspark.python"] = sys.executable
    return {**ours, **properties}


def _described(task: SparkSubmit, connection: SparkConnection, *, here: bool) -> Application:
    """Return a task's application; `here` it is to be submitted: files must be there, secrets are read."""
    must_exist = here and (connection.deploy_mode == "client" or connection.kind != "standalone")
    resource = applications.resource_of(task.application, "the application", must_exist=must_exist)
    conf = {**connection.conf, **task.conf}
    name = name_of(task)
    properties = {
        "spark.master": connection.master,
        "spark.submit.deployMode": connection.deploy_mode,
        "spark.app.name": applications.text_of(name, "app_name"),
        **_values(connection.conf, here=here),
        **_from_fields(task, must_exist=must_exist),
        **_values(task.conf, here=here),
    }
    if task.spark_log_level is not None:
        properties.setdefault("spark.log.level", task.spark_log_level)
    secrets = frozenset(name for name, value in conf.items() if isinstance(value, Secret))
    _hide(properties, secrets)
    main_class = applications.class_name(task.main_class) if task.main_class else ""
    return Application(
        resource=resource, main_class=main_class, properties=properties, secrets=secrets, name=str(name)
    )


def _from_fields(task: SparkSubmit, *, must_exist: bool) -> dict[str, str]:
    def files(name: str) -> str:
        return applications.listed(getattr(task, name), name, must_exist=must_exist)

    def memory(name: str) -> str | None:
        given = getattr(task, name)
        return None if given is None else applications.memory(given, name)

    archives = ",".join(filter(None, (files("archives"), packed(task.python_environment, must_exist))))
    found: dict[str, Any] = {
        "spark.jars": files("jars"),
        "spark.submit.pyFiles": files("py_files"),
        "spark.files": files("files"),
        "spark.archives": archives,
        "spark.jars.packages": applications.coordinates(task.packages, "packages"),
        "spark.jars.excludes": applications.coordinates(
            task.exclude_packages, "exclude_packages", parts="group:artifact"
        ),
        "spark.jars.repositories": applications.urls(task.repositories, "repositories"),
        "spark.driver.memory": memory("driver_memory"),
        "spark.executor.memory": memory("executor_memory"),
        "spark.driver.cores": task.driver_cores,
        "spark.executor.cores": task.executor_cores,
        "spark.executor.instances": task.num_executors,
    }
    if task.python_environment is not None:
        found["spark.pyspark.python"] = "./environment/bin/python"
    return {name: str(value) for name, value in found.items() if value not in {None, ""}}


def _values(conf: Mapping[str, ConfValue], *, here: bool) -> dict[str, str]:
    given = {name: value for name, value in conf.items() if here or not isinstance(value, Secret)}
    return {name: _value(name, value) for name, value in given.items()}


def _value(name: str, value: Any) -> str:
    text = conf_text(value)
    if text != text.strip(_TRIMMED):
        raise SparkInputError(f"{name} begins or ends with a space, which Spark would take away")
    if "\0" in text:
        raise SparkInputError(f"{name} holds a NUL, which no property can hold")
    return text


def _hide(properties: dict[str, str], secrets: frozenset[str]) -> None:
    """Have Spark mask secret properties whose names it would show."""
    shown = sorted(name for name in secrets if not _NAMED.search(name))
    if shown:
        known = properties.get("spark.redaction.regex", _NAMED.pattern)
        properties["spark.redaction.regex"] = "|".join([known, *map(re.escape, shown)])


def _add_tags(properties: dict[str, str], connection: SparkConnection, key: str) -> None:
    """Have the key where the manager of a cluster shows it, and Spark's launcher wait for the end."""
    if connection.kind == "yarn":
        tags = properties.get("spark.yarn.tags")
        properties["spark.yarn.tags"] = ",".join(filter(None, (tags, f"longshore-{key}")))
        properties["spark.yarn.submit.waitAppCompletion"] = "true"
    elif connection.kind == "kubernetes":
        properties["spark.kubernetes.driver.label.longshore-key"] = key
        properties["spark.kubernetes.submission.waitAppCompletion"] = "true"
        if connection.deploy_mode == "cluster":
            properties["spark.kubernetes.driver.pod.name"] = f"longshore-{key}"
