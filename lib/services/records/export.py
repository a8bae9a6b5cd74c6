"""Records as files to keep or send, one or many: Markdown to read, CSV for a sheet, JSON for a program."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise

from lib.models import Session, SessionEvent, Turn
from lib.services.calls import reading
from lib.services.ledger import outcome
from lib.services.wording import words
from lib.services.wording.plain import cost, length_s

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
SPEAKERS = {"user": "You", "tool": "Tool"}
SOURCES = {"tavus": "call", "chat": "chat"}
SESSION_COLUMNS = ("id", "started", "agent", "persona", "mode", "status", "length_s", "why_it_ended", "conversation_id")


NAME_CHARS = 60

Record = tuple[Session, Sequence[Turn], Sequence[SessionEvent]]
Speaker = Callable[[Session], str]
NONE_FITS = "No session fits the filters.\n"
LEFT_OUT = "Older sessions also fit the filters and are left out here.\n"


def shown(turns: Iterable[Turn]) -> list[Turn]:
    """The turns that a person reads: Tavus's transcript also holds the system prompt, which is not one."""
    return [turn for turn in turns if turn.role != "system"]


def markdown(session: Session, turns: Sequence[Turn], timeline: Sequence[SessionEvent], speaker: str = "") -> str:
    """One record to read. `speaker` is who answers in it, where more than the session's own names is known."""
    speakers = {**SPEAKERS, "assistant": _line(speaker or session.persona_name or session.agent_name) or "Avatar"}
    lines = [
        f"# {_line(session.agent_name)}, {session.created_at:%d %b %Y %H:%M} UTC",
        "",
        f"- Session: {session.id}",
        f"- Persona: {_line(session.persona_name) or 'not known'}",
        f"- Mode: {words.held_as(session)}",
        f"- Length: {clock(length_s(session))}",
        f"- Why it ended: {_line(_why(session)) or 'still open'}",
    ]
    for source, title in (("tavus", "Transcript"), ("chat", "Text chat")):
        said = [turn for turn in shown(turns) if turn.source == source]
        if said:
            lines += ["", f"## {title}", ""]
            for turn in said:
                at = "" if turn.seconds is None else f" ({clock(turn.seconds)})"
                lines += [f"**{speakers.get(turn.role, turn.role)}**{at}: {_text(turn.content)}", ""]
    if session.perception:
        lines += ["", "## A model's impression", "", "What a model made of the caller, not a measurement.", ""]
        lines += [_text(session.perception), ""]
    lines += ["", "## Timeline", ""]
    lines += [_happened(event) for event in reading.counted(timeline, turns)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def file_name(session: Session, at: datetime) -> str:
    """What a record's file is called, without its ending: agent, day and time as `at` has it, the end of the id.

    Letters and digits of every script are kept, as every file system takes them; all else becomes a dash.
    """
    agent = re.sub(r"\W+", "-", session.agent_name).strip("-_")[:NAME_CHARS].rstrip("-_")
    return "-".join(filter(None, (agent, f"{at:%Y-%m-%d-%H%M}", session.id.rpartition("-")[2])))


def turns_csv(turns: Sequence[Turn]) -> str:
    """The turns in the order of the page: those of the call, then those of the chat, numbered from 1."""
    said = sorted(shown(turns), key=lambda turn: turn.source == "chat")
    rows = [
        (number, SOURCES.get(turn.source, turn.source), turn.role, turn.seconds, turn.duration_s, turn.content)
        for number, turn in enumerate(said, 1)
    ]
    return _csv(("number", "source", "role", "seconds", "duration_s", "content"), rows)


def sessions_csv(sessions: Iterable[Session], price_per_minute: float = 0.0, *, more: bool = False) -> str:
    """One row a session; with a price also what its minutes cost by it. `more`: a last row says what is left out."""
    head = (*SESSION_COLUMNS, "estimated_cost") if price_per_minute else SESSION_COLUMNS
    rows: list[tuple[object, ...]] = [_row(session, price_per_minute) for session in sessions]
    return _csv(head, rows + ([(LEFT_OUT.strip(),)] if more else []))


def _row(session: Session, price_per_minute: float) -> tuple[object, ...]:
    row = (
        session.id,
        session.created_at.isoformat(timespec="seconds"),
        session.agent_name,
        session.persona_name,
        words.held_as(session).lower(),
        words.status(session),
        int(length_s(session)),
        _why(session),
        session.conversation_id,
    )
    if not price_per_minute:
        return row
    estimated = cost(session, price_per_minute)
    return (*row, "" if estimated is None else f"{estimated:.2f}")


def as_json(session: Session, turns: Sequence[Turn], timeline: Sequence[SessionEvent]) -> str:
    return json.dumps(_record(session, turns, timeline), indent=2, ensure_ascii=False, default=_plain) + "\n"


def all_markdown(records: Iterable[Record], *, more: bool, speaker: Speaker | None = None) -> str:
    """Several records one after the other; `more`: there are older ones that it leaves out. `speaker` as for one."""
    parts = [markdown(*one, speaker(one[0]) if speaker else "") for one in records] + ([LEFT_OUT] if more else [])
    return "\n---\n\n".join(parts) or NONE_FITS


def all_json(records: Iterable[Record], *, more: bool) -> str:
    """Several records as one JSON object: `{"sessions": [record, ...], "more": true where older ones are left out}`."""
    value = {"sessions": [_record(*one) for one in records], "more": more}
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"


def _record(session: Session, turns: Sequence[Turn], timeline: Sequence[SessionEvent]) -> dict[str, object]:
    return {
        "session": asdict(session),
        "turns": [asdict(turn) for turn in shown(turns)],
        "timeline": [asdict(event) for event in reading.counted(timeline, turns)],
    }


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


def _why(session: Session) -> str:
    """Why it ended or never began; "" while it is open, also where a chat says why it has no avatar."""
    return "" if session.status.open else session.end_reason or session.reason or "Ended"


def _happened(event: SessionEvent) -> str:
    said = outcome.event(event.kind)
    detail = _line(event.detail) if event.detail not in ("", said) else ""
    return f"- {event.at:%H:%M:%S} {said}{': ' + detail if detail else ''}"


def _line(text: str) -> str:
    return _escaped(" ".join(text.split()))


def _text(text: str) -> str:
    """Several lines as they were said: each keeps its break, and none becomes a heading, a list or a code block."""
    kept = [_escaped(line.strip()) for line in text.strip().splitlines()]
    return "\n".join(f"{line}\\" if line and after else line for line, after in pairwise([*kept, ""]))


def _escaped(text: str) -> str:
    """Shown as itself by every reader of Markdown: HTML as entities, and a backslash before what has a meaning."""
    text = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", html.escape(text, quote=False))
    return re.sub(r"^(\d+(?=[.)])|(?=[-+:])|(?==+$))", r"\1\\", text)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
