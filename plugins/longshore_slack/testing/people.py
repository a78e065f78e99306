"""What people do in the workspace of the test server, and see there."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from longshore_slack.testing.mentions import mentions
from longshore_slack.testing.transcripts import transcript
from longshore_slack.testing.workspaces import BOT_USER, Place, Posted, User

if TYPE_CHECKING:
    from longshore_slack.testing.workspaces import Workspace


class People:
    """A workspace as those see it who use it.

    Channels are given by name, with or without `#`, or by id; users by name, with or without `@`, by id or
    by e-mail address.

    Args:
        workspace: The workspace.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def add_channel(
        self, name: str, private: bool = False, *, member: bool = True, archived: bool = False
    ) -> str:
        """Make a channel, and return its id.

        Args:
            name: Of the channel.
            private: Whether only members see it.
            member: Whether the bot is in it.
            archived: Whether nothing can be posted there any more.
        """
        with self.workspace.lock:
            made = Place(self.workspace.new_id("C"), name.removeprefix("#"), private, archived, member)
            made.created = self.workspace.clock()
            self.workspace.places[made.id] = made
            return made.id

    def archive(self, channel: str, archived: bool = True) -> None:
        """Archive a channel, or open it again."""
        with self.workspace.lock:
            self.place_of(channel).archived = archived

    def add_user(self, name: str, email: str = "", real_name: str = "") -> str:
        """Make a user, and return the id."""
        with self.workspace.lock:
            made = User(self.workspace.new_id("U"), name.removeprefix("@"), email, real_name or name)
            return self.workspace.add(made).id

    def add_group(self, handle: str) -> str:
        """Make a group of users, and return its id."""
        with self.workspace.lock:
            made = self.workspace.new_id("S")
            self.workspace.groups[made] = handle.removeprefix("@")
            return made

    def messages(self, channel: str) -> list[Posted]:
        """Return copies of the messages of a channel, threads included, from the first to the last."""
        with self.workspace.lock:
            posts = self.place_of(channel).posts
            return [copy.deepcopy(posts[ts]) for ts in sorted(posts)]

    def pings(self, channel: str) -> list[str]:
        """Return who was called by the messages of a channel: `<!here>`, `<@U...>`, `<!subteam^S...>`."""
        return [ping for message in self.messages(channel) for ping in message.pings]

    def file(self, file_id: str) -> bytes:
        """Return what a file holds."""
        with self.workspace.lock:
            return self.workspace.contents[file_id]

    def transcript(self, channel: str, *, width: int = 76) -> str:
        """Return a channel as a person would see it, for a terminal.

        Args:
            channel: The channel.
            width: Columns.
        """
        with self.workspace.lock:
            return transcript(self.workspace, self.place_of(channel), width)

    def react(self, channel: str, ts: str, emoji: str, user: str) -> None:
        """React to a message as a user."""
        with self.workspace.lock:
            message = self.place_of(channel).posts[ts]
            users = message.reactions.setdefault(emoji.strip(":"), [])
            who = self.user_of(user)
            if who not in users:
                users.append(who)

    def reply(self, channel: str, ts: str, text: str, user: str) -> str:
        """Answer in the thread of a message as a user; return the `ts` of the answer."""
        with self.workspace.lock:
            head = self.place_of(channel).posts[ts]
            return self._say(channel, text, user, head.thread_ts or head.ts)

    def say(self, channel: str, text: str, user: str) -> str:
        """Post a message as a user; return its `ts`."""
        with self.workspace.lock:
            return self._say(channel, text, user, "")

    def _say(self, channel: str, text: str, user: str, thread: str) -> str:
        place = self.place_of(channel)
        made = Posted(self.workspace.new_ts(), place.id, self.user_of(user), text, thread)
        made.pings = mentions(text, [], [], names=False)
        return self.workspace.post(place, made).ts

    def place_of(self, channel: str) -> Place:
        """Return a channel by its name or id, or a user's direct messages."""
        found = self.workspace.places.get(channel) or self.workspace.named(channel)
        return found or self.workspace.talk(self.user_of(channel))

    def user_of(self, given: str) -> str:
        """Return the id of a user.

        Raises:
            LookupError: There is none.
        """
        for user in self.workspace.users.values():
            if given.removeprefix("@") in (user.id, user.name, user.email):
                return user.id
        raise LookupError(f"there is no {given!r}; make it with add_channel or add_user")

    @property
    def bot(self) -> str:
        """The id of the bot."""
        return BOT_USER
