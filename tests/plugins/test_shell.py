"""Shell and Subprocess: results, exit codes, and what a command is given."""

from __future__ import annotations

import copy
import pickle
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from longshore import ConfigurationError, On, OutputsError, Retrying, Secret, TaskSkipped, flow
from longshore_shell import (
    CommandFailed,
    CommandInputError,
    CommandOutputs,
    Shell,
    ShellBytes,
    ShellExitCode,
    ShellJson,
    ShellLastLine,
    ShellLines,
    Subprocess,
    SubprocessBytes,
    SubprocessExitCode,
    SubprocessJson,
    SubprocessLastLine,
    SubprocessLines,
)

HAND_BACK = 'echo rows=12 >> "$LONGSHORE_OUTPUTS"; echo \'{"ok": true}\' >> "$LONGSHORE_OUTPUTS"'


def test_a_script_hands_back_named_outputs() -> None:
    result = Shell(HAND_BACK)()
    assert result == {"rows": "12", "ok": True}
    assert (result.exit_code, result.leftovers) == (0, ())
    assert 0 < result.duration < 10


def test_the_result_tells_what_the_command_used() -> None:
    burn = "python3 -c 'x = bytearray(80_000_000); [i * i for i in range(2_000_000)]'"
    result = Shell(burn)()
    assert 0.02 < result.cpu_seconds < 10
    assert 80_000_000 < result.peak_memory < 200_000_000
    assert Shell("sleep 0.05")().cpu_seconds < 0.5


def test_the_result_has_the_tails_and_travels() -> None:
    result = Shell("echo out; echo err >&2; " + HAND_BACK)()
    assert (result.stdout_tail, result.stderr_tail) == ("out\n", "err\n")
    for twin in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert type(twin) is CommandOutputs
        assert (twin, twin.stdout_tail, twin.duration) == (result, "out\n", result.duration)


PRINT = "import sys; sys.stdout.write(sys.argv[1])"


@pytest.mark.parametrize(
    ("shell", "subprocess", "expected"),
    [
        (ShellLines, SubprocessLines, ["a", "", "b"]),
        (ShellLastLine, SubprocessLastLine, "b"),
        (ShellBytes, SubprocessBytes, b"a\r\n\n::progress 0.5\nb\n"),
        (ShellExitCode, SubprocessExitCode, 0),
        (Shell, Subprocess, {}),
    ],
)
def test_each_kind_of_result_has_its_task(shell: Any, subprocess: Any, expected: object) -> None:
    text = "a\r\n\n::progress 0.5\nb\n"
    assert shell('printf "%s" "$TEXT"')(env={"TEXT": text}) == expected
    assert subprocess(("python3", "-c", PRINT))(args=(text,)) == expected


def test_json_is_read_and_bad_json_is_quoted() -> None:
    assert ShellJson("""echo '{"rows": [1, null]}'""")() == {"rows": [1, None]}
    assert SubprocessJson(("echo", "3"))() == 3
    with pytest.raises(OutputsError, match=r"as JSON: .*it begins 'not json'"):
        ShellJson("echo not json")()


def test_the_last_line_of_no_output_is_empty() -> None:
    assert ShellLastLine("true")() == ""
    assert ShellLastLine("echo a; echo; echo ' '")() == "a"
    assert ShellLines("true")() == []


def test_the_last_line_may_follow_output_of_any_length() -> None:
    assert (
        ShellLastLine("head -c 5000000 /dev/zero | tr '\\0' x; echo; seq 1000000; echo end", log_level=None)()
        == "end"
    )
    with pytest.raises(OutputsError, match="longer than 1048576 bytes"):
        ShellLastLine("echo a; head -c 2000000 /dev/zero | tr '\\0' x", log_level=None)()


def test_more_output_than_allowed_ends_the_command_and_says_so() -> None:
    with pytest.raises(OutputsError, match="more than 1000 bytes; raise max_output"):
        ShellLines("yes", max_output=1000)()


