"""What was, over many sessions: minutes a day, how calls ended, everything that fits some filters as one file."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypedDict, Unpack

from lib.models import Session, SessionEvent, Status, Turn
from lib.services.calls import reading
from lib.services.ledger import outcome
from lib.services.ledger.ledger import Ledger
from lib.services.records import export
from lib.store import exchanges, lists, tokens
from lib.store import sessions as rows
from lib.store.cache import TtlCache
from lib.store.statement_timeout import StatementTimeout

DAYS, FEWEST_DAYS = 90, 7
"""The most days that figures are made of, and the fewest that are drawn."""
FIGURES_S, PAGE_S, EXPORT_S = 1.0, 5.0, 30.0
LIST_LIMIT, RECORD_LIMIT, TOGETHER = 20_000, 2_000, 200
"""The most sessions of an export, as a list and with what was said in them, and how many are read at once."""
KEPT_FOR = 20
"""Figures are kept so many times longer than it took to make them, also while other sessions end."""
KEPT = 64
PASSAGE, WORDS = 90, re.compile(r"[^\W_]+")
_PIECES = re.compile(r"[\w\u0300-\u036f]+|[^\w\u0300-\u036f]+")
"""Words, an accent of their own included, and what stands between them."""

NOBODY_JOINED = "participant_absent_timeout"
OTHER, FAILED, OPEN = "Another reason", "Failed", "Still open"

Form = Literal["csv", "json", "md"]


class SessionFilterFields(TypedDict, total=False):
    """The filters of `Sessions.page`, by their names."""

    agent_id: str
    statuses: tuple[str, ...]
    modes: tuple[str, ...]
    text: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class HistoryFigures:
    """`days` is one entry for each day (UTC, as the limits count): the day, its minutes of calls, its sessions.

    `outcomes` are how the sessions ended, in words, and how many of each, the most first. `allowed` is what the limit
    lets all these days have in minutes. `shortened`: only the last DAYS days are in it.
    """

    days: tuple[tuple[date, float, int], ...]
    outcomes: tuple[tuple[str, int], ...]
    allowed: int
    price_per_minute: float
    shortened: bool

    @property
    def minutes(self) -> float:
        return sum(minutes for _, minutes, _ in self.days)

    @property
    def sessions(self) -> int:
        return sum(sessions for _, _, sessions in self.days)

    @property
    def cost(self) -> float:
        """An estimate in the money of `price_per_minute`; 0 where that is not known."""
        return self.minutes * self.price_per_minute


@dataclass(frozen=True)
class DayCount:
    """How many sessions began on one day (UTC), how many of them are open and failed, in how many nobody joined."""

    sessions: int
    open: int
    failed: int
    nobody_joined: int


class Archive:
    """The ended sessions of one account. Filters are those of `Sessions.page`."""

    def __init__(self, ledger: Ledger, *, minutes_a_day: int = 60, price_per_minute: float = 0.0) -> None:
        self._ledger = ledger
        self._minutes_a_day = minutes_a_day
        self.price_per_minute = price_per_minute
        self._kept: dict[lists.SessionFilters, tuple[float, HistoryFigures]] = {}
        self._recent: TtlCache[HistoryFigures] = TtlCache(ledger.store)

    def figures(self, **filters: Unpack[SessionFilterFields]) -> HistoryFigures:
        """Raises StoreSlow where there are too many sessions to look at within a second."""
        asked = replace(lists.SessionFilters(**filters), text="")
        return self._recent.get(asked, lambda: self._read_seldom(asked))

    def today(self) -> DayCount:
        """Every session of today, also those that go on. Raises StoreSlow."""
        since = _midnight(self._ledger.clock())
        with self._ledger.store.reading() as connection:
            tallies = lists.tallies(
                StatementTimeout(connection, PAGE_S), self._ledger.account, lists.SessionFilters(since=since)
            )

        def count(fits: Callable[[lists.Tally], bool]) -> int:
            return sum(tally.sessions for tally in tallies if fits(tally))

        return DayCount(
            sessions=count(lambda tally: True),
            open=count(lambda tally: Status(tally.status).open),
            failed=count(lambda tally: tally.status == Status.FAILED),
            nobody_joined=count(lambda tally: tally.end_code.startswith(NOBODY_JOINED)),
        )

    def _read_seldom(self, asked: lists.SessionFilters) -> HistoryFigures:
        known = self._kept.get(asked)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        begun = time.monotonic()
        made = self._read(asked)
        if len(self._kept) >= KEPT:
            self._kept.clear()
        now = time.monotonic()
        self._kept[asked] = now + KEPT_FOR * (now - begun), made
        return made

    def story(self, session: Session, turns: Sequence[Turn]) -> list[SessionEvent]:
        """The course of one session, with the first and last of its `turns` and the callbacks about it."""
        with self._ledger.store.reading() as connection:
            events = rows.timeline(connection, session.id)
            callbacks = exchanges.callbacks_of(connection, session.id)
        return reading.story(session, events, turns, callbacks)

    def passages(self, sessions: Sequence[Session], text: str) -> dict[str, str]:
        """Where in these sessions the words were said: a piece of that turn, "" where only a name has them."""
        wanted = tokens.loosened(tokens.terms(text))
        with self._ledger.store.reading() as connection:
            said, _ = rows.records(connection, [session.id for session in sessions])
        found = {name: next((one for one in turns if _says(one, wanted)), None) for name, turns in said.items()}
        return {name: "" if turn is None else _around(turn.content, text) for name, turn in found.items()}

    @staticmethod
    def marked(content: str, text: str) -> list[tuple[str, bool]]:
        """What was said in pieces that make it up again; True for a piece that a search for `text` finds."""
        wanted = tokens.loosened(tokens.terms(text))
        here = [term for term in wanted if tokens.holds(content, [term])]
        words = [replace(term, words=(word,)) for term in here for word in term.words]
        pieces = _PIECES.findall(content)
        return [(piece, bool(words) and tokens.holds(piece, words)) for piece in pieces]

    def export(self, form: Form, speaker: export.Speaker | None = None, **filters: Unpack[SessionFilterFields]) -> str:
        """All sessions that fit, newest first, as a file: `csv` is the list, the others have what was said too.

        `speaker` gives who answers in a session, for `md`, where more than the session's own names is known.
        As many as LIST_LIMIT and RECORD_LIMIT allow; the file itself says if older ones are left out.
        """
        wanted = lists.SessionFilters(**filters)
        if form == "csv":
            found, more = self._every(wanted, LIST_LIMIT)
            return export.sessions_csv(found, self.price_per_minute, more=more)
        found, more = self._every(wanted, RECORD_LIMIT)
        records: list[export.Record] = []
        for at in range(0, len(found), TOGETHER):
            some = found[at : at + TOGETHER]
            with self._ledger.store.reading() as connection:
                said, happened = rows.records(connection, [session.id for session in some])
            records += [(session, said[session.id], happened[session.id]) for session in some]
        if form == "json":
            return export.all_json(records, more=more)
        return export.all_markdown(records, more=more, speaker=speaker)

    def _every(self, wanted: lists.SessionFilters, most: int) -> tuple[list[Session], bool]:
        """The newest that fit, up to `most` or as many as EXPORT_S allows, and whether there are older ones."""
        found: list[Session] = []
        place, until = None, time.monotonic() + EXPORT_S
        while True:
            with self._ledger.store.reading() as connection:
                timeout, limit = StatementTimeout(connection, PAGE_S), min(TOGETHER, most - len(found))
                page = lists.page(timeout, self._ledger.account, wanted, limit=limit, place=place)
            found += page.sessions
            place = page.older
            if place is None or len(found) >= most or time.monotonic() >= until:
                return found, place is not None

    def _read(self, asked: lists.SessionFilters) -> HistoryFigures:
        last = (asked.until or self._ledger.clock()) - timedelta(microseconds=1)
        earliest = _midnight(last) - timedelta(days=DAYS - 1)
        within = replace(asked, since=max(asked.since or earliest, earliest))
        with self._ledger.store.reading() as connection:
            timeout = StatementTimeout(connection, FIGURES_S)
            tallies = lists.tallies(timeout, self._ledger.account, within)
            before = replace(asked, until=earliest)
            older = lists.page(timeout, self._ledger.account, before, limit=1, place=None).sessions
        if older or asked.since:
            first = (earliest if older else asked.since or earliest).date()
        else:
            first = min([last.date() - timedelta(days=FEWEST_DAYS - 1), *(tally.day for tally in tallies)])
        return self._figures(tallies, first, last.date(), shortened=bool(older))

    def _figures(self, tallies: list[lists.Tally], first: date, last: date, *, shortened: bool) -> HistoryFigures:
        minutes: dict[date, float] = defaultdict(float)
        sessions: Counter[date] = Counter()
        outcomes: Counter[str] = Counter()
        for tally in tallies:
            sessions[tally.day] += tally.sessions
            outcomes[_outcome(tally)] += tally.sessions
            if tally.in_room:
                minutes[tally.day] += tally.seconds / 60
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return HistoryFigures(
            tuple((day, minutes[day], sessions[day]) for day in days),
            tuple(outcomes.most_common()),
            self._minutes_a_day * len(days),
            self.price_per_minute,
            shortened,
        )


def _says(turn: Turn, wanted: Sequence[tokens.Term]) -> bool:
    return turn.role != "system" and tokens.holds(turn.content, wanted)


def _around(content: str, text: str) -> str:
    """About a line of it, around the first of the words that stands there as it was typed."""
    line = " ".join(content.split())
    folded = line.casefold()
    places = [folded.find(word.casefold()) for word in WORDS.findall(text)]
    at = min([place for place in places if place >= 0], default=0)
    begin = line.find(" ", at - PASSAGE // 3, at) + 1 if at > PASSAGE // 3 else 0
    piece = line[begin : begin + PASSAGE]
    return f"{'…' if begin else ''}{piece.strip()}{'…' if begin + PASSAGE < len(line) else ''}"


def _outcome(tally: lists.Tally) -> str:
    if tally.status == Status.FAILED:
        return FAILED
    if tally.status != Status.ENDED:
        return OPEN
    return outcome.told(tally.end_code) or OTHER


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
