"""An export says all that a person may read, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from lib.models import Mode, Session, SessionEvent, Status, Turn
from lib.services import export

AT = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)
SESSION = Session(
    id="s-1",
    agent_id="a1",
    agent_name="=HYPERLINK(1)",
    persona_id="p1",
    persona_name="Guide",
    replica_id="r1",
    mode=Mode.PHOENIX_REST,
    status=Status.ENDED,
    created_at=AT,
    max_call_s=600,
    waiting_at=AT,
    ended_at=AT.replace(minute=18, second=42),
    end_reason="You ended it",
)
TURNS = [
    Turn(0, "system", "SECRET PROMPT"),
    Turn(1, "assistant", "Hello, שלום", 1.0, 2.0),
    Turn(2, "user", "=1+1", 62.0),
    Turn(0, "user", "typed", source="chat"),
]
TIMELINE = [SessionEvent(AT, "start"), SessionEvent(AT, "ended", "You ended it")]


def test_markdown_has_the_transcript_the_chat_and_the_reason() -> None:
    text = export.markdown(SESSION, TURNS, TIMELINE)
    assert "**Avatar** (0:01): Hello, שלום" in text
    assert "**You** (1:02): =1+1" in text
    assert text.index("## Transcript") < text.index("## Text chat") < text.index("**You**: typed")
    assert "Length: 3:42" in text
    assert "Why it ended: You ended it" in text


@pytest.mark.parametrize("make", [export.markdown, export.as_json])
def test_the_system_prompt_is_in_no_export(make: object) -> None:
    assert callable(make)
    assert "SECRET PROMPT" not in make(SESSION, TURNS, TIMELINE)
    assert "SECRET PROMPT" not in export.turns_csv(TURNS)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_a_cell_that_begins_like_a_formula_is_defused(cell: str) -> None:
    rows = list(csv.reader(io.StringIO(export.turns_csv([Turn(0, "user", cell)]), newline="")))
    assert rows[1][-1] == "'" + cell


def test_the_list_of_sessions_is_defused_too_and_whole() -> None:
    head, row = csv.reader(io.StringIO(export.sessions_csv([SESSION])))
    assert dict(zip(head, row, strict=True))["agent"] == "'=HYPERLINK(1)"
    assert dict(zip(head, row, strict=True))["length_s"] == "222"


def test_json_can_be_read_back() -> None:
    made = json.loads(export.as_json(SESSION, TURNS, TIMELINE))
    assert made["session"]["id"] == "s-1"
    assert [turn["content"] for turn in made["turns"]] == ["Hello, שלום", "=1+1", "typed"]
    assert made["timeline"][1]["detail"] == "You ended it"
