"""Which keepers are idle: what they and the supervisor write on together."""

from __future__ import annotations

import mmap
import os


class Board:
    """Which keepers are idle, in memory that they share with the supervisor.

    A pipe to tell it by would wake the supervisor twice for each command, which makes a short one 8 % dearer;
    so it is woken only when no keeper is idle any more.
    """

    PLACES = 16384
    FREE, IDLE, BUSY = b"\0", b"\1", b"\2"

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, self.PLACES)
        self.bell, self._ring = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def first_idle(self) -> int:
        """Return the place of the first idle keeper, -1 when there is none."""
        return self._memory.find(self.IDLE)

    def claim(self) -> int:
        """Return a free place, marked idle."""
        place = self._memory.find(self.FREE)
        self.rest(place)
        return place

    def rest(self, place: int) -> None:
        """Mark a keeper idle."""
        self._memory[place : place + 1] = self.IDLE

    def take(self, place: int) -> None:
        """Mark a keeper busy; the last one to become so wakes the supervisor."""
        self._memory[place : place + 1] = self.BUSY
        if self.first_idle() < 0:
            os.write(self._ring, b"x")

    def free(self, place: int) -> None:
        """Give back the place of a keeper that has ended."""
        self._memory[place : place + 1] = self.FREE

    def clear_bell(self) -> None:
        """Take what has rung."""
        try:  # noqa: SIM105 - contextlib takes 3 ms to import
            os.read(self.bell, 4096)
        except BlockingIOError:
            pass
