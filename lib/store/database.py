"""The database: opens it, brings it to the newest revision, hands out transactions.

SQLite (a file, WAL, `synchronous=FULL` since a start must be on disk before it is sent) or PostgreSQL by the URL.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, column, create_engine, event, inspect, make_url, select, table, text
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NoSuchModuleError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
    TimeoutError,
)

from lib.errors import GreenroomError, StoreRefused, StoreUnfit
from lib.store import schema

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "greenroom_schema"
BUSY_TIMEOUT_S = 10
PATIENCE = {
    "connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}  # fmt: skip
"""libpq's limits (s, and ms for the last). By its own a connection takes two minutes to fail, and a server that is gone
without a word is waited for without end."""

MIGRATING_S = 120
NOT_OPENED, BUSY = "not_opened", "store_busy"
GUARD_LOCK, MIGRATION_LOCK, SNAPSHOT_LOCK = 7_466_201, 7_466_202, 7_466_203
POSTGRESQL = ("postgres", "postgresql")
FAILURES = (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError, OverflowError)
"""What a database and its driver raise: text and numbers that no column can hold come from the driver as they are."""
REVISION: Select[Any] = select(column("version_num")).select_from(table(VERSION_TABLE))


def revisions() -> list[str]:
    """Names of all migrations, oldest first: they are numbered, so the names sort."""
    return sorted(path.stem for path in (MIGRATIONS / "versions").glob("m[0-9]*.py"))


@dataclass(frozen=True)
class Described:
    """What Diagnostics shows of the database. `size_bytes` is None where it can't be told.

    The names of the conversations that are its own begin with `prefix` and a hyphen.
    """

    url: str
    revision: str
    head: str
    size_bytes: int | None
    prefix: str = ""


class Store:
    """One database. Nothing is opened before `open`; if that fails, each use says why, so that the dashboard starts."""

    def __init__(self, url: str, *, root: Path) -> None:
        self._url_text = url
        self._root = root
        self._engine: Engine | None = None
        self._error: GreenroomError | None = None
        self._meta: dict[str, str] = {}
        self._opening = threading.Lock()
        self._closed = False
        self.writes, self._numbers = 0, count(1)

    @cached_property
    def _url(self) -> Any:
        try:
            url = make_url(self._url_text)
            if url.drivername in POSTGRESQL:
                url = url.set(drivername="postgresql+psycopg")
            url.get_dialect()
        except (ArgumentError, NoSuchModuleError, ImportError):
            raise StoreRefused(
                "DATABASE_URL is not the address of a database that Greenroom can use.",
                hint="Write it like sqlite:///data/greenroom.db or postgresql://user@host/name.",
            ) from None
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            url = url.set(database=str((self._root / url.database).resolve()))
        return url

    @property
    def directory(self) -> Path:
        """Where the database file lies; `data` beside the program for a server database."""
        try:
            if self.sqlite and self._url.database and self._url.database != ":memory:":
                return Path(self._url.database).parent
        except StoreRefused:
            pass
        return self._root / "data"

    @property
    def sqlite(self) -> bool:
        return bool(self._url.get_backend_name() == "sqlite")

    def open(self) -> None:
        """Connect and migrate. Never raises a known error: it is kept and raised at each use."""
        with self._opening:
            if self._engine is not None:
                return
            self._closed = False
            try:
                self._engine = self._connect()
                self._error = None
            except GreenroomError as error:
                self._error = error

    def close(self) -> None:
        self._closed = True
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _returned(self, raw: Any, _record: object) -> None:
        """What a thread still held at the end is closed when it gives it back."""
        if self._closed and raw is not None:
            raw.close()

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            raise self._error or StoreRefused(
                "The database has not been opened yet.", code=NOT_OPENED, hint="Reload in a moment."
            )
        return self._engine

    def check(self) -> None:
        """Raises StoreRefused where the database could not be opened or is closed."""
        _ = self.engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with _said_plainly(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = True, listed: bool = True) -> Iterator[Connection]:
        """One transaction that holds the write lock from its start (SQLite), committed at the end or not at all.

        `writes` counts them, so that who keeps what was read can tell that it may have changed. One that is not
        `durable` is a sign of life: it does not wait for the disk, a power cut may undo it, and no list shows it. Nor
        does a kept list show what is not `listed`.
        """
        with (
            _said_plainly(),
            self.engine.connect().execution_options(greenroom_write=True) as connection,
            self._haste(connection, not durable),
            connection.begin(),
        ):
            if not (durable or self.sqlite):
                connection.execute(text("SET LOCAL synchronous_commit = off"))
            yield connection
        if durable and listed:
            self.writes = next(self._numbers)

    @contextmanager
    def _haste(self, connection: Connection, wanted: bool) -> Iterator[None]:
        """SQLite takes this setting outside of transactions only, and keeps it with the connection."""
        raw = _raw(connection) if wanted and self.sqlite else None
        if raw is not None:
            raw.execute("PRAGMA synchronous=NORMAL")
        try:
            yield
        finally:
            if raw is not None:
                raw.execute("PRAGMA synchronous=FULL")

    def lock_guard(self, connection: Connection) -> None:
        """Make what reads the limits and what writes the next start one step among all processes."""
        self._lock(connection, GUARD_LOCK)

    def lock_snapshots(self, connection: Connection) -> None:
        """Make what reads the newest snapshots and what writes the next ones one step among all processes."""
        self._lock(connection, SNAPSHOT_LOCK)

    def meta(self, key: str) -> str:
        """`prefix` (names of our conversations begin with it) or `callback_secret`; made by the first migration."""
        if not self._meta:
            with self.reading() as connection:
                self._meta = {row.key: row.value for row in connection.execute(select(schema.meta))}
        return self._meta[key]

    def exists(self) -> bool:
        """False for a SQLite file that was not made yet. Opens nothing; a server's database is taken to be there."""
        return not self.sqlite or self._url.database == ":memory:" or Path(self._url.database).exists()

    def describe(self) -> Described:
        with self.reading() as connection:
            revision = connection.execute(REVISION).scalar_one()
            size = self._size(connection)
        url = self._url.render_as_string(hide_password=True)
        return Described(url, str(revision), revisions()[-1], size, self.meta("prefix"))

    def _size(self, connection: Connection) -> int | None:
        if not self.sqlite:
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
        return None if self._url.database == ":memory:" else Path(self._url.database).stat().st_size

    def _connect(self) -> Engine:
        try:
            engine = self._made()
            try:
                with engine.connect().execution_options(greenroom_write=True) as connection, connection.begin():
                    migrated = self._migrate(connection)
                if migrated and self.sqlite:
                    # What a migration took out still stands in the log of writes.
                    with engine.connect() as connection:
                        _raw(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except BaseException:
                engine.dispose()
                raise
        except (*FAILURES, ImportError, TypeError, ValueError) as error:
            # The last two: options in the address that the driver can't read.
            raise StoreRefused(
                f"The database can't be opened: {_first_line(error)}",
                hint="Check DATABASE_URL, that its folder or server is there, and that the disk is not full.",
            ) from error
        return engine

    def _made(self) -> Engine:
        url = self._url
        # Parameters hold what people said: no traceback may show them.
        pool: dict[str, Any] = {"pool_size": 10, "max_overflow": 20, "hide_parameters": True}
        if self.sqlite:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, **pool)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            patience = {name: value for name, value in PATIENCE.items() if name not in url.query}
            engine = create_engine(url, connect_args=patience, pool_pre_ping=True, **pool)
            event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "checkin", self._returned)
        return engine

    def _lock(self, connection: Connection, key: int) -> None:
        """Wait until no other transaction holds this key; SQLite's writers are one at a time anyway."""
        if not self.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def _migrate(self, connection: Connection) -> bool:
        """Whether there was anything to do."""
        if not self.sqlite:
            # Another process may be at it.
            connection.execute(text(f"SET LOCAL lock_timeout = '{MIGRATING_S}s'"))
        self._lock(connection, MIGRATION_LOCK)
        names = set(inspect(connection).get_table_names())
        known = revisions()
        if VERSION_TABLE not in names and names:
            raise StoreRefused("DATABASE_URL points at a database that holds something else. Nothing was changed.")
        if VERSION_TABLE in names:
            current = connection.execute(REVISION).scalar_one_or_none()
            if current == known[-1]:
                return False
            if current is not None and current not in known:
                raise StoreRefused(
                    f"The database was made by a newer Greenroom (revision {current}). Nothing was changed.",
                    hint="Update Greenroom, or point DATABASE_URL at another database.",
                )
        # Imported only when there is something to migrate: it costs a fifth of a second at each start.
        from alembic import command
        from alembic.config import Config

        config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, "head")
        return True


