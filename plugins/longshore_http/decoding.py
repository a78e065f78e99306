"""Undoing gzip in bounded pieces, and noticing when the compressed data was cut."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from longshore_http.errors import AnswerError, BodyTruncated

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE: Final = 256 * 1024
"""Bytes that one step may make, so that a small answer cannot fill the memory."""
_GZIP: Final = zlib.MAX_WBITS | 16


class Plain:
    """No encoding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the data."""
        yield data

    def finish(self) -> None:
        """Nothing was held back."""


class Unzipped:
    """gzip, of one or several members."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._decoder = zlib.decompressobj(_GZIP)
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data decodes to.

        Raises:
            AnswerError: It is not gzip.
        """
        piece = b""
        while data or len(piece) == _PIECE:  # a full piece may have left output behind, without input
            if self._decoder.eof:
                if not data.strip(b"\0"):  # padding after the end is allowed
                    return
                self._decoder = zlib.decompressobj(_GZIP)
            self._started = True
            try:
                piece = self._decoder.decompress(data, _PIECE)
            except zlib.error as error:
                raise AnswerError(
                    f"cannot {self._label}: the answer says that it is gzip, but is not: {error}"
                ) from None
            data = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail
            if piece:
                yield piece

    def finish(self) -> None:
        """Notice missing data.

        Raises:
            BodyTruncated: The data ended before gzip's own end mark.
        """
        if self._started and not self._decoder.eof:
            raise BodyTruncated(f"cannot {self._label}: the gzip data ended before its end mark")


def decoder_for(encoding: str, label: str) -> Plain | Unzipped:
    """Return the decoder for a Content-Encoding.

    Raises:
        AnswerError: The encoding is not one that we ask for.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return Plain()
    if name in ("gzip", "x-gzip"):
        return Unzipped(label)
    raise AnswerError(
        f"cannot {label}: the answer has the Content-Encoding {encoding!r}, which was not asked for"
    )
