"""What a script may not have: looked for before anything of it is sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from longshore_snowflake.errors import SnowflakeInputError
from longshore_snowflake.statements import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore_snowflake.splitting import Piece

_BEGINS: Final = frozenset({"BEGIN", "START"})
_ENDS: Final = frozenset({"COMMIT", "ROLLBACK"})
_OF_A_TRANSACTION: Final = frozenset({"TRANSACTION", "WORK", "NAME"})
_DDL: Final = frozenset(
    {"ALTER", "COMMENT", "CREATE", "DROP", "GRANT", "REVOKE", "UNDROP"}
)  # TRUNCATE is DML: "Transactions" (docs.snowflake.com)
_BODY: Final = re.compile(r"\bAS\s+(BEGIN|DECLARE)\b", re.IGNORECASE)


def refuse(pieces: Sequence[Piece], label: str, *, transaction: bool) -> None:
    """Refuse a script that would not do what it says.

    Args:
        pieces: Its statements.
        label: What messages call it.
        transaction: Whether it runs in a transaction of ours.

    Raises:
        SnowflakeInputError: Why, and in which line.
    """
    if not pieces:
        raise SnowflakeInputError(f"cannot run {label}: there is no statement in it")
    for piece in pieces:
        why = _foreign(piece) or (_in_transaction(piece) if transaction else "")
        if why:
            raise _refused(piece, label, why)
    last = next((piece for piece in reversed(pieces) if is_control(piece)), None)
    if last is not None and last.kind in _BEGINS:
        raise _refused(
            last, label, "no COMMIT follows, so all of it would be rolled back at the end; add one"
        )


def is_control(piece: Piece) -> bool:
    """Return whether a statement begins or ends a transaction."""
    return piece.kind in _BEGINS | _ENDS


def _refused(piece: Piece, label: str, why: str) -> SnowflakeInputError:
    return SnowflakeInputError(
        f"cannot run line {piece.line} of {label}, {shortened(piece.text, 80)!r}: {why}"
    )


def _foreign(piece: Piece) -> str:
    """Return why Snowflake would not take it."""
    if piece.command:
        return "it is a command of SnowSQL, not SQL; take it out"
    if piece.code.rstrip().endswith(";>"):
        return "';>' is SnowSQL's sign for asynchronous execution; end it by ';'"
    if _is_cut(piece):
        return (
            "a Snowflake Scripting block is cut at its first ';', as by Snowflake's own client; put it "
            "between $$: EXECUTE IMMEDIATE $$ BEGIN ... END; $$, or AS $$ BEGIN ... END; $$ in CREATE"
        )
    return ""


def _is_cut(piece: Piece) -> bool:
    words = piece.words
    if piece.kind == "BEGIN":
        return len(words) > 1 and words[1] not in _OF_A_TRANSACTION
    return piece.kind == "DECLARE" or (piece.kind == "CREATE" and _BODY.search(piece.code) is not None)


def _in_transaction(piece: Piece) -> str:
    """Return why it may not stand in a transaction that is begun, committed and retried by us."""
    if is_control(piece):
        return "with transaction=True the task begins and ends the transaction itself; take it out"
    if piece.kind == "ALTER" and piece.words[1:2] == ("SESSION",):
        commits = re.search(r"\bAUTOCOMMIT\b", piece.code, re.IGNORECASE) is not None
        return "a change of AUTOCOMMIT commits what was done so far; take it out" if commits else ""
    if piece.kind in _DDL:
        return (
            f"Snowflake commits at each {piece.kind}, so what went before could not be rolled back; run it "
            "in a script of its own, or without transaction=True"
        )
    return ""
