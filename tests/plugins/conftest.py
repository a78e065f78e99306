"""What the tests of integrations share: helper modules of this folder can be imported by their names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from docker_engine import DockerEngine, running_engine, what_is_missing
from http_server import HttpServer
from s3_servers import localstack, moto, s3_bucket, s3_server  # noqa: F401 - fixtures
from snowflake_rig import dwh  # noqa: F401 - a fixture
from snowflake_script_rig import order_fault, ran_sql, script_dwh, snowflake_user  # noqa: F401 - fixtures
from snowflake_server import snowflake_server  # noqa: F401 - a fixture
from spark_cluster import spark_cluster, spark_jar  # noqa: F401 - fixtures
from spark_rig import java, loopback  # noqa: F401 - fixtures

from longshore.testing import canary  # noqa: F401 - a fixture

pytest.register_assert_rewrite(
    "copy_faults", "download_faults", "transfer_kills", "transfer_rigs", "transfer_storms", "upload_faults"
)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A real HTTP server that misbehaves when it is told to."""
    with HttpServer() as running:
        yield running


@pytest.fixture(scope="session")
def docker_session(require_service: Callable[[object, str], None]) -> Iterator[DockerEngine]:
    """A real Docker engine with a tiny image."""
    pytest.importorskip("docker", reason="needs longshore[docker]")
    missing = what_is_missing()
    require_service(not missing, f"no Docker engine: {missing}")
    with running_engine() as engine:
        yield engine


@pytest.fixture
def docker(docker_session: DockerEngine) -> Iterator[DockerEngine]:
    """The engine, without containers of ours before and after the test."""
    docker_session.clean()
    yield docker_session
    docker_session.clean()


@pytest.fixture(scope="session")
def at_once(gate_count: Callable[[int, int], int]) -> float:
    """Seconds in which something hopeless ends; more in the quick variant, beside other tests."""
    return gate_count(10, 2)


ONE_PROCESS = ("test_spark_connectserver", "test_spark_events", "test_spark_functions", "test_spark_sessions")
"""Modules whose tests share what takes seconds to start; those of statements share one session."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests together that share a JVM, where tests are spread by `--dist=loadgroup`."""
    for item in items:
        name = item.path.stem
        if name.startswith(ONE_PROCESS):
            item.add_marker(pytest.mark.xdist_group(name))
        elif name.startswith("test_spark_sql"):
            item.add_marker(pytest.mark.xdist_group("test_spark_sql"))
