"""A database of an earlier Greenroom keeps what is in it and gains what is new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from lib.store import lists
from lib.store.database import MIGRATIONS, VERSION_TABLE, Store
from lib.store.hurry import StatementTimeout

SESSION = {
    "account": "me", "agent_id": "a", "persona_id": "p", "persona_name": "Guide", "replica_id": "r", "persona": "{}",
    "mode": "phoenix_rest", "status": "ended", "request_hash": "", "conversation_url": "", "max_call_s": 600,
    "private_room": False, "reason_code": "", "reason": "", "reason_hint": "", "end_code": "", "end_reason": "",
    "perception": "",
}  # fmt: skip
SAID = (
    ("s-1", 0, "user", "About prices"),
    ("s-2", 0, "system", "You are a pirate"),
    ("s-2", 1, "user", "日本語"),
)


def test_transcripts_of_before_the_search_are_found_by_it(database_url: str, tmp_path: Path) -> None:
    before(database_url, tmp_path, "m0001_first")
    store = Store(database_url, root=tmp_path)
    store.open()
    assert found(store, "prices") == ["s-1"]
    assert found(store, "coach") == ["s-3", "s-2", "s-1"]
    assert found(store, "本語") == ["s-2"]
    assert found(store, "pirate") == []
    store.close()


def before(url: str, root: Path, revision: str) -> None:
    """Make the database as it was at that revision, with three sessions in it, two of which began in one moment."""
    engine = create_engine(Store(url, root=root)._url, poolclass=NullPool)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, revision)
        for n, at in ((1, 5_000_000), (2, 7_000_000), (3, 7_000_000)):
            row = {"id": f"s-{n}", "token": f"t{n}", "conversation_name": f"n{n}", "created_at": at}
            add(connection, "sessions", {**SESSION, **row, "agent_name": "Coach"})
        for session_id, seq, role, content in SAID:
            turn = {"session_id": session_id, "source": "tavus", "seq": seq, "role": role, "content": content}
            add(connection, "turns", turn)


def add(connection: Any, table: str, row: dict[str, Any]) -> None:
    columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)


def found(store: Store, query: str) -> list[str]:
    with store.reading() as connection:
        page = lists.page(StatementTimeout(connection, 5), "me", lists.SessionFilters(text=query), limit=9, place=None)
    return [session.id for session in page.sessions]