def test_an_exit_code_is_a_result_but_a_signal_is_a_failure() -> None:
    assert ShellExitCode("exit 7")() == 7
    assert SubprocessExitCode(("false",))() == 1
    with pytest.raises(CommandFailed, match="was ended by SIGTERM"):
        ShellExitCode("kill -TERM $$")()


def test_strict_mode_is_on_and_can_be_turned_off() -> None:
    for script in ("false; echo done", "true | false | true; echo done", 'echo "$nothing_of_that_name"'):
        with pytest.raises(CommandFailed):
            Shell(script)()
        assert Shell(script, strict=False)().exit_code == 0
    with pytest.raises(CommandFailed):
        Shell("false; echo done", interpreter="sh")()


def test_the_error_has_all_that_is_known() -> None:
    script = "echo out; echo 'relation \"x\" does not exist' >&2; echo rows=3 >> $LONGSHORE_OUTPUTS; exit 2"
    with pytest.raises(CommandFailed) as caught:
        Shell(script)()
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert (error.exit_code, error.signal, error.outputs) == (2, None, {"rows": "3"})
        assert error.stdout_tail == "out\n"
        assert error.stderr_tail == 'relation "x" does not exist\n'
        assert error.command[0] == "bash"
        assert 0 < error.duration < 10
        assert "exited with 2 after 0." in str(error)
        assert str(error).endswith("""last line: 'relation "x" does not exist'""")
    with pytest.raises(
        CommandFailed, match=r"^command \['ls', '--', '/no/such'\] exited with 2 after 0\.\d s; last"
    ):
        Subprocess(("ls", "--", "/no/such"))()


def test_bad_outputs_do_not_hide_why_a_command_failed() -> None:
    with pytest.raises(CommandFailed, match="exited with 4") as caught:
        Shell('echo "bad line" >> "$LONGSHORE_OUTPUTS"; exit 4')()
    assert any("bad line" in note for note in caught.value.__notes__)
    with pytest.raises(OutputsError, match="bad line"):
        Shell('echo "bad line" >> "$LONGSHORE_OUTPUTS"')()


@pytest.mark.parametrize(
    "trick",
    ["mkfifo $LONGSHORE_OUTPUTS", "ln -s /etc/passwd $LONGSHORE_OUTPUTS", "mkdir $LONGSHORE_OUTPUTS", ""],
)
def test_an_outputs_file_that_is_no_file_holds_nobody_up(trick: str) -> None:
    assert Shell(f"rm $LONGSHORE_OUTPUTS; {trick}")() == {}


def test_exit_codes_can_mean_success_skip_or_retry() -> None:
    assert Shell("exit 3", success_codes=(0, 3))().exit_code == 3
    with pytest.raises(TaskSkipped, match="exited with 99, which means skip"):
        Shell("exit 99", skip_codes=(99,))()


def test_with_retry_codes_only_these_are_worth_another_attempt(tmp_path: Path) -> None:
    retried: list[int] = []

    def note(subject: Any, old: Any, new: Any) -> None:
        retried.append(new.attempt)

    count = 'echo x >> tries; [ "$(wc -l < tries)" -ge 3 ] || exit 75; echo "$LONGSHORE_ATTEMPT"'
    task = ShellLastLine(
        count, cwd=tmp_path, retry_codes=(75,), retries=5, state_handlers=(On(Retrying, note),)
    )
    assert task() == "3"
    assert retried == [1, 2]
    with pytest.raises(CommandFailed, match="exited with 1"):
        task.replace(script="echo x >> once; exit 1")()
    assert (tmp_path / "once").read_text() == "x\n"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"success_codes": (0, 256)}, "from 0 to 255"),
        ({"skip_codes": (0,)}, "names one twice"),
        ({"grace": 60.0}, "seconds from 0 to 13"),
        ({"umask": 0o1000}, "octal"),
        ({"log_level": "LOUD"}, "no such level"),
        ({"interpreter": ()}, "interpreter is empty"),
    ],
)
def test_a_field_that_cannot_work_is_an_error_at_once(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Shell("true", **fields)


def test_a_command_is_words_and_not_a_line() -> None:
    with pytest.raises(ConfigurationError, match=r"\('ls', '-l'\)"):
        Subprocess("ls -l")
    with pytest.raises(ConfigurationError, match="empty"):
        Subprocess(())
    with pytest.raises(ConfigurationError, match="empty"):
        Shell("  \n")


def test_a_command_finds_our_environment_and_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "ours")
    monkeypatch.setenv("GONE", "gone")
    env = {"N": 3, "X": 0.5, "YES": True, "P": Path("/a b"), "D": date(2013, 1, 1), "GONE": None,
           "T": datetime(2013, 1, 1, 5, 30)}  # fmt: skip
    lines = ShellLines('printf "%s\\n" "$OURS" "$N" "$X" "$YES" "$P" "$D" "$T" "${GONE-none}"')(env=env)
    assert lines == ["ours", "3", "0.5", "true", "/a b", "2013-01-01", "2013-01-01T05:30:00", "none"]


