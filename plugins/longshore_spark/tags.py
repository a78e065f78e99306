"""What runs in a session on behalf of an attempt: tagged, so that it is cancelled with it, and counted."""

from __future__ import annotations

import contextvars
import threading
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from longshore import current
from longshore_spark.jvms import apart
from longshore_spark.sessionprogress import ConnectHandler, TaggedJobs

if TYPE_CHECKING:
    from collections.abc import Generator

    from pyspark.sql import SparkSession

_LOOK: Final = 1.0
"""Seconds between two looks at how far it is."""
_PATIENCE: Final = 10.0
_AGAIN: Final = 0.3
"""Seconds until what began after a cancel is cancelled too."""


@contextmanager
def tagged(session: SparkSession) -> Generator[str]:
    """Tag what this thread runs in a session, and give the tag.

    It is cancelled when the attempt is told to stop, and at Ctrl-C; how far it is is told as progress.
    """
    tag = f"longshore-{uuid.uuid4().hex}"
    work = _Connect(session, tag) if is_connect(session) else _Classic(session, tag)
    work.begin()
    watch = _Watch(work)
    try:
        with current.on_cancel(watch.cancel):
            yield tag
    except KeyboardInterrupt:
        apart(work.cancel, _PATIENCE)
        raise
    finally:
        watch.end()
        with suppress(Exception):  # a session that is lost needs no tags
            work.end()


def is_connect(session: SparkSession) -> bool:
    """Whether a session is one of a Spark Connect server."""
    return ".connect." in type(session).__module__


class _Classic:
    """Tagged work of a context of this process: tags of jobs, which those of RDDs have too."""

    def __init__(self, session: SparkSession, tag: str) -> None:
        self._spark: Any = session.sparkContext
        self._tag = tag
        self._jobs = TaggedJobs(self._spark, tag)

    def begin(self) -> None:
        self._spark.addJobTag(self._tag)
        self._spark.setInterruptOnCancel(True)  # else its tasks go on, as nobody waits for them

    def end(self) -> None:
        self._spark.removeJobTag(self._tag)
        self._spark.setInterruptOnCancel(False)

    def cancel(self) -> None:
        self._spark.cancelJobsWithTag(self._tag)

    def tell(self) -> None:
        self._jobs.tell()


class _Connect:
    """Tagged work of a session of a Spark Connect server, which tells how far it is by itself."""

    def __init__(self, session: SparkSession, tag: str) -> None:
        self._session = session
        self._tag = tag
        self._handler: Any = ConnectHandler()

    def begin(self) -> None:
        self._session.addTag(self._tag)
        self._session.registerProgressHandler(self._handler)

    def end(self) -> None:
        self._session.removeTag(self._tag)
        self._session.removeProgressHandler(self._handler)

    def cancel(self) -> None:
        self._session.interruptTag(self._tag)

    def tell(self) -> None:
        """Do nothing: the thread that waits hears it."""


class _Watch:
    """A thread that looks at tagged work now and then, and goes on cancelling once that has begun."""

    def __init__(self, work: _Classic | _Connect) -> None:
        self._work = work
        self._ended = threading.Event()
        self._cancelled = False
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(self._serve,), daemon=True)
        thread.name = "longshore-spark-watch"
        thread.start()

    def cancel(self) -> None:
        """Cancel what runs, and what begins after that."""
        self._cancelled = True
        self._work.cancel()

    def end(self) -> None:
        self._ended.set()

    def _serve(self) -> None:
        while not self._ended.wait(_AGAIN if self._cancelled else _LOOK):
            with suppress(Exception):  # the work itself will say what is wrong
                if self._cancelled:
                    self._work.cancel()
                else:
                    self._work.tell()
