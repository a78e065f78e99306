"""What users of commands see from a checker: each result's type, and wrong inputs refused."""

# Both checkers read `type: ignore`, and report one that hides no error.
# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, assert_type

from longshore import Secret
from longshore_shell import (
    CommandOutputs,
    Shell,
    ShellBytes,
    ShellExitCode,
    ShellJob,
    ShellJson,
    ShellLastLine,
    ShellLines,
    Subprocess,
    SubprocessBytes,
    SubprocessExitCode,
    SubprocessJob,
    SubprocessJson,
    SubprocessLastLine,
    SubprocessLines,
)

assert_type(Shell("true")(), CommandOutputs)
assert_type(Shell("true")().exit_code, int)
assert_type(Shell("true")()["rows"], Any)
assert_type(ShellLines("true")(), list[str])
assert_type(ShellLastLine("true")(), str)
assert_type(ShellJson("true")(), Any)
assert_type(ShellBytes("true")(), bytes)
assert_type(ShellExitCode("true")(), int)
assert_type(Subprocess(("true",))(), CommandOutputs)
assert_type(SubprocessLines(("true",))(), list[str])
assert_type(SubprocessLastLine(("true",))(), str)
assert_type(SubprocessJson(("true",))(), Any)
assert_type(SubprocessBytes(("true",))(), bytes)
assert_type(SubprocessExitCode(("true",))(), int)
assert_type(ShellJob("true")(), CommandOutputs)
assert_type(ShellJob("true").run(env={"N": 3}), CommandOutputs)
assert_type(SubprocessJob(("true",))(args=("a",)), CommandOutputs)
assert_type(ShellJob("true").map(args=[("a",), ("b",)]), list[CommandOutputs])

Shell("true", cwd=Path(), umask=0o027, interpreter=("perl", "-w"), retries=2, timeout=5)(
    env={"DAY": date(2013, 1, 1), "N": 3, "T": Secret("env:T"), "GONE": None},
    args=("a", 1, Path("x")),
    stdin=b"x",
)
Shell("true")(args=(None,))  # type: ignore[arg-type]
Shell("true")(stdin=3)  # type: ignore[call-overload]
Shell("true")(environment={})  # type: ignore[call-overload]
ShellJob("true", jobs_folder=Path(), log_limit=1, grace=60, cancel_grace=70, limit="load:2")(stdin="x")
ShellJob("true")(stdin=3)  # type: ignore[call-overload]
ShellJob("true")("key")  # type: ignore[call-overload]
ShellJob("true", log_rate=3)  # type: ignore[call-arg]
SubprocessJob("true")(environment={})  # type: ignore[call-overload]
