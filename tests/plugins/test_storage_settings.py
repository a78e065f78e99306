"""How objects are cut into parts, on paper."""

from __future__ import annotations

from typing import Any

import pytest

from longshore import ConfigurationError
from longshore_storage.protocol import GIB, MIB, TIB, Limits
from longshore_storage.transfers import Settings

S3 = Limits()
GOOGLE = Limits(smallest_part=256 * 1024, part_multiple=256 * 1024, in_order=True)


@pytest.mark.parametrize("limits", [S3, GOOGLE], ids=["s3", "google"])
@pytest.mark.parametrize("part_size", [0, 1, 5 * MIB, 16 * MIB, 100 * MIB + 1])
@pytest.mark.parametrize("size", [1, 5 * MIB - 1, 16 * MIB + 1, 5 * GIB, 156 * GIB + 1, 5 * TIB])
def test_parts_are_as_many_and_as_large_as_the_service_allows(
    limits: Limits, part_size: int, size: int
) -> None:
    part = Settings(part_size=part_size).part_size_for(size, limits)
    assert -(-size // part) <= limits.most_parts
    assert limits.smallest_part <= part <= limits.largest_part
    assert part % limits.part_multiple == 0
    assert part >= part_size


def test_an_object_of_5_tib_has_10000_parts_of_525_mib_at_most() -> None:
    part = Settings().part_size_for(5 * TIB, S3)
    assert part == 525 * MIB
    assert -(-5 * TIB // part) == 9987


def test_an_object_that_the_service_does_not_take_is_an_error_before_anything_is_sent() -> None:
    with pytest.raises(ConfigurationError, match="cannot upload 5,497,558,138,881 bytes: the service takes"):
        Settings().part_size_for(5 * TIB + 1, S3)


def test_parts_larger_than_the_service_takes_are_an_error() -> None:
    with pytest.raises(
        ConfigurationError, match="takes parts of 5,368,709,120 at most; give a smaller part_size"
    ):
        Settings(part_size=6 * GIB).part_size_for(10 * GIB, S3)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"part_size": -1}, "part_size=-1"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"overwrite": "sometimes"}, "overwrite='sometimes': give 'always', 'never'"),
    ],
)
def test_impossible_settings_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Settings(**fields)
