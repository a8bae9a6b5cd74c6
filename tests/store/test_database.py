"""The database opens only what is empty or ours, brings it to the newest revision, and loses nothing to a crash."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from lib.errors import StoreRefused
from lib.store import schema
from lib.store.database import VERSION_TABLE, Store, revisions
from tests.running import ROOT


def test_the_migrations_make_exactly_the_tables_that_the_code_describes(store: Store) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        differences = compare_metadata(context, schema.metadata)
    assert differences == []


def test_a_database_of_something_else_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE customers (name TEXT)")
        other.execute("INSERT INTO customers VALUES ('kept')")
    other.close()
    store = Store("sqlite:///other.db", root=tmp_path)
    store.open()
    with pytest.raises(StoreRefused, match="holds something else"), store.reading():
        pass
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall() == [("customers",)]
        assert other.execute("SELECT name FROM customers").fetchall() == [("kept",)]
    other.close()


def test_a_database_of_a_newer_greenroom_is_refused(store: Store, tmp_path: Path) -> None:
    store.close()
    with sqlite3.connect(tmp_path / "greenroom.db") as raw:
        raw.execute(f"UPDATE {VERSION_TABLE} SET version_num = 'm9999_later'")
    raw.close()
    again = Store("sqlite:///greenroom.db", root=tmp_path)
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


def test_two_databases_have_two_prefixes_and_one_keeps_its_own(tmp_path: Path) -> None:
    prefixes = []
    for name in ("a.db", "b.db", "a.db"):
        store = Store(f"sqlite:///{name}", root=tmp_path)
        store.open()
        prefixes.append(store.meta("prefix"))
        store.close()
    assert prefixes[0] != prefixes[1]
    assert prefixes[0] == prefixes[2]


def test_what_was_committed_is_there_after_the_process_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from lib.store.database import Store\n"
        "from lib.store.agents import first_time\n"
        f"store = Store('sqlite:///k.db', root=Path({str(tmp_path)!r})); store.open()\n"
        "with store.writing() as c: first_time(c, 'committed')\n"
        "with store.writing() as c:\n"
        "    first_time(c, 'not committed')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, timeout=60)
    assert killed.returncode == -9
    with sqlite3.connect(tmp_path / "k.db") as raw:
        keys = {key for (key,) in raw.execute("SELECT key FROM meta")}
    raw.close()
    assert "committed" in keys
    assert "not committed" not in keys


def test_the_ledger_is_on_disk_before_a_commit_returns(store: Store) -> None:
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_a_database_that_breaks_while_it_is_open_is_named_and_nothing_is_half_written(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(StoreRefused, match="full"), store.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
        connection.exec_driver_sql("INSERT INTO meta VALUES ('half', ?)", ("x" * 1_000_000,))
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM meta WHERE key='half'").scalar_one() == 0


def test_diagnostics_are_told_where_the_database_is_without_its_password(store: Store, tmp_path: Path) -> None:
    described = store.describe()
    assert described.revision == described.head == revisions()[-1]
    assert described.size_bytes and described.size_bytes > 0
    hidden = Store("postgresql+psycopg://me:s3cret@127.0.0.1/x", root=tmp_path)
    assert "s3cret" not in repr(hidden.__dict__.get("_url", "")) + str(hidden._url.render_as_string())
