"""What can be done with a flow: run it, resume it, submit it, serve it, draw it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Never, cast

from longshore.errors import FlowError, ParameterError
from longshore.graph import Graph, under_construction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from longshore.drawings import Drawing
    from longshore.executors import ExecutorLike
    from longshore.flows import Flow
    from longshore.runs import FlowRun
    from longshore.stores.interface import RunStore


class Runnable(Graph):
    """A graph that can be run; `Flow` is the one that people make."""

    def run(
        self,
        *unnamed: Never,
        executor: ExecutorLike | None = None,
        store: RunStore | str | Path | None = None,
        run_id: str | None = None,
        raise_on_failure: bool = False,
        on_schedule: bool = True,
        **parameters: Any,
    ) -> FlowRun:
        """Run the flow here and wait for its end; one with a schedule at each of its times, until it ends.

        Args:
            executor: Where steps run; 8 threads when None.
            store: Where the run is recorded, so that it can be resumed: a `RunStore`, or the path of a SQLite
                file; None records nothing.
            run_id: An id of your own; a UUID when None.
            raise_on_failure: Raise `FlowFailed` unless the run succeeds.
            on_schedule: Keep to the schedule of a flow that has one; False runs it now, once.
            parameters: The flow's parameters, by name.

        Returns:
            The run: its state, and the states and results of its steps. A failed step makes the state Failed.
            On a schedule: the last run.

        Raises:
            ParameterError: A parameter is missing, unknown or of the wrong type.
            TravelError: Something cannot be sent to where the executor runs steps.
            StoreError: The run cannot be recorded.
            KeyboardInterrupt: After Ctrl-C or SIGTERM, when clean-up and handlers are done; `.flow_run` is
                the run.
        """
        from longshore.flowruns import run_flow

        self._refuse_unnamed(unnamed, "run")
        self._refuse_to_run_while_building()
        flow = cast("Flow", self)
        once = partial(
            run_flow,
            flow,
            executor=executor,
            store=_opened(store),
            run_id=run_id,
            raise_on_failure=raise_on_failure,
        )
        if not (on_schedule and flow.schedules):
            return once(parameters)
        if run_id is not None:
            raise ParameterError(
                f"run_id={run_id!r} is for one run, and flow {self.name!r} runs by its schedule; "
                f"to run it now: {self.name}.run(on_schedule=False, run_id={run_id!r})"
            )
        from longshore.schedules.loops import run_on_schedule

        return run_on_schedule(flow, parameters, lambda given, due: once(given, due=due))

    def resume(
        self,
        run_id: str,
        *,
        store: RunStore | str | Path,
        executor: ExecutorLike | None = None,
        rerun: Sequence[str] = (),
        accept: Mapping[str, Any] | Sequence[str] = (),
        changed: Literal["rerun", "keep"] | None = None,
        raise_on_failure: bool = False,
    ) -> FlowRun:
        """Go on with a recorded run that was killed, cancelled, or failed; wait for its end.

        What succeeded does not run again. What was under way runs again if its task is repeatable; jobs are
        found by their keys; the rest is Unknown until you say what happened.

        Args:
            run_id: The run, or the beginning of its id.
            store: Where it is recorded.
            executor: Where steps run; as for `run`.
            rerun: Steps to run again, `"load"` or `"load[3]"`, with all that takes their results.
            accept: Steps that are to count as done; with their results if it is a dict.
            changed: What to do with done steps that are no longer what they were: run them, and all behind
                them, again, or keep their results. When None, such a run is refused.
            raise_on_failure: Raise `FlowFailed` unless the run succeeds.

        Raises:
            RunNotFoundError: The store has no such run.
            RunTakenError: Another process drives it, and lives.
            FlowChangedError: Done steps are no longer what they were; they are named.
        """
        from longshore.flowruns import resume_flow

        self._refuse_to_run_while_building()
        opened = _opened(store)
        assert opened is not None
        return resume_flow(
            cast("Flow", self),
            run_id,
            opened,
            executor=executor,
            rerun=rerun,
            accept=accept if isinstance(accept, Mapping) else dict.fromkeys(accept),
            changed=changed,
            raise_on_failure=raise_on_failure,
        )

    def submit(
        self,
        *unnamed: Never,
        store: RunStore | str | Path | None = None,
        at: datetime | None = None,
        run_id: str | None = None,
        **parameters: Any,
    ) -> str:
        """Put a run into a store, where a process that serves the flow takes it in a second; return its id.

        Args:
            store: Where; the command line's store when None.
            at: When it is to start, in local time if it has no time zone; at once when None.
            run_id: An id of your own, under which a run is submitted once only; a UUID when None.
            parameters: The flow's parameters, by name.

        Raises:
            ParameterError: A parameter is missing, unknown or of the wrong type.
            RunExistsError: The store has a run of that id already.
        """
        from longshore.serving.submissions import submit_run
        from longshore.stores.locations import open_store

        self._refuse_unnamed(unnamed, "submit")
        return submit_run(cast("Flow", self), parameters, open_store(store), at=at, run_id=run_id)

    def serve(self, *, store: str | Path | None = None, workers: int = 4) -> None:
        """Run the flow when its schedule says so, and when somebody submits it; see `longshore.serve`.

        Args:
            store: The place of the run store; the command line's when None.
            workers: Runs at once in this process.
        """
        from longshore.serving.requests import serve

        serve(cast("Flow", self), store=store, workers=workers)

    def _refuse_unnamed(self, unnamed: tuple[Never, ...], method: str) -> None:
        if unnamed:
            raise ParameterError(
                f"flow {self.name!r} takes its parameters by name; call {self.name}.{method}("
                f"{', '.join(f'{name}=...' for name in self.parameters)})"
            )

    def _refuse_to_run_while_building(self) -> None:
        outer = under_construction.get()
        if outer is not None:
            raise FlowError(
                f"flow {self.name!r} cannot run while flow {outer.name!r} is being built; to add its steps: "
                f"{self.name}(...)"
            )

    def visualize(self, run: FlowRun | None = None) -> Drawing:
        """Draw the graph: as Mermaid text always, as a picture when graphviz is installed.

        Args:
            run: Colour the steps by their states in this run.
        """
        from longshore.drawings import Drawing

        return Drawing(cast("Flow", self), run)


def _opened(store: RunStore | str | Path | None) -> RunStore | None:
    if store is None:
        return None
    from longshore.stores.locations import open_store

    return open_store(store)
