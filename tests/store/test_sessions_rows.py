"""What the tables take: whatever Tavus, a caller or a person wrote, the same on each database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lib.errors import StoreRefused
from lib.models import Agent, CallSettings, Mode, Session, Status, Turn
from lib.store import agents as agent_rows
from lib.store import sessions as rows
from lib.store.database import Store

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
HOSTILE = "a\0b \ud83d 😀 <img src=x onerror=alert(1)> \u202eright to left " + "x" * 10_000
KEPT = HOSTILE.replace("\0", "\ufffd").replace("\ud83d", "\ufffd")


def test_hostile_text_is_kept_as_itself_but_for_what_no_database_takes(store: Store) -> None:
    begun = session("s-1", agent_name=HOSTILE)
    with store.writing() as connection:
        agent_rows.add(connection, "me", Agent("a1", HOSTILE, "p", "r", CallSettings(context=HOSTILE), NOW, NOW))
        rows.add(connection, "me", rows.Intent(begun, HOSTILE[:200], "", "name", {"system_prompt": HOSTILE}))
        rows.replace_turns(connection, "s-1", "tavus", [Turn(0, "user", HOSTILE)])
        rows.note(connection, "s-1", NOW, "start", HOSTILE)
    with store.reading() as connection:
        assert agent_rows.every(connection, "me")[0].name == KEPT
        found = rows.one(connection, "me", "s-1")
        assert found is not None and found.agent_name == KEPT
        assert rows.by_token(connection, "me", HOSTILE[:200]) is not None
        assert rows.turns_of(connection, "s-1")[0].content == KEPT
        assert rows.timeline(connection, "s-1")[0].detail == KEPT


@pytest.mark.parametrize("name", ["\0", "s-\0", "\ud800", "'; DROP TABLE sessions; --", "x" * 10_000, "%", ""])
def test_a_strange_id_finds_nothing_and_breaks_nothing(name: str, store: Store) -> None:
    with store.reading() as connection:
        assert rows.one(connection, "me", name) is None
        assert rows.by_token(connection, "me", name) is None
        assert agent_rows.one(connection, name, name) is None


def test_a_reason_of_tavuss_that_is_too_long_is_cut_and_the_end_is_written(store: Store) -> None:
    with store.writing() as connection:
        rows.add(connection, "me", rows.Intent(session("s-1"), "t", "", "name", {}))
        assert rows.advance(connection, "s-1", status=Status.ENDED, end_code="internal error " * 40, end_reason="Ended")
    with store.reading() as connection:
        ended = rows.one(connection, "me", "s-1")
    assert ended is not None and ended.status is Status.ENDED
    assert ended.end_code == ("internal error " * 40)[:100]


def test_a_value_that_a_server_refuses_is_said_plainly(postgresql_store: Store) -> None:
    with pytest.raises(StoreRefused, match="too long"), postgresql_store.writing() as connection:
        rows.add(connection, "me", rows.Intent(session("s" * 41), "t", "", "name", {}))


def session(session_id: str, **changes: object) -> Session:
    values: dict[str, object] = {
        "id": session_id, "agent_id": "a1", "agent_name": "Demo", "persona_id": "p", "persona_name": "Guide",
        "replica_id": "r", "mode": Mode.PHOENIX_REST, "status": Status.STARTING, "created_at": NOW, "max_call_s": 600,
    }  # fmt: skip
    return Session(**{**values, **changes})  # type: ignore[arg-type]
