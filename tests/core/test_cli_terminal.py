"""What `longshore run` shows on a terminal: read from a real pseudo-terminal of 100 columns."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")
pytest.importorskip("rich", reason="needs longshore[cli]")
fcntl = pytest.importorskip("fcntl", reason="needs a system with terminals")
termios = pytest.importorskip("termios", reason="needs a system with terminals")

COMMAND = [sys.executable, "-c", "import sys; from longshore.cli import main; sys.exit(main())"]
FLOWS = """
    import logging
    import time
    from pathlib import Path

    from longshore import Failed, On, Skip, current, flow, task


    @task(retries=2, retry_delay=0.3)
    def fetch(n: int) -> int:
        current.log.info("asking")
        if current.attempt == 1:
            raise ValueError("server says no")
        for part in range(1, 5):
            current.progress(part / 4, "reading")
            time.sleep(0.1)
        for part in range(1, 5):
            current.progress(done=part << 28, total=1 << 30, unit="B", message="flights.csv")
            time.sleep(0.25)
        return n


    @task
    def count(airport: str) -> int:
        time.sleep(0.6)
        return len(airport)


    @task
    def nothing() -> None:
        raise Skip("nothing new")


    @task
    def store(n: int) -> None:
        print("printed by a step")
        logging.getLogger("app").warning("logged by the app")


    @flow
    def good(day: str = "2013-01-14"):
        counts = count.map(["EWR", "JFK", "LGA"])
        nothing()
        store(fetch(len("abc")), after=counts)


    @task
    def refuse(n: int) -> int:
        raise KeyError(f"refused {n}")


    @flow
    def bad():
        store(refuse(7))


    @flow
    def many():
        refuse.map(list(range(100)))


    @task
    def wait() -> None:
        time.sleep(60)


    @flow
    def long():
        wait()


    @flow
    def quick():
        store(1)


    @task
    def flood() -> None:
        for n in range(50_000):
            current.log.info("line %s", n)
        current.log.warning("the flood is over")


    @task
    def mend(n: int) -> int:
        return n if Path("mended").exists() else 1 // 0


    @flow
    def mended():
        mend(count("EWR"))


    @flow
    def loud():
        flood()
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "flows.py").write_text(textwrap.dedent(FLOWS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def on_a_terminal(
    *words: str, interrupt_at: str = "", stdout: int | None = None, **environment: str
) -> tuple[int, str]:
    """Run the command on a terminal; return its exit code and all that it wrote there."""
    ours, theirs = os.openpty()
    fcntl.ioctl(
        theirs,
        termios.TIOCSWINSZ,
        (30).to_bytes(2, sys.byteorder) + (100).to_bytes(2, sys.byteorder) + bytes(4),
    )
    variables = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8", **environment}
    ignored = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}
    process = subprocess.Popen(
        [*COMMAND, *words],
        env={name: value for name, value in os.environ.items() if name not in ignored} | variables,
        stdin=theirs,
        stdout=stdout if stdout is not None else theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # nobody has the terminal any more
                break
            if not chunk:
                break
            written += chunk
        if interrupt_at and interrupt_at in written.decode(errors="replace"):
            process.send_signal(signal.SIGINT)
            interrupt_at = ""
    os.close(ours)
    return process.wait(timeout=10), written.decode()


def plain(text: str) -> str:
    """Return what was written without colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")


def kept(text: str) -> list[str]:
    """Return the lines that stay on the terminal: those after which nothing was erased."""
    screen: list[str] = [""]
    row = 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
        if part == "\n":
            row += 1
            if row == len(screen):
                screen.append("")
        elif part == "\r":
            continue
        elif part.startswith("\x1b["):
            count = int(part[2:-1] or 1) if part[2:-1].isdigit() or part[2:-1] == "" else 0
            if part.endswith("A"):
                row = max(0, row - count)
            elif part.endswith("K"):
                screen[row] = ""
        else:
            screen[row] += part
    return [line.rstrip() for line in screen if line.strip()]


def matching(lines: list[str], pattern: str) -> list[str]:
    return [line for line in lines if re.search(pattern, line)]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the terminal got from a run that succeeded."""
    file = tmp_path_factory.mktemp("good") / "flows.py"
    file.write_text(textwrap.dedent(FLOWS))
    code, written = on_a_terminal("run", f"{file}:good")
    assert code == 0
    return written


def test_a_step_has_a_line_while_it_runs_and_one_above_when_it_has_ended(good: str) -> None:
    written = good
    shown, left = plain(written), kept(written)
    assert re.search(r"▸ count +0 of 3  0\.\d s", shown)
    assert re.search(r"▸ fetch +attempt 2 of 3  25% reading", shown)
    assert re.search(r"▸ fetch +attempt 2 of 3  75% 768 of 1,024 MiB, .* [GM]B/s, 0 s left", shown)
    assert re.search(r"\d done, \d running, \d waiting, \d\.\d s", shown)
    assert matching(left, r"▸|running,") == []
    assert left[0] == "good"
    assert left[1] == "  day=2013-01-14"
    assert len(matching(left, r"✓ count +3 of 3  0\.\d\d s")) == 1
    assert len(matching(left, r"✓ fetch +\d\.\d\d s")) == 1
    assert len(matching(left, r"· nothing +Skipped  nothing new")) == 1
    assert re.fullmatch(r"✓ good  Success in \d\.\d\d s  4 steps: 3 succeeded, 1 skipped", left[-1])


def test_retries_logs_and_prints_stand_above_with_the_steps_name(good: str) -> None:
    left = kept(good)
    assert len(matching(left, r"│ fetch +asking$")) == 2
    assert (
        len(matching(left, r"↻ fetch +Retrying in 0\.3 s \(attempt 1 of 3\): ValueError: server says no"))
        == 1
    )
    assert "printed by a step" in left


def test_a_failure_shows_its_traceback_what_was_not_run_and_why_the_flow_failed() -> None:
    code, written = on_a_terminal("run", "flows.py:bad")
    left = kept(written)
    assert code == 1
    assert len(matching(left, r"✗ refuse +Failed in \d\.\d\d s: KeyError: 'refused 7'")) == 1
    assert matching(left, r'raise KeyError\(f"refused {n}"\)')
    assert matching(left, r"· store +not run: ")
    assert matching(left, r"✗ bad  Failed in \d\.\d\d s  2 steps: 1 failed, 1 not run")
    assert "KeyError: 'refused 7'" in left[-1] or "KeyError: 'refused 7'" in left[-2]


def test_of_many_failures_of_one_step_the_first_are_shown_and_the_others_counted() -> None:
    code, written = on_a_terminal("run", "flows.py:many")
    left = kept(written)
    assert code == 1
    assert len(matching(left, r"✗ refuse\[\d+\]")) == 20
    assert matching(left, r"further failures are counted, not shown")
    assert matching(left, "100 of 100 mapped steps failed")


def test_ctrl_c_leaves_the_terminal_in_order_and_says_what_was_cancelled() -> None:
    code, written = on_a_terminal("run", "flows.py:long", "--executor", "inline", interrupt_at="1 running")
    left = kept(written)
    assert code == 130
    assert matching(left, r"✗ wait +Cancelled")
    assert matching(left, r"✗ long  Cancelled in \d\.\d\d s")
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l"), "the cursor is still hidden"


def test_what_steps_print_goes_to_stdout_when_that_is_a_file(here: Path) -> None:
    with (here / "out.txt").open("w") as file:
        code, written = on_a_terminal("run", "flows.py:quick", stdout=file.fileno())
    assert code == 0
    assert (here / "out.txt").read_text() == "printed by a step\n"
    assert "printed by a step" not in written


def test_logging_that_the_file_set_up_is_shown_above_and_not_twice(here: Path) -> None:
    lines = "import logging\nlogging.basicConfig(level=logging.INFO, format='app: %(message)s')\n"
    (here / "logged.py").write_text(lines + textwrap.dedent(FLOWS))
    left = kept(on_a_terminal("run", "logged.py:quick")[1])
    assert left.count("app: logged by the app") == 1
    assert len(matching(left, "✓ store")) == 1
    assert matching(left, "app: .*store") == []


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": ""}])
def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(environment: dict[str, str]) -> None:
    code, written = on_a_terminal("run", "flows.py:quick", **environment)
    assert code == 0
    assert "\x1b" not in written
    assert "INFO    flow quick | Success" in written


def test_a_terminal_without_unicode_gets_signs_that_it_can_show() -> None:
    code, written = on_a_terminal("run", "flows.py:quick", PYTHONIOENCODING="ascii")
    assert code == 0
    assert matching(kept(written), r"\+ store +\d\.\d\d s")


def test_a_step_that_logs_faster_than_anybody_reads_is_not_slowed_down_and_the_rest_is_counted() -> None:
    code, written = on_a_terminal("run", "flows.py:loud")
    left = kept(written)
    shown = len(matching(left, r"│ flood +line \d+$"))
    counted = [int(n.replace(",", "")) for n in re.findall(r"and ([\d,]+) lines more", "\n".join(left))]
    assert code == 0
    assert shown < 20_000
    assert shown + sum(counted) == 50_000
    assert matching(left, "the flood is over")


def test_recorded_runs_are_listed_in_the_colours_of_their_states() -> None:
    assert on_a_terminal("run", "flows.py:bad", "--store", "runs.db")[0] == 1
    code, text = on_a_terminal("runs", "--store", "runs.db")
    assert code == 0
    assert "\x1b[31mFailed\x1b[0m" in text
    assert [line.split()[1:3] for line in plain(text).splitlines()[:2]] == [
        ["name", "state"],
        ["bad", "Failed"],
    ]
    assert "\x1b" not in on_a_terminal("runs", "--store", "runs.db", NO_COLOR="1")[1]


def test_the_live_view_of_a_resumed_run_says_what_was_done_before(here: Path) -> None:
    assert on_a_terminal("run", "flows.py:mended", "--store", "runs.db", "--run-id", "monday")[0] == 1
    (here / "mended").touch()
    code, text = on_a_terminal("resume", "monday", "--store", "runs.db")
    lines = [" ".join(line.split()) for line in kept(text)]
    assert code == 0
    assert "✓ count done before" in lines
    assert any(line.startswith("✓ mend 0.") for line in lines)
    assert any(line.startswith("✓ mended Success in") for line in lines)
