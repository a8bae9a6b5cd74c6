"""Sessions with transcripts, written through the store's own functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from lib.models import Mode, Session, Status, Turn
from lib.store import sessions as rows
from lib.store.database import Store

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
ACCOUNT = "me"


def session(session_id: str, **changes: Any) -> Session:
    values: dict[str, Any] = {
        "id": session_id, "agent_id": "a1", "agent_name": "Demo", "persona_id": "p", "persona_name": "Guide",
        "replica_id": "r", "mode": Mode.PHOENIX_REST, "status": Status.STARTING, "created_at": NOW, "max_call_s": 600,
    }  # fmt: skip
    return Session(**{**values, **changes})


def keep(store: Store, session: Session, said: Sequence[str | Turn] = (), *, account: str = ACCOUNT) -> None:
    """Write the session, ended, with what was said in it: strings are the user's."""
    spoken = [Turn(n, "user", turn) if isinstance(turn, str) else turn for n, turn in enumerate(said)]
    with store.writing() as connection:
        rows.add(connection, account, rows.Intent(session, f"t-{session.id}", "", f"name {session.id}", {}))
        if spoken:
            rows.replace_turns(connection, session.id, "tavus", spoken)


def several(store: Store, *said: str) -> None:
    """One session for each text, `s-0` the oldest, a minute apart."""
    for n, text in enumerate(said):
        keep(store, session(f"s-{n}", created_at=NOW + timedelta(minutes=n)), [text])
