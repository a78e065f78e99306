"""`HttpRequest`, `HttpJson` and `HttpText` against a real server that answers, fails and lies."""

from __future__ import annotations

import gzip
import json
import pickle
import time
from pathlib import Path
from typing import Any

import pytest
from http_server import Exchange, HttpServer, hang_up, reset, respond, stall, truncated

from longshore import ConfigurationError, Exponential, Flow, Success
from longshore_http import (
    ConnectionFailed,
    FilePart,
    HttpJson,
    HttpRequest,
    HttpText,
    SourceFailed,
    StatusError,
)  # fmt: skip
from longshore_http.bodies import Body

FAST = Exponential(base=0.01, cap=0.02)


def echo(exchange: Exchange) -> None:
    seen = {
        "method": exchange.method,
        "query": exchange.query,
        "headers": {name.lower(): value for name, value in exchange.headers.items()},
        "body": exchange.body.decode("latin-1"),
    }
    exchange.send(200, {"Content-Type": "application/json"}, json.dumps(seen).encode())


def get(**fields: Any) -> HttpRequest:
    return HttpRequest(**{"retries": 0, "retry_delay": FAST, **fields})


def post(**fields: Any) -> HttpRequest:
    return get(method="POST", **fields)


def test_an_answer_is_a_value_with_status_headers_url_time_and_body(server: HttpServer) -> None:
    url = server.on("/x", respond(200, b'{"n": 1}', {"Content-Type": "application/json", "X-Row": "7"}))
    response = get()(url)
    assert (response.status, response.url, response.body, response.text) == (
        200,
        url,
        b'{"n": 1}',
        '{"n": 1}',
    )
    assert response.headers["x-row"] == "7"
    assert response.json() == {"n": 1}
    assert 0 < response.elapsed < 10
    assert pickle.loads(pickle.dumps(response)) == response


def test_each_short_form_returns_its_own_kind(server: HttpServer) -> None:
    url = server.on("/x", respond(200, b"[1, 2]"))
    assert HttpJson()(url) == [1, 2]
    assert HttpText()(url) == "[1, 2]"


def test_parameters_headers_json_and_method_arrive_as_given(server: HttpServer) -> None:
    url = server.on("/x", echo)
    task = HttpJson("POST", headers={"X-Team": "data"})
    seen = task(url, params={"a": "1 &", "b": [True, 2]}, json={"day": "2013-01-01", "n": None})
    assert seen["method"] == "POST"
    assert seen["query"] == {"a": ["1 &"], "b": ["true", "2"]}
    assert seen["headers"]["x-team"] == "data"
    assert seen["headers"]["content-type"] == "application/json"
    assert json.loads(seen["body"]) == {"day": "2013-01-01", "n": None}


def test_json_null_is_a_body_and_no_json_is_none(server: HttpServer) -> None:
    url = server.on("/x", echo)
    assert HttpJson("POST")(url, json=None)["body"] == "null"
    assert HttpJson("POST")(url)["body"] == ""


