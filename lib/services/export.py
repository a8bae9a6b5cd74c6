"""A session's record as a file to keep or send: Markdown to read, CSV for a sheet, JSON for a program."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from lib.models import Session, SessionEvent, Turn
from lib.services.plain import length_s

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
SPEAKERS = {"user": "You", "assistant": "Avatar", "tool": "Tool"}
SESSION_COLUMNS = ("id", "started", "agent", "persona", "mode", "status", "length_s", "why_it_ended", "conversation_id")


def shown(turns: Iterable[Turn]) -> list[Turn]:
    """The turns that a person reads: Tavus's transcript also holds the system prompt, which is not one."""
    return [turn for turn in turns if turn.role != "system"]


def markdown(session: Session, turns: Sequence[Turn], timeline: Sequence[SessionEvent]) -> str:
    lines = [
        f"# {_line(session.agent_name)}, {session.created_at:%d %b %Y %H:%M} UTC",
        "",
        f"- Session: {session.id}",
        f"- Persona: {_line(session.persona_name) or 'not known'}",
        f"- Mode: {session.mode}",
        f"- Length: {clock(length_s(session))}",
        f"- Why it ended: {session.end_reason or session.reason or 'still open'}",
    ]
    for source, title in (("tavus", "Transcript"), ("chat", "Text chat")):
        said = [turn for turn in shown(turns) if turn.source == source]
        if said:
            lines += ["", f"## {title}", ""]
            for turn in said:
                at = "" if turn.seconds is None else f" ({clock(turn.seconds)})"
                lines += [f"**{SPEAKERS.get(turn.role, turn.role)}**{at}: {turn.content}", ""]
    lines += ["", "## Timeline", ""]
    lines += [f"- {event.at:%H:%M:%S} {event.kind} {_line(event.detail)}".rstrip() for event in timeline]
    return "\n".join(lines) + "\n"


def turns_csv(turns: Sequence[Turn]) -> str:
    rows = [(turn.seq, turn.source, turn.role, turn.seconds, turn.duration_s, turn.content) for turn in shown(turns)]
    return _csv(("seq", "source", "role", "seconds", "duration_s", "content"), rows)


def sessions_csv(sessions: Iterable[Session]) -> str:
    return _csv(
        SESSION_COLUMNS,
        [
            (
                session.id,
                session.created_at.isoformat(timespec="seconds"),
                session.agent_name,
                session.persona_name,
                session.mode.value,
                session.status.value,
                round(length_s(session)),
                session.end_reason or session.reason,
                session.conversation_id,
            )
            for session in sessions
        ],
    )


def as_json(session: Session, turns: Sequence[Turn], timeline: Sequence[SessionEvent]) -> str:
    record = {
        "session": asdict(session),
        "turns": [asdict(turn) for turn in shown(turns)],
        "timeline": [asdict(event) for event in timeline],
    }
    return json.dumps(record, indent=2, ensure_ascii=False, default=_plain) + "\n"


def clock(seconds: float) -> str:
    """`3:42`, as on a timer."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([[_defused(cell) for cell in row] for row in rows])
    return out.getvalue()


def _defused(cell: object) -> object:
    """A cell that a sheet would run as a formula gets a quote in front of it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def _line(text: str) -> str:
    return " ".join(text.split())


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
