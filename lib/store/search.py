"""The index of what was said: FTS5 in SQLite, `tsvector` in PostgreSQL, over the same words.

One row a session, with its agent's name and all turns but the system's; `number` is its start in microseconds since
1970 (the next free one), so that the index itself is in the order of time and "newest first" needs no sorting. Rows
are written in the transaction that writes the turns; in SQLite triggers hand them on to the FTS5 table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, text, update

from lib.errors import StoreSlow
from lib.store.schema import EPOCH, MICROSECOND, quoted, search, sessions, turns
from lib.store.statement_timeout import StatementTimeout
from lib.store.tokens import Term, document

WHOLE_S = 0.15
"""How long the whole index may be looked at in one go, in seconds."""
PORTION = {"sqlite": (64, 1_024), "postgresql": (16_384, 16_384)}
"""How many numbers to ask for at first and at most: SQLite finds one after the other, PostgreSQL all and sorts them."""
WINDOW, WIDEST = 2_000, 64_000

_TAKEN = select(search.c.number).where(search.c.number == bindparam("number"))
_ADD = insert(search)
_BETWEEN = {True: "{number} < :near AND {number} >= :far", False: "{number} > :near AND {number} <= :far"}
_ORDER = {True: "DESC", False: "ASC"}
_FIND = {
    "sqlite": "SELECT rowid FROM search_index WHERE search_index MATCH :wanted AND {between} "
    "ORDER BY rowid {order} LIMIT :size",
    # Without MATERIALIZED PostgreSQL walks through all sessions where it takes a rare word for a common one.
    "postgresql": "WITH found AS MATERIALIZED "
    "(SELECT number FROM search WHERE words @@ CAST(:wanted AS tsquery) AND {between}) "
    "SELECT number FROM found ORDER BY number {order} LIMIT :size",
}
_EDGE = "SELECT number FROM search WHERE {between} ORDER BY number {order} LIMIT 1 OFFSET :width"


def number_of(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def moment_of(number: int) -> datetime:
    return EPOCH + number * MICROSECOND


def add(connection: Connection, session_id: str, created_at: datetime, agent_name: str) -> None:
    """A session that has just begun: nothing is said yet, only its agent's name is known."""
    number = number_of(created_at)
    while connection.execute(_TAKEN, {"number": number}).one_or_none():
        number += 1
    connection.execute(_ADD, {"number": number, "session_id": session_id, "words": document([agent_name])})


def renew(connection: Connection, session_id: str) -> None:
    """Index the session again, from the turns that it has now."""
    name = connection.execute(select(sessions.c.agent_name).where(sessions.c.id == session_id)).scalar_one()
    said = select(turns.c.content).where(turns.c.session_id == session_id, turns.c.role != "system")
    parts = connection.execute(said.order_by(turns.c.source.desc(), turns.c.seq)).scalars()
    words = document([name, *parts])
    connection.execute(update(search).where(search.c.session_id == session_id).values(words=words))


def portions(
    timeout: StatementTimeout, wanted: Sequence[Term], *, near: int, far: int, newest_first: bool = True
) -> Iterator[tuple[list[int], int]]:
    """Numbers of the sessions that hold all terms, from `near` on, as far as `far`, and how far the search has come.

    `near` itself is left out, `far` is not. Where one look at the whole index takes too long, it goes on window by
    window. Raises StoreSlow when the time is up.
    """
    size, most = PORTION[timeout.connection.dialect.name]
    width = WINDOW if timeout.piecemeal else 0
    while near != far:
        try:
            with timeout.limited(None if width else WHOLE_S):
                edge = _edge(timeout.connection, near, far, width, newest_first) if width else far
                found = _portion(timeout.connection, wanted, near, edge, size, newest_first)
        except StoreSlow:
            if width or not timeout.left:
                raise
            timeout.piecemeal, width = True, WINDOW
            continue
        near = found[-1] if len(found) == size else edge
        yield found, near
        size, width = min(most, size * 4), min(WIDEST, width * 2)


def _portion(
    connection: Connection, wanted: Sequence[Term], near: int, far: int, size: int, newest_first: bool
) -> list[int]:
    sqlite = connection.dialect.name == "sqlite"
    values = {"wanted": fts5(wanted) if sqlite else tsquery(wanted), "near": near, "far": far, "size": size}
    between = _BETWEEN[newest_first].format(number="rowid" if sqlite else "number")
    statement = _FIND[connection.dialect.name].format(between=between, order=_ORDER[newest_first])
    return list(connection.execute(text(statement), values).scalars())


def _edge(connection: Connection, near: int, far: int, width: int, newest_first: bool) -> int:
    between = _BETWEEN[newest_first].format(number="number")
    statement = text(_EDGE.format(between=between, order=_ORDER[newest_first]))
    found = connection.execute(statement, {"near": near, "far": far, "width": width}).scalar()
    return far if found is None else int(found)


def fts5(wanted: Sequence[Term]) -> str:
    """The terms as FTS5 reads them: every word quoted, so that none is taken for an operator."""
    return " AND ".join(f'"{" ".join(term.words)}"{" *" if term.begins else ""}' for term in wanted)


def tsquery(wanted: Sequence[Term]) -> str:
    """The terms as a tsquery of PostgreSQL."""
    return " & ".join(f"({_phrase(term)})" for term in wanted)


def _phrase(term: Term) -> str:
    return " <-> ".join(map(quoted, term.words)) + (":*" if term.begins else "")