def test_a_clean_environment_has_what_is_kept_given_and_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "ours")
    monkeypatch.setenv("KEPT", "kept")
    lines = SubprocessLines(("env",), clean_env=True, keep_env=("PATH", "KEPT"))(env={"GIVEN": "given"})
    names = {line.partition("=")[0] for line in lines}
    ours = {f"LONGSHORE_{name}" for name in ("OUTPUTS", "RUN_ID", "STEP", "ATTEMPT")}
    assert names == {"PATH", "KEPT", "GIVEN"} | ours


def test_a_command_runs_in_its_folder_with_its_umask(tmp_path: Path) -> None:
    lines = ShellLines("pwd -P; umask", cwd=tmp_path, umask=0o027)()
    assert lines == [str(tmp_path.resolve()), "0027"]
    here = ShellLines("pwd -P; umask")()
    assert here[0] == str(Path.cwd())
    assert here[1] != "0027"


@pytest.mark.parametrize("data", ["über\n", b"\xff\x00\n", "x" * 1_000_000, ""])
def test_standard_input_is_text_or_bytes(data: str | bytes) -> None:
    expected = data.encode() if isinstance(data, str) else data
    assert SubprocessBytes(("cat",))(stdin=data) == expected


def test_standard_input_is_a_file_or_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").write_bytes(b"from a file")
    monkeypatch.setenv("A_TOKEN", "from-a-secret")
    assert SubprocessBytes(("cat",))(stdin=tmp_path / "in") == b"from a file"
    assert SubprocessBytes(("cat",))(stdin=Secret("env:A_TOKEN")) == b"from-a-secret"
    with pytest.raises(CommandInputError, match="No such file"):
        Shell("cat")(stdin=tmp_path / "none")


@pytest.mark.gate("P8")
def test_a_command_that_reads_with_nothing_given_finds_its_input_at_its_end() -> None:
    assert ShellLines("cat; read line || echo ended")() == ["ended"]


@pytest.mark.parametrize(
    ("interpreter", "script"),
    [
        ("perl", 'print "$ARGV[0]\\n"'),
        (("perl", "-w"), 'print "$ARGV[0]\\n"'),
        ("python3", "import sys; print(sys.argv[1])"),
        ("node", "console.log(process.argv[2])"),
        ("sh", 'echo "$1"'),
        (("awk", "-f"), "BEGIN { print ARGV[1] }"),
    ],
)
def test_any_interpreter_runs_a_script(
    interpreter: str | tuple[str, ...], script: str, require_service: Any
) -> None:
    import shutil

    name = interpreter if isinstance(interpreter, str) else interpreter[0]
    require_service(shutil.which(name), f"{name} is not installed")
    assert ShellLastLine(script, interpreter=interpreter)(args=("a; b",)) == "a; b"


def test_outputs_go_from_step_to_step_in_a_flow() -> None:
    @flow
    def chain(day: date = date(2013, 1, 1)) -> None:
        first = Shell('echo "path=/data/$DAY" >> $LONGSHORE_OUTPUTS', name="first")(env={"DAY": day})
        SubprocessLastLine(("echo", "{path}"), name="second")(values={"path": first["path"]})

    run = chain.run()
    assert run.results["second"] == "/data/2013-01-01"
