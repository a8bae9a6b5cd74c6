"""Whatever a database does not do comes out as StoreRefused with its cause, and never shows what was to be written."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError

from lib.errors import StoreRefused, StoreSlow
from lib.services.calls.background.lease import Lease
from lib.services.calls.stopwatch import Stopwatch
from lib.store import leases, scrub
from lib.store.database import Store
from lib.store.schema import events, meta
from lib.store.statement_timeout import StatementTimeout
from tests import databases

SECRET = "quite-private-words"
DROP_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
TRIGGERS = {
    "sqlite": (
        "CREATE TRIGGER no BEFORE INSERT ON meta WHEN NEW.key = 'unwanted' BEGIN SELECT RAISE(ABORT, 'not here'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION no() RETURNS trigger AS $$ BEGIN IF NEW.key = 'unwanted' THEN RAISE EXCEPTION 'not here'; "
        "END IF; RETURN NEW; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER no BEFORE INSERT ON meta FOR EACH ROW EXECUTE FUNCTION no()",
    ),
}

Act = Callable[[Connection], object]


@pytest.fixture
def narrow(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store with one connection, which is held by another thread."""
    monkeypatch.setattr(store.engine.pool, "_max_overflow", 0)
    monkeypatch.setattr(store.engine.pool, "_timeout", 0.1)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        taken = [store.engine.connect() for _ in range(store.engine.pool._pool.maxsize)]  # type: ignore[attr-defined]
        held.set()
        free.wait(20)
        for connection in taken:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    yield store
    free.set()
    thread.join()


def put(key: str, value: str = SECRET) -> Act:
    return lambda connection: connection.execute(insert(meta).values(key=key, value=value))


def twice(connection: Connection) -> None:
    put("once")(connection)
    put("once")(connection)


def missing_value(connection: Connection) -> None:
    connection.execute(text("INSERT INTO meta (key, value) VALUES ('k', NULL)"))


def orphan(connection: Connection) -> None:
    connection.execute(insert(events).values(session_id="s-none", at=None, kind="x", detail=SECRET))


def no_such_table(connection: Connection) -> None:
    connection.execute(text("SELECT * FROM nowhere"))


def closed(connection: Connection) -> None:
    result = connection.execute(text("SELECT 1"))
    result.close()
    result.fetchone()


def on_a_broken_transaction(connection: Connection) -> None:
    with pytest.raises(SQLAlchemyError):
        no_such_table(connection)
    connection.execute(text("SELECT 1"))
    no_such_table(connection)


def half_a_pair(connection: Connection) -> None:
    connection.execute(text("SELECT :word"), {"word": "\ud800"})


def nul(connection: Connection) -> None:
    connection.execute(text("SELECT 1 FROM nowhere WHERE key = :word"), {"word": "a\0b"})


def no_value_of_any_type(connection: Connection) -> None:
    connection.execute(text("SELECT :word"), {"word": object()})


def too_large(connection: Connection) -> None:
    connection.execute(text("SELECT 1 FROM meta WHERE key = :n"), {"n": 1 << 70}).all()
    connection.execute(text("SELECT 1 FROM nowhere"))


def lacks_a_parameter(connection: Connection) -> None:
    connection.execute(text("SELECT :word"))


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize(
    "act",
    [
        twice, missing_value, orphan, no_such_table, closed, on_a_broken_transaction, half_a_pair, nul,
        no_value_of_any_type, too_large, lacks_a_parameter,
    ],
)  # fmt: skip
def test_what_the_database_does_not_take_is_refused_with_its_cause_and_the_next_use_works(
    act: Act, writes: bool, store: Store
) -> None:
    with pytest.raises(StoreRefused) as told, store.writing() if writes else store.reading() as connection:
        act(connection)
    assert told.value.__cause__ is not None
    assert told.value.hint and SECRET not in told.value.message
    with store.writing() as connection:
        put("after")(connection)


