"""Sessions as a table with a button in each row, and the same records by name for the keyboard.

What a table is made of is kept for as long as its sessions stay what they are: a list is drawn far more often than it
changes.
"""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache
from typing import Any

import streamlit as st

from lib.models import Session
from lib.services.wording.plain import cost
from lib.ui.kit import table
from lib.ui.kit.context import Services
from lib.ui.kit.text import stamp_in, zone
from lib.ui.records import record

CHIPS = {"Open": "green", "Ended": "gray", "Failed": "red", "Text only": "blue"}
FOUND_ORDER = ["started", "agent", "said", "state", "why", "length"]
ORDER = ["started", "agent", "state", "why", "length", "cost", "mode"]


def draw_session_table(services: Services, sessions: tuple[Session, ...], text: str) -> str | None:
    """The list; returns the id of the session that is to be opened. What says most comes first, for a narrow window.

    After a search that is where the words were said.
    """
    price = services.archive.price_per_minute
    said = services.archive.passages(sessions, text) if text else {}
    passages = tuple(said.get(session.id, "") for session in sessions)
    lengths = tuple(record.length(session) for session in sessions)  # that of an open one grows
    return table.open_by_button(
        "history",
        [session.id for session in sessions],
        _rows(sessions, passages, lengths, price, zone()),
        _columns(searched=bool(text), priced=bool(price)),
        order=FOUND_ORDER if text else ORDER,
    )


def choose_session(sessions: tuple[Session, ...]) -> str | None:
    """The id of the session that was chosen by its name."""
    labels, numbers = _labels(sessions, zone()), range(len(sessions))
    picked = table.open_by_name("a record", numbers, labels.__getitem__, key="history_record", width=280)
    return sessions[picked].id if picked is not None and picked < len(sessions) else None


@lru_cache(maxsize=4)
def _columns(*, searched: bool, priced: bool) -> dict[str, Any]:
    column = st.column_config
    return {
        "started": column.DatetimeColumn("Started", format="D MMM, HH:mm", width=104),
        "agent": column.TextColumn("Agent", width=104),
        "said": column.TextColumn("What was said", width=420),
        "state": table.chips("State", CHIPS, 86),
        "why": column.TextColumn("Why it ended", width=160 if searched else 240),
        "length": column.TextColumn("Length", alignment="right", width=74),
        "cost": column.TextColumn("Est. cost", alignment="right", width=86) if priced else None,
        "mode": column.TextColumn("Mode", width=80),
    }


@lru_cache(maxsize=64)
def _rows(
    sessions: tuple[Session, ...], said: tuple[str, ...], lengths: tuple[str, ...], price: float, here: tzinfo
) -> Any:
    estimates = [cost(session, price) for session in sessions]
    return table.arrow(
        {
            "started": [session.created_at.astimezone(here).replace(tzinfo=None) for session in sessions],
            "agent": [session.agent_name for session in sessions],
            "said": [words or "–" for words in said],
            "state": [[_state(session)] for session in sessions],
            "why": [record.why(session) or "–" for session in sessions],
            "length": lengths,
            "cost": ["–" if estimate is None else f"{estimate:.2f}" for estimate in estimates],
            "mode": ["Video" if session.in_room else "Text" for session in sessions],
        }
    )


@lru_cache(maxsize=64)
def _labels(sessions: tuple[Session, ...], here: tzinfo) -> list[str]:
    return [f"{stamp_in(session.created_at, here)} · {session.agent_name}" for session in sessions]


def _state(session: Session) -> str:
    if not session.status.open:
        return session.status.value.capitalize()
    return "Open" if session.in_room else "Text only"
