"""`longshore alert`: what channels are told, were told, and have still to be told."""

from __future__ import annotations

import json
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")

from longshore import cli, flush_alerts, open_store
from longshore.stores.records import AlertRecord

FLOWS = """
    from dataclasses import dataclass
    from pathlib import Path

    from longshore import Alert, Channel, DeliveryError, Message, flow, task

    TOLD = Path({told!r})


    @dataclass(frozen=True)
    class Note(Channel):
        scheme = "note"
        name: str

        def send(self, message: Message) -> str:
            if self.name == "broken" and not TOLD.with_name("mended").exists():
                raise DeliveryError("the pencil broke; sharpen it")
            with TOLD.open("a") as file:
                file.write(message.title + "\\n")
            return "line-1"


    @task
    def load() -> None: ...


    @flow(state_handlers=[Alert(Note("desk"), late_after=3600, silent_after=60, quiet_hours="22:00-07:00")])
    def nightly():
        load()


    def shout(message, incident):
        return Message(key=message.key, title=message.title.upper(), text=message.text)


    @flow(state_handlers=[Alert(Note("loud"), silent_after=60, template=shout)])
    def loudly():
        load()


    @flow
    def plain():
        load()


    @task
    def fail():
        raise ValueError("no")


    @flow
    def doomed():
        fail()
"""


class Desk:
    """A folder with flows, a store, and what the channel was told."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.told = folder / "told.txt"
        self.flows = folder / f"desk_{time.time_ns()}.py"  # a module is loaded once a process
        self.flows.write_text(textwrap.dedent(FLOWS).format(told=str(self.told)))
        self.store = folder / "runs.db"
        self._capsys = capsys

    def longshore(self, *words: str) -> tuple[int, str, str]:
        """The exit code and what was printed."""
        code = cli.main(["alert", *words])
        out, err = self._capsys.readouterr()
        return code, out, err

    def wait(self, channel: str = "note:desk", flow: str = "nightly") -> None:
        """Have an alert wait in the store."""
        store = open_store(self.store)
        store.add_alerts(
            [AlertRecord(channel=channel, flow=flow, step="load", kind="failed", severity="error",
                         time=time.time(), run_id="r1", text="boom")]
        )  # fmt: skip
        store.close()


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("LONGSHORE_STORE", str(tmp_path / "runs.db"))
    return Desk(tmp_path, capsys)


def test_a_preview_shows_what_each_alert_tells_and_when_and_tells_nobody(desk: Desk) -> None:
    code, out, _ = desk.longshore("--preview", f"{desk.flows}:nightly")
    assert code == 0
    first, _, message = out.partition("\n\n")
    assert first.startswith("note:desk  on failed, late, recovered, late after 1 h 00 min, silent after ")
    assert first.endswith("quiet 22:00-07:00")
    assert message.startswith("    ✖ nightly failed")
    assert not desk.told.exists()


def test_a_preview_for_programs_has_the_whole_message(desk: Desk) -> None:
    code, out, _ = desk.longshore("--preview", f"{desk.flows}:nightly", "--json")
    [found] = json.loads(out)
    assert (code, found["channel"], found["message"]["status"]) == (0, "note:desk", "failed")


def test_a_flow_without_alerts_is_told_how_to_have_one(desk: Desk) -> None:
    code, out, _ = desk.longshore("--preview", f"{desk.flows}:plain")
    assert (code, out) == (0, "the flow has no alerts; give it one: @flow(state_handlers=[Alert(...)])\n")


def test_what_waits_is_listed_and_sent_and_then_listed_as_told(desk: Desk) -> None:
    desk.wait()
    code, out, _ = desk.longshore()
    assert code == 0
    assert "not told yet" in out
    assert "longshore alert --send" in out
    code, out, _ = desk.longshore("--send", "--flow", str(desk.flows))
    assert (code, out) == (0, "note:desk  all is told\n")
    assert desk.told.read_text() == "nightly failed: load\n"
    [found] = json.loads(desk.longshore("--list", "--json")[1])
    assert (found["waiting"], found["receipt"], found["flow"], found["step"], found["status"]) == (
        False, "line-1", "nightly", "load", "failed",
    )  # fmt: skip
    assert desk.longshore("--send")[1] == "nothing waits to be told\n"


def test_what_is_sent_later_is_in_the_words_of_the_flows_template(desk: Desk) -> None:
    desk.wait("note:loud", flow="loudly")
    assert desk.longshore("--send", "--flow", str(desk.flows))[0] == 0
    assert desk.longshore("--check", f"{desk.flows}:loudly")[0] == 1
    assert desk.told.read_text() == "LOUDLY FAILED: LOAD\nLOUDLY IS SILENT\n"


def test_what_cannot_be_told_still_waits_and_says_why(desk: Desk) -> None:
    desk.wait("note:broken")
    code, out, _ = desk.longshore("--send", "--timeout", "1", "--flow", str(desk.flows))
    assert (code, out) == (1, "note:broken  1 alert still waiting: the pencil broke; sharpen it\n")
    [found] = json.loads(desk.longshore("--json")[1])
    assert (found["waiting"], found["why"]) == (True, "the pencil broke; sharpen it")
    desk.told.with_name("mended").touch()
    assert desk.longshore("--send", "--timeout", "20")[0] == 0
    assert desk.told.read_text() == "nightly failed: load\n"


def test_a_test_message_says_what_came_back(desk: Desk) -> None:
    code, out, _ = desk.longshore("--test", "note:desk", "--flow", str(desk.flows))
    assert (code, out) == (0, "note:desk  was accepted: line-1\n")
    code, out, err = desk.longshore("--test", "note:broken", "--flow", str(desk.flows))
    assert (code, out) == (1, "")
    assert err == "note:broken  did not arrive: DeliveryError: the pencil broke; sharpen it\n"


def test_a_flow_that_is_silent_is_told_once_and_exits_with_1(desk: Desk) -> None:
    open_store(desk.store).add_alerts([])
    first, out, _ = desk.longshore("--check", f"{desk.flows}:nightly")
    assert out.startswith("nightly is silent: no success on record, silent after ")
    second, again, _ = desk.longshore("--check", f"{desk.flows}:nightly")
    assert again.endswith(", told before\n")
    assert (first, second) == (1, 1)
    assert len(desk.told.read_text().splitlines()) == 1


def test_a_flow_that_has_succeeded_is_well(desk: Desk) -> None:
    assert cli.main(["run", f"{desk.flows}:nightly"]) == 0
    desk.longshore("--list")
    code, out, _ = desk.longshore("--check", f"{desk.flows}:nightly", "--json")
    [found] = json.loads(out)
    assert (code, found["verdict"], found["flow"]) == (0, "heard", "nightly")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--list", "--send"], "give one of --list, --preview, --send, --test and --check"),
        (["--test", "nowhere:x"], "nothing offers the scheme 'nowhere'"),
        (["--check", "{flows}:plain"], "none of its alerts has silent_after"),
    ],
)
def test_what_cannot_be_done_exits_with_2(desk: Desk, words: list[str], said: str) -> None:
    open_store(desk.store).add_alerts([])
    code, _, err = desk.longshore(*(word.format(flows=desk.flows) for word in words))
    assert code == 2
    assert said in err


def test_a_run_tells_the_channels_of_its_option(desk: Desk) -> None:
    assert cli.main(["run", f"{desk.flows}:doomed", "--alert", "note:desk"]) == 1
    flush_alerts()
    assert sorted(desk.told.read_text().splitlines()) == ["doomed failed", "doomed failed: fail"]
