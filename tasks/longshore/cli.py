"""The `longshore` command: where it starts, what it exits with, and how it shows what went wrong.

It exits with 0 after a success, 1 after a failure, 2 when nothing could be started (a wrong option, a file
that cannot be loaded), 130 after Ctrl-C, 143 after SIGTERM and SIGHUP. The commands are in
`longshore.commands`, which needs click; this module does not, so that it can say what to install.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Final, NoReturn

from longshore.errors import LongshoreError, require
from longshore.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
TERMINATED: Final = 143
_PATIENCE: Final = 0.5
"""Seconds that what runs at exit may take when somebody wants to leave at once."""
GLOBAL_FLAGS: Final = ("--debug", "--no-plugins")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        arguments: What follows the program's name; this process's own when None.
    """
    words, flags = _split(list(sys.argv[1:] if arguments is None else arguments))
    debug = "--debug" in flags
    if "--no-plugins" in flags:
        os.environ["LONGSHORE_NO_PLUGINS"] = "1"
    try:
        return _call(words)
    except LongshoreError as error:
        return _explain(error, str(error), USAGE, debug=debug)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown as one readable block
        message = f"unexpected {type(error).__name__}: {error}"
        return _explain(
            error, message if debug else f"{message}\nadd --debug to see where", FAILED, debug=debug
        )


def _split(words: list[str]) -> tuple[list[str], set[str]]:
    """Take out the flags that may stand anywhere before a `--`."""
    end = words.index("--") if "--" in words else len(words)
    flags = {word for word in words[:end] if word in GLOBAL_FLAGS}
    return [word for word in words[:end] if word not in flags] + words[end:], flags


def _call(words: list[str]) -> int:
    click = require("click", extra="cli")
    from longshore.commands import longshore

    try:
        code = longshore.main(words, prog_name="longshore", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return int(error.exit_code)
    except click.Abort as error:  # click's own name for a KeyboardInterrupt
        leave(exit_code(error.__cause__))
    return code if type(code) is int else 0


def _explain(error: Exception, message: str, code: int, *, debug: bool) -> int:
    text = "\n".join([message, *getattr(error, "__notes__", [])])
    if debug:
        text = f"{''.join(traceback.format_exception(error))}\nlongshore: {text}"
    else:
        text = f"longshore: {text}"
    sys.stderr.write(f"{redact(text)}\n")
    return code


def leave(code: int) -> NoReturn:
    """End the process at once, as after the second Ctrl-C: its children are killed, nothing is waited for."""
    multiprocessing = sys.modules.get("multiprocessing")  # None where nothing used it
    for child in multiprocessing.active_children() if multiprocessing else ():
        child.kill()
    patience = threading.Timer(_PATIENCE, os._exit, [code])
    patience.daemon = True
    patience.start()
    sys.exit(code)


def exit_code(interrupt: BaseException | None) -> int:
    """Return what to exit with after a KeyboardInterrupt, from the signal that `flow.run` put on it."""
    signum = getattr(interrupt, "signal", 0) or signal.SIGINT
    return INTERRUPTED if signum == signal.SIGINT else TERMINATED
