"""The only file that speaks to Acme: its connection, its requests, and its errors in our words."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from longshore import LongshoreError, Secret, parse_retry_after


@dataclass(frozen=True, kw_only=True)
class AcmeConnection:
    """Where Acme is, and who we are.

    Args:
        url: The address of its API.
        token: Looked up when a request is made, in the process that makes it.
        timeout: Seconds without an answer before a request has failed.
    """

    url: str = "https://api.acme.example"
    token: Secret = Secret("env:ACME_TOKEN")
    timeout: float = 30.0


class AcmeError(LongshoreError):
    """Acme could not be reached, or refused."""


def call(
    connection: AcmeConnection, method: str, path: str, body: object = None, *, key: str = ""
) -> dict[str, Any]:
    """Make one request and return the answer's JSON object.

    Args:
        connection: Where and who.
        method: `GET` or `POST`.
        path: What of the API, such as `/parcels`.
        body: What to send as JSON; nothing when None.
        key: Acme does requests of one key once (its documentation, "Idempotency").
    """
    request = Request(connection.url + path, method=method)
    request.add_header("Authorization", f"Bearer {connection.token.get()}")
    request.add_header("Content-Type", "application/json")
    if key:
        request.add_header("Idempotency-Key", key)
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(request, data, timeout=connection.timeout) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except HTTPError as error:
        with error:
            raise _refusal(f"{method} {path}", error) from error
    except OSError as error:
        raise AcmeError(f"cannot reach Acme at {connection.url!r}: {error}; run: longshore doctor") from error


def _refusal(what: str, answer: HTTPError) -> AcmeError:
    said = answer.read(1000).decode(errors="replace")
    error = AcmeError(f"cannot {what}: Acme answered {answer.code} {said!r}")
    error.retryable = answer.code == 429 or answer.code >= 500
    error.retry_after = parse_retry_after(answer.headers.get("Retry-After"))
    return error
