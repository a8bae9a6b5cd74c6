"""A database of an earlier Greenroom keeps what is in it and gains what is new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, select, text
from sqlalchemy.pool import NullPool

from lib.services.personas.content import content_of
from lib.store import lists, removed, schema
from lib.store.database import MIGRATIONS, VERSION_TABLE, Store
from lib.store.statement_timeout import StatementTimeout
from tests.databases import written

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


CANARY = "CANARY-4f1c-77"
KEPT_BEFORE = {
    "patch": json.dumps([{"op": "replace", "path": "/layers/llm/api_key", "value": CANARY}]),
    "header": json.dumps({"steps": [{"op": "add", "path": "/layers/llm/headers/X", "value": [CANARY]}], "n": 1.50}),
    "text": json.dumps({"arguments": json.dumps([{"op": "add", "path": "/layers/tts/api_key", "value": CANARY}])}),
    "shape": json.dumps({"system_prompt": "The key is sk-proj-4f1cCANARY9b8c7d6e"}),
    "cut": json.dumps([{"op": "add", "path": "/layers/llm/api_key", "value": CANARY}, {"x": "y" * 63_950}])[:64_000],
    "nested": '{"api_key":"' + CANARY + '","a":' + "[" * 900 + "]" * 900 + "}",
}
HARMLESS = {
    "plain": '{"persona_name":"Guide 日本","n":1.50,"layers":{"llm":{"api_key":"***","model":"m"}}}',
    "cut": ('{"system_prompt":"' + "y" * 64_000)[:64_000],
    "none": "",
    "odd": "{not json",
}


def test_secrets_that_were_kept_are_taken_out_and_everything_else_stays(database_url: str, tmp_path: Path) -> None:
    before(database_url, tmp_path, "m0007_refused_deletions")
    engine = create_engine(Store(database_url, root=tmp_path)._url, poolclass=NullPool)
    with engine.begin() as connection:
        for n, (name, body) in enumerate([*KEPT_BEFORE.items(), *HARMLESS.items()]):
            told = f"Tavus refused the request (400): {CANARY} is wrong." if name in KEPT_BEFORE else ""
            kept(connection, n, body, told)
        connection.execute(text("UPDATE sessions SET reason = :told WHERE id = 's-1'"), {"told": f"api_key={CANARY}"})
        for n, content in enumerate(({"persona_name": "A", "layers": {"llm": {"apiKey": CANARY, "model": "m"}}}, {})):
            snapshot(connection, n, content)
        connection.execute(text("UPDATE snapshots SET content = '[]' WHERE id = 2"))
    engine.dispose()
    store = Store(database_url, root=tmp_path)
    store.open()
    assert CANARY not in written(store)
    with store.reading() as connection:
        rows = {row.number: row.body for row in connection.execute(text("SELECT number, body FROM exchanges"))}
        errors = set(connection.execute(text("SELECT error FROM exchanges")).scalars())
        content, paths, number = connection.execute(
            select(schema.snapshots.c.content, schema.snapshots.c.secrets, schema.snapshots.c.hash).where(
                schema.snapshots.c.id == 1
            )
        ).one()
        assert removed.traces(connection), "nobody is told to empty the files"
    assert [rows[f"n{len(KEPT_BEFORE) + n}"] for n in range(len(HARMLESS))] == list(HARMLESS.values())
    assert json.loads(rows["n0"]) == [{"op": "replace", "path": "/layers/llm/api_key", "value": "***"}]
    assert json.loads(rows["n1"])["n"] == 1.5
    assert errors == {"", "Tavus refused the request (400): *** is wrong."}
    assert (content, paths) == ({"persona_name": "A", "layers": {"llm": {"model": "m"}}}, ["layers.llm.apiKey"])
    assert number == content_of({"persona_name": "A", "layers": {"llm": {"apiKey": "x", "model": "m"}}}).hash
    for path in tmp_path.iterdir():
        assert b"CANARY" not in path.read_bytes(), path.name
    store.close()


def kept(connection: Any, n: int, body: str, told: str) -> None:
    row = {
        "account": "me",
        "kind": "request",
        "at": n,
        "number": f"n{n}",
        "session_id": "",
        "about": "p1",
        "name": "/p",
    }
    row |= {
        "method": "PATCH",
        "target": "/p",
        "status": 400,
        "code": "",
        "error": told,
        "size": len(body),
        "body": body,
    }
    add(connection, "exchanges", row)


def snapshot(connection: Any, n: int, content: dict[str, Any]) -> None:
    row = {"account": "me", "persona_id": "p1", "previous_id": "", "hash": "0", "at": n, "origin": "found", "name": "A"}
    values = {"actor": "", "reason": "", "secrets": "[]", "content": json.dumps(content)}
    add(connection, "snapshots", {**row, **values})
