"""What Slack's words for errors mean: which class, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from longshore import redact
from longshore_slack.errors import (
    SlackError,
    SlackNotFoundError,
    SlackRateLimitedError,
    SlackRefusedError,
    SlackUnauthorizedError,
    SlackUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore import Secret

_UNAUTHORIZED: Final = frozenset({
    "access_denied", "account_inactive", "action_prohibited", "ekm_access_denied",
    "enterprise_is_restricted", "invalid_auth", "invalid_token", "missing_scope", "no_permission",
    "not_allowed_token_type", "not_authed", "org_login_required", "restricted_action",
    "team_access_not_granted", "token_expired", "token_revoked", "two_factor_setup_required",
})  # fmt: skip
_NOT_FOUND: Final = frozenset({
    "channel_not_found", "file_not_found", "message_not_found", "no_active_hooks", "no_service", "no_team",
    "not_found", "team_not_found", "thread_not_found", "user_not_found", "users_not_found",
})  # fmt: skip
_LIMITED: Final = frozenset({"ratelimited", "rate_limited", "accesslimited", "message_limit_exceeded"})
_FAILING: Final = frozenset({
    "fatal_error", "internal_error", "request_timeout", "rollup_error", "service_unavailable",
    "team_added_to_org",
})  # fmt: skip
_BAD_TOKENS: Final = frozenset({
    "account_inactive", "invalid_auth", "invalid_token", "not_authed", "token_expired", "token_revoked",
})  # fmt: skip
_REMEDIES: Final[Mapping[str, str]] = {
    "already_reacted": "nothing is to be done",
    "channel_is_archived": "unarchive the channel, or choose another one",
    "channel_not_found": "check its name; a private channel has to invite the bot, write in it: /invite @bot",
    "edit_window_closed": "post a new message",
    "cant_update_message": "only messages of the bot itself can be changed",
    "cant_delete_message": "only messages of the bot itself can be removed",
    "invalid_blocks": "try them at https://app.slack.com/block-kit-builder",
    "is_archived": "unarchive the channel, or choose another one",
    "msg_too_long": "send it as a file, with SlackUpload",
    "no_active_hooks": "make a new webhook in the app's settings, under Incoming Webhooks",
    "no_service": "make a new webhook in the app's settings, under Incoming Webhooks",
    "no_text": "give a text",
    "not_allowed_token_type": "use a bot's token, which begins with xoxb-",
    "not_in_channel": "write in that channel: /invite @bot",
    "restricted_action": "apps may not post there; ask an owner of the workspace, or choose another channel",
    "time_in_past": "give a time to come, at most 120 days ahead",
    "time_too_far": "give a time at most 120 days ahead",
    "user_not_in_channel": "invite the user to the channel first",
    "users_not_found": "check the address; it is that of the user's Slack account",
}


def refusal(what: str, word: str, credential: Secret, details: Mapping[str, Any] | None = None) -> SlackError:
    """Return the error for Slack's word.

    Args:
        what: What could not be done: `post to '#data'`.
        word: Slack's word, such as `channel_not_found`.
        credential: Where the token, or the webhook, comes from.
        details: The answer.
    """
    details = details or {}
    kind = _kind(word)
    seen = [f"Slack answered {redact(word)[:100]!r}", *_said(details)]
    error = kind(f"cannot {what}: {', '.join(seen)}{_remedy(word, credential, details)}")
    error.error = word
    if isinstance(error, SlackUnauthorizedError):
        error.needed = str(details.get("needed", ""))
    return error


def _kind(word: str) -> type[SlackError]:
    if word in _LIMITED:
        return SlackRateLimitedError
    if word in _UNAUTHORIZED:
        return SlackUnauthorizedError
    if word in _NOT_FOUND:
        return SlackNotFoundError
    return SlackUnreachableError if word in _FAILING else SlackRefusedError


def _said(details: Mapping[str, Any]) -> list[str]:
    """Return what the answer says beside the word: which block is wrong, say."""
    metadata = details.get("response_metadata")
    if not isinstance(metadata, dict):
        return []
    messages = cast("dict[str, Any]", metadata).get("messages")
    shown = cast("list[Any]", messages)[:3] if isinstance(messages, list) else []
    return [redact(str(message))[:300] for message in shown]


def _remedy(word: str, credential: Secret, details: Mapping[str, Any]) -> str:
    if word == "missing_scope":
        needed = redact(str(details.get("needed") or "it needs"))
        return (
            f"; add the scope {needed!r} to the bot under OAuth & Permissions and install the app again "
            f"(its token is {credential})"
        )
    if word in _BAD_TOKENS:
        return f"; check the value of {credential}"
    return f"; {_REMEDIES[word]}" if word in _REMEDIES else ""
