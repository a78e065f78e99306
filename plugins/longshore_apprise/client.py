"""The only file that meets Apprise: a service of a URL, one message, and why it was not taken."""

from __future__ import annotations

import functools
import logging
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from longshore import redact, require
from longshore_apprise.errors import NotifyFailed, ServiceInvalid
from longshore_apprise.fitting import fit
from longshore_apprise.listening import Said, listening
from longshore_apprise.masking import keep_secret

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Kind: TypeAlias = Literal["info", "success", "warning", "failure"]
Format: TypeAlias = Literal["text", "markdown", "html"]
Overflow: TypeAlias = Literal["cut", "split"]

_REASON: Final = 300
_STATUS: Final = re.compile(r"\berror[=: ]+(\d{3})\b")
_TRY_AGAIN: Final = frozenset({408, 409, 425, 429})
_SOCKET: Final = "Socket Exception: "
_PATH: Final = re.compile(r"(\burl: )\S+")
"""Where urllib3 shows what it asked for, of which a part may be a token."""
_NOT_SENT: Final = re.compile(
    r"Failed to establish|NewConnectionError|ConnectTimeout|connect timeout|refused|NameResolution"
    r"|Name or service|SSLError|CERTIFICATE|ProxyError",
    re.IGNORECASE,
)
_MAY_BE_SENT: Final = re.compile(
    r"Read timed out|Connection aborted|RemoteDisconnected|reset by peer|unexpectedly closed|timed out",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What to send.

    Args:
        title: One line.
        body: The body, or its part that is not cut.
        tail: What is cut first when the service takes less.
        kind: What the service may mark it with.
        format: What the body is written in.
        attachments: Files.
        overflow: What to do with what the service does not take: `cut` it, or `split` it in several messages.
    """

    title: str
    body: str
    tail: str = ""
    kind: Kind = "info"
    format: Format = "text"
    attachments: Sequence[Path] = ()
    overflow: Overflow = "cut"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a service has taken.

    Args:
        service: What Apprise calls it: `Discord`.
        left_out: How many characters of the body it did not get.
    """

    service: str
    left_out: int = 0


def notify(url: str, parcel: Parcel) -> Sent:
    """Send one message to the service of a URL.

    Raises:
        ServiceInvalid: There is no such service, or it cannot take this.
        NotifyFailed: It did not take it.
    """
    with listening() as heard:
        apprise = _library()
        service, asset = _service(apprise, url, heard)
        name = str(service.service_name)
        fitted = fit(service, parcel.title, parcel.body, parcel.tail if parcel.overflow == "cut" else "")
        body, left_out = fitted.body, fitted.left_out
        if parcel.overflow == "split":
            body, left_out = "\n\n".join(filter(None, (parcel.body, parcel.tail))), 0
        modes = {"cut": apprise.OverflowMode.TRUNCATE, "split": apprise.OverflowMode.SPLIT}
        service.overflow_mode = modes[parcel.overflow]
        sender = apprise.Apprise(asset=asset)
        sender.add(service)
        taken = sender.notify(
            body=body,
            title=parcel.title,
            notify_type=parcel.kind,
            body_format=parcel.format,
            attach=_attachments(apprise, asset, service, parcel.attachments),
        )
    if not taken:
        raise _failure(name, heard)
    return Sent(name, left_out)


def check(url: str) -> str:
    """Return what Apprise calls the service of a URL; nothing is sent.

    Raises:
        ServiceInvalid: There is no such service.
    """
    with listening() as heard:
        apprise = _library()
        return str(_service(apprise, url, heard)[0].service_name)


@functools.lru_cache(maxsize=1)
def _library() -> Any:
    """Import Apprise with all its services, which takes a third of a second, once."""
    with warnings.catch_warnings():
        # Some services import modules of Python that are about to go.
        warnings.simplefilter("ignore", DeprecationWarning)
        apprise = require("apprise", extra="apprise")
        apprise.Apprise.instantiate("json://localhost")
    return apprise


def _service(apprise: Any, url: str, heard: list[Said]) -> tuple[Any, Any]:
    settings: dict[str, Any] = {
        "app_id": "Longshore",
        "app_desc": "Longshore alerts",
        "async_mode": False,  # in this thread, so that what is said here is ours
        "storage_mode": "memory",  # no file keeps anything of it
        "interpret_emojis": False,
    }
    if hasattr(
        apprise.AppriseAsset, "_service_timeout"
    ):  # from 2 on; threads of its own would outlive a fork
        settings["service_timeout"] = 0
    asset = apprise.AppriseAsset(**settings)
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        # What it says holds the URL, so nothing of it is shown but the scheme, if it is one.
        scheme = re.match(r"[a-z][a-z0-9+]{1,19}(?=://)", url.strip())
        shown = f"a {scheme[0]}:// URL" if scheme else "a URL without a scheme"
        why = next((said.text for said in heard if "disabled" in said.text), "")
        hint = (
            "a library that it needs is missing" if why else "compare it with Apprise's page on that service"
        )
        raise ServiceInvalid(f"cannot make a service of {shown} (it is not shown, as it is a secret): {hint}")
    keep_secret(url, service)
    # A failure of an optional service would count as a success, and who tries again here is the caller.
    service.optional = False
    service.retry = 0
    return service, asset


def _attachments(apprise: Any, asset: Any, service: Any, paths: Sequence[Path]) -> Any:
    if not paths:
        return None
    if not service.attachment_support:
        raise ServiceInvalid(
            f"cannot attach {paths[0].name!r}: Apprise attaches no files at {service.service_name}"
        )
    found = apprise.AppriseAttachment(asset=asset)
    for path in paths:
        if not path.is_file():
            raise ServiceInvalid(f"cannot attach {str(path)!r}: there is no such file")
        found.add(path.resolve().as_uri())
    return found


def _failure(name: str, heard: list[Said]) -> NotifyFailed:
    """Return why a message was not taken, by what Apprise said of it."""
    trouble = [said.text for said in heard if said.level >= logging.WARNING]
    below = next((said.text for said in reversed(heard) if said.text.startswith(_SOCKET)), "")
    status = next((int(found[1]) for text in reversed(trouble) if (found := _STATUS.search(text))), 0)
    # A message in several parts: those that were sent before are there.
    begun = any(said.level == logging.INFO and said.text.startswith("Sent ") for said in heard)
    doubtful = bool(_MAY_BE_SENT.search(below)) and not _NOT_SENT.search(below)
    why = _shown(trouble[-1] if trouble else "Apprise does not say why")
    detail = f" ({_shown(below.removeprefix(_SOCKET))})" if below else ""
    return NotifyFailed(
        f"cannot notify {name}: {why}{detail}",
        retryable=not 400 <= status < 500 or status in _TRY_AGAIN,
        uncertain=begun or doubtful,
    )


def _shown(text: str) -> str:
    """Return a text on one line; secrets are masked before it is cut."""
    line = redact(_PATH.sub(r"\1***", " ".join(text.split()))).rstrip(".")
    return line if len(line) <= _REASON else f"{line[:_REASON]}..."
