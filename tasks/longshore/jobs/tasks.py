"""`Job`: a task whose work goes on in another system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Never, TypeVar, cast

from longshore.errors import ConfigurationError, TaskDefinitionError
from longshore.jobs.watches import level_number
from longshore.tasks import P, R_co, Submits, Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longshore.jobs.protocol import Handle, JobFinished, JobRunning, LogLine

R = TypeVar("R")


class Job(Task[R]):
    """Work that goes on in another system. Subclass it: `submit()` starts it and returns at once.

    A call takes what `submit()` takes behind its key, and returns what `result()` returns. In a flow the
    driver writes the key down before it submits, so a job is never started twice: a run that was killed asks
    `find(key)` when it is resumed. While a job waits it holds no worker and no thread.

    Args:
        poll_interval: Longest seconds between two looks at a running job; the first ones come quicker.
        poll_patience: Seconds for which the other system may give no answer before the attempt ends Unknown.
        cancel_grace: Seconds that a cancelled job may take to end.
        log_level: The level at which the job's own log is logged; None for not at all.
    """

    work: ClassVar[str] = "submit"
    poll_interval: float = 10.0
    poll_patience: float = 300.0
    cancel_grace: float = 10.0
    log_level: str | int | None = "INFO"

    def check_settings(self) -> None:
        """Look at the fields that every job has."""
        super().check_settings()
        for name in ("poll_interval", "poll_patience", "cancel_grace"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
                raise ConfigurationError(f"{self.name}({name}={value!r}): give seconds above 0")
        try:
            level_number(self.log_level)
        except KeyError:
            raise ConfigurationError(
                f"{self.name}(log_level={self.log_level!r}): give a level such as 'INFO', or None"
            ) from None

    @property
    def level(self) -> int | None:
        """The number of `log_level`."""
        return level_number(self.log_level)

    def submit(self, key: str, /, *args: Any, **inputs: Any) -> Handle:
        """Start a job under a key that the other system keeps, and return its handle; do not wait for it.

        A second call with the same key must not start a second job.
        """
        self._lacks("submit")

    def find(self, key: str) -> Handle | None:
        """Return the handle of the job that was submitted under a key, running or ended; None for none."""
        self._lacks("find")

    def poll(self, handle: Handle) -> JobRunning | JobFinished:
        """Return how a job stands.

        Raises:
            JobNotFoundError: The other system knows no such job (yet).
        """
        self._lacks("poll")

    def result(self, handle: Handle) -> Any:
        """Return the result of a job that ended well; called again when a run is resumed."""
        self._lacks("result")

    def logs(self, handle: Handle, since: str | None) -> Iterable[LogLine]:
        """Return the lines of a job's log behind a cursor, the oldest first; all of them when it is None."""
        return ()

    def cancel(self, handle: Handle) -> None:
        """Ask the other system to end a job; one that has ended, or is not known, is no error."""
        self._lacks("cancel")

    def discard(self, handle: Handle) -> None:
        """Remove what the other system keeps of an ended job; its log and result are on record by then."""

    def run(self: Submits[P, R_co], *args: P.args, **inputs: P.kwargs) -> R_co:
        """Submit a job, wait for its end and return its result, here, without a record of it."""
        from longshore.jobs.waiting import run_here

        return cast("R_co", run_here(cast("Job[Any]", self), args, inputs))

    def _lacks(self, method: str) -> Never:
        raise TaskDefinitionError(
            f"{type(self).__name__} has no {method}(); a job has submit, find, poll, result and cancel"
        )
