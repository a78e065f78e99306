"""How objects are transferred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from longshore import ConfigurationError
from longshore_storage.objects import ObjectInfo, Overwrite
from longshore_storage.protocol import MIB, Limits

_PART: Final = 16 * MIB
_ROUND: Final = MIB
_MODES: Final = ("always", "never", "if-unchanged", "if-different")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How objects are transferred.

    Args:
        part_size: Bytes of a part; what is no larger goes in one request. 0 for 16 MiB. It grows where the
            service takes no parts so small, or an object would have more parts than it allows.
        concurrency: Parts that are under way at once. Memory is `part_size * concurrency`.
        overwrite: What may become of an object that is there already: one of the modes, or the ObjectInfo of
        the
            version that may be replaced.
        resume: Whether to keep what came of a transfer that broke, and go on from there.
    """

    part_size: int = 0
    concurrency: int = 4
    overwrite: Overwrite | ObjectInfo = "always"
    resume: bool = True

    def __post_init__(self) -> None:
        if self.part_size < 0 or self.concurrency < 1:
            raise ConfigurationError(
                f"cannot transfer with part_size={self.part_size} and concurrency={self.concurrency}: "
                "give bytes, or 0, and a number above 0"
            )
        if not isinstance(self.overwrite, ObjectInfo) and self.overwrite not in _MODES:
            modes = ", ".join(map(repr, _MODES))
            raise ConfigurationError(
                f"cannot transfer with overwrite={self.overwrite!r}: give {modes}, or an ObjectInfo"
            )

    @property
    def most_at_once(self) -> int:
        """Bytes up to which an object goes in one request."""
        return self.part_size or _PART

    def part_size_for(self, size: int, limits: Limits) -> int:
        """Return the bytes of each part but the last of an upload.

        Raises:
            ConfigurationError: The service does not take such an object, or no parts so large.
        """
        if size > limits.largest_object:
            raise ConfigurationError(
                f"cannot upload {size:,} bytes: the service takes {limits.largest_object:,} at most"
            )
        needed = -(-size // limits.most_parts)
        unit = max(limits.part_multiple, 1 if needed <= self.most_at_once else _ROUND)
        chosen = -(-max(self.most_at_once, limits.smallest_part, needed) // unit) * unit
        if chosen > limits.largest_part:
            raise ConfigurationError(
                f"cannot upload in parts of {chosen:,} bytes: the service takes parts of "
                f"{limits.largest_part:,} at most; give a smaller part_size"
            )
        return chosen