def test_a_log_of_it_shows_where_it_happened_and_not_what_was_to_be_written(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        with store.writing() as connection:
            twice(connection)
    except StoreRefused:
        logging.getLogger("test").exception("it was refused")
    assert "test_refusals.py" in caplog.text
    assert "UNIQUE" in caplog.text.upper()
    assert SECRET not in caplog.text


def test_a_trigger_that_raises_is_a_refusal(store: Store, database_url: str) -> None:
    with store.writing() as connection:
        for statement in TRIGGERS[make_url(database_url).get_backend_name()]:
            connection.exec_driver_sql(statement)
    with pytest.raises(StoreRefused, match="not here"), store.writing() as connection:
        put("unwanted")(connection)
    with store.writing() as connection:
        put("wanted")(connection)


def test_a_pool_that_others_hold_is_named(narrow: Store) -> None:
    for use in (narrow.reading, narrow.writing):
        with pytest.raises(StoreRefused, match="connections") as told, use():
            raise AssertionError("there was none to have")
        assert told.value.__cause__ is not None


def test_a_backend_that_is_killed_before_the_commit_is_named(postgresql: databases.Server, tmp_path: Path) -> None:
    with postgresql.database() as url:
        store = Store(url, root=tmp_path)
        store.open()
        for use in (store.reading, store.writing):
            with pytest.raises(StoreRefused), use() as connection:
                connection.execute(select(meta)).all()
                postgresql.run(DROP_OTHERS, name=make_url(url).database)
                connection.commit() if use is store.writing else connection.execute(select(meta)).all()
        with store.writing() as connection:
            put("after")(connection)
        store.close()


def test_two_that_wait_for_each_other_are_refused_and_not_broken(postgresql_store: Store) -> None:
    store, gate, told = postgresql_store, threading.Barrier(2), []
    with store.writing() as connection:
        put("a")(connection), put("b")(connection)

    def swap(first: str, second: str) -> None:
        try:
            with store.writing() as connection:
                for key in (first, second):
                    connection.execute(text("UPDATE meta SET value = 'x' WHERE key = :key"), {"key": key})
                    gate.wait(10) if key == first else None
        except StoreRefused as error:
            told.append(error)

    threads = [threading.Thread(target=swap, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1 and "deadlock" in told[0].message


def test_a_time_limit_of_the_server_is_a_refusal_and_that_of_a_list_is_slow(postgresql_store: Store) -> None:
    with pytest.raises(StoreRefused) as told, postgresql_store.reading() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 20"))
        connection.execute(text("SELECT pg_sleep(5)"))
    assert told.value.__cause__ is not None
    with (
        pytest.raises(StoreSlow) as slow,
        postgresql_store.reading() as connection,
        StatementTimeout(connection, 0.05).limited(),
    ):
        connection.execute(text("SELECT pg_sleep(5)"))
    assert slow.value.__cause__ is not None


def test_a_database_that_only_reads_is_named(store: Store, database_url: str) -> None:
    sqlite = make_url(database_url).get_backend_name() == "sqlite"
    with pytest.raises(StoreRefused, match=r"(?i)read.?only"), store.writing() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON" if sqlite else "SET TRANSACTION READ ONLY")
        put("never")(connection)


def test_a_file_that_became_something_else_is_named_at_each_use_and_at_the_opening(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with sqlite_store.writing() as connection:
        put("before")(connection)
    sqlite_store.close()
    file = tmp_path / "greenroom.db"
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    again = Store(databases.SQLITE, root=tmp_path)
    again.open()
    for use in (again.reading, again.writing):
        with pytest.raises(StoreRefused), use() as connection:
            connection.execute(select(meta)).all()
    again.close()
    file.write_bytes(b"no database " * 1000)
    other = Store(databases.SQLITE, root=tmp_path)
    other.open()
    with pytest.raises(StoreRefused, match="not a database") as told, other.reading():
        pass
    assert told.value.__cause__ is not None


def test_a_file_that_was_taken_away_has_no_size_to_tell_and_says_so(sqlite_store: Store, tmp_path: Path) -> None:
    for path in tmp_path.glob("greenroom.db*"):
        path.unlink()
    with pytest.raises(StoreRefused):
        sqlite_store.describe()


@pytest.mark.parametrize("options", ["timeout=soon", "detect_types=all"])
def test_an_option_of_the_address_that_the_driver_can_not_read_never_stops_the_program(
    options: str, tmp_path: Path
) -> None:
    store = Store(f"{databases.SQLITE}?{options}", root=tmp_path)
    store.open()
    with pytest.raises(StoreRefused, match="can't be opened"), store.reading():
        pass


def test_what_is_asked_past_the_transaction_is_refused_in_the_same_way(sqlite_store: Store) -> None:
    for durable in (True, False):
        with pytest.raises(StoreRefused), sqlite_store.writing(durable=durable) as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("THIS IS NO STATEMENT")


def test_scrubbing_a_database_that_went_away_is_a_refusal(postgresql: databases.Server, tmp_path: Path) -> None:
    with postgresql.database() as url:
        store = Store(url, root=tmp_path)
        store.open()
        with store.writing() as connection:
            connection.execute(text("ALTER TABLE turns RENAME TO said"))
        with pytest.raises(StoreRefused):
            scrub.scrub(store)
        store.close()


def test_of_two_that_make_a_lease_at_once_one_holds_it_and_the_other_stands_by(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "read", lambda connection, name: None)
    both = [Lease(store, "sweeper:x", f"owner-{n}", Stopwatch(longest_step_s=9), lasts_s=9) for n in range(2)]
    assert [one.hold() for one in both] == [True, False]
