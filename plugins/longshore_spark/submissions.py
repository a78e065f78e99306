"""What the REST server of a standalone master is asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore import Secret
from longshore_spark.applications import text_of
from longshore_spark.driverlogs import OUTPUTS
from longshore_spark.errors import SparkInputError
from longshore_spark.homes import package_version

if TYPE_CHECKING:
    from longshore_spark.applications import Application

_PLACEHOLDER: Final = re.compile(r"\{\{.*\}\}", re.DOTALL)
"""What a master fills in from its own environment."""
_WORKERS: Final = frozenset({"{{WORKER_URL}}", "{{USER_JAR}}"})
"""What a worker fills in."""


def request_of(app: Application) -> dict[str, Any]:
    """Return what a master's REST server is asked for.

    Raises:
        SparkInputError: A standalone cluster cannot run it, would change it, or would show a secret.
    """
    if not app.is_jar or not app.main_class:
        raise SparkInputError(
            f"cannot submit {app.resource!r} in cluster mode: a standalone cluster runs JARs there, with "
            "main_class=; use deploy_mode='client' for the others"
        )
    hidden = sorted(app.secrets)
    if hidden:
        raise SparkInputError(
            f"{hidden[0]} is a Secret, and properties are in the driver's command line in a standalone "
            "cluster's cluster mode; give it by env=, by the cluster's own configuration, or use "
            "deploy_mode='client'"
        )
    environment = {
        name: value.get() if isinstance(value, Secret) else text_of(value, f"the variable {name}")
        for name, value in app.environment.items()
        if value is not None
    }
    resource = Path(app.resource).as_uri() if app.resource.startswith("/") else app.resource
    properties = {"spark.jars": resource, **app.properties}
    filled = [name for name, value in {**properties, **environment}.items() if _PLACEHOLDER.fullmatch(value)]
    filled += [f"the argument {word!r}" for word in app.args if word in _WORKERS]
    if filled:
        raise SparkInputError(
            f"{filled[0]} is in double braces, which a standalone cluster fills in by itself"
        )
    return {
        "action": "CreateSubmissionRequest",
        "clientSparkVersion": package_version() or "4.0.0",
        "appResource": resource,
        "mainClass": app.main_class,
        "appArgs": list(app.args),
        "environmentVariables": {**environment, "LONGSHORE_OUTPUTS": OUTPUTS},
        "sparkProperties": properties,
    }
