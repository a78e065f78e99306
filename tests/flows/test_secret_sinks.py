"""A secret that a task uses shows up nowhere that a run writes, says or keeps for people (row S1)."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import subprocess
import sys
import urllib.parse
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from longshore import Flow, InlineExecutor, ProcessExecutor, Secret, ThreadExecutor, current, task
from longshore.testing import Recorder, isolated_process_state
from longshore_shell import Shell

CANARY = 'c4n\'ary "ключ" <&> pass\\word/9f8e7d6c'
MULTILINE = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nAQEFAASCBKcwggSj\n-----END KEY-----"
SECRETS = {"CANARY_ONE": CANARY, "CANARY_TWO": MULTILINE, "CANARY_PREFIX": "c4n'ary"}


def forms(value: str) -> set[bytes]:
    """What a careless program may make of a secret."""
    raw = value.encode()
    return {
        raw,
        urllib.parse.quote(value).encode(),
        urllib.parse.quote_plus(value).encode(),
        base64.b64encode(raw),
        json.dumps(value)[1:-1].encode(),
        repr(value)[1:-1].encode(),
        raw.hex().encode(),
        *(line.encode() for line in value.splitlines() if len(line) > 8),
    }


def sightings(data: bytes) -> list[str]:
    return [f"{name} as {form!r}" for name, value in SECRETS.items() for form in forms(value) if form in data]


@task
def leak(secret: Secret) -> str:
    value = secret.get()
    current.log.warning("using %s and %r", value, value)
    logging.getLogger("somebody.else").warning("b64 %s", base64.b64encode(value.encode()).decode())
    error = ValueError(f"cannot log in with {value}", {"password": value})
    error.add_note(f"the key was {value}")
    raise error from KeyError(urllib.parse.quote(value))


@task(retries=1)
def leak_in_group(secret: Secret) -> None:
    value = secret.get()
    raise ExceptionGroup("both", [OSError(value), RuntimeError(json.dumps({"token": value}))])


@task
def take(text: str) -> int:
    return len(text)


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with isolated_process_state():
        yield [Secret(f"env:{name}") for name in SECRETS]


@pytest.mark.gate("S1")
@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(1)], ids=str)
def test_no_log_state_error_traceback_subject_or_pickle_shows_a_secret(
    canaries: list[Secret], executor: Any, tmp_path: Path
) -> None:
    out = StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(name)s %(step)s %(message)s", defaults={"step": ""}))
    root = logging.getLogger()
    root.addHandler(handler)
    recorder = Recorder()
    handlers = () if isinstance(executor, ProcessExecutor) else (recorder,)
    try:
        with Flow("leaks", step_handlers=handlers) as leaks:
            for secret in canaries:
                leak(secret)
                leak_in_group(secret)
                Shell('echo "$TOKEN"; echo "$TOKEN" >&2; exit 3', output_file=tmp_path / "all.txt")(
                    env={"TOKEN": secret}
                )
        run = leaks.run(executor=executor)
    finally:
        root.removeHandler(handler)

    seen = out.getvalue()
    assert "***" in seen
    seen += repr(run) + str(run.state) + repr(run.state) + repr(dict(run.states)) + str(leaks.visualize(run))
    for state in run.states.values():
        error = state.error
        seen += (
            f"{state}{state!r}{error}{error!r}{state.traceback}{getattr(error, '__notes__', '')}{vars(error)}"
        )
        seen += f"{error.__cause__!r}{error.__context__!r}{getattr(error, 'exceptions', '')!r}"
        seen += _locals(error)
    for subject in recorder.subjects:
        seen += f"{subject!r}{subject.inputs}{subject.error!r}{subject.traceback}{subject.log_tail}"
    data = seen.encode("utf-8", "surrogateescape") + (tmp_path / "all.txt").read_bytes()
    data += b"".join(pickle.dumps(state) for state in run.states.values())
    data += b"".join(pickle.dumps(node.task) for node in leaks.steps)
    assert sightings(data) == []


def _locals(error: BaseException) -> str:
    """The locals of the frames that an error still holds on to."""
    text, trace = "", error.__traceback__
    while trace is not None:
        text += repr(trace.tb_frame.f_locals) if trace.tb_frame.f_code.co_name.startswith("leak") else ""
        trace = trace.tb_next
    return text


@pytest.mark.gate("S1")
def test_what_a_script_prints_with_no_logging_configured_shows_no_secret(tmp_path: Path) -> None:
    script = tmp_path / "leaky.py"
    script.write_text(
        "from longshore import Flow, Secret, task, current\n"
        "@task\ndef leak(secret):\n    v = secret.get()\n"
        "    current.log.info('v %s', v)\n    raise ValueError(v)\n"
        "with Flow('leaky') as f:\n    leak(Secret('env:CANARY_ONE'))\n    leak(Secret('env:CANARY_TWO'))\n"
        "print(f.run())\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**SECRETS, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        timeout=30,
    )
    assert b"Failed" in done.stdout
    assert b"***" in done.stderr
    assert sightings(done.stdout + done.stderr) == []


@pytest.mark.gate("S1")
def test_a_result_is_the_one_place_where_a_secret_stays_as_it_is_for_the_step_that_needs_it(
    canaries: list[Secret],
) -> None:
    @task
    def token() -> str:
        return canaries[0].get()

    with Flow("passes") as passes:
        take(token())
    run = passes.run()
    assert run.results["take"] == len(CANARY)
    assert run.results["token"] == CANARY
    assert sightings(repr(run).encode()) == []
    assert sightings(repr(run.states).encode()) == []
