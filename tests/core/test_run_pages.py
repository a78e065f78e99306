"""The page of a run: what it tells, that nothing on it runs or fetches anything, where its graph stands."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")

from recorded_flows import Command

from longshore.histories import put_together
from longshore.redaction import isolated, register
from longshore.reports.layouts import lay_out
from longshore.reports.markup import element, text
from longshore.reports.pages import Report, write_page
from longshore.reports.timelines import Axis
from longshore.stores.records import (
    JobRecord,
    LogRecord,
    RunRecord,
    StepRecord,
    StoredResult,
    TransitionRecord,
)

NAUGHTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></script><script>alert(2)</script>",
    "javascript:alert(1)",
    "<!-- --> ]]> &lt;b&gt; &#x3c;",
    "\u202egnp.exe\u202c",
    "a\x00b\x1b[31mred\x08",
    "half a pair \ud800",
    "`${alert(1)}` {{7*7}}",
    "x" * 5_000,
)
URLS = {"href", "src", "action", "formaction", "data", "poster", "xlink:href", "srcset", "background"}


@dataclass
class Read:
    """What a browser would make of a page."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Reads a page as a browser does, and keeps its elements and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.read = Read()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.read.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.read.texts.append(data)


def read(page: str) -> Read:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader.read


def graph(upstream: dict[str, Sequence[str]]) -> str:
    """Return a fingerprint as a store has it."""
    steps = {name: [0, {}, {}, list(above), []] for name, above in upstream.items()}
    return json.dumps({"python": "3.11", "tasks": [["flows:f", "x", {}]], "steps": steps})


def page_of(names: Sequence[str], *, said: Sequence[str] = ("",), mapped: int = 0) -> str:
    """Return the page of a run of a chain of steps, with `said` wherever a run may hold text of others."""
    run = RunRecord(
        run_id=f"id {said[0]}", flow=said[0] or "nightly", name=said[-1], target=said[0], tags=(said[0],),
        parameters=json.dumps({word: word for word in said}), state="Failed", message=said[0], started=100.0,
        ended=110.0, schedule=said[0],
        fingerprint=graph({n: names[i - 1 : i] for i, n in enumerate(names)}),
    )  # fmt: skip
    steps, moves, jobs, logs = [], [], [], []
    for number, name in enumerate(names):
        word = said[number % len(said)]
        for index in (-1, *range(mapped)):
            steps.append(
                StepRecord(
                    step=name, map_index=index, state="Failed", message=word, began=100.0, ended=101.0,
                    result=StoredResult(text=json.dumps(word)), error=word, traceback=word,
                )
            )  # fmt: skip
            moves += [
                TransitionRecord(step=name, map_index=index, attempt=1, state=state, message=word, time=at)
                for state, at in (("Running", 100.0 + number), (word or "Failed", 101.0 + number))
            ]
        jobs.append(
            JobRecord(
                run_id="id", step=name, map_index=-1, attempt=1, serial=1, key=word, handle=json.dumps(word)
            )
        )
        logs.append(LogRecord(step=name, map_index=-1, attempt=1, time=100.0, level=30, text=word))
    return write_page(Report(put_together(run, steps, moves, jobs), logs, now=120.0))


@pytest.mark.parametrize("word", NAUGHTY, ids=range(len(NAUGHTY)))
def test_no_text_of_a_run_becomes_markup(word: str) -> None:
    plain, naughty = read(page_of(["one", "two"], said=["word"])), read(page_of([word, "two"], said=[word]))
    assert [tag for tag, _ in naughty.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(given) for _, given in naughty.tags] == [sorted(given) for _, given in plain.tags]
    shown = "".join(naughty.texts)
    visible = re.sub(r"[\x00\x08\x1b\u202c\u202e\ud800]", lambda odd: f"\\x{ord(odd[0]):02x}", word)
    assert visible[:1000] in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", shown)


def test_a_page_asks_nobody_for_anything_and_runs_nothing_but_its_own_script() -> None:
    page = page_of(["one", *NAUGHTY], said=NAUGHTY)
    found = read(page)
    for tag, given in found.tags:
        links = {name: value for name, value in given.items() if name in URLS}
        assert all(re.fullmatch(r"#step-\d+", value) for value in links.values()), (tag, links)
        assert not any(name.startswith("on") or name == "style" for name in given), (tag, given)
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert {"iframe", "object", "embed", "base", "link", "img", "form"}.isdisjoint(
        tag for tag, _ in found.tags
    )


