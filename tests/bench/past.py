"""History at 10,000 to 1,000,000 sessions: the first page, a filtered one, searches; on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from lib.store import lists
from lib.store.database import Store
from lib.store.schema import EPOCH, MICROSECOND
from lib.store.statement_timeout import StatementTimeout
from tests import databases
from tests.bench.load import p50

SIZES, LONG = (10_000, 100_000), 1_000_000
ACCOUNT, SEARCH_S = "bench", 1.0
HOLDERS = 20
"""Sessions that hold the rare word."""
NEWEST = datetime(2026, 11, 26, tzinfo=UTC)
SECONDS_APART = 30
MONTH = NEWEST - timedelta(days=30)
NOBODY = "nobody"
FLAT = ("first page", "filtered page", "rare word")
"""What may take twice as long at a million sessions as at ten thousand, and no longer."""

COUNTED = {
    "sqlite": "WITH RECURSIVE many(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM many WHERE n < :last)",
    "postgresql": "WITH many AS (SELECT generate_series(0, :last) AS n)",
}
SAID = """'hello w' || (n % 1013) || ' we talked about w' || (n * 7 % 997) || ' and w' || (n * 31 % 5003) || ' then w'
    || (n / 50) || ' price' || (CASE WHEN n % 10 = 0 THEN ' tenth' ELSE '' END)
    || (CASE WHEN n % :apart = 3 THEN ' needle' ELSE '' END)"""
SESSIONS = """INSERT INTO sessions (id, account, agent_id, agent_name, persona_id, persona_name, replica_id, persona,
    mode, status, token, request_hash, conversation_name, conversation_id, conversation_url, max_call_s, private_room,
    created_at, waiting_at, live_at, ended_at, reason_code, reason, reason_hint, end_code, end_reason, transcript_at,
    perception) {many}
    SELECT 's-' || n, 'bench', 'a' || (n % 12), 'Demo ' || (n % 12), 'p', 'Guide', 'r', '{{}}',
    CASE WHEN n % 20 = 0 THEN 'text' ELSE 'phoenix_rest' END, CASE WHEN n % 50 = 7 THEN 'failed' ELSE 'ended' END,
    't' || n, '', 'name ' || n, 'c' || n, '', 600, {no}, {at}, {at} + 1000000, {at} + 3000000, {at} + 200000000, '', '',
    '', 'participant_left_timeout', 'Everyone left', {at} + 230000000, '' FROM many"""
TURNS = """INSERT INTO turns (session_id, source, seq, role, content, seconds, duration_s) {many}
    SELECT 's-' || n, 'tavus', 0, 'user', {said}, 1.0, 4.0 FROM many"""
SEARCH = """INSERT INTO search (number, session_id, words) {many}
    SELECT {at}, 's-' || n, {words} FROM many"""


@dataclass(frozen=True)
class Taken:
    """p50 in ms at one size, by what was asked; `searched` is the share of the hopeless search that fitted in."""

    sessions: int
    ms: dict[str, float]
    searched: float


@contextlib.contextmanager
def opened(backend: str, folder: Path) -> Iterator[Store]:
    """An empty database as it is used: every commit on the disk."""
    with contextlib.ExitStack() as stack:
        url = databases.SQLITE
        if backend == "postgresql":
            url = stack.enter_context(stack.enter_context(databases.server()).database())
        folder.mkdir(parents=True)
        store = Store(url, root=folder)
        store.open()
        stack.callback(store.close)
        yield store


def fill(store: Store, count: int) -> None:
    """`count` ended sessions, half a minute apart, by a few statements over all of them."""
    backend = "sqlite" if store.sqlite else "postgresql"
    first = (NEWEST - timedelta(seconds=SECONDS_APART * count) - EPOCH) // MICROSECOND
    at = f"(n * CAST({SECONDS_APART * 1_000_000} AS BIGINT) + {first})"
    said = SAID.replace("n *", "CAST(n AS BIGINT) *")
    words = said if store.sqlite else f"to_tsvector('simple', {said})"
    values = {"last": count - 1, "apart": count // HOLDERS}
    with store.writing() as connection:
        off(connection, backend)
        no = "0" if store.sqlite else "false"
        for statement in (SESSIONS, TURNS, SEARCH):
            made = statement.format(many=COUNTED[backend], at=at, said=said, words=words, no=no)
            named = {name: value for name, value in values.items() if f":{name}" in made}
            connection.execute(text(made), named)
        on(connection, backend)
    if not store.sqlite:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def off(connection: Connection, backend: str) -> None:
    """An index is made faster at once than row by row."""
    connection.execute(text("DROP TRIGGER search_added" if backend == "sqlite" else "DROP INDEX search_by_words"))


def on(connection: Connection, backend: str) -> None:
    if backend == "sqlite":
        connection.execute(text("INSERT INTO search_index (search_index) VALUES ('rebuild')"))
    else:
        connection.execute(text("CREATE INDEX search_by_words ON search USING gin (words) WITH (fastupdate = off)"))


def asked_of(store: Store, count: int, reached: list[float]) -> dict[str, Callable[[], None]]:
    """What is measured; `reached` takes the share of all sessions that the hopeless search came through."""

    def page(expected: int, **filters: Any) -> Callable[[], None]:
        wanted = lists.SessionFilters(**filters)

        def ask() -> None:
            with store.reading() as connection:
                timeout = StatementTimeout(connection, SEARCH_S)
                found = lists.page(timeout, ACCOUNT, wanted, limit=25, place=None)
                if not found.whole:
                    lists.total(timeout, ACCOUNT, wanted)
            assert len(found.sessions) == expected, (filters, found)
            if wanted.agent_id == NOBODY:
                oldest = NEWEST - timedelta(seconds=SECONDS_APART * count)
                reached.append((NEWEST - (found.searched_to or oldest)) / (NEWEST - oldest))

        return ask

    def days() -> None:
        with store.reading() as connection:
            lists.tallies(StatementTimeout(connection, SEARCH_S * 10), ACCOUNT, lists.SessionFilters(since=MONTH))

    return {
        "first page": page(25),
        "filtered page": page(25, agent_id="a7", statuses=("ended",), since=MONTH),
        "rare word": page(HOLDERS, text="needle"),
        "common word": page(25, text="price"),
        "hopeless search": page(0, text="price", agent_id=NOBODY),
        "charts of 30 days": days,
    }


def run(folder: Path, sizes: tuple[int, ...], rounds: int) -> dict[str, list[Taken]]:
    """Measured by backend. Each round asks every size everything once, so that load meets all alike."""
    taken: dict[str, list[Taken]] = {}
    for backend in databases.BACKENDS:
        with contextlib.ExitStack() as stack:
            reached: dict[int, list[float]] = {count: [] for count in sizes}
            asked = {}
            for count in sizes:
                store = stack.enter_context(opened(backend, folder / f"{backend}-{count}"))
                fill(store, count)
                asked[count] = asked_of(store, count, reached[count])
            ms: dict[int, dict[str, list[float]]] = {count: defaultdict(list) for count in sizes}
            for _ in range(rounds):
                for name in asked[sizes[0]]:
                    for count in sizes:
                        begun = time.perf_counter()
                        asked[count][name]()
                        ms[count][name].append((time.perf_counter() - begun) * 1000)
            taken[backend] = [
                Taken(count, {name: p50(values) for name, values in ms[count].items()}, p50(reached[count]))
                for count in sizes
            ]
    return taken


def told(taken: dict[str, list[Taken]]) -> Iterator[str]:
    """The figures as lines: each size, and the largest as a ratio to the smallest."""
    yield "History with many sessions, p50 of reading a page and counting the list, every commit durable"
    for backend, sizes in taken.items():
        yield f"  {backend:22}" + "".join(f"{one.sessions:>13,}" for one in sizes) + "   last to first"
        for name in sizes[0].ms:
            ratio = sizes[-1].ms[name] / sizes[0].ms[name]
            verdict = "" if name not in FLAT or len(sizes) < 2 else " ok, at most 2" if ratio <= 2 else " OVER 2"
            figures = "".join(f"{one.ms[name]:>10.1f} ms" for one in sizes)
            yield f"    {name:20}{figures}   {ratio:6.2f}x{verdict}"
        last = sizes[-1]
        stopped = "came to the end" if last.searched >= 1 else f"stopped at {last.searched:.0%} of them"
        limit = "ok" if last.ms["hopeless search"] <= SEARCH_S * 1000 * 1.2 else "OVER"
        yield f"    hopeless: a word of all sessions, at an agent of none; it {stopped} ({limit}, about 1 s at most)"
