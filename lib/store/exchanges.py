"""Requests to Tavus and callbacks from it: written in batches, read newest first, forgotten after a while."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, literal, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from lib.models import Exchange, Traffic
from lib.store.schema import Moment, exchanges, sessions
from lib.store.statement_timeout import StatementTimeout

FORGOTTEN_AT_ONCE = 500
Place = tuple[datetime, int]

_SHOWN = [column for column in exchanges.c if column.name not in ("account", "digest", "body")]
_SEARCHED = (
    exchanges.c.name, exchanges.c.target, exchanges.c.about, exchanges.c.number, exchanges.c.session_id,
    exchanges.c.code, exchanges.c.error, exchanges.c.body,
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """An exchange on its way into the database; its id is not used. `digest` is what tells a callback from another."""

    account: str
    exchange: Exchange
    digest: str | None = None


@dataclass(frozen=True)
class ExchangeFilters:
    """Which exchanges a list shows; None or "" means any.

    `statuses` is the first and last HTTP status shown, (0, 0) where no answer came.
    """

    kind: str = ""
    statuses: tuple[int, int] | None = None
    session_id: str = ""
    text: str = ""


@dataclass(frozen=True)
class ExchangeRows:
    """A part of the list, newest first, with the places from which it goes on; None where it ends."""

    exchanges: tuple[Exchange, ...]
    newer: Place | None = None
    older: Place | None = None


def owners(connection: Connection, session_ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Account and conversation ("" while it has none) of those of these sessions that there are."""
    query = select(sessions.c.id, sessions.c.account, sessions.c.conversation_id)
    rows = connection.execute(query.where(sessions.c.id.in_(session_ids)))
    return {row.id: (row.account, row.conversation_id or "") for row in rows}


def sessions_named(connection: Connection, words: Collection[str]) -> dict[str, str]:
    """Ids of the sessions that these conversations' ids or names belong to."""
    query = select(sessions.c.id, sessions.c.conversation_id, sessions.c.conversation_name)
    rows = connection.execute(
        query.where(or_(sessions.c.conversation_id.in_(words), sessions.c.conversation_name.in_(words)))
    ).all()
    return {str(word): row.id for row in rows for word in (row.conversation_id, row.conversation_name) if word}


def add(connection: Connection, entries: Sequence[Entry]) -> set[str]:
    """Write them, but no callback that was written before; the digests of those that were not."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(exchanges).on_conflict_do_nothing(index_elements=[exchanges.c.digest])
    added = connection.execute(statement.returning(exchanges.c.digest), [_values(entry) for entry in entries])
    return {row.digest for row in added if row.digest is not None}


def page(
    timeout: StatementTimeout,
    account: str,
    filters: ExchangeFilters,
    *,
    limit: int,
    place: Place | None,
    newer: bool = False,
) -> ExchangeRows:
    """The `limit` exchanges after `place` in the list (or its first), or those before it if `newer`.

    Raises StoreSlow.
    """
    at, number = exchanges.c.at, exchanges.c.id
    query = select(*_SHOWN).where(exchanges.c.account == account, *_wanted(filters))
    if place is not None:
        there = tuple_(literal(place[0], Moment), literal(place[1]))
        query = query.where(tuple_(at, number) > there if newer else tuple_(at, number) < there)
    order = (at.asc(), number.asc()) if newer else (at.desc(), number.desc())
    with timeout.limited():
        rows = timeout.connection.execute(query.order_by(*order).limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    shown = tuple(exchange_of(row) for row in (reversed(rows) if newer else rows))
    first, last = ((shown[0].at, shown[0].id), (shown[-1].at, shown[-1].id)) if shown else (place, place)
    if newer:
        return ExchangeRows(shown, newer=first if more else None, older=last)
    return ExchangeRows(shown, newer=first if place else None, older=last if more else None)


def one(connection: Connection, account: str, number: int) -> Exchange | None:
    """With its body."""
    query = select(*_SHOWN, exchanges.c.body).where(exchanges.c.account == account, exchanges.c.id == number)
    row = connection.execute(query).one_or_none()
    return exchange_of(row) if row else None


def callbacks_of(connection: Connection, session_id: str) -> list[Exchange]:
    """A session's callbacks, oldest first, without their bodies."""
    query = select(*_SHOWN).where(exchanges.c.session_id == session_id, exchanges.c.kind == Traffic.CALLBACK.value)
    return [exchange_of(row) for row in connection.execute(query.order_by(exchanges.c.at, exchanges.c.id))]


def forget_sessions(connection: Connection, session_ids: Collection[str]) -> int:
    """Delete all that belongs to these sessions; how many rows that were."""
    return connection.execute(delete(exchanges).where(exchanges.c.session_id.in_(session_ids))).rowcount


def forget(connection: Connection, before: datetime, *, most: int) -> int:
    """Delete some of what is older than `before` or beyond the newest `most`; how many rows. 0: there are none left."""
    newest = connection.execute(select(func.max(exchanges.c.id))).scalar_one_or_none() or 0
    oldest = connection.execute(
        select(exchanges.c.id, exchanges.c.at).order_by(exchanges.c.id).limit(FORGOTTEN_AT_ONCE)
    ).all()
    ids = [row.id for row in oldest if row.at < before or row.id <= newest - most]
    if ids:
        connection.execute(delete(exchanges).where(exchanges.c.id.in_(ids)))
    return len(ids)


def _wanted(filters: ExchangeFilters) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if filters.kind:
        wanted.append(exchanges.c.kind == filters.kind)
    if filters.session_id:
        wanted.append(exchanges.c.session_id == filters.session_id)
    if filters.statuses == (0, 0):
        wanted.append(exchanges.c.status.is_(None))
    elif filters.statuses is not None:
        wanted.append(exchanges.c.status.between(*filters.statuses))
    if filters.text:
        wanted.append(or_(*(column.icontains(filters.text, autoescape=True) for column in _SEARCHED)))
    return wanted


def _values(entry: Entry) -> dict[str, Any]:
    it = entry.exchange
    return {
        "account": entry.account,
        "kind": it.kind.value,
        "at": it.at,
        "number": it.number,
        "session_id": it.session_id,
        "about": it.about,
        "name": it.name,
        "method": it.method,
        "target": it.target,
        "status": it.status,
        "ms": it.ms,
        "code": it.code,
        "error": it.error,
        "size": it.size,
        "digest": entry.digest,
        "body": it.body or "",
    }


def exchange_of(row: Any) -> Exchange:
    return Exchange(
        id=row.id,
        kind=Traffic(row.kind),
        at=row.at,
        name=row.name,
        number=row.number,
        session_id=row.session_id,
        about=row.about,
        method=row.method,
        target=row.target,
        status=row.status,
        ms=row.ms,
        code=row.code,
        error=row.error,
        size=row.size,
        body=getattr(row, "body", None),
    )
