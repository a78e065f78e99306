"""How a command is started: what is in its way is said, what is secret stays so."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pluggy
import pytest

import longshore
import longshore_shell
from longshore import Secret
from longshore.secrets import isolated, register
from longshore_shell import (
    CommandFailed,
    CommandInputError,
    CommandNotFound,
    CommandNotStarted,
    Shell,
    ShellBytes,
    ShellExitCode,
    ShellLastLine,
    ShellLines,
    Subprocess,
    SubprocessLines,
    workers,
)


@pytest.fixture
def secrets() -> Iterator[None]:
    with isolated():
        yield


@pytest.fixture
def readable_interpreter() -> str:
    """An interpreter that another user may run, of the version that we are."""
    for path in (
        os.path.realpath(sys.executable),
        "/usr/bin/python3",
        f"/usr/bin/python3.{sys.version_info[1]}",
    ):
        ask = [path, "-c", "import sys; print(sys.version_info[1])"]
        try:
            done = subprocess.run(
                ask, user=54321, cwd="/", capture_output=True, text=True, check=False, env={}
            )
        except OSError:
            continue
        if done.stdout.strip() == str(sys.version_info[1]):
            return path
    pytest.skip("another user cannot run this version of Python here")


@pytest.mark.gate("P9")
def test_a_secret_reaches_the_child_and_no_argument_vector(
    monkeypatch: pytest.MonkeyPatch, secrets: None, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOKEN_SOURCE", "s3cr3t-canary-of-24-char")
    token = Secret("env:TOKEN_SOURCE")
    look = """
        for pid in /proc/[0-9]*; do tr '\\0' ' ' < $pid/cmdline 2>/dev/null >> seen || true; done
        printf '%s' "$TOKEN" | cmp - expected
    """
    (tmp_path / "expected").write_text("s3cr3t-canary-of-24-char")
    Shell(textwrap.dedent(look), cwd=tmp_path)(env={"TOKEN": token})
    assert "canary" not in (tmp_path / "seen").read_text()
    Shell("printf '%s' {token} | cmp - expected", cwd=tmp_path)(values={"token": token})


@pytest.mark.gate("P9")
def test_a_secret_among_the_arguments_is_refused(monkeypatch: pytest.MonkeyPatch, secrets: None) -> None:
    monkeypatch.setenv("TOKEN_SOURCE", "s3cr3t-canary-of-24-char")
    with pytest.raises(CommandInputError, match=r"argument 1 is a secret.*env= or stdin="):
        Subprocess(("echo",))(args=(Secret("env:TOKEN_SOURCE"),))  # type: ignore[arg-type]
    register("s3cr3t-canary-of-24-char")
    for task, args in (
        (Subprocess(("echo",)), ("--token=s3cr3t-canary-of-24-char",)),
        (Shell("echo"), ("s3cr3t-canary-of-24-char",)),
    ):
        with pytest.raises(CommandInputError, match="holds a secret") as caught:
            task.replace(allow_options=True)(args=args)
        assert "canary" not in str(caught.value)
    with pytest.raises(CommandInputError, match="word 2 of the command holds a secret"):
        Subprocess(("echo", "s3cr3t-canary-of-24-char"))()


@pytest.mark.gate("P9")
def test_a_script_and_its_outputs_are_private_and_removed() -> None:
    lines = ShellLines('stat -c "%a %n" "$0" "$LONGSHORE_OUTPUTS" "$(dirname "$0")"; echo "$0"')()
    assert [line.split()[0] for line in lines[:3]] == ["700", "600", "700"]
    assert not Path(lines[3]).exists()
    assert list(Path(lines[3]).parent.iterdir()) == []
    with pytest.raises(CommandFailed):
        Shell("exit 1")()
    assert list(Path(workers.folder().path).iterdir()) == []


@pytest.mark.gate("S12")
@pytest.mark.parametrize("umask", ["000", "777"])
def test_files_are_private_whatever_the_umask(umask: str, tmp_path: Path) -> None:
    program = f"""
        import os
        os.umask(0o{umask})
        from longshore_shell import ShellLines
        look = 'stat -c %a "$0" "$LONGSHORE_OUTPUTS" "$(dirname "$0")"; echo x >> "$LONGSHORE_OUTPUTS"; umask'
        print(*ShellLines(look, output_file={str(tmp_path / "out")!r})())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["700", "600", "700", f"0{umask}"]
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) & 0o077 == 0


@pytest.mark.gate("P11")
def test_every_exit_code_is_told_exactly(gate_count: Callable[[int, int], int]) -> None:
    for code in range(0, 256, gate_count(17, 1)):
        assert ShellExitCode(f"exit {code}")() == code
    for code in (1, 2, 126, 127, 128, 255):
        with pytest.raises(CommandFailed) as caught:
            Shell(f"exit {code}")()
        assert (caught.value.exit_code, caught.value.signal) == (code, None)
        assert f"exited with {code}" in str(caught.value)