@contextmanager
def _said_plainly() -> Iterator[None]:
    """A database that broke while it was open (locked, full, gone), or that does not take what it is given."""
    try:
        yield
    except FAILURES as error:
        raise _refusal(error) from error


def _refusal(error: BaseException) -> StoreRefused:
    if isinstance(error, TimeoutError):
        told = "All of Greenroom's connections to the database were in use for too long."
        return StoreRefused(told, code=BUSY, hint="Try again in a moment. Nothing was changed.")
    told = f"The database did not do it: {_first_line(error)}."
    if not _unfit(error):
        hint = "Check that its disk is not full and that nothing else holds it, then try again."
        return StoreRefused(told, hint=hint)
    # A mistake of ours or of its schema. The error's own words may show a row's values, so only the place is logged.
    place = "".join(traceback.format_tb(error.__traceback__))
    log.error("the database did not take something: %s\n%s", type(error).__name__, place)
    return StoreUnfit(told)


def _unfit(error: BaseException) -> bool:
    """True where it is about what was asked, so that other things can still be read and written."""
    if isinstance(error, DatabaseError):
        return isinstance(error, DataError | IntegrityError | ProgrammingError | NotSupportedError)
    return not isinstance(error, InterfaceError | sqlite3.Error | OSError)


def _raw(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _write_ahead(raw: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite refuses this at once while another process does the same, where it waits elsewhere."""
    give_up = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _prepare_sqlite(raw: sqlite3.Connection, _record: object) -> None:
    raw.isolation_level = None
    # So that the file can become shorter. It can be set only before anything is written, and would wait for a lock.
    if raw.execute("PRAGMA page_count").fetchone()[0] == 0:
        raw.execute("PRAGMA auto_vacuum=INCREMENTAL")
    _write_ahead(raw)
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("PRAGMA foreign_keys=ON")
    raw.execute("PRAGMA secure_delete=ON")


def _prepare_postgresql(raw: Any, _record: object) -> None:
    """Wait for a lock as long as with SQLite. Not by `options`, which a pooler between us may refuse."""
    raw.execute(f"SET lock_timeout = '{BUSY_TIMEOUT_S}s'")
    raw.commit()


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("greenroom_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0][:200]
