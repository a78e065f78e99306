"""Making one tree like another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore import ConfigurationError, current
from longshore_storage.patterns import Pattern
from longshore_storage.sync import COMPARISONS, Compare, Rules, Synced, sync
from longshore_storage.tasks.places import Place, WritingTask, folder_of

if TYPE_CHECKING:
    from collections.abc import Sequence


class SyncTask(WritingTask[Synced]):
    """Copy what is new or different below one place to below another: folders and prefixes, both ways.

    Both are listed in the order of their names' bytes and compared name by name, so that a million objects
    take no more memory than a thousand. `s3://lake/data` means `s3://lake/data/`. Objects that only stand
    for a folder (`data/`, empty) are left out, and folders without files leave no trace. Links to files are
    copied as the files; links to folders are not followed. A name that is no safe file name here, or meets
    another one, is an error that names it, and nothing is written outside the target. One failed object does
    not stop the others; the task fails in the end, and deletes nothing then.

    Args:
        compare: When two objects count as equal. `"quick"`: the sizes are equal, and the checksums or ETags,
            where both listings have them of one kind; otherwise the target is not older than the source.
            `"content"`: the sizes and checksums are equal, for which files are read. `"size"`: the sizes are.
            `"always"`: never, so all are copied.
        delete: Whether to delete what the source does not have, after all else was copied. What `include` and
            `exclude` leave out stays. A source without any object deletes nothing and is an error.
        dry_run: Whether to tell what would be done, and do nothing.
        include: Patterns, such as `"*.csv"` or `"2013/**"`: only names that fit one of them.
        exclude: Patterns: no names that fit one of them, such as `"*.tmp"`.
        objects: Objects that are under way at once; large ones count `concurrency` times in parts.
    """

    compare: Compare = "quick"
    delete: bool = False
    dry_run: bool = False
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    objects: int = 16

    def check(self) -> None:
        super().check()
        if self.compare not in COMPARISONS:
            raise ConfigurationError(
                f"{self.name}(compare={self.compare!r}): give one of {', '.join(map(repr, COMPARISONS))}"
            )
        if self.objects < 1:
            raise ConfigurationError(f"{self.name}(objects={self.objects}): give a number above 0")
        self._rules()

    def run(self, source: Place, target: Place) -> Synced:
        """Make the target like the source.

        Args:
            source: A folder, or a prefix.
            target: A folder, or a prefix; a folder is made if it is missing.

        Returns:
            How many objects and bytes were copied, deleted, and found equal; with `dry_run=True` also the
            plan.

        Raises:
            ObjectsFailedError: Some objects failed; it names the first few. All others are done.
            StorageError: The places could not be listed.
        """
        begin, end, options = folder_of(source), folder_of(target), self._options()
        synced = sync(
            self._store(begin), begin, self._store(end), end,
            rules=self._rules(), settings=self._settings("always"),
            options=None if options.say_nothing else options,
        )  # fmt: skip
        if not self.dry_run:  # two prefixes, not each object: there may be a million
            current.reads(begin.url, bytes=synced.bytes_copied)
            current.writes(end.url, bytes=synced.bytes_copied)
        return synced

    def _takes_files(self) -> bool:
        return True

    def _rules(self) -> Rules:
        return Rules(
            compare=self.compare, delete=self.delete, dry_run=self.dry_run, objects=self.objects,
            include=tuple(map(Pattern, self.include)), exclude=tuple(map(Pattern, self.exclude)),
        )  # fmt: skip
