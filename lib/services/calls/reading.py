"""Tavus's events of a conversation, read into our words: joined, ended and why, the transcript, the impression.

Also what is told of a session's course, from all that is known of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from lib.models import Conversation, ConversationEvent, Exchange, JsonObject, Recording, Session, SessionEvent, Turn

JOINED = ("system.replica_joined", "system.pal_joined", "system.face_joined")
RECORDED, NOT_COPIED = "application.recording_ready", "application.recording_copy_failed"
SPOKEN, QUOTED = ("user", "assistant"), 60
ROLES = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool", "replica": "assistant"}


@dataclass(frozen=True)
class Seen:
    """What a conversation's events say. None: not said (yet)."""

    joined_at: datetime | None
    ended_at: datetime | None
    end_code: str
    turns: tuple[Turn, ...] | None
    perception: str
    recordings: tuple[Recording, ...] = ()


def read(conversation: Conversation) -> Seen:
    """Read the events of `GET /v2/conversations/{id}?verbose=true`; twins and repeats do no harm.

    The shutdown's cause is `shutdown_reason` in callbacks and `reason` in the documented verbose example: both are
    read (https://docs.tavus.io/api-reference/conversations/get-conversation).
    """
    joined = [event.at for event in conversation.events if event.event_type in JOINED]
    shutdown = _last(conversation.events, "system.shutdown")
    spoken = _last(conversation.events, "application.transcription_ready")
    watched = _last(conversation.events, "application.perception_analysis")
    return Seen(
        joined_at=min(joined, default=None),
        ended_at=shutdown.at if shutdown else None,
        end_code=_text(shutdown, "shutdown_reason") or _text(shutdown, "reason"),
        turns=tuple(_turns(spoken, conversation.created_at)) if spoken else None,
        perception=_text(watched, "analysis"),
        recordings=_recordings(conversation.events),
    )


def _recordings(events: Sequence[ConversationEvent]) -> tuple[Recording, ...]:
    """One for each file, as it was last told: what could not be copied at first may be there by now."""
    found: dict[str, Recording] = {}
    for event in events:
        if event.event_type in (RECORDED, NOT_COPIED):
            key = _text(event, "s3_key") or _text(event, "recording_id")
            if event.event_type == RECORDED or not (key in found and not found[key].problem):
                found[key] = _recording(event, key)
    return tuple(found.values())


def _recording(event: ConversationEvent, key: str) -> Recording:
    problem = ""
    if event.event_type == NOT_COPIED:
        problem = _text(event, "error_message") or _text(event, "error_code") or "Tavus gave no reason"
    return Recording(
        bucket=_text(event, "bucket_name"),
        key=key,
        duration_s=_number(event.properties.get("duration")),
        provider=_text(event, "storage_provider"),
        # A signed address would let whoever reads it fetch the file.
        uri=_text(event, "storage_uri").partition("?")[0],
        problem=problem,
    )


def _last(events: Sequence[ConversationEvent], kind: str) -> ConversationEvent | None:
    return next((event for event in reversed(events) if event.event_type == kind), None)


def _text(event: ConversationEvent | None, key: str) -> str:
    value = event.properties.get(key) if event else None
    return value if isinstance(value, str) else ""


def _turns(event: ConversationEvent, begun: datetime | None) -> list[Turn]:
    entries = event.properties.get("transcript")
    turns: list[Turn] = []
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("content"), str):
            continue
        turns.append(
            Turn(
                seq=len(turns),
                role=ROLES.get(str(entry.get("role")), "system"),
                content=entry["content"],
                seconds=_seconds(entry, begun),
                duration_s=_number(entry.get("duration")),
            )
        )
    return turns


def _seconds(entry: JsonObject, begun: datetime | None) -> float | None:
    """From the creation on, by the timestamp, so that a call and its text chat are told by one clock.

    Live answers give it as epoch seconds or as ISO text. Where it is missing, `seconds_from_start` stands in.
    """
    stamp = entry.get("timestamp")
    at = _number(stamp)
    if isinstance(stamp, str):
        try:
            read = datetime.fromisoformat(stamp)
            at = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except ValueError:
            at = None
    if at is None or begun is None:
        return _number(entry.get("seconds_from_start"))
    return max(0.0, at - begun.timestamp())


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def story(
    session: Session, events: Sequence[SessionEvent], turns: Sequence[Turn], callbacks: Sequence[Exchange]
) -> list[SessionEvent]:
    """A session's course, oldest first: its timeline, the first and the last words of the call, Tavus's callbacks."""
    told = [*events, *(SessionEvent(one.at, "callback", one.name) for one in callbacks)]
    begun = session.waiting_at or session.created_at
    said = [turn for turn in turns if turn.source == "tavus" and turn.role in SPOKEN and turn.seconds is not None]
    if said:
        for kind, turn in (("first_words", said[0]), ("last_words", said[-1])):
            at = begun + timedelta(seconds=turn.seconds or 0.0)
            told.append(SessionEvent(at, kind, _opening(turn.content)))
    return sorted(told, key=lambda event: event.at)


def counted(events: Sequence[SessionEvent], turns: Sequence[Turn]) -> list[SessionEvent]:
    """The events with a transcript's entries counted as they are shown: Tavus's also holds what nobody said."""
    count = sum(turn.source == "tavus" and turn.role in SPOKEN for turn in turns)
    told = f"{count} entr{'y' if count == 1 else 'ies'}" if count else "Nobody spoke"
    return [replace(event, detail=told) if event.kind == "transcript" else event for event in events]


def _opening(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= QUOTED else line[: QUOTED - 1].rstrip() + "…"
