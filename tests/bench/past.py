"""History at 10,000 to 1,000,000 sessions: the first page, a filtered one, searches; on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from lib.store import lists
from lib.store.database import Store
from lib.store.hurry import Hurry
from lib.store.schema import EPOCH, MICROSECOND
from tests import databases
from tests.bench.load import p50

SIZES, LONG = (10_000, 100_000), 1_000_000
ACCOUNT, SEARCH_S = "bench", 1.0
HOLDERS = 20
"""Sessions that hold the rare word."""
NEWEST = datetime(2026, 11, 26, tzinfo=UTC)
SECONDS_APART = 30

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
    """p50 in ms at one size."""

    sessions: int
    first: float
    filtered: float
    rare: float
    common: float
    stopped: bool


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


def measure(store: Store, count: int, rounds: int) -> Taken:
    stopped = []

    def page(**filters: object) -> Callable[[], None]:
        def ask() -> None:
            wanted = lists.Filters(**filters)  # type: ignore[arg-type]
            with store.reading() as connection:
                hurry = Hurry(connection, SEARCH_S)
                found = lists.page(hurry, ACCOUNT, wanted, limit=25, place=None)
                counted = lists.total(hurry, ACCOUNT, wanted)
            assert len(found.sessions) == (HOLDERS if filters.get("text") == "needle" else 25), (filters, found)
            stopped.append(found.searched_to is not None or (counted[1] and counted[0] < lists.COUNTED))

        return ask

    since = NEWEST - timedelta(days=30)
    asked = {
        "first": page(),
        "filtered": page(agent_id="a7", statuses=("ended",), since=since),
        "rare": page(text="needle"),
        "common": page(text="price"),
    }
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, ask in asked.items():
            begun = time.perf_counter()
            ask()
            taken[name].append((time.perf_counter() - begun) * 1000)
    return Taken(count, *(p50(taken[name]) for name in asked), stopped=any(stopped))


def run(folder: Path, sizes: tuple[int, ...], rounds: int) -> dict[str, list[Taken]]:
    """Measured by backend. A size at a time, so that the disk holds one database at a time."""
    taken: dict[str, list[Taken]] = {}
    for backend in databases.BACKENDS:
        for count in sizes:
            with opened(backend, folder / f"{backend}-{count}") as store:
                fill(store, count)
                taken.setdefault(backend, []).append(measure(store, count, rounds))
    return taken
