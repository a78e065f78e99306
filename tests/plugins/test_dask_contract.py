"""`DaskExecutor` keeps the contract of executors, with threads and with processes as workers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from longshore.testing import ExecutorContract
from longshore_dask import DaskExecutor


@pytest.mark.gate("C2")
@pytest.mark.gate("C10")
class TestOnThreads(ExecutorContract):
    leaves_process = False
    pickles_code = True

    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def _start(request: pytest.FixtureRequest) -> Iterator[None]:
        with DaskExecutor(workers=1, threads=4, processes=False) as executor:
            request.cls.executor = executor
            yield


@pytest.mark.gate("C2")
@pytest.mark.gate("C4")
@pytest.mark.gate("C5")
@pytest.mark.gate("C8")
@pytest.mark.gate("C10")
class TestOnProcesses(ExecutorContract):
    pickles_code = True

    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def _start(request: pytest.FixtureRequest) -> Iterator[None]:
        with DaskExecutor(workers=2, threads=2) as executor:
            request.cls.executor = executor
            yield
