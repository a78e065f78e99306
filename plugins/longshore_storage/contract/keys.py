"""Keys that have gone wrong somewhere: in a URL, in XML, in a signature, in an order, in a file system."""

from __future__ import annotations

from typing import Final

SIMPLE_KEYS: Final = (
    "a b",
    "a+b",
    "a%20b",
    "a%2Fb",
    "a%",
    "a?b=c",
    "a#b",
    "a&b;c=d",
    "a'b\"c`d",
    "a<b>c",
    "a(b)[c]{d}|e^f~g!h*i",
    "a$b@c,d",
    "a:b",
    "a\\b",
    " a ",
    "a.",
    "naïve/é/e\u0301",
    "日本語/\uff5e",
    "🚢/\U0010fffd",
    "-a=b",
    ".hidden",
)
"""Any service and any file system of Linux takes them."""

TEXT_KEYS: Final = (
    *SIMPLE_KEYS,
    "folder/",
    "folder/inside",
    "double//slash",
    "a/./b",
    "a/../b",
    "../up",
    "tab\tin it",
)
"""Only where a key is any text."""
