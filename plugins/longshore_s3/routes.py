"""Where the SDK sends the requests for a bucket: read off one of them, so that another library can follow.

The SDK knows partitions, custom endpoints in settings, buckets in the host or the path, IPv6 and redirects to
the bucket's region; none of this is guessed a second time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCOPE: Final = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/s3/aws4_request")


class Route(NamedTuple):
    """Where a bucket is.

    Args:
        endpoint: URL; with the bucket in it if that stands in the host.
        region: That requests are signed for.
        in_host: Whether the bucket stands in the host.
    """

    endpoint: str
    region: str
    in_host: bool


def route_of(bucket: str, url: str, headers: Mapping[str, Any]) -> Route | None:
    """Read the route off a signed request; None if it is not one of the common two forms."""
    authorization = headers.get("Authorization", b"")
    text = authorization.decode("latin-1") if isinstance(authorization, bytes) else str(authorization)
    scope = _SCOPE.search(text)
    parts = urlsplit(url)
    if not scope:
        return None
    base = f"{parts.scheme}://{parts.netloc}"
    if parts.path == f"/{bucket}" or parts.path.startswith(f"/{bucket}/"):
        return Route(base, scope[1], in_host=False)
    if parts.netloc.startswith(f"{bucket}."):
        return Route(base, scope[1], in_host=True)
    return None