def test_a_form_is_encoded_and_files_are_read_from_disk(server: HttpServer, tmp_path: Path) -> None:
    url = server.on("/x", echo)
    assert HttpJson("POST")(url, form={"a": "1&2", "b": ["x", "y"]})["body"] == "a=1%262&b=x&b=y"
    path = tmp_path / 'odd "name.csv'
    path.write_bytes(b"n\n" * 100_000)
    seen = HttpJson("POST")(
        url, form={"a": "1"}, files={"f": path, "g": FilePart(content=b"hi", filename="g.txt")}
    )
    assert seen["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert 'name="f"; filename="odd %22name.csv"' in seen["body"]
    assert "n\n" * 100_000 in seen["body"]
    assert 'filename="g.txt"' in seen["body"]
    assert int(seen["headers"]["content-length"]) == len(seen["body"])


def test_a_file_body_starts_from_its_beginning_in_each_attempt(server: HttpServer, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"row\n" * 1000)
    server.on("/x", respond(503), respond(200))
    get(method="PUT", retries=1)(server.url("/x"), body=path)
    assert [exchange.body for exchange in server.requests] == [path.read_bytes()] * 2


def test_two_kinds_of_body_or_a_body_on_a_get_are_refused(server: HttpServer) -> None:
    with pytest.raises(ConfigurationError, match="body and json"):
        post()(server.url(), body=b"x", json={})
    with pytest.raises(ConfigurationError, match=r"HttpRequest\('POST'\)"):
        get()(server.url(), json={})
    with pytest.raises(ConfigurationError, match="JSON"):
        post()(server.url(), json={"when": object()})
    assert server.requests == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_retried(server: HttpServer, status: int) -> None:
    url = server.on("/x", respond(status), respond(status), respond(200, b"ok"))
    assert get(retries=2)(url).text == "ok"
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 501, 505])
def test_a_hopeless_status_fails_at_once(server: HttpServer, status: int) -> None:
    url = server.on("/x", respond(status, b"no"))
    with pytest.raises(StatusError) as caught:
        get(retries=3)(url)
    assert caught.value.status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fault", [reset, hang_up, truncated(b"x" * 1000, 1), truncated(b"x" * 1000, 1, how="reset")]
)
def test_a_broken_connection_is_retried(server: HttpServer, fault: Any) -> None:
    url = server.on("/x", fault, respond(200, b"ok"))
    assert get(retries=1)(url).text == "ok"


@pytest.mark.parametrize("fault", [reset, hang_up, respond(503), respond(429, b"", {"Retry-After": "0"})])
def test_a_post_that_may_have_been_carried_out_is_never_sent_twice(server: HttpServer, fault: Any) -> None:
    url = server.on("/x", fault, respond(200, b"ok"))
    with pytest.raises((ConnectionFailed, StatusError), match=r"carried.*out.*idempotency_key=True"):
        post(retries=3)(url, json={})
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_post_whose_redirect_leads_nowhere_is_not_sent_twice(server: HttpServer, status: int) -> None:
    with HttpServer() as gone:
        url = server.on("/x", respond(status, b"", {"Location": gone.url("/result")}))
    with pytest.raises(ConnectionFailed, match="may have carried it out"):
        post(retries=3)(url, json={})
    assert len(server.requests) == 1


def test_a_post_whose_packed_answer_was_cut_is_not_sent_twice(server: HttpServer) -> None:
    cut = truncated(gzip.compress(b"done"), 9, how="nothing", headers={"Content-Encoding": "gzip"})
    with pytest.raises(ConnectionFailed, match="may have carried it out"):
        post(retries=3)(server.on("/x", cut), json={})
    assert len(server.requests) == 1


def test_a_post_that_nobody_took_is_retried(server: HttpServer) -> None:
    with HttpServer() as gone:
        url = gone.url("/x")
    with pytest.raises(ConnectionFailed) as caught:
        post(retries=2)(url, json={})
    assert "carried" not in str(caught.value)
    assert "failed 3 times" in caught.value.__notes__[0]


def test_a_post_is_retried_when_the_task_says_that_it_is_repeatable(server: HttpServer) -> None:
    url = server.on("/x", reset, respond(200, b"ok"))
    assert post(retries=1, repeatable=True)(url).text == "ok"


def test_whether_a_task_is_repeatable_follows_its_method_and_key() -> None:
    assert all(get(method=method).repeatable for method in ("GET", "head", "PUT", "DELETE", "OPTIONS"))
    assert not post().repeatable
    assert not get(method="PATCH").repeatable
    assert post(idempotency_key=True).repeatable
    assert not get().replace(method="POST").repeatable
    assert post(repeatable=True).replace(method="PATCH").repeatable


def keys(server: HttpServer, name: str = "Idempotency-Key") -> list[str]:
    return [exchange.headers[name] for exchange in server.requests]


