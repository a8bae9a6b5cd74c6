"""A limit in time for reading, so that no list keeps a page waiting: the database itself stops at it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from lib.errors import StoreSlow

LOOK_EVERY = 100
"""Steps of SQLite's machine between two looks at the clock. FTS5 takes several of them for each page it reads."""


class StatementTimeout:
    """`seconds` for all statements inside `limited` together, from now on.

    `piecemeal` is set once something took so long that the rest is better done in pieces.
    """

    def __init__(self, connection: Connection, seconds: float) -> None:
        self.connection = connection
        self.seconds = seconds
        self.piecemeal = False
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; not below 0."""
        return max(0.0, self._end - time.monotonic())

    @contextmanager
    def limited(self, most: float | None = None) -> Iterator[None]:
        """What is inside ends when the time is up, or after `most` seconds. Raises StoreSlow; nothing is half read."""
        seconds = self.left if most is None else min(most, self.left)
        if seconds <= 0:
            raise StoreSlow(f"The database was given {self.seconds:g} s and needs more.")
        sqlite = self.connection.dialect.name == "sqlite"
        try:
            with _sqlite(self.connection, seconds) if sqlite else _postgresql(self.connection, seconds):
                yield
        except OperationalError as error:
            if not _stopped(error):
                raise
            raise StoreSlow(f"The database was given {self.seconds:g} s and needs more.") from error


@contextmanager
def _sqlite(connection: Connection, seconds: float) -> Iterator[None]:
    raw = connection.connection.driver_connection
    end = time.monotonic() + seconds
    raw.set_progress_handler(lambda: time.monotonic() > end, LOOK_EVERY)  # type: ignore[union-attr]
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)  # type: ignore[union-attr]


@contextmanager
def _postgresql(connection: Connection, seconds: float) -> Iterator[None]:
    _allow(connection, max(1, round(seconds * 1000)))
    try:
        yield
    except OperationalError:
        # A statement that was stopped takes its transaction with it; nothing was written in this one.
        connection.rollback()
        raise
    _allow(connection, 0)


def _allow(connection: Connection, milliseconds: int) -> None:
    connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))


def _stopped(error: OperationalError) -> bool:
    return str(error.orig) == "interrupted" or getattr(error.orig, "sqlstate", "") == "57014"
