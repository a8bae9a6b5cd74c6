"""Lists of sessions, newest first: by filters, by words that were said, a page at a time from any place.

A place is a session's start and id, so that a page deep in the list costs what the first one costs. No list takes
longer than it is given: a search then says how far back it came, everything else raises StoreSlow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Select, func, literal, select, tuple_, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY

from lib.errors import StoreSlow
from lib.models import Session, held_in_room
from lib.store import search as index
from lib.store.schema import EPOCH, Moment, Word, search, sessions
from lib.store.sessions import SHOWN, session_of
from lib.store.statement_timeout import StatementTimeout
from lib.store.tokens import Term, loosened, terms

COUNTED = 1_000
"""Sessions are counted up to here; above, a list is only known to be longer."""
COUNTING_S = 0.2
AT_FIRST, TOGETHER = 64, 2_000
"""How many numbers of an index are looked up in one statement."""
DAY = 86_400_000_000
OLDEST, NEWEST = 0, (1 << 63) - 1
LOOSE = "*"
"""In a place's stead of an id: the search was loosened before, and goes on so."""

Place = tuple[datetime, str]
_INDEXED = search.join(sessions, sessions.c.id == search.c.session_id)


@dataclass(frozen=True)
class SessionFilters:
    """Which sessions a list shows; None or "" means any. `since` is the first moment shown, `until` the first not."""

    agent_id: str = ""
    statuses: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class SessionRows:
    """A part of a list, newest first. `newer` and `older` are the places from which it goes on, None where it ends.

    `searched_to` is the moment back to which a search came in its time, None if it came to the end. `loosened`: no
    session holds the words themselves, these hold longer ones that begin with them.
    """

    sessions: tuple[Session, ...]
    newer: Place | None = None
    older: Place | None = None
    searched_to: datetime | None = None
    loosened: bool = False

    @property
    def whole(self) -> bool:
        """True where the list has no more than this."""
        return self.newer is None and self.older is None and self.searched_to is None


@dataclass(frozen=True)
class Tally:
    """Sessions that began on one day (UTC) and ended alike; `seconds` is the time from their rooms' making."""

    day: date
    mode: str
    status: str
    end_code: str
    sessions: int
    seconds: float

    @property
    def in_room(self) -> bool:
        return held_in_room(self.mode)


def page(
    timeout: StatementTimeout,
    account: str,
    filters: SessionFilters,
    *,
    limit: int,
    place: Place | None,
    newer: bool = False,
) -> SessionRows:
    """The `limit` sessions that come after `place` in the list (or its first), or those before it if `newer`.

    A page before which there is nothing is always the first one, whole. Raises StoreSlow, for a search only where not
    even its beginning could be searched.
    """
    wanted = terms(filters.text) if filters.text else None
    if wanted is None:
        found = _listed(timeout, account, filters, limit, place, newer)
    elif place and place[1] == LOOSE:
        found = _searched(timeout, account, filters, loosened(wanted), limit, place, newer, LOOSE)
    else:
        found = _searched(timeout, account, filters, wanted, limit, place, newer)
        if found.whole and not found.sessions and loosened(wanted) != wanted:
            with suppress(StoreSlow):
                found = _searched(timeout, account, filters, loosened(wanted), limit, place, newer, LOOSE)
    if newer and found.newer is None:
        return page(timeout, account, filters, limit=limit, place=None)
    return found


def total(timeout: StatementTimeout, account: str, filters: SessionFilters, *, loose: bool = False) -> tuple[int, bool]:
    """How many sessions the list has as far as they were counted, and whether there may be more."""
    found = 0
    try:
        if not filters.text:
            with timeout.limited(COUNTING_S):
                query = select(literal(1)).select_from(sessions).where(*_wanted(account, filters)).limit(COUNTED + 1)
                if timeout.connection.dialect.name == "postgresql":
                    # In the order of the list, so that it walks the index: it would rather go through the table.
                    query = query.order_by(sessions.c.created_at.desc(), sessions.c.id.desc())
                found = timeout.connection.execute(_count(_along(query, filters))).scalar_one()
        else:
            wanted = loosened(terms(filters.text)) if loose else terms(filters.text)
            query = select(literal(1)).select_from(_INDEXED).where(*_wanted(account, filters, looked_up=True))
            for some, _ in _portions(timeout, filters, wanted, None, newest_first=True):
                with timeout.limited():
                    found += timeout.connection.execute(_count(query.where(_among(timeout, some)))).scalar_one()
                if found > COUNTED:
                    break
    except StoreSlow:
        return min(found, COUNTED), True
    return min(found, COUNTED), found > COUNTED


def tallies(timeout: StatementTimeout, account: str, filters: SessionFilters) -> list[Tally]:
    """Sessions and seconds by day and by how they ended; the text is left out. Raises StoreSlow."""
    day = type_coerce(sessions.c.created_at, BigInteger) // DAY
    lasted = type_coerce(sessions.c.ended_at, BigInteger) - type_coerce(sessions.c.waiting_at, BigInteger)
    groups = (day, sessions.c.mode, sessions.c.status, sessions.c.end_code)
    query = select(*groups, func.count(), func.coalesce(func.sum(lasted), 0)).where(*_wanted(account, filters))
    with timeout.limited():
        found = timeout.connection.execute(_along(query.group_by(*groups), filters)).all()
    return [
        Tally((EPOCH + timedelta(days=row[0])).date(), row[1], row[2], row[3], row[4], float(row[5]) / 1_000_000)
        for row in found
    ]