def test_the_attempts_of_a_call_share_one_idempotency_key_and_calls_do_not(server: HttpServer) -> None:
    url = server.on("/x", reset, respond(503), respond(200), reset, respond(200))
    task = post(retries=3, idempotency_key=True)
    task(url, json=1)
    task(url, json=1)
    seen = keys(server)
    assert [seen.index(key) for key in seen] == [0, 0, 0, 3, 3]


def test_a_timeout_thread_does_not_change_the_key(server: HttpServer) -> None:
    url = server.on("/x", stall, respond(200))
    post(retries=1, idempotency_key="X-Request-Key", timeout=0.3, retry_on=Exception)(url, json=1)
    assert len(set(keys(server, "X-Request-Key"))) == 1


def test_mapped_calls_have_a_key_each_in_and_outside_a_flow(server: HttpServer) -> None:
    url = server.on("/x", reset, respond(200))
    task = post(retries=2, idempotency_key=True)
    task.map([url, url])
    assert len(set(keys(server))) == 2
    server.requests.clear()
    server.on("/x", reset, respond(200))
    with Flow("posts") as flow:
        task.map([url, url])
        task(url)
    assert isinstance(flow.run().state, Success)
    assert (len(server.requests), len(set(keys(server)))) == (4, 3)


def test_retry_after_is_waited_for_in_seconds_and_as_a_date(server: HttpServer) -> None:
    date = {"Date": "Tue, 01 Jan 2013 00:00:00 GMT", "Retry-After": "Tue, 01 Jan 2013 00:00:01 GMT"}
    url = server.on("/x", respond(429, b"", {"Retry-After": "0.4"}), respond(503, b"", date), respond(200))
    began = time.monotonic()
    get(retries=2)(url)
    assert time.monotonic() - began >= 1.4


@pytest.mark.parametrize("value", ["-1", "soon", "nan", "", "Tue, 99 Jan 2013"])
def test_a_retry_after_that_makes_no_sense_is_ignored(server: HttpServer, value: str) -> None:
    url = server.on("/x", respond(503, b"", {"Retry-After": value}), respond(200))
    assert get(retries=1)(url).status == 200


def test_a_server_that_asks_for_more_than_an_hour_has_failed(server: HttpServer) -> None:
    url = server.on("/x", respond(503, b"", {"Retry-After": "86400"}))
    with pytest.raises(StatusError, match="wait 86400 s"):
        get(retries=3)(url)
    assert len(server.requests) == 1


def test_accepted_statuses_are_results(server: HttpServer) -> None:
    url = server.on("/x", respond(404, b"none"))
    assert get(accept=(200, 404))(url).status == 404
    with pytest.raises(ConfigurationError, match="accept"):
        get(accept=200)


def test_a_status_error_tells_status_name_body_and_request_id(server: HttpServer) -> None:
    url = server.on("/x", respond(404, b"no  such\n order", {"X-Request-Id": "req-17"}))
    with pytest.raises(StatusError) as caught:
        get()(url)
    assert str(caught.value) == (
        f"cannot GET '{url}': the server answered 404 Not Found, request id 'req-17': 'no such order'"
    )
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.status, copy.excerpt, copy.request_id) == (404, "no such order", "req-17")


def test_a_huge_error_page_is_not_read_to_its_end(server: HttpServer) -> None:
    url = server.on("/x", respond(500, b"x" * 5_000_000))
    with pytest.raises(StatusError) as caught:
        get()(url)
    assert len(str(caught.value)) < 1000


def test_a_file_that_cannot_be_read_or_shrinks_is_named_and_not_blamed_on_the_server(
    server: HttpServer, tmp_path: Path
) -> None:
    url = server.on("/x", respond(200))
    with pytest.raises(SourceFailed, match=r"cannot send '.*missing': No such file"):
        post(retries=3)(url, body=tmp_path / "missing")
    path = tmp_path / "shrinks"
    path.write_bytes(b"x" * 1000)
    stream, length = Body((path,), "").open()
    path.write_bytes(b"x")
    assert length == 1000
    with pytest.raises(SourceFailed, match="shorter"):
        list(stream)
    assert server.requests == []
