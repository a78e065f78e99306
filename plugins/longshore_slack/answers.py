"""Is an answer what was asked for? Slack says no in many ways, some of them with status 200."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import parse_retry_after
from longshore_slack.errors import (
    SlackError,
    SlackNotFoundError,
    SlackRateLimitedError,
    SlackRefusedError,
    SlackUnauthorizedError,
    SlackUnreachableError,
)
from longshore_slack.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore import Secret
    from longshore_slack.transport import Answer

_USUAL_WAIT: Final = 30.0
"""Seconds to wait where Slack asks for it and does not say how long; its own default window is a minute."""


def checked(answer: Answer, what: str, credential: Secret) -> dict[str, Any]:
    """Return the JSON of an answer of the Web API that says `ok`.

    Raises:
        SlackError: It says anything else.
    """
    data = _json(answer)
    word = data.get("error") if data is not None else None
    if answer.status == 429 or (isinstance(word, str) and word in ("ratelimited", "rate_limited")):
        raise _limited(what, answer.headers)
    if data is None or answer.status >= 500:
        raise _by_status(what, answer, uncertain=answer.status == 200)
    if data.get("ok") is not True:
        if not isinstance(word, str) or not word:
            raise _by_status(what, answer, uncertain=answer.status == 200)
        raise refusal(what, word, credential, data)
    if answer.status != 200:
        raise _by_status(what, answer, uncertain=False)
    return data


def value(answer: Mapping[str, Any], name: str, what: str) -> str:
    """Return what an answer has to hold.

    Raises:
        SlackUnreachableError: It is not there, so something else than Slack has answered.
    """
    found = answer.get(name)
    if not isinstance(found, str) or not found:
        error = SlackUnreachableError(f"cannot {what}: the answer says ok, and has no {name!r}")
        error.uncertain = True
        raise error
    return found


def check_webhook(answer: Answer, what: str, credential: Secret) -> None:
    """Look whether a webhook's answer says `ok`.

    Raises:
        SlackError: It says anything else.
    """
    if answer.status == 429:
        raise _limited(what, answer.headers)
    text = answer.body[:200].decode("utf-8", "replace").strip()
    if answer.status == 200 and text == "ok":
        return
    data = _json(answer)
    word = str(data.get("error", "")) if data is not None else text
    if word.replace("_", "").isalnum() and word.isascii() and word.islower() and answer.status < 500:
        error = refusal(what, word, credential)
        if answer.status == 410 or (answer.status == 404 and isinstance(error, SlackRefusedError)):
            error = _by_status(what, answer, uncertain=False)
            error.error = word
        raise error
    raise _by_status(what, answer, uncertain=answer.status == 200)


def check_upload(answer: Answer, what: str) -> None:
    """Look whether the place for a file's bytes took them.

    Raises:
        SlackError: It did not.
    """
    if answer.status == 429:
        raise _limited(what, answer.headers)
    if answer.status != 200:
        raise _by_status(what, answer, uncertain=False)


def _json(answer: Answer) -> dict[str, Any] | None:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _limited(what: str, headers: Mapping[str, str]) -> SlackRateLimitedError:
    lower = {name.lower(): value for name, value in headers.items()}
    told = parse_retry_after(lower.get("retry-after"))
    error = SlackRateLimitedError(
        f"cannot {what}: Slack asks to be left alone for {_USUAL_WAIT if told is None else told:g} s; "
        "it is asked less often by fewer and longer messages"
    )
    error.error = "ratelimited"
    error.retry_after = _USUAL_WAIT if told is None else told
    return error


def _by_status(what: str, answer: Answer, *, uncertain: bool) -> SlackError:
    """Return the error for an answer that is none of Slack's."""
    status = answer.status
    kind: type[SlackError] = SlackRefusedError
    seen, remedy = f"the answer has status {status}", ""
    if status in (401, 403):
        kind, remedy = SlackUnauthorizedError, "; check the credential, and that it is Slack who answers"
    elif status in (404, 410):
        kind, remedy = SlackNotFoundError, "; it is not there any more, or base_url or the webhook is wrong"
    elif 300 <= status < 400:
        remedy = "; redirects are not followed, as the token would go with them; check base_url"
    elif status >= 500 or status == 408:
        kind = SlackUnreachableError
    elif status == 200:
        kind, seen = SlackUnreachableError, "the answer is not Slack's: it is no JSON that says ok or error"
        remedy = "; check base_url, and what proxy stands between"
    error = kind(f"cannot {what}: {seen}{remedy}")
    error.uncertain = uncertain
    return error
