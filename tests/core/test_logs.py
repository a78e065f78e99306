"""Log records with the run's context, and what a script prints with no logging configured."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

from longshore import Flow, InlineExecutor, Secret, State, Subject, ThreadExecutor, current, task
from longshore.logs import console_when_unconfigured

HERE = InlineExecutor()
CLIENT = logging.getLogger("somebody.elses.client")


class Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept() -> Iterator[list[logging.LogRecord]]:
    keeper = Keeper()
    CLIENT.addHandler(keeper)
    logging.getLogger("longshore").addHandler(keeper)
    yield keeper.records
    CLIENT.removeHandler(keeper)
    logging.getLogger("longshore").removeHandler(keeper)


@task(retries=1)
def talk(n: int) -> None:
    CLIENT.warning("row %d", n)
    current.log.warning("mine %d", n)
    if current.attempt == 1:
        raise OSError("again")


def test_records_of_any_logger_carry_the_context(kept: list[logging.LogRecord]) -> None:
    with Flow("nightly") as built:
        talk.map([5])
    run = built.run()
    records = [record for record in kept if record.name in (CLIENT.name, "longshore.task")]
    assert [record.getMessage() for record in records] == ["row 5", "mine 5"] * 2
    context = [(r.flow, r.run_id, r.step, r.map_index, r.attempt) for r in records]  # type: ignore[attr-defined]
    assert context == [("nightly", run.run_id, "talk", 0, attempt) for attempt in (1, 1, 2, 2)]


def test_a_formatter_may_use_the_context(kept: list[logging.LogRecord]) -> None:
    with Flow("nightly") as built:
        talk(5)
    built.run(executor=HERE)
    formatter = logging.Formatter("%(flow)s %(step)s %(map_index)s %(attempt)s %(message)s")
    assert "nightly talk None 1 row 5" in [formatter.format(record) for record in kept]


def test_records_outside_a_step_have_no_step_during_a_run(kept: list[logging.LogRecord]) -> None:
    def outside(subject: Subject, old: State, new: State) -> None:
        CLIENT.warning("flow %s", type(new).__name__)

    with Flow("nightly", state_handlers=outside) as built:
        pass
    built.run(executor=HERE)
    [running, _] = [record for record in kept if record.name == CLIENT.name]
    assert (running.step, running.attempt) == ("", None)  # type: ignore[attr-defined]


def test_records_are_left_alone_when_nothing_runs(kept: list[logging.LogRecord]) -> None:
    with Flow("nightly") as built:
        talk(5)
    built.run(executor=HERE)
    CLIENT.warning("after")
    assert not hasattr(kept[-1], "flow")


def test_a_record_factory_of_the_programs_own_is_kept(kept: list[logging.LogRecord]) -> None:
    plain = logging.getLogRecordFactory()

    def mine(*args: object, **kwargs: object) -> logging.LogRecord:
        record = plain(*args, **kwargs)
        record.mine = True
        return record

    logging.setLogRecordFactory(mine)
    try:
        with Flow("nightly") as built:
            talk(5)
        built.run(executor=HERE)
        assert logging.getLogRecordFactory() is mine
    finally:
        logging.setLogRecordFactory(plain)
    during = next(record for record in kept if record.name == CLIENT.name)
    assert during.mine  # type: ignore[attr-defined]
    assert during.step == "talk"  # type: ignore[attr-defined]


def test_secrets_are_masked_in_records_of_any_logger(
    kept: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_TOKEN", "hunter2-hunter2")

    @task
    def leak() -> None:
        value = Secret("env:LOG_TOKEN").get()
        CLIENT.warning("token %s", value)
        try:
            raise OSError(value)
        except OSError:
            CLIENT.exception("failed")

    with Flow("nightly") as built:
        leak()
    built.run()
    shown = "".join(logging.Formatter().format(record) for record in kept)
    assert "token ***" in shown
    assert "OSError: ***" in shown
    assert "hunter2" not in shown


def test_a_bad_format_string_is_no_reason_to_fail(
    kept: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)

    @task
    def clumsy() -> int:
        CLIENT.warning("%d rows of %s", "many")
        return 1

    with Flow("nightly") as built:
        clumsy()
    assert built.run(executor=HERE).succeeded


def test_the_tail_of_the_log_is_the_last_fifty_lines() -> None:
    tails: list[tuple[str, ...]] = []

    @task(state_handlers=(lambda subject, old, new: tails.append(subject.log_tail),))
    def chatty() -> None:
        for n in range(80):
            current.log.warning("line %d", n)

    with Flow("nightly") as built:
        chatty()
    built.run(executor=HERE)
    assert len(tails[-1]) == 50
    assert tails[-1][-1] == "WARNING line 79"


# What a script prints


def script(code: str) -> tuple[str, str]:
    """Run a script without logging configuration; return what it wrote to standard output and error."""
    head = """
        from longshore import *
        import logging

        @task
        def export(airport: str) -> int:
            current.log.info("exporting %s", airport)
            if airport == "LGA":
                raise OSError("no such file: LGA.csv")
            return len(airport)

        @task(retries=1)
        def load(rows: int) -> int:
            if current.attempt == 1:
                raise TimeoutError("warehouse is busy")
            return rows

        @task
        def check(n: int) -> None:
            raise Skip("nothing new")

        @flow
        def nightly(airport: str):
            rows = export(airport)
            check(load(rows))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, done.stderr


