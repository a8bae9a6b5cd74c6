"""An export says all that a person may read, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lib.models import Mode, Session, SessionEvent, Status, Turn
from lib.services.records import export

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
    assert "**Guide** (0:01): Hello, שלום" in export.markdown(SESSION, TURNS, TIMELINE, "Guide")
    assert "**You** (1:02): =1+1" in text
    assert text.index("## Transcript") < text.index("## Text chat") < text.index("**You**: typed")
    assert "Length: 3:42" in text
    assert "Why it ended: You ended it" in text
    assert "Mode: Video call" in text
    assert "- 09:15:00 Start pressed\n- 09:15:00 Ended: You ended it\n" in text


def test_a_transcripts_entries_are_counted_as_they_are_shown_in_each_form() -> None:
    timeline = [SessionEvent(AT, "transcript", f"{len(TURNS)} entries")]
    assert "Transcript read: 2 entries" in export.markdown(SESSION, TURNS, timeline)
    assert json.loads(export.as_json(SESSION, TURNS, timeline))["timeline"][0]["detail"] == "2 entries"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Product demo", "Product-demo-2026-11-22-0915-a1b2c3"),
        ("../..\\C:*?<x>\n.", "C-x-2026-11-22-0915-a1b2c3"),
        ("Führung שלום", "Führung-שלום-2026-11-22-0915-a1b2c3"),
        ("🎉", "2026-11-22-0915-a1b2c3"),
        ("x" * 300, f"{'x' * 60}-2026-11-22-0915-a1b2c3"),
    ],
)
def test_a_records_file_is_named_by_agent_and_day_in_safe_characters(agent: str, name: str) -> None:
    session = replace(SESSION, id="s-20261122-091500-a1b2c3", agent_name=agent)
    assert export.file_name(session, AT) == name


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("A & B &amp; <b>", "A &amp; B &amp;amp; &lt;b&gt;"),
        ("[free](javascript:x) ![i](y)", r"\[free\](javascript:x) !\[i\](y)"),
        ("**Avatar**: `no` ~~it~~ # | _was_", r"\*\*Avatar\*\*: \`no\` \~\~it\~\~ \# \| \_was\_"),
        ("- a\n1. b\n---\n2) c", "\\- a\\\n1\\. b\\\n\\---\\\n2\\) c"),
        ("It costs 2.5, on 3-4", "It costs 2.5, on 3-4"),
    ],
)
def test_what_was_said_and_seen_is_shown_as_itself(said: str, written: str) -> None:
    session = replace(SESSION, perception=said, agent_name=said)
    text = export.markdown(session, [Turn(1, "user", said, source="chat")], [SessionEvent(AT, "ended", said)])
    assert f"**You**: {written}\n" in text
    assert f"## A model's impression\n\nWhat a model made of the caller, not a measurement.\n\n{written}\n" in text
    assert "<script" not in text and "](javascript" not in text.replace(r"\](", "")


def test_a_call_that_nobody_looked_at_has_no_impression_and_one_that_runs_no_end() -> None:
    text = export.markdown(replace(SESSION, status=Status.LIVE, reason="No avatar"), [], [])
    assert "impression" not in text
    assert "Why it ended: still open" in text


def test_turns_are_numbered_in_one_sequence_and_say_where_they_were_said() -> None:
    rows = list(csv.reader(io.StringIO(export.turns_csv([TURNS[3], *TURNS[:3]]), newline="")))
    assert rows[0][:3] == ["number", "source", "role"]
    assert [row[:3] for row in rows[1:]] == [["1", "call", "assistant"], ["2", "call", "user"], ["3", "chat", "user"]]


@pytest.mark.parametrize("make", [export.markdown, export.as_json])
def test_the_system_prompt_is_in_no_export(make: object) -> None:
    assert callable(make)
    assert "SECRET PROMPT" not in make(SESSION, TURNS, TIMELINE)
    assert "SECRET PROMPT" not in export.turns_csv(TURNS)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_a_cell_that_begins_like_a_formula_is_defused(cell: str) -> None:
    rows = list(csv.reader(io.StringIO(export.turns_csv([Turn(0, "user", cell)]), newline="")))
    assert rows[1][-1] == "'" + cell


def test_the_list_of_sessions_is_defused_too_and_whole() -> None:
    head, row = csv.reader(io.StringIO(export.sessions_csv([SESSION])))
    assert dict(zip(head, row, strict=True))["agent"] == "'=HYPERLINK(1)"
    assert dict(zip(head, row, strict=True))["length_s"] == "222"


@pytest.mark.parametrize(
    ("mode", "status", "words"),
    [
        (Mode.PHOENIX_REST, Status.ENDED, ("video call", "ended")),
        (Mode.PIPECAT_DAILY, Status.WAITING, ("video call", "waiting for you")),
        (Mode.TEXT, Status.LIVE, ("text chat", "open")),
        (Mode.TEXT, Status.ENDED, ("text chat", "ended")),
    ],
)
def test_the_list_says_mode_and_status_in_words(mode: Mode, status: Status, words: tuple[str, str]) -> None:
    head, row = csv.reader(io.StringIO(export.sessions_csv([replace(SESSION, mode=mode, status=status)])))
    said = dict(zip(head, row, strict=True))
    assert (said["mode"], said["status"]) == words
    assert said["why_it_ended"] == ("You ended it" if status is Status.ENDED else "")


def test_json_can_be_read_back() -> None:
    made = json.loads(export.as_json(SESSION, TURNS, TIMELINE))
    assert made["session"]["id"] == "s-1"
    assert [turn["content"] for turn in made["turns"]] == ["Hello, שלום", "=1+1", "typed"]
    assert made["timeline"][1]["detail"] == "You ended it"
