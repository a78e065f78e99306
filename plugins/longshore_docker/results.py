"""How a container ended, and what its task returns."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from longshore import JobFailed, LongshoreError, Outputs, redact
from longshore_docker.faults import refused

_LONGEST_SHOWN: Final = 200
_NOT_FOUND: Final = ("executable file not found", "no such file or directory", "not a directory")
_MiB: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class DockerResult:
    """What a container handed back, and how it ran. `result["rows"]` is one of its outputs.

    Attributes:
        outputs: What it wrote to its outputs file, by name.
        exit_code: One of the task's `success_codes`.
        container: The container's id.
        image: The image's name, as it was given.
        image_id: The digest of the image that ran: what the name stood for.
        started: When it was started, in ISO 8601, by the engine's clock.
        finished: When it ended.
        duration: Seconds between them.
        out_of_memory: Whether some process of it was ended for using more than its memory.
    """

    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    exit_code: int = 0
    container: str = ""
    image: str = ""
    image_id: str = ""
    started: str = ""
    finished: str = ""
    duration: float = 0.0
    out_of_memory: bool = False

    def __getitem__(self, name: str) -> Any:
        """Return an output by its name."""
        return self.outputs[name]

    def __contains__(self, name: object) -> bool:
        return name in self.outputs


@dataclass(frozen=True)
class Ended:
    """A container that has ended, or could not be started, as the engine describes it."""

    about: dict[str, Any]

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.about["State"]
        return found

    @property
    def started(self) -> bool:
        """Whether it ever ran."""
        return bool(self.state["Status"] != "created")

    @property
    def exit_code(self) -> int:
        return int(self.state["ExitCode"])

    @property
    def out_of_memory(self) -> bool:
        return bool(self.state.get("OOMKilled"))

    @property
    def shown(self) -> str:
        """What messages call it."""
        name = str(self.about.get("Name", "")).lstrip("/") or str(self.about["Id"])[:12]
        return f"container {name} of {self.about['Config']['Image']!r}"

    @property
    def duration(self) -> float:
        """Seconds that it ran."""
        begin, end = (_seconds(str(self.state.get(name, ""))) for name in ("StartedAt", "FinishedAt"))
        return max(0.0, end - begin) if begin > 0 else 0.0

    def result(self, outputs: Outputs) -> DockerResult:
        return DockerResult(
            outputs=dict(outputs),
            exit_code=self.exit_code,
            container=str(self.about["Id"]),
            image=str(self.about["Config"]["Image"]),
            image_id=str(self.about["Image"]),
            started=str(self.state["StartedAt"]),
            finished=str(self.state["FinishedAt"]),
            duration=self.duration,
            out_of_memory=self.out_of_memory,
        )

    def failure(
        self, tail: tuple[str, ...], outputs: Outputs | LongshoreError, retry_codes: tuple[int, ...]
    ) -> JobFailed:
        """Return the error that says how it ended.

        Args:
            tail: The last lines of its log.
            outputs: What it had handed back, or why that cannot be read.
            retry_codes: The exit codes that are worth another attempt; when there are none, all are.
        """
        if not self.started:
            return self._not_started()
        code, memory = self.exit_code, self.out_of_memory
        last = redact(next((line for line in reversed(tail) if line.strip()), ""))
        end = f"last line: {last[-_LONGEST_SHOWN:]!r}" if last else "it wrote nothing"
        how = f"{self.shown} {self._how()} after {self.duration:.1f} s"
        again = code in retry_codes if retry_codes else (None if memory else code not in (126, 127))
        failure = JobFailed(
            f"{how}; {self._more_memory() if memory else end}",
            reason="out of memory" if memory else "exit code",
            retryable=again,
            exit_code=code,
            signal=code - 128 if 128 < code < 193 else None,
            log_tail=tuple(redact(line) for line in tail),
            outputs=outputs if isinstance(outputs, Outputs) else Outputs(),
        )
        if isinstance(outputs, LongshoreError):
            failure.add_note(str(outputs))
        return failure

    def _how(self) -> str:
        code = self.exit_code
        if self.out_of_memory:
            return "was ended for using more than its memory"
        if code == 127:
            return "exited with 127 (a program was not found)"
        if code == 126:
            return "exited with 126 (a program cannot be executed)"
        if 128 < code < 193:
            return f"exited with {code} (it was ended by {signal_name(code - 128)})"
        return f"exited with {code}"

    def _more_memory(self) -> str:
        limit = int(self.about["HostConfig"].get("Memory") or 0)
        return f"it had {limit // _MiB} MiB; give it more: memory=..." if limit else "the host has no more"

    def _not_started(self) -> JobFailed:
        """Return the error for a container that the engine could not start."""
        said = redact(" ".join(str(self.state["Error"]).split()))
        command = self.about["Config"].get("Cmd") or self.about["Config"].get("Entrypoint") or [""]
        if self.exit_code in (126, 127) or any(words in said for words in _NOT_FOUND):
            cause = said.rpartition("unable to start container process: ")[2].removesuffix(": unknown")
            return JobFailed(
                f"{self.shown} cannot run {redact(str(command[0]))!r}: {cause}",
                reason="exit code",
                retryable=False,
                exit_code=self.exit_code,
            )
        error = refused(f"start {self.shown}", 0, said)
        missing = any(words in said for words in ("not found", "unable to find", "could not select device"))
        reason: Literal["not found", "exit code"] = "not found" if missing else "exit code"
        return JobFailed(str(error), reason=reason, retryable=error.retryable, exit_code=self.exit_code)


def signal_name(number: int) -> str:
    """Return a signal's name: `SIGTERM`, or its number where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _seconds(stamp: str) -> float:
    """Return the seconds since 1970 of a time with nanoseconds; 0 for the year 1, which says never."""
    head, _, rest = stamp.removesuffix("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{head}+00:00").timestamp() + float(f"0.{rest or 0}")
    except (ValueError, OverflowError):
        return 0.0
