"""What S3 answers, beyond the errors of all object stores.

StorageError
└── ServiceError
    └── S3Error     an answer that none of the others stands for; `code` is S3's word
"""

from __future__ import annotations

from longshore_storage.errors import ServiceError


class S3Error(ServiceError):
    """S3 refused, or failed.

    Attributes:
        code: S3's word, such as `"EntityTooLarge"`.
        status: The HTTP status.
    """

    def __init__(self, message: str, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