def plain(text: str) -> list[str]:
    """Lines without what differs from run to run."""
    text = re.sub(r"^\d\d:\d\d:\d\d ", "", text, flags=re.MULTILINE)
    text = re.sub(r"run [0-9a-f]{32}", "run ID", text)
    return re.sub(r"\d+\.\d\d s", "N s", text).splitlines()


def test_an_unconfigured_script_prints_one_line_a_transition_to_standard_error() -> None:
    out, err = script("print(nightly.run(airport='JFK', executor=InlineExecutor()).state)")
    assert out == "Success\n"
    assert plain(err) == [
        "INFO    flow nightly | Running (run ID)",
        "INFO    export | Running",
        "INFO    export | exporting JFK",
        "INFO    export | Success in N s",
        "INFO    load | Running",
        "WARNING load | Retrying in 0 s (attempt 1 of 2): TimeoutError: warehouse is busy",
        "INFO    load | Running (attempt 2 of 2)",
        "INFO    load | Success in N s",
        "INFO    check | Running",
        "INFO    check | Skipped in N s: nothing new",
        "INFO    flow nightly | Success in N s",
    ]


def test_an_unconfigured_script_prints_the_traceback_of_a_failure_from_the_users_code_on() -> None:
    _, err = script("nightly.run(airport='LGA', executor=InlineExecutor())")
    lines = plain(err)
    failed = lines.index("ERROR   export | Failed in N s: OSError: no such file: LGA.csv")
    assert lines[failed + 1] == "Traceback (most recent call last):"
    assert lines[failed + 2].strip().endswith("in export")
    assert "OSError: no such file: LGA.csv" in lines[failed + 3 : failed + 6]
    not_started = "TriggerFailed: trigger all_successful does not hold: 1 of 1 upstream steps failed"
    assert lines[-3:-1] == [f"ERROR   load | {not_started}", f"ERROR   check | {not_started}"]
    assert lines[-1].startswith("ERROR   flow nightly | Failed in N s: ")
    assert "export: OSError: no such file: LGA.csv" in lines[-1]


def test_a_configured_script_prints_what_it_configured() -> None:
    _, err = script(
        """
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
        nightly.run(airport="JFK", executor=InlineExecutor())
        """
    )
    assert err.splitlines() == [
        "WARNING load | Retrying in 0 s (attempt 1 of 2): TimeoutError: warehouse is busy"
    ]


def test_the_root_logger_is_left_as_it_was() -> None:
    out, _ = script(
        """
        root = logging.getLogger()
        before = root.level, list(root.handlers), list(root.filters)
        nightly.run(airport="JFK")
        print((root.level, root.handlers, root.filters) == before)
        ours = logging.getLogger("longshore")
        handlers = [h for h in ours.handlers if not isinstance(h, logging.NullHandler)]
        print(handlers, ours.level, ours.propagate)
        """
    )
    assert out.splitlines() == ["True", "[] 0 True"]


def test_a_call_outside_a_flow_prints_its_retries_and_nothing_else() -> None:
    out, err = script("print(load(3))")
    assert (out, err) == ("3\n", "load | Retrying in 0 s (attempt 1 of 2): TimeoutError: warehouse is busy\n")


def test_importing_alone_touches_no_level_and_prints_nothing() -> None:
    out, err = script("print(logging.getLogger('longshore').level, logging.getLogRecordFactory().__name__)")
    assert (out, err) == ("0 LogRecord\n", "")


def test_runs_that_overlap_share_one_console(capsys: pytest.CaptureFixture[str]) -> None:
    ours = logging.getLogger("longshore")
    ours.propagate = False  # pytest configures the root logger
    try:
        with console_when_unconfigured():
            first = console_when_unconfigured()
            first.__enter__()
        ours.info("the second still runs")
        first.__exit__(None, None, None)
        ours.info("nobody listens")
    finally:
        ours.propagate = True
    assert capsys.readouterr().err.endswith("INFO    the second still runs\n")
    assert ours.level == logging.NOTSET


def test_a_run_inside_a_step_prints_each_line_once() -> None:
    _, err = script(
        """
        @task
        def outer() -> None:
            nightly.run(airport="JFK", executor=InlineExecutor())

        @flow
        def around():
            outer()

        around.run()
        """
    )
    assert len([line for line in err.splitlines() if "exporting JFK" in line]) == 1


def test_steps_in_threads_are_labelled_too() -> None:
    _, err = script(
        """
        with Flow("f") as f:
            export.map(["EWR", "JFK"])
        f.run(executor=ThreadExecutor(2))
        """
    )
    lines = plain(err)
    assert "INFO    export[0] | exporting EWR" in lines
    assert "INFO    export[1] | exporting JFK" in lines
    assert "INFO    export | Mapped: 2 steps succeeded in N s" in lines


def test_progress_is_told() -> None:
    _, err = script(
        """
        @task
        def slow():
            current.progress(0.4, "files")
            current.progress(7)

        with Flow("f") as f:
            slow()
        f.run(executor=ThreadExecutor(1))
        """
    )
    lines = plain(err)
    assert "INFO    slow |  40 % files" in lines
    assert any(line.startswith("INFO    slow | 100 %") for line in lines)


def test_a_thousand_records_from_threads_keep_their_own_context(kept: list[logging.LogRecord]) -> None:
    @task
    def speak(n: int) -> None:
        for _ in range(10):
            CLIENT.warning("%d", n)

    with Flow("nightly") as built:
        speak.map(list(range(100)))
    built.run(executor=ThreadExecutor(8))
    said = [record for record in kept if record.name == CLIENT.name]
    assert len(said) == 1000
    assert all(int(record.getMessage()) == record.map_index for record in said)  # type: ignore[attr-defined]
