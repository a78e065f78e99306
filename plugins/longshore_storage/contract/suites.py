"""`StorageContract`: what every object store does, as a suite that its tests inherit."""

from __future__ import annotations

from longshore_storage.contract.bounds import Bounds
from longshore_storage.contract.changes import Changes
from longshore_storage.contract.conditions import Conditions
from longshore_storage.contract.copies import Copies
from longshore_storage.contract.downloads import Downloads
from longshore_storage.contract.listings import Listings
from longshore_storage.contract.lookups import Lookups
from longshore_storage.contract.overwrites import Overwrites
from longshore_storage.contract.parts import Parts
from longshore_storage.contract.processes import Processes
from longshore_storage.contract.puts import Puts
from longshore_storage.contract.resumptions import Resumptions
from longshore_storage.contract.uploads import Uploads


class StorageContract(
    Lookups, Listings, Puts, Conditions, Parts, Changes, Processes, Uploads, Overwrites, Downloads, Copies,
    Bounds, Resumptions,
):  # fmt: skip
    """What every object store does: all that `ObjectStore` promises, and the engine over it.

    Inherit it, and give two fixtures: `connection`, and `root`, a new and empty place for each test, whose
    key is empty or ends in `/`. What the service cannot do is said by the flags, each of which turns tests
    off or asks for an error instead. Tests start other processes, which import what they need of the store by
    its connection.

    Attributes:
        has_buckets: A place in a bucket that does not exist is an error of its own.
        keys_are_paths: Keys are paths of files, so `a` and `a/b` exclude each other, and no key ends in `/`.
        odd_keys: Keys that must come back as they were written.
        bad_keys: Keys that must be refused before anything is written.
        kept_options: The fields of `WriteOptions` that `head` tells again.
        compares_checksums: Bytes that do not have the checksum that was sent with them are refused. Only for
            servers made for tests: what a store cannot leave to its service it must compare itself.
        conditions: The methods whose conditions the service itself keeps against writers at the same moment:
            of `put`, `finish`, `copy` and `delete`. Conditions must hold in all four against earlier writers.
        resumes: An upload goes on in another process.
        presigns: It makes URLs that need no credentials.
        creates_buckets: It makes buckets.
        many_keys: How many objects a listing has; more than its service tells in one page.
    """
