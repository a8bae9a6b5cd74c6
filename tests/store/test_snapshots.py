"""Snapshots in the database, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from lib.models import Origin, Snapshot
from lib.store import snapshots
from lib.store.database import Store

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
HOSTILE = "<img src=x> \0 \ud800 ‮שלום 🦊 {{}}"


def made(persona_id: str, content_hash: str, origin: Origin = Origin.GREENROOM, **more: Any) -> Snapshot:
    values: dict[str, Any] = {"name": persona_id, "at": NOON, "fields": {"persona_name": persona_id}, "secrets": ()}
    return Snapshot(id=0, persona_id=persona_id, hash=content_hash, origin=origin, **{**values, **more})


def test_a_snapshot_comes_back_as_it_was_written(store: Store) -> None:
    fields = {"persona_name": HOSTILE, "layers": {"llm": {"temperature": 1.5, "tools": [None, True, 10**18]}}}
    given = made(
        "p1", "h1", Origin.RESTORE, name="Guide", actor="api", reason="Back to what worked", previous_id="p0",
        fields=fields, secrets=("layers.llm.api_key",),
    )  # fmt: skip
    with store.writing() as connection:
        snapshots.add(connection, "a", [given])
    with store.reading() as connection:
        (listed,) = snapshots.page(connection, "a", ["p1"], limit=10, before=None)
        whole = snapshots.one(connection, "a", listed.id)
        assert snapshots.one(connection, "other", listed.id) is None
        assert snapshots.page(connection, "other", ["p1"], limit=10, before=None) == []
    assert whole is not None
    assert (whole.fields, whole.secrets) == (fields, ("layers.llm.api_key",))
    assert (listed.fields, listed.secrets) == (None, None)
    assert (whole.at, whole.origin, whole.actor, whole.reason) == (NOON, Origin.RESTORE, "api", "Back to what worked")
    assert (whole.previous_id, whole.hash, whole.name) == ("p0", "h1", "Guide")


def test_a_number_that_json_does_not_know_keeps_nothing_from_being_written(store: Store) -> None:
    with store.writing() as connection:
        snapshots.add(connection, "a", [made("p1", "h", fields={"n": [float("nan"), {"m": float("-inf")}]})])
    with store.reading() as connection:
        assert snapshots.newest_of(connection, "a", ["p1"])["p1"].fields == {"n": ["nan", {"m": "-inf"}]}


@pytest.mark.parametrize("text", [HOSTILE, "x" * 10_000, ""])
def test_any_name_actor_and_reason_can_be_kept(store: Store, text: str) -> None:
    with store.writing() as connection:
        snapshots.add(connection, "a", [made("p1", "h", name=text, actor=text, reason=text)])
    with store.reading() as connection:
        (row,) = snapshots.page(connection, "a", ["p1"], limit=1, before=None)
    assert len(row.reason) == len(row.actor) == len(row.name) == len(text)


def test_pages_go_back_in_time_by_number_and_never_repeat(store: Store) -> None:
    with store.writing() as connection:
        snapshots.add(connection, "a", [made("p1", f"h{n}", at=NOON + timedelta(seconds=n)) for n in range(7)])
        snapshots.add(connection, "a", [made("p2", "other")])
    seen: list[str] = []
    before: int | None = None
    with store.reading() as connection:
        while page := snapshots.page(connection, "a", ["p1"], limit=3, before=before):
            seen += [row.hash for row in page]
            before = page[-1].id
    assert seen == [f"h{n}" for n in reversed(range(7))]


def test_a_standing_is_the_newest_state_and_the_last_one_that_was_meant(store: Store) -> None:
    with store.writing() as connection:
        snapshots.add(connection, "a", [made("p1", "one"), made("p2", "two", Origin.FOUND)])
        snapshots.add(connection, "a", [made("p1", "changed", Origin.TAVUS), made("p2", "three")])
        snapshots.add(connection, "b", [made("p1", "elsewhere")])
    with store.reading() as connection:
        found = snapshots.standings(connection, "a")
    assert {key: (standing.newest.hash, standing.base_hash) for key, standing in found.items()} == {
        "p1": ("changed", "one"),
        "p2": ("three", "three"),
    }


def test_the_newest_of_many_personas_are_read_with_their_contents(store: Store) -> None:
    with store.writing() as connection:
        snapshots.add(connection, "a", [made(f"p{n}", "old") for n in range(1200)])
        snapshots.add(connection, "a", [made(f"p{n}", "new", fields={"n": n}) for n in range(600)])
    with store.reading() as connection:
        found = snapshots.newest_of(connection, "a", [f"p{n}" for n in range(1300)])
        assert snapshots.newest_of(connection, "b", ["p1"]) == {}
    assert len(found) == 1200
    assert (found["p5"].hash, found["p5"].fields) == ("new", {"n": 5})
    assert found["p700"].hash == "old"


def test_the_head_moves_with_every_snapshot_and_links_are_found(store: Store) -> None:
    with store.reading() as connection:
        assert snapshots.head(connection) == 0
    with store.writing() as connection:
        snapshots.add(connection, "a", [made("p2", "h", previous_id="p1"), made("p3", "h")])
    with store.reading() as connection:
        head = snapshots.head(connection)
        assert head >= 2
        assert snapshots.links(connection, "a") == {"p2": "p1"}
        assert snapshots.links(connection, "b") == {}
    with store.writing() as connection:
        snapshots.add(connection, "b", [made("p1", "h")])
    with store.reading() as connection:
        assert snapshots.head(connection) > head


def test_what_is_read_for_the_gallery_uses_an_index_and_touches_no_content(sqlite_store: Store) -> None:
    told: list[str] = []
    with sqlite_store.reading() as connection:

        @event.listens_for(connection, "before_cursor_execute")
        def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _m: Any) -> None:
            told.append(statement)

        snapshots.standings(connection, "a")
        snapshots.links(connection, "a")
        snapshots.page(connection, "a", ["p1"], limit=50, before=9)
        statements = list(told)
        assert not [statement for statement in statements if "content" in statement]
        for statement in statements:
            values = [0] * statement.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(values)).all()
            assert not [row for row in plan if "SCAN snapshots" in row[3] and "INDEX" not in row[3]], plan
