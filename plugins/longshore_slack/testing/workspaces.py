"""What the test server keeps: people, channels, messages, files."""

from __future__ import annotations

import copy
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from longshore_slack.testing.answers import Json, SlackSaysNo

if TYPE_CHECKING:
    from collections.abc import Callable

TEAM: Final = "T0LONGSHORE"
APP: Final = "A0LONGSHORE"
BOT: Final = "B0LONGSHORE"
BOT_USER: Final = "U0LONGSHORE"


@dataclass
class User:
    """Somebody, or the bot."""

    id: str
    name: str
    email: str = ""
    real_name: str = ""
    bot: bool = False


@dataclass
class Posted:
    """A message.

    Attributes:
        ts: What Slack calls it, a time.
        channel: The channel's id.
        user: The id of who sent it.
        text: Its text, as it was sent.
        thread_ts: The message that it stands beneath, or begins a thread with; empty for none.
        blocks: As they were sent.
        attachments: As they were sent.
        metadata: As it was sent; None for none.
        edited: By whom and when; None if it never was.
        reactions: The ids of who reacted, by emoji.
        files: What Slack shows of its files.
        pings: Who was called by it when it was posted: `<!here>`.
        only_for: The id of the one user who sees it; empty for all.
        broadcast: Whether it stands in the channel as well as in its thread.
        webhook: Whether it came by a webhook.
        name: What it is sent as, in place of the user's name; empty for that.
    """

    ts: str
    channel: str
    user: str
    text: str = ""
    thread_ts: str = ""
    blocks: list[Json] = field(default_factory=list[Json])
    attachments: list[Json] = field(default_factory=list[Json])
    metadata: Json | None = None
    edited: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    files: list[Json] = field(default_factory=list[Json])
    pings: tuple[str, ...] = ()
    only_for: str = ""
    broadcast: bool = False
    webhook: bool = False
    name: str = ""

    @property
    def is_reply(self) -> bool:
        """Whether it stands beneath another one."""
        return bool(self.thread_ts) and self.thread_ts != self.ts


@dataclass
class Place:
    """A channel, or the talk with one user."""

    id: str
    name: str
    private: bool = False
    archived: bool = False
    member: bool = True
    user: str = ""
    created: float = 0.0
    posts: dict[str, Posted] = field(default_factory=dict[str, Posted])

    def replies(self, ts: str) -> list[Posted]:
        """Return what stands beneath a message."""
        return [one for one in self.posts.values() if one.thread_ts == ts and one.ts != ts]


@dataclass
class Scheduled:
    """A message that is still to come."""

    id: str
    channel: str
    post_at: int
    arguments: Json


class Workspace:
    """All of it; whoever reads or writes it holds its lock.

    Args:
        clock: The time in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.users: dict[str, User] = {}
        self.places: dict[str, Place] = {}
        self.groups: dict[str, str] = {}
        self.files: dict[str, Json] = {}
        self.contents: dict[str, bytes] = {}
        self.handed_over: set[str] = set()
        self.scheduled: dict[str, Scheduled] = {}
        self._last = 0
        self._count = 0
        self.add(User(BOT_USER, "longshore", real_name="Longshore", bot=True))

    def add(self, user: User) -> User:
        """Keep a user."""
        self.users[user.id] = user
        return user

    def new_id(self, letter: str) -> str:
        """Return an id that nothing has yet, of Slack's form."""
        self._count += 1
        return f"{letter}0TEST{self._count:05d}"

    def new_ts(self) -> str:
        """Return the time as Slack names messages by it, never twice the same."""
        self._last = max(self._last + 1, int(self.clock() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def named(self, name: str) -> Place | None:
        """Return the channel of a name."""
        wanted = name.removeprefix("#")
        return next((one for one in self.places.values() if one.name == wanted and not one.user), None)

    def place(self, given: str) -> Place:
        """Return the channel of an id.

        Raises:
            SlackSaysNo: There is none, or the bot is not in it and cannot see it.
        """
        found = self.places.get(given)
        if found is None or (found.private and not found.member):
            raise SlackSaysNo("channel_not_found")
        return found

    def talk(self, user: str) -> Place:
        """Return the direct messages with a user.

        Raises:
            SlackSaysNo: There is no such user.
        """
        if user not in self.users:
            raise SlackSaysNo("channel_not_found")
        known = next((one for one in self.places.values() if one.user == user), None)
        if known is None:
            known = Place(self.new_id("D"), "", user=user, created=self.clock())
            self.places[known.id] = known
        return known

    def post(self, place: Place, message: Posted) -> Posted:
        """Keep a message; the head of its thread knows that it has one."""
        place.posts[message.ts] = message
        if message.is_reply:
            place.posts[message.thread_ts].thread_ts = message.thread_ts
        return message

    def find(self, place: Place, ts: str, word: str = "message_not_found") -> Posted:
        """Return a message.

        Raises:
            SlackSaysNo: There is none that others see.
        """
        found = place.posts.get(ts)
        if found is None or found.only_for:
            raise SlackSaysNo(word)
        return found


def shown(place: Place, message: Posted, *, metadata: bool = False) -> Json:
    """Return a message as `conversations.history` shows it."""
    found: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    if message.user == BOT_USER:
        found |= {"bot_id": BOT, "app_id": APP}
    if message.webhook:
        found = {name: value for name, value in found.items() if name != "user"} | {"subtype": "bot_message"}
    found["team"] = TEAM
    for name in ("blocks", "attachments", "files", "edited", "thread_ts"):
        if value := getattr(message, name):
            found[name] = copy.deepcopy(value)
    if metadata and message.metadata:
        found["metadata"] = copy.deepcopy(message.metadata)
    if message.reactions:
        found["reactions"] = [
            {"name": name, "users": list(users), "count": len(users)}
            for name, users in message.reactions.items()
        ]
    return found | _thread(place, message)


def _thread(place: Place, message: Posted) -> Json:
    if message.is_reply:
        found: Json = {"parent_user_id": place.posts[message.thread_ts].user}
        return found | ({"subtype": "thread_broadcast"} if message.broadcast else {})
    if replies := place.replies(message.ts):
        users = list(dict.fromkeys(one.user for one in replies))
        return {
            "reply_count": len(replies),
            "reply_users": users,
            "reply_users_count": len(users),
            "latest_reply": replies[-1].ts,
        }
    return {}
