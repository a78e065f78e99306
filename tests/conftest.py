"""Fixtures that several test files share."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from longshore.secrets import isolated

ROOT = Path(__file__).parent.parent

# Coverage measures under a lock of its own. It does not survive a fork while other threads run, so forked
# processes are not measured. Partials, because a traced function would take that lock.
os.register_at_fork(after_in_child=functools.partial(sys.settrace, None))
os.register_at_fork(after_in_child=functools.partial(threading.settrace, None))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is about the core, before `-m` chooses."""
    for item in items:
        if ROOT / "tests" / "plugins" not in item.path.parents:
            item.add_marker("core")


@pytest.fixture(scope="session", autouse=True)
def store_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Have `longshore run`, also in processes that tests start, record away from the developer's own runs."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("store") / "runs.db"
        patch.setenv("LONGSHORE_STORE", str(path))
        patch.setenv("LONGSHORE_STATE", str(path.parent / "state"))
        yield path


@pytest.fixture(autouse=True)
def no_opener_is_kept() -> None:
    """Have urllib look at the environment again: what it keeps has the proxies of an earlier test."""
    urllib.request.install_opener(cast("urllib.request.OpenerDirector", None))


@pytest.fixture(autouse=True)
def no_secret_of_another_test() -> Iterator[None]:
    """Have only the test's own secrets masked: another's may be as common a word as "token"."""
    with isolated():
        yield


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder that holds pyproject.toml: a checkout, or an unpacked sdist."""
    return ROOT


@pytest.fixture(scope="session")
def gate_count() -> Callable[[int, int], int]:
    """Choose between a quick count and the reliability gate's own: `gate_count(5, 200)`.

    The full one counts in `nox -s gate`.
    """
    full_gate = os.environ.get("LONGSHORE_GATE") == "full"
    return lambda quick, full: full if full_gate else quick


@pytest.fixture(scope="session")
def require_service() -> Callable[[object, str], None]:
    """Skip the test on a laptop when something it needs is missing, and fail it in CI.

    `require_service(shutil.which("perl"), "perl is not installed")`
    """

    def require(found: object, reason: str) -> None:
        if found:
            return
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; CI must have it")
        pytest.skip(reason)

    return require


@pytest.fixture
def small_disk(tmp_path: Path, require_service: Callable[[object, str], None]) -> Iterator[Path]:
    """A file system of 1 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    require_service(mounted, "only root can mount a small file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
