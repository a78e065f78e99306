"""Checksums of parts make the checksum of the whole."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore import ConfigurationError
from longshore_storage import checksums

ALGORITHMS = [name for name in ("crc64nvme", "crc32c", "crc32") if checksums.available(name)]
# The check values of the catalogue of CRC algorithms, over the digits 1 to 9.
CHECKS = {"crc64nvme": 0xAE8B14860A799888, "crc32c": 0xE3069283, "crc32": 0xCBF43926}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithm_gives_its_published_check_value(algorithm: str) -> None:
    assert checksums.update(algorithm, b"123456789") == CHECKS[algorithm]
    assert checksums.parse(checksums.of(algorithm, b"123456789")) == (algorithm, CHECKS[algorithm])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(data=st.binary(max_size=300), cut=st.integers(0, 300))
def test_the_checksums_of_two_pieces_combine(algorithm: str, data: bytes, cut: int) -> None:
    first, second = data[:cut], data[cut:]
    combined = checksums.combine(
        algorithm, checksums.update(algorithm, first), checksums.update(algorithm, second), len(second)
    )
    assert combined == checksums.update(algorithm, data)


def test_large_parts_combine() -> None:
    algorithm = checksums.best()
    data = random.Random(3).randbytes(3_000_001)
    whole = 0
    for start in range(0, len(data), 1_000_000):
        part = data[start : start + 1_000_000]
        whole = checksums.combine(algorithm, whole, checksums.update(algorithm, part), len(part))
    assert whole == checksums.update(algorithm, data)


def test_an_unknown_algorithm_is_refused_by_name() -> None:
    assert not checksums.available("adler")
    with pytest.raises(ConfigurationError, match="'adler': there are crc64nvme, crc32c, crc32"):
        checksums.update("adler", b"")
