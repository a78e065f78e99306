"""What a type checker sees of Dask. Checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import assert_type

from longshore import Executor, Flow, FlowRun, LongshoreError
from longshore_dask import DaskError, DaskExecutor, DaskMismatchError, DaskUnreachableError, ResultLostError

with DaskExecutor("tcp://10.0.0.1:8786", timeout=10) as executor:
    assert_type(executor, DaskExecutor)
    offered: Executor = executor
    with Flow("typed") as flow:
        pass
    assert_type(flow.run(executor=executor), FlowRun)
DaskExecutor(workers=2, threads=4, processes=False)

error: LongshoreError = DaskError("it did not work")
unreachable: ConnectionError = DaskUnreachableError("nobody there")
lost: LookupError = ResultLostError("gone")
mismatch: DaskError = DaskMismatchError("another Python")