@pytest.mark.gate("P11")
@pytest.mark.parametrize("name", ["HUP", "INT", "KILL", "SEGV", "PIPE", "TERM", "RTMIN+3"])
def test_every_signal_is_told_by_its_name(name: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        Shell(f"ulimit -c 0; kill -{name} $$; sleep 1")()
    assert (caught.value.exit_code, caught.value.signal) == (None, f"SIG{name}")
    assert f"was ended by SIG{name}" in str(caught.value)


@pytest.mark.gate("P11")
def test_a_program_that_is_not_found_or_was_killed_in_a_script_is_told() -> None:
    with pytest.raises(CommandFailed, match=r"exited with 127 \(a program was not found\)"):
        Shell("no_such_program_here")()
    with pytest.raises(CommandFailed, match=r"exited with 126 \(a program cannot be executed\)"):
        Shell("/etc/passwd")()
    with pytest.raises(CommandFailed, match=r"exited with 137 \(a program in it was ended by SIGKILL\)"):
        Shell("bash -c 'kill -9 $$'")()
    with pytest.raises(CommandFailed, match="exited with 3"):
        Shell("(exit 3) | cat")()


@pytest.mark.gate("P12")
def test_what_is_missing_is_said_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch = f"touch {tmp_path}/ran"
    with pytest.raises(CommandNotFound, match="cannot run 'no_such_shell': not found on PATH"):
        Shell(touch, interpreter="no_such_shell")()
    with pytest.raises(CommandNotFound, match=r"cannot run '\./no_such': no such file"):
        Subprocess(("./no_such",))()
    with pytest.raises(CommandNotFound, match="no such folder"):
        Shell(touch, cwd=tmp_path / "none")()
    with pytest.raises(CommandNotFound, match="is not a folder"):
        Shell(touch, cwd="/etc/passwd")()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "only_here").write_text("#!/bin/sh\n")
    (tmp_path / "only_here").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert Subprocess(("only_here",))().exit_code == 0
    with pytest.raises(CommandNotFound, match=r"no PATH; add keep_env=\('PATH',\)"):
        Subprocess(("only_here",), clean_env=True, keep_env=())()
    assert issubclass(CommandNotFound, FileNotFoundError)


@pytest.mark.gate("P12")
def test_a_file_that_cannot_be_executed_says_why(tmp_path: Path) -> None:
    program = tmp_path / "program"
    for content, mode, message in (
        (b"#!/bin/sh\n", 0o600, "Permission denied; run: chmod \\+x"),
        (b"#!/no/such/interpreter\n", 0o700, "the interpreter that its first line names is not there"),
        (b"neither\n", 0o700, "Exec format error; it is no program"),
    ):
        program.write_bytes(content)
        program.chmod(mode)
        with pytest.raises(CommandNotStarted, match=message) as caught:
            Subprocess((str(program),))()
        assert caught.value.retryable is False


@pytest.mark.gate("P12")
def test_arguments_that_are_too_long_are_refused_with_the_way_out() -> None:
    with pytest.raises(CommandNotStarted, match="Argument list too long; the arguments and environment"):
        Subprocess(("echo",))(args=("x" * 3_000_000,))
    with pytest.raises(CommandNotStarted, match="too long"):
        Shell("true")(env={f"V{n}": "x" * 100_000 for n in range(40)})
    assert ShellBytes("cat")(stdin="x" * 3_000_000) == b"x" * 3_000_000


@pytest.mark.gate("P12")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user, whose processes can be limited")
def test_a_user_with_no_process_left_is_told_and_nothing_hangs(readable_interpreter: str) -> None:
    program = """
        import os, resource
        os.setgid(54321); os.setuid(54321)
        from longshore_shell import CommandNotStarted, Shell
        Shell("true")()
        pids = "/proc/%d/task/%d/children"
        supervisor = int(open(pids % (os.getpid(), os.getpid())).read().split()[0])
        keepers = [int(pid) for pid in open(pids % (supervisor, supervisor)).read().split()]
        for pid in (supervisor, *keepers):
            resource.prlimit(pid, resource.RLIMIT_NPROC, (1, 1))
        try:
            Shell("true")()
        except CommandNotStarted as error:
            print(error.retryable, error)
    """
    roots = [str(Path(str(module.__file__)).parents[1]) for module in (longshore, longshore_shell, pluggy)]
    done = subprocess.run(
        [readable_interpreter, "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=30, check=False, cwd="/",
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(roots)},
    )  # fmt: skip
    if "PermissionError" in done.stderr or "ModuleNotFoundError" in done.stderr:
        pytest.skip("another user cannot read this checkout")
    assert "True cannot start bash script 'true'" in done.stdout, done.stderr
    assert "no process is left for this user (ulimit -u)" in done.stdout


def test_a_large_environment_travels() -> None:
    env = {f"V{n}": "x" * 50_000 for n in range(20)}
    assert ShellLastLine("env | wc -c")(env=env).strip().isdigit()
    assert int(ShellLastLine("env | wc -c")(env=env)) > 1_000_000


def test_a_command_has_only_its_three_streams_and_default_signals() -> None:
    look = "import os; print(sorted(os.listdir('/proc/self/fd'))[:4])"
    [descriptors] = SubprocessLines(("python3", "-c", look))()
    assert descriptors == "['0', '1', '2', '3']"  # 3 is the listing itself
    status = dict(line.split(":\t", 1) for line in SubprocessLines(("grep", "Sig", "/proc/self/status"))())
    assert int(status["SigBlk"], 16) == 0
    assert int(status["SigIgn"], 16) & (1 << 12) == 0  # SIGPIPE
