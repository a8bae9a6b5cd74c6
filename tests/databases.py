"""PostgreSQL for tests: a server of their own in a temporary folder, or the one that TEST_DATABASE_URL names.

The server listens on a socket in its folder and on no port. It ends with the process that started it, however that
ends: a shell between the two waits for the end of its input.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, make_url, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

import dev
from lib.store import schema
from lib.store.database import Store

SQLITE = "sqlite:///greenroom.db"
BACKENDS = ("sqlite", "postgresql")
KEEPER = '"$@" & read -r _; kill -INT $!; wait $!; rm -rf "$FOLDER"'
QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
START_WITHIN_S = 30.0


class Server:
    """A running PostgreSQL in which databases are made and dropped."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)

    @contextmanager
    def database(self, options: str = "") -> Iterator[str]:
        """An empty database; its URL. `options` of CREATE DATABASE. Dropped at the end, whoever still uses it."""
        name = f"greenroom_test_{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name} {options}")
        try:
            yield self._url.set(database=name).render_as_string(hide_password=False)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def run(self, statement: str, **values: Any) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement), values)


def written(store: Store) -> str:
    """All that the tables hold, as text."""
    with store.reading() as connection:
        rows = [connection.execute(select(table)).all() for table in schema.metadata.sorted_tables]
    return repr(rows)


@contextmanager
def server(*settings: str) -> Iterator[Server]:
    """A new server with these settings besides, such as QUICK. Skips the test by name where there is none to start."""
    if os.environ.get("TEST_DATABASE_URL"):
        yield Server(make_url(os.environ["TEST_DATABASE_URL"]).set(drivername="postgresql+psycopg"))
        return
    programs = dev.find_postgresql()
    if programs is None:
        if os.environ.get("CI") == "true":
            raise AssertionError("no PostgreSQL to start here: install it, or name one in TEST_DATABASE_URL")
        pytest.skip("no PostgreSQL to start here, and no TEST_DATABASE_URL")
    # Not in a folder of root's own, which the server's user could not enter.
    folder = Path(tempfile.mkdtemp(prefix="greenroom-pg-", dir="/tmp" if os.geteuid() == 0 else None))
    who = _someone_else(folder)
    data = folder / "data"
    made = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([*map(str, made), *_locale()], cwd=folder, check=True, capture_output=True, timeout=60, **who)
    started = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "max_connections=200"]
    with (folder / "log").open("wb") as log:
        keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "sh", *map(str, started), *(part for line in settings for part in ("-c", line))],
            cwd=folder, env={**os.environ, "FOLDER": str(folder)}, stdin=subprocess.PIPE, stdout=log, stderr=log,
            start_new_session=True, **who,
        )  # fmt: skip
    try:
        running = Server(make_url(f"postgresql+psycopg://postgres@/postgres?host={folder}"))
        _wait_for(running, folder / "log")
        yield running
    finally:
        keeper.communicate(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def _someone_else(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to be run by root: the user that owns the folder from here on, as Popen wants it."""
    if os.geteuid() != 0:
        return {}
    import pwd

    user = next(user for user in pwd.getpwall() if user.pw_name in ("postgres", "nobody"))
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _locale() -> list[str]:
    return ["--locale=C.UTF-8"] if sys.platform.startswith("linux") else []


def _wait_for(running: Server, log: Path) -> None:
    give_up = time.monotonic() + START_WITHIN_S
    while True:
        try:
            running.run("SELECT 1")
            return
        except OperationalError:
            if time.monotonic() > give_up:
                raise AssertionError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}") from None
            time.sleep(0.05)
