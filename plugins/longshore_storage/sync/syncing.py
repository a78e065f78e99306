"""`sync`: list both places, compare name by name, copy, and in the end delete."""

from __future__ import annotations

import json
import tempfile
from typing import IO, TYPE_CHECKING

from longshore_storage.deletions import delete_all, remove_empty
from longshore_storage.errors import ConditionFailedError, SourceError, StorageError
from longshore_storage.objects import Condition
from longshore_storage.sync.crews import Allowance, Crew
from longshore_storage.sync.differences import reason, same
from longshore_storage.sync.ends import End, Ferry, check_ends, collisions_at
from longshore_storage.sync.merging import Pair, merged, named
from longshore_storage.sync.rules import Planned, Synced
from longshore_storage.sync.tallies import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore_storage.locations import Location
    from longshore_storage.objects import ObjectInfo, WriteOptions
    from longshore_storage.protocol import ObjectStore
    from longshore_storage.sync.rules import Rules
    from longshore_storage.transfers import Settings


def sync(
    source_store: ObjectStore, source: Location, target_store: ObjectStore, target: Location, *,
    rules: Rules, settings: Settings, options: WriteOptions | None = None,
) -> Synced:  # fmt: skip
    """Make what is below one place like what is below another.

    Args:
        source_store: Where from.
        source: The folder, with `/` at its end, or a whole bucket.
        target_store: Where to.
        target: The folder, with `/` at its end, or a whole bucket.
        rules: What to do.
        settings: How to copy.
        options: What new objects are given; None for what the sources have.

    Raises:
        ObjectsFailedError: Some objects failed; the others are copied, and nothing is deleted.
        SourceError: The source has no objects, and `rules` say to delete what it does not have.
    """
    begin, end = End(source_store, source), End(target_store, target)
    check_ends(begin, end)
    with tempfile.TemporaryFile("w+") as extra:
        running = _Sync(Ferry(begin, end, settings, options), rules, extra)
        running.copy()
        if rules.delete:
            running.delete()
        return running.tally.told(dry_run=rules.dry_run)


class _Sync:
    """One sync.

    Args:
        ferry: Takes the objects across.
        rules: What to do.
        extra: Keeps the keys that are at the target alone, so that memory does not.
    """

    def __init__(self, ferry: Ferry, rules: Rules, extra: IO[str]) -> None:
        self._ferry, self._rules, self._extra = ferry, rules, extra
        self._source, self._target = ferry.source, ferry.target
        self._allowance = Allowance(ferry.needs(1 << 62))
        self._crew: Crew[tuple[Pair, str]] = Crew(rules.objects, self._work)
        self._objects = 0
        self.tally = Tally()

    def copy(self) -> None:
        """Copy what is new or different."""
        self._crew.run(self._found())
        self.tally.check()

    def delete(self) -> None:
        """Delete what the target alone has.

        Raises:
            SourceError: That would be all of it.
        """
        self._extra.seek(0)
        if not self._objects and self._extra.readline():
            raise SourceError(
                f"cannot delete what {self._source.folder.url!r} does not have: it has no objects at all, so "
                f"everything would go; if that is meant, delete {self._target.folder.url!r} recursively"
            )
        self._extra.seek(0)
        if self._rules.dry_run:
            for at, size, _ in self._noted():
                self.tally.deleted()
                self.tally.planned(
                    Planned(action="delete", url=at.url, size=size, why="the source does not have it")
                )
            return
        if self._target.is_local:
            self._delete_files()
        else:
            places = (at for at, _, _ in self._noted())
            delete_all(self._target.store, places, lambda _: self.tally.deleted())

    def _found(self) -> Iterator[tuple[Pair, str]]:
        """Yield what may have to be copied, with the reason; empty where the contents must be compared."""
        rules = self._rules
        collisions = collisions_at(self._target, touch=not rules.dry_run)
        sources = named(self._source.store, self._source.folder, rules.concerns)
        targets = named(self._target.store, self._target.folder, rules.concerns)
        for pair in merged(sources, targets):
            if pair.source is None:
                self._note(pair)
                continue
            self._objects += 1
            try:
                if collisions is not None:
                    collisions.check(pair.name)
            except StorageError as error:
                self.tally.failed(pair.source.url, error)
                continue
            why = reason(pair.source, pair.target, rules.compare)
            if why or rules.compare == "content":
                self.tally.found(pair.source.size)
                yield pair, why
            else:
                self.tally.equal()
        self.tally.all_found = True

    def _work(self, found: tuple[Pair, str]) -> None:
        pair, why = found
        assert pair.source is not None
        try:
            self._one(pair.name, pair.source, pair.target, why)
        except Exception as error:  # noqa: BLE001 - told in the end; the others go on
            self.tally.failed(pair.source.url, error)

    def _one(self, name: str, source: ObjectInfo, target: ObjectInfo | None, why: str) -> None:
        at = self._target.place(name)
        if not why:
            assert target is not None
            if same(self._source.store, source, self._target.store, target):
                self.tally.no_longer_found(source.size)
                return
            why = "the content differs"
        with self.tally.copying(source.size):
            if self._rules.dry_run:
                self.tally.planned(Planned(action="copy", url=at.url, size=source.size, why=why))
            else:
                self._carry(source, at)

    def _carry(self, source: ObjectInfo, at: Location) -> None:
        memory = self._ferry.needs(source.size)
        self._allowance.take(memory, self._crew.stop)
        try:
            self._ferry.carry(source, at)
        finally:
            self._allowance.give_back(memory)

    def _note(self, pair: Pair) -> None:
        if self._rules.delete:
            assert pair.target is not None
            self._extra.write(f"{json.dumps([pair.name, pair.target.size, pair.target.token])}\n")

    def _noted(self) -> Iterator[tuple[Location, int, str]]:
        folder = self._target.folder
        for line in self._extra:
            name, size, token = json.loads(line)
            yield folder.with_key(folder.key + name), size, token

    def _delete_files(self) -> None:
        # By the version that was listed: where `a` and `A` are one file, it may just have been written.
        for at, _, token in self._noted():
            try:
                self._target.store.delete(at, condition=Condition(token=token))
            except ConditionFailedError:
                continue
            self.tally.deleted()
            remove_empty(at.path, self._target.folder.path)
