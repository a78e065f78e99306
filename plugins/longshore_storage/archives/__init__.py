"""Archives of local files: `Pack` makes one, `Unpack` opens one that may be hostile.

Example:
    >>> Pack()("stations", "stations.tar.gz")
    >>> Unpack()("stations.tar.gz", "copy")
"""

from __future__ import annotations

from longshore_storage.archives.pack import Pack
from longshore_storage.archives.unpack import Unpack, Unpacked

__all__ = ["Pack", "Unpack", "Unpacked"]