def test_the_policy_of_a_page_names_its_style_and_script_by_their_digests() -> None:
    page = page_of(["one"])
    [policy] = [given["content"] for tag, given in read(page).tags if given.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "url(" not in page
    assert "@import" not in page


def test_every_link_of_a_page_leads_to_a_step_on_it() -> None:
    found = read(page_of(["one", "two", "three"], mapped=2))
    targets = {given["id"] for _, given in found.tags if given.get("id", "").startswith("step-")}
    links = {given["href"].removeprefix("#") for tag, given in found.tags if tag == "a"}
    assert links == targets == {"step-1", "step-2", "step-3"}


def test_secrets_do_not_show_on_a_page() -> None:
    with isolated():
        register("canary-4711")
        assert "canary-4711" not in page_of(["one canary-4711"], said=["a canary-4711 b"])


def test_a_page_of_many_mapped_steps_stays_small_and_says_what_is_left_out() -> None:
    page = page_of(["one"], mapped=5_000)
    assert len(page) < 400_000
    assert "and 4,900 more" in page
    assert page.count('class="bar ') == 1, "attempts at one time are one bar"


def test_a_graph_is_drawn_up_to_200_steps_and_told_as_a_list_beyond() -> None:
    assert 'aria-label="the steps"' in page_of([f"step {n}" for n in range(200)])
    larger = page_of([f"step {n}" for n in range(201)])
    assert 'aria-label="the steps"' not in larger
    assert larger.count("<details><summary><span") == 201


def test_a_node_stands_behind_those_before_it_and_on_no_other() -> None:
    upstream = {f"n{n}": [f"n{m}" for m in range(max(0, n - 9), n) if (n * m) % 5 == 1] for n in range(120)}
    layout = lay_out(upstream)
    for name, above in upstream.items():
        expected = max((layout.places[each][0] + 1 for each in above), default=0)
        assert layout.places[name][0] == expected
    taken = sorted(layout.places.values())
    for (layer, spot), (next_layer, next_spot) in pairwise(taken):
        assert layer != next_layer or next_spot - spot > 0.999
    assert {(a, b) for a, b, _ in layout.edges} == {
        (a, name) for name, above in upstream.items() for a in above
    }


def test_an_edge_passes_beside_the_nodes_of_the_layers_between() -> None:
    layout = lay_out({"a": [], "b": ["a"], "c": ["b"], "d": ["a", "c"]})
    [path] = [path for one, other, path in layout.edges if (one, other) == ("a", "d")]
    assert [layer for layer, _ in path] == [0, 1, 2, 3]
    assert abs(path[1][1] - layout.places["b"][1]) > 0.999


def test_a_graph_with_a_cycle_or_with_unknown_names_is_laid_out_all_the_same() -> None:
    assert set(lay_out({"a": ["b"], "b": ["a", "gone"], "c": []}).places) == {"a", "b", "c"}


def test_a_timeline_cuts_long_breaks_out() -> None:
    axis = Axis.over([(0.0, 10.0), (2.0, 12.0), (86_400.0, 86_410.0)])
    assert len(axis.pieces) == 2
    assert axis.at(0.0) == 0.0
    assert 50 < axis.at(12.0) < axis.at(86_400.0) < 60
    assert axis.at(5_000.0) == axis.at(86_400.0)
    assert axis.at(86_410.0) == pytest.approx(100.0)


def test_a_timeline_of_moments_has_no_length_to_divide_by() -> None:
    axis = Axis.over([(5.0, 5.0)])
    assert axis.at(5.0) == 0.0


def test_a_run_that_has_not_begun_and_one_whose_clock_went_back_have_pages() -> None:
    waiting = RunRecord(
        run_id="r", flow="nightly", state="Scheduled", due=5.0, fingerprint=graph({"one": ()})
    )
    page = write_page(Report(put_together(waiting, [], [], []), [], now=1.0))
    assert "○ Scheduled" in page
    assert "Timeline" not in page
    moves = [
        TransitionRecord(step="one", map_index=-1, attempt=1, state=state, message="", time=time)
        for state, time in (("Running", 100.0), ("Success", 50.0))
    ]
    back = RunRecord(run_id="r", flow="nightly", state="Success", started=100.0, ended=50.0)
    step = StepRecord(step="one", state="Success", began=100.0, ended=50.0)
    page = write_page(Report(put_together(back, [step], moves, []), [], now=1.0))
    assert 'width="-' not in page
    assert "0.00 s" in page


def test_markup_is_escaped_wherever_it_is_not_made_here() -> None:
    assert element("p", "<b>", element("i", "&"), title='"') == '<p title="&quot;">&lt;b&gt;<i>&amp;</i></p>'
    assert text("\x00\ud800") == "\\x00\\xd800"


def test_the_command_writes_a_page_for_its_owner_alone(tmp_path: Path) -> None:
    longshore = Command(tmp_path)
    (tmp_path / "refuse").touch()
    assert longshore("run", "flows.py:nightly").returncode == 1
    run = longshore.runs()[0]["run_id"]
    answer = longshore("report", run)
    assert answer.stderr == f"wrote run-{run[:8]}.html\n"
    path = tmp_path / f"run-{run[:8]}.html"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    page = " ".join(" ".join(read(path.read_text()).texts).split())
    for part in (
        "nightly",
        "✗ Failed",
        "parameter day 2013-01-14",
        f"longshore resume {run[:8]}",
        "no airport 1",
    ):
        assert part in page
    assert longshore("report", run, "-o", "-").stdout.startswith("<!doctype html>")
    answer = longshore("report", run, "-o", "nowhere/run.html")
    assert answer.returncode == 2
    assert "cannot write 'nowhere/run.html'" in answer.stderr
