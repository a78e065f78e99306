"""What may happen to a request and its answer on the way to an object server and back: for `FaultProxy`."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from object_proxy import Edit, Fault, Passing, passed

# Answers that the server knows nothing of.


def error(status: int, body: bytes = b"", headers: Mapping[str, Any] | None = None) -> Fault:
    def handle(passing: Passing) -> None:
        passing.receive()
        passing.send(status, headers, body)

    return handle


def s3_error(status: int, code: str, headers: Mapping[str, Any] | None = None) -> Fault:
    declaration = "<?xml version='1.0' encoding='UTF-8'?>"
    body = f"{declaration}\n<Error><Code>{code}</Code><Message>told to</Message></Error>"
    return error(status, body.encode(), {"Content-Type": "application/xml", **(headers or {})})


def hung_up(passing: Passing) -> None:
    """Close before any header."""
    passing.receive()
    passing.close()


def reset(passing: Passing) -> None:
    passing.receive()
    passing.reset()


def silent(passing: Passing) -> None:
    """Say nothing at all."""
    passing.receive()
    passing.stall()


# Requests that are cut.


def cut_upload(after: int) -> Fault:
    """Reset the connection while the body is sent."""

    def handle(passing: Passing) -> None:
        passing.receive(after)
        passing.reset()

    return handle


def stuck_upload(after: int) -> Fault:
    """Take some of the body, and then nothing more."""

    def handle(passing: Passing) -> None:
        passing.receive(after)
        passing.stall()

    return handle


def answer_lost(passing: Passing) -> None:
    """Have the server do it, and tell nobody."""
    passing.forward()
    passing.reset()


def flipped_upload(at: int) -> Fault:
    """Flip a bit of what is sent."""

    def handle(passing: Passing) -> None:
        passing.receive()
        passing.body = with_flipped_bit(passing.body, at)
        passed(passing)

    return handle


# Answers that are broken on their way.


def truncated(missing: int, how: str = "length") -> Fault:
    """End the body early.

    Args:
        missing: Bytes of it that do not come.
        how: "length" announces all of it; "chunked" and "close" nothing but the end, which comes too early.
    """

    def handle(passing: Passing) -> None:
        answer = passing.forward()
        sent = answer.body[: max(0, len(answer.body) - missing)]
        if how == "length":
            passing.reply_part(answer, len(sent))
        elif how == "chunked":
            passing.head(answer.status, {**answer.headers, "Transfer-Encoding": "chunked"})
            passing.send_body((b"%x\r\n%s\r\n" % (len(sent), sent) if sent else b"") + b"0\r\n\r\n")
        else:
            passing.head(answer.status, {**answer.headers, "Connection": "close"})
            passing.send_body(sent)
        passing.close()

    return handle


def reset_after(count: int) -> Fault:
    def handle(passing: Passing) -> None:
        passing.reply_part(passing.forward(), count)
        time.sleep(0.05)  # a reset throws away what the other side has not read
        passing.reset()

    return handle


def stalled(count: int) -> Fault:
    """Send the beginning, and then nothing."""

    def handle(passing: Passing) -> None:
        passing.reply_part(passing.forward(), count)
        passing.stall()

    return handle


def dripping(piece: int, pause: float) -> Fault:
    def handle(passing: Passing) -> None:
        answer = passing.forward()
        passing.reply_part(answer, 0)
        for at in range(0, len(answer.body), piece):
            passing.send_body(answer.body[at : at + piece])
            passing.stopping.wait(pause)

    return handle


def flipped(at: int) -> Fault:
    """Flip a bit of the body; its checksums stay what they were."""

    def handle(passing: Passing) -> None:
        answer = passing.forward()
        answer.body = with_flipped_bit(answer.body, at)
        passing.reply(answer)

    return handle


def with_flipped_bit(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    if changed:
        changed[at % len(changed)] ^= 4
    return bytes(changed)


def edited(edit: Edit) -> Fault:
    """Change one answer."""

    def handle(passing: Passing) -> None:
        answer = passing.forward()
        edit(answer)
        passing.reply(answer)

    return handle


def range_ignored(passing: Passing) -> None:
    """Answer with the whole object."""
    passing.set_header("Range", "")
    passed(passing)


def range_shifted(labelled: bool) -> Fault:
    """Answer with the bytes from one further on, and say so or not."""

    def handle(passing: Passing) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", passing.header("Range"))
        assert asked, "only closed ranges can be shifted"
        first, last = int(asked[1]), int(asked[2])
        passing.set_header("Range", f"bytes={first + 1}-{last + 1}")
        answer = passing.forward()
        total = answer.get("Content-Range").partition("/")[2]
        answer.body = answer.body.ljust(last - first + 1, b"\0")
        if not labelled:
            answer.put("Content-Range", f"bytes {first}-{last}/{total}")
        passing.reply(answer)

    return handle


def redirected(url: str, status: int = 307) -> Fault:
    return error(status, b"", {"Location": url})


def meanwhile(action: Callable[[], object], then: Fault = passed) -> Fault:
    """Do something before the request goes on."""

    def handle(passing: Passing) -> None:
        action()
        then(passing)

    return handle


def together(count: int, fault: Fault) -> Fault:
    """Hold so many requests until all of them are there."""
    barrier = threading.Barrier(count)

    def handle(passing: Passing) -> None:
        passing.receive()
        barrier.wait(10)
        fault(passing)

    return handle


def without(*names: str) -> Edit:
    return lambda answer: answer.drop(*names)


def labelled(name: str, value: str) -> Edit:
    return lambda answer: answer.put(name, value)
