"""Checksums of whole objects, computed part by part: CRC-64/NVME, CRC-32C and CRC-32.

The CRC of a whole is put together from those of its parts, so parts may be sent and fetched side by side.
`awscrt` and `google-crc32c` compute at the speed of memory; without them only CRC-32 can be had, from zlib.
"""

from __future__ import annotations

import base64
import importlib
import zlib
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, cast

from longshore import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable


_WIDTHS: Final = {"crc64nvme": 64, "crc32c": 32, "crc32": 32}
_POLYNOMIALS: Final = {"crc64nvme": 0x9A6C9329AC4BC9B5, "crc32c": 0x82F63B78, "crc32": 0xEDB88320}
"""Reflected, as all three CRCs are. CRC-64/NVME: NVM Express NVM Command Set 1.0d, 5.2.1.3.4."""


def available(algorithm: str) -> bool:
    """Tell whether this process can compute an algorithm fast."""
    try:
        _update_of(algorithm)
    except ConfigurationError:
        return False
    return True


def best() -> str:
    """Return the algorithm for files that no service asks one for."""
    return next(name for name in _WIDTHS if available(name))


def update(algorithm: str, data: memoryview | bytes, value: int = 0) -> int:
    """Go on with a checksum over more bytes.

    Raises:
        ConfigurationError: The algorithm is unknown, or what computes it is not installed.
    """
    return _update_of(algorithm)(data, value)


def combine(algorithm: str, first: int, second: int, second_size: int) -> int:
    """Return the CRC of two pieces, one after the other, from those of each.

    Appending n zero bits to a message multiplies its CRC register by x^n; see M. Adler's `crc32_combine` in
    zlib.

    Args:
        algorithm: Of both.
        first: CRC of the first piece.
        second: CRC of the second one.
        second_size: Bytes of the second piece.
    """
    return _times(algorithm, _shift(algorithm, second_size), first) ^ second


def encode(algorithm: str, value: int) -> str:
    """Return a checksum as `ObjectInfo` has it: `crc32c:yZRlqg==`."""
    return f"{algorithm}:{digest(algorithm, value)}"


def digest(algorithm: str, value: int) -> str:
    """Return a checksum's base64, most significant byte first, as services write it."""
    return base64.b64encode(value.to_bytes(_WIDTHS[algorithm] // 8, "big")).decode()


def of(algorithm: str, data: memoryview | bytes) -> str:
    """Return the checksum of some bytes, as `ObjectInfo` has it."""
    return encode(algorithm, update(algorithm, data))


def parse(text: str) -> tuple[str, int]:
    """Return algorithm and value of a checksum of `ObjectInfo`."""
    algorithm, _, encoded = text.partition(":")
    return algorithm, int.from_bytes(base64.b64decode(encoded), "big")


@cache
def _update_of(algorithm: str) -> Callable[[memoryview | bytes, int], int]:
    if algorithm == "crc32":
        return lambda data, value: zlib.crc32(data, value)
    if algorithm not in _WIDTHS:
        known = ", ".join(_WIDTHS)
        raise ConfigurationError(f"cannot compute checksum {algorithm!r}: there are {known}")
    try:
        native = importlib.import_module("awscrt.checksums")
        return cast("Callable[[memoryview | bytes, int], int]", getattr(native, algorithm))
    except (ImportError, AttributeError):
        return _without_awscrt(algorithm)


def _without_awscrt(algorithm: str) -> Callable[[memoryview | bytes, int], int]:
    if algorithm == "crc32c":
        try:
            library = importlib.import_module("google_crc32c")
        except ImportError:
            pass
        else:
            # It takes bytes alone, and copies nothing of them.
            return lambda data, value: cast("int", library.extend(value, bytes(data)))
    raise ConfigurationError(
        f"cannot compute checksum {algorithm!r}: 'awscrt' is not installed; run: pip install 'longshore[s3]'"
    )


@lru_cache(1024)
def _shift(algorithm: str, size: int) -> int:
    """Return x^(8 * size) modulo the polynomial."""
    result = 1 << (_WIDTHS[algorithm] - 1)  # x^0, reflected
    power = 1 << (_WIDTHS[algorithm] - 9)  # x^8
    while size:
        if size & 1:
            result = _times(algorithm, power, result)
        power = _times(algorithm, power, power)
        size >>= 1
    return result


def _times(algorithm: str, left: int, right: int) -> int:
    """Multiply two reflected polynomials modulo the algorithm's."""
    polynomial = _POLYNOMIALS[algorithm]
    bit = 1 << (_WIDTHS[algorithm] - 1)
    product = 0
    while left:
        if left & bit:
            product ^= right
            left ^= bit
        right = (right >> 1) ^ (polynomial if right & 1 else 0)
        left = (left << 1) & ((bit << 1) - 1)
    return product
