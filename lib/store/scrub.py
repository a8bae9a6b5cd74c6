"""Leaves nothing in the files of what was deleted: in the index, in freed pages, in the log of writes.

Done in small steps, between which others write; none holds the database for longer than a few hundredths of a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from lib.store.database import BUSY_TIMEOUT_S, Store
from lib.store.schema import events, exchanges, search, sessions, snapshots, turns

MERGED_PAGES, FREED_PAGES, STEPS = 64, 1_000, 100_000
CHECKPOINT_TRIES, CHECKPOINT_WAIT_MS = 20, 250
NEVER: Callable[[], bool] = lambda: False  # noqa: E731


def scrub(store: Store, stopped: Callable[[], bool] = NEVER) -> bool:
    """True if all of it was done, False if it was `stopped` or others read all the time. Raises StoreRefused."""
    if store.sqlite:
        return _merge(store, stopped) and _give_back(store, stopped) and _empty_log(store, stopped)
    names = ", ".join(table.name for table in (turns, events, exchanges, search, sessions, snapshots))
    with store.reading() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        # One after the other where several processes do it, however long that takes: nobody waits for this.
        alone.execute(text("SET lock_timeout = 0"))
        try:
            alone.execute(text(f"VACUUM {names}"))
        finally:
            alone.execute(text(f"SET lock_timeout = '{BUSY_TIMEOUT_S}s'"))
    return True


def _merge(store: Store, stopped: Callable[[], bool]) -> bool:
    """FTS5 only marks what was deleted; it is gone once all parts of the index have been written into one."""
    pages = -MERGED_PAGES
    for _ in range(STEPS):
        if stopped():
            return False
        with store.writing() as connection:
            raw: Any = connection.connection.driver_connection
            before = raw.total_changes
            statement = text("INSERT INTO search_index (search_index, rank) VALUES ('merge', :pages)")
            connection.execute(statement, {"pages": pages})
            if raw.total_changes - before < 2:
                return True
        pages = MERGED_PAGES
    return False


def _give_back(store: Store, stopped: Callable[[], bool]) -> bool:
    """Freed pages hold zeros already (`secure_delete`); here the file becomes shorter, if it was made for that."""
    with store.reading() as connection:
        raw: Any = connection.connection.driver_connection
        free = raw.execute("PRAGMA freelist_count").fetchone()[0]
        while free and not stopped():
            try:
                # A script, because one execution of this statement frees one page.
                raw.executescript(f"PRAGMA incremental_vacuum({FREED_PAGES})")
            except sqlite3.OperationalError:
                return False
            left = raw.execute("PRAGMA freelist_count").fetchone()[0]
            if left >= free:
                break
            free = left
    return not stopped()


def _empty_log(store: Store, stopped: Callable[[], bool]) -> bool:
    """The write-ahead log has pages as they were before; it is cut to nothing while nobody reads from it."""
    with store.reading() as connection:
        raw: Any = connection.connection.driver_connection
        usual = raw.execute("PRAGMA busy_timeout").fetchone()[0]
        raw.execute(f"PRAGMA busy_timeout={CHECKPOINT_WAIT_MS}")
        try:
            for _ in range(CHECKPOINT_TRIES):
                busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                if not busy:
                    return True
                if stopped():
                    return False
        finally:
            raw.execute(f"PRAGMA busy_timeout={usual}")
    return False
