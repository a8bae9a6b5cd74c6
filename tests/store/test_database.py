"""The database opens only what is empty or ours, brings it to the newest revision, and loses nothing to a crash."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

import dev
from lib.errors import StoreRefused
from lib.store import schema
from lib.store.agents import first_time
from lib.store.database import VERSION_TABLE, Store, revisions
from tests import databases
from tests.running import ROOT

DROP_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"


def test_the_migrations_make_exactly_the_tables_that_the_code_describes(store: Store) -> None:
    with store.reading() as connection:
        options = {"version_table": VERSION_TABLE, "include_name": described}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, schema.metadata)
    assert differences == []


def test_a_database_of_something_else_is_refused_and_stays_as_it_is(database_url: str, tmp_path: Path) -> None:
    with raw(database_url, tmp_path) as other:
        other.execute(text("CREATE TABLE customers (name TEXT)"))
        other.execute(text("INSERT INTO customers VALUES ('kept')"))
    store = Store(database_url, root=tmp_path)
    store.open()
    with pytest.raises(StoreRefused, match="holds something else"), store.reading():
        pass
    with raw(database_url, tmp_path) as other:
        assert inspect(other).get_table_names() == ["customers"]
        assert other.execute(text("SELECT name FROM customers")).scalars().all() == ["kept"]


def test_a_database_of_a_newer_greenroom_is_refused(store: Store, database_url: str, tmp_path: Path) -> None:
    store.close()
    with raw(database_url, tmp_path) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = 'm9999_later'"))
    again = Store(database_url, root=tmp_path)
    again.open()
    with pytest.raises(StoreRefused, match="newer Greenroom"), again.reading():
        pass


@pytest.mark.parametrize(
    "url", ["sqlite:////proc/nowhere/x.db", "postgresql+psycopg://nobody@127.0.0.1:1/none", "nonsense", "mysql://x/y"]
)
def test_a_database_that_can_not_be_opened_says_so_at_each_use_and_never_stops_the_program(
    url: str, tmp_path: Path
) -> None:
    store = Store(url, root=tmp_path)
    store.open()
    for _ in range(2):
        with pytest.raises(StoreRefused) as refused, store.writing():
            pass
        assert refused.value.hint
    store.close()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("postgresql://me@h/x", "postgresql+psycopg://me@h/x"),
        ("postgres://me@h/x", "postgresql+psycopg://me@h/x"),
        ("postgresql+psycopg://me@h/x", "postgresql+psycopg://me@h/x"),
    ],
)
def test_the_usual_spellings_of_a_postgresql_address_are_understood(written: str, read: str, tmp_path: Path) -> None:
    assert Store(written, root=tmp_path)._url.render_as_string() == read


def test_two_databases_have_two_prefixes_and_one_keeps_its_own(tmp_path: Path) -> None:
    prefixes = []
    for name in ("a.db", "b.db", "a.db"):
        store = Store(f"sqlite:///{name}", root=tmp_path)
        store.open()
        prefixes.append(store.meta("prefix"))
        store.close()
    assert prefixes[0] != prefixes[1]
    assert prefixes[0] == prefixes[2]


def test_processes_that_start_at_once_make_one_database_between_them(database_url: str, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from lib.store.database import Store\n"
        f"{opened(database_url, tmp_path, wait=True)}"
        "print(store.meta('prefix'))\n"
    )
    started = [process(script) for _ in range(4)]
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in started:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    told = [one.communicate(timeout=60)[0].strip() for one in started]
    assert len(set(told)) == 1, told
    assert told[0].startswith("gr")


def test_what_was_committed_is_there_after_the_process_is_killed(database_url: str, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from lib.store.agents import first_time\n"
        f"{opened(database_url, tmp_path)}"
        "with store.writing() as c: first_time(c, 'committed')\n"
        "with store.writing() as c:\n"
        "    first_time(c, 'not committed')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = process(script)
    assert killed.wait(60) == -9
    killed.communicate()
    with raw(database_url, tmp_path) as connection:
        keys = set(connection.execute(text("SELECT key FROM meta")).scalars())
    assert "committed" in keys
    assert "not committed" not in keys


def test_the_ledger_is_on_disk_before_a_commit_returns(sqlite_store: Store) -> None:
    with sqlite_store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_a_disk_that_is_full_is_named_and_nothing_is_half_written(sqlite_store: Store) -> None:
    with pytest.raises(StoreRefused, match="full"), sqlite_store.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
        connection.exec_driver_sql("INSERT INTO meta VALUES ('half', ?)", ("x" * 1_000_000,))
    with sqlite_store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM meta WHERE key='half'").scalar_one() == 0


def test_a_server_that_drops_its_connections_is_named_and_the_next_use_works(
    postgresql: databases.Server, tmp_path: Path
) -> None:
    with postgresql.database() as url:
        store = Store(url, root=tmp_path)
        store.open()
        with pytest.raises(StoreRefused, match="terminating connection"), store.writing() as connection:
            first_time(connection, "half")
            postgresql.run(DROP_ALL, name=make_url(url).database)
            first_time(connection, "whole")
        with store.writing() as connection:
            assert first_time(connection, "half")
        store.close()


def test_counting_and_writing_under_the_guards_lock_are_one_step(store: Store) -> None:
    def take(number: int) -> bool:
        with store.writing() as connection:
            store.lock_guard(connection)
            taken = connection.execute(text("SELECT count(*) FROM meta WHERE key LIKE 'slot-%'")).scalar_one()
            time.sleep(0.02)
            return taken < 3 and first_time(connection, f"slot-{number}")

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 3


def test_what_a_thread_still_holds_when_the_store_is_closed_is_closed_when_it_comes_back(store: Store) -> None:
    with store.reading() as connection:
        raw_connection = connection.connection.driver_connection
        store.close()
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    with pytest.raises(Exception, match="closed"):
        raw_connection.execute("SELECT 1")  # type: ignore[union-attr]


def test_diagnostics_are_told_where_the_database_is_without_its_password(store: Store, tmp_path: Path) -> None:
    described = store.describe()
    assert described.revision == described.head == revisions()[-1]
    assert described.size_bytes and described.size_bytes > 0
    hidden = Store("postgresql+psycopg://me:s3cret@127.0.0.1/x", root=tmp_path)
    assert "s3cret" not in repr(hidden.__dict__.get("_url", "")) + str(hidden._url.render_as_string())


def test_without_a_postgresql_its_tests_are_skipped_by_name_and_fail_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev, "find_postgresql", lambda: None)
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="install it"), databases.server():
        pass
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no PostgreSQL"), databases.server():
        pass


def described(name: str | None, kind: str, _parents: object) -> bool:
    """All but FTS5's own tables and what only one of the databases has an index for."""
    return not ((kind == "table" and str(name).startswith("search_index")) or name == "search_by_words")


@contextmanager
def raw(url: str, root: Path) -> Iterator[Connection]:
    """The database past Greenroom's own way in."""
    engine = create_engine(Store(url, root=root)._url, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def opened(url: str, root: Path, *, wait: bool = False) -> str:
    """Lines of a script that open the store; with `wait` only once a line came in."""
    lines = "from pathlib import Path\nfrom lib.store.database import Store\n"
    lines += f"store = Store({url!r}, root=Path({str(root)!r}))\n"
    return lines + ("print('ready', flush=True)\nsys.stdin.readline()\n" if wait else "") + "store.open()\n"


def process(script: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def test_a_lock_that_is_never_given_back_is_waited_for_for_a_while_only(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.store.database.BUSY_TIMEOUT_S", 1)
    patient = Store(database_url, root=tmp_path)
    patient.open()
    begun = time.monotonic()
    with store.writing() as holding:
        store.lock_guard(holding)
        with pytest.raises(StoreRefused), patient.writing() as waiting:
            patient.lock_guard(waiting)
    assert 0.5 < time.monotonic() - begun < 5
    patient.close()
