"""The sandbox's memory: rows by kind and id, written through to a SQLite file.

Everything is read from memory; each write reaches the file before it is answered, without waiting for the disk
(`synchronous=OFF`): it survives the end of the process, not the loss of power, which is enough for a rehearsal room.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

Row = dict[str, Any]


class SandboxState:
    """`path` None keeps everything in memory. A file that can't be read is set aside. Thread-safe."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._rows: dict[str, dict[str, Row]] = {}
        self._file = _opened(path) if path else None
        if self._file:
            for kind, id_, body in self._file.execute("SELECT kind, id, body FROM rows ORDER BY rowid"):
                self._rows.setdefault(kind, {})[id_] = json.loads(body)

    @property
    def empty(self) -> bool:
        return not self._rows

    def get(self, kind: str, id_: str) -> Row | None:
        """The row itself, not a copy: change it only together with `put`."""
        return self._rows.get(kind, {}).get(id_)

    def all(self, kind: str) -> list[Row]:
        with self._lock:
            return list(self._rows.get(kind, {}).values())

    def put(self, kind: str, id_: str, row: Row) -> None:
        with self._lock:
            self._rows.setdefault(kind, {})[id_] = row
            self._write(
                "INSERT INTO rows (kind, id, body) VALUES (?, ?, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                (kind, id_, json.dumps(row)),
            )

    def delete(self, kind: str, id_: str) -> None:
        with self._lock:
            self._rows.get(kind, {}).pop(id_, None)
            self._write("DELETE FROM rows WHERE kind = ? AND id = ?", (kind, id_))

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()
            self._write("DELETE FROM rows", ())

    def close(self) -> None:
        """Later writes stay in memory."""
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None

    def _write(self, statement: str, values: tuple[str, ...]) -> None:
        if self._file:
            self._file.execute(statement, values)


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _connected(path)
    except sqlite3.DatabaseError as error:
        aside = path.with_suffix(path.suffix + ".unreadable")
        log.warning("The sandbox's state could not be read (%s) and lies in %s now.", error, aside.name)
        for file in _files_of(path):
            file.replace(aside) if file == path else file.unlink()
        return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS rows"
            " (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id))"
        )
        with closing(connection.execute("SELECT kind, id, body FROM rows LIMIT 1")) as rows:
            rows.fetchall()
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _files_of(path: Path) -> Iterator[Path]:
    """The database and what SQLite keeps beside it."""
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        if file.exists():
            yield file
