"""The engine: from files and objects to files and objects, verified, atomic, resumable, in bounded memory."""

from __future__ import annotations

from longshore_storage.transfers.copies import copy, equal
from longshore_storage.transfers.downloads import download
from longshore_storage.transfers.patience import Patience
from longshore_storage.transfers.settings import Settings
from longshore_storage.transfers.uploads import upload

__all__ = ["Patience", "Settings", "copy", "download", "equal", "upload"]