def words_in(text: str) -> bool:
    """Whether there is anything to look for in a text."""
    return bool(terms(text))


def _listed(
    timeout: StatementTimeout, account: str, filters: SessionFilters, limit: int, place: Place | None, newer: bool
) -> SessionRows:
    query = _along(select(*SHOWN).where(*_wanted(account, filters)).limit(limit + 1), filters)
    key = tuple_(sessions.c.created_at, sessions.c.id)
    if place is not None:
        here = tuple_(literal(place[0], Moment), literal(place[1], Word))
        query = query.where(key > here if newer else key < here)
    order = (sessions.c.created_at, sessions.c.id) if newer else (sessions.c.created_at.desc(), sessions.c.id.desc())
    with timeout.limited():
        found = [session_of(row) for row in timeout.connection.execute(query.order_by(*order))]
    return _page([((session.created_at, session.id), session) for session in found], limit, place, newer)


def _searched(
    timeout: StatementTimeout, account: str, filters: SessionFilters, wanted: Sequence[Term], limit: int,
    place: Place | None, newer: bool, mark: str = "",
) -> SessionRows:  # fmt: skip
    found: list[tuple[Place, Session]] = []
    reached: int | None = None
    stopped: datetime | None = None
    query = select(search.c.number, *SHOWN).select_from(_INDEXED).where(*_wanted(account, filters, looked_up=True))
    query = query.order_by(search.c.number if newer else search.c.number.desc())
    try:
        for some, end in _portions(timeout, filters, wanted, place, newest_first=not newer):
            with timeout.limited():
                part = query.where(_among(timeout, some)).limit(limit + 1 - len(found))
                rows = timeout.connection.execute(part).all()
            found += [((index.moment_of(row.number), mark), session_of(row)) for row in rows]
            reached = end
            if len(found) > limit:
                break
    except StoreSlow:
        if reached is None or newer:
            raise
        stopped = index.moment_of(reached)
    result = replace(_page(found, limit, place, newer), loosened=bool(mark), searched_to=stopped)
    return replace(result, older=(stopped, mark)) if stopped else result


def _page(found: list[tuple[Place, Session]], limit: int, place: Place | None, newer: bool) -> SessionRows:
    """What was found beyond `limit` only tells that the list goes on; the other way it does where one came from."""
    more, found = len(found) > limit, found[:limit]
    if newer:
        found.reverse()
    first, last = (found[0][0], found[-1][0]) if found else (place, place)
    shown = tuple(session for _, session in found)
    if newer:
        return SessionRows(shown, newer=first if more else None, older=last)
    return SessionRows(shown, newer=first if place else None, older=last if more else None)


def _portions(
    timeout: StatementTimeout,
    filters: SessionFilters,
    wanted: Sequence[Term],
    place: Place | None,
    *,
    newest_first: bool,
) -> Iterator[tuple[list[int], int]]:
    """Numbers of what holds the words, within the time of the filters, from `place` on, and how far that came.

    So many at a time as one statement takes.
    """
    if not wanted:
        return
    here = index.number_of(place[0]) if place else None
    oldest = index.number_of(filters.since) if filters.since else OLDEST
    newest = index.number_of(filters.until) if filters.until else NEWEST
    if newest_first:
        near, far = newest if here is None else min(here, newest), oldest
    else:
        near, far = oldest - 1 if here is None else max(here, oldest - 1), newest - 1
    if (near > far) is newest_first:
        size = AT_FIRST
        for numbers, end in index.portions(timeout, wanted, near=near, far=far, newest_first=newest_first):
            at = 0
            while at < (len(numbers) or 1):
                some, at = numbers[at : at + size], at + size
                yield some, some[-1] if at < len(numbers) else end
                size = min(TOGETHER, size * 4)


def _among(timeout: StatementTimeout, numbers: Sequence[int]) -> ColumnElement[bool]:
    """One value for all of them: a list of parameters takes longer to write down than to look up."""
    if timeout.connection.dialect.name == "sqlite":
        held = func.json_each(json.dumps(list(numbers))).table_valued("value")
        return search.c.number.in_(select(held.c.value))
    return search.c.number == func.any(literal(list(numbers), ARRAY(BigInteger)))


def _count(some: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(some.subquery())


def _wanted(account: str, filters: SessionFilters, *, looked_up: bool = False) -> list[ColumnElement[bool]]:
    """The filters as conditions. `looked_up`: the rows come from elsewhere, and no index is to be walked instead."""

    def word(column: Column[str]) -> ColumnElement[str]:
        return column.concat("") if looked_up else column

    wanted = [word(sessions.c.account) == account]
    if filters.agent_id:
        wanted.append(word(sessions.c.agent_id) == filters.agent_id)
    if filters.statuses:
        wanted.append(word(sessions.c.status).in_(filters.statuses))
    if filters.modes:
        wanted.append(word(sessions.c.mode).in_(filters.modes))
    if filters.since is not None and not looked_up:
        wanted.append(sessions.c.created_at >= filters.since)
    if filters.until is not None and not looked_up:
        wanted.append(sessions.c.created_at < filters.until)
    return wanted


def _along(query: Select[Any], filters: SessionFilters) -> Select[Any]:
    """Walk the index that leaves the least to look at. Without a hint SQLite takes an account for ten sessions."""
    name = "sessions_by_time"
    if filters.agent_id:
        name = "sessions_by_agent"
    elif filters.statuses:
        name = "sessions_by_status"
    elif len(filters.modes) == 1:
        name = "sessions_by_mode"
    return query.with_hint(sessions, f"INDEXED BY {name}", "sqlite")
