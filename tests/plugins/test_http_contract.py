"""What every task promises, shown for each HTTP task; and what importing them costs."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pluggy
import pytest
from http_server import HttpServer, respond

import longshore
import longshore_http
from longshore import LongshoreError, Secret, Task
from longshore.plugins import host
from longshore.testing import TaskContract, assert_portable
from longshore_http import (
    BearerAuth,
    HttpConnection,
    HttpDownload,
    HttpError,
    HttpJson,
    HttpPages,
    HttpRequest,
    HttpText,
    HttpWait,
)  # fmt: skip

SECRET = HttpConnection(auth=BearerAuth(token=Secret("env:LONGSHORE_HTTP_TOKEN")))


class Served(TaskContract):
    """The contract, with a server that answers and a token that it gets."""

    __test__ = False
    inputs: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def _served(self, server: HttpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("LONGSHORE_HTTP_TOKEN", "canary-9f8e7d6c5b4a")
        monkeypatch.chdir(tmp_path)
        type(self).inputs = {"url": server.on("/x", respond(200, b"[1, 2]"))}


class TestHttpRequest(Served):
    __test__ = True
    task = HttpRequest("POST", connection=SECRET, idempotency_key=True)


class TestHttpJson(Served):
    __test__ = True
    task = HttpJson(connection=SECRET)
    expected: ClassVar[Any] = [1, 2]


class TestHttpText(Served):
    __test__ = True
    task = HttpText(connection=SECRET)
    expected = "[1, 2]"


class TestHttpWait(Served):
    __test__ = True
    task = HttpWait(connection=SECRET)


class TestHttpPages(Served):
    __test__ = True
    task = HttpPages(connection=SECRET)
    expected: ClassVar[Any] = [1, 2]


class TestHttpDownload(Served):
    __test__ = True
    task = HttpDownload(connection=SECRET)

    @pytest.fixture(autouse=True)
    def _target(self, _served: None) -> None:
        type(self).inputs = {**self.inputs, "target": "file"}

    def _check(self, result: Any) -> None:
        assert result.sha256 == hashlib.sha256(Path("file").read_bytes()).hexdigest()


def test_importing_the_tasks_imports_no_library() -> None:
    code = (
        "import sys, longshore_http, longshore_http.plugin\n"
        "found = {'requests', 'urllib3', 'certifi'} & set(sys.modules)\n"
        "longshore_http.HttpRequest('POST', connection=longshore_http.HttpConnection(base_url='https://h'))\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_missing_library_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    (tmp_path / "pluggy").symlink_to(Path(pluggy.__file__).parent)
    sources = [tmp_path, Path(longshore.__file__).parents[1], Path(longshore_http.__file__).parents[1]]
    code = (
        "import longshore, longshore_http\n"
        "try:\n    longshore_http.HttpText().run('http://127.0.0.1:1/')\n"
        "except longshore.MissingExtraError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": os.pathsep.join(map(str, sources))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if Path(longshore.__file__).parents[1].name == "site-packages":
        pytest.skip("installed as a wheel, beside the library")
    assert done.stdout.strip() == "'requests' is not installed; run: pip install 'longshore[http]'", (
        done.stderr
    )


def test_the_plugin_offers_every_task() -> None:
    offered = {task for name, task in host().tasks().items() if name.startswith("http.")}
    public = {
        value for name in longshore_http.__all__ if inspect.isclass(value := getattr(longshore_http, name))
    }
    assert offered == {kind for kind in public if issubclass(kind, Task) and not inspect.isabstract(kind)} - {
        longshore_http.HttpCall
    }


def test_every_error_travels_and_is_public() -> None:
    def kinds(base: type[LongshoreError]) -> set[type[LongshoreError]]:
        return {base}.union(*(kinds(kind) for kind in base.__subclasses__()))

    for kind in kinds(HttpError):
        error = kind("cannot GET 'http://h/': because")
        error.retry_after = 3.0
        assert_portable(error)
        assert kind.__name__ in longshore_http.__all__


def test_a_connection_shows_what_was_set_and_no_more() -> None:
    assert repr(HttpConnection()) == "HttpConnection()"
    shown = repr(HttpConnection(read_timeout=5, headers={"X-Key": "plain", "X-Api-Key": "hidden"}))
    assert shown == "HttpConnection(headers=Headers({'X-Key': 'plain', 'X-Api-Key': '***'}), read_timeout=5)"


def test_json_typed_results_are_what_the_signature_says() -> None:
    assert json.loads(json.dumps(HttpJson.run_signature().names)) == [
        "url",
        "params",
        "json",
        "form",
        "files",
        "body",
    ]
