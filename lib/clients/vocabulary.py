"""From Tavus's rows to our values, in either of its two vocabularies.

Around June 2026 personas became PALs and replicas became Faces; old names stay accepted, and which of the two comes
back differs from row to row (https://docs.tavus.io/sections/conversational-video-interface/pal/what-is-a-pal).
A row that lacks its id, or is no row, raises ValueError: the transport makes an error of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from lib.models import (
    Conversation,
    ConversationEvent,
    Document,
    Guardrail,
    GuardrailSet,
    ObjectiveSet,
    Persona,
    Replica,
)

IDS = {"persona_id", "pal_id", "replica_id", "face_id", "conversation_id"}
EPOCH = datetime.fromtimestamp(0, UTC)


def row_of(body: Any) -> Mapping[str, Any]:
    """The one row of an answer: flat as the live service gives it, or inside `data` as the documents say."""
    if isinstance(body, Mapping) and not IDS & body.keys() and isinstance(body.get("data"), list | Mapping):
        data = body["data"]
        body = data[0] if isinstance(data, list) and len(data) == 1 else data
    if not isinstance(body, Mapping):
        raise ValueError("no row")
    return body


def id_of(row: Mapping[str, Any], *names: str) -> str:
    """The first of `names` that holds text; ValueError if none does."""
    found = word(row, *names)
    if not found:
        raise ValueError("no id")
    return found


def word(row: Mapping[str, Any], *names: str) -> str:
    """The first of `names` that holds text, else ""."""
    return next((value for name in names if isinstance(value := row.get(name), str) and value), "")


def persona(body: Any) -> Persona:
    row = row_of(body)
    return Persona(id_of(row, "persona_id", "pal_id"), word(row, "persona_name", "pal_name"), row)


def replica(body: Any) -> Replica:
    row = row_of(body)
    return Replica(
        id=id_of(row, "replica_id", "face_id"),
        name=word(row, "replica_name", "face_name"),
        status=word(row, "status"),
        stock=word(row, "replica_type", "face_type") == "system",
        model_name=word(row, "model_name"),
        thumbnail_image_url=_picture(word(row, "thumbnail_image_url")),
        thumbnail_video_url=_picture(word(row, "thumbnail_video_url")),
        error_message=word(row, "error_message"),
        raw=row,
        created_at=moment(row.get("created_at")),
    )


def conversation(body: Any) -> Conversation:
    row = row_of(body)
    url, token = _without_token(word(row, "conversation_url"))
    created_at = moment(row.get("created_at"))
    return Conversation(
        id=id_of(row, "conversation_id"),
        name=word(row, "conversation_name"),
        status=word(row, "status") or "active",
        url=url,
        replica_id=word(row, "replica_id", "face_id"),
        persona_id=word(row, "persona_id", "pal_id"),
        created_at=created_at,
        events=tuple(_events(row.get("events"), created_at or EPOCH)),
        meeting_token=word(row, "meeting_token") or token,
    )


def objectives(body: Any, *, asked: str = "") -> ObjectiveSet:
    """A set with its steps in `data`, as the live service gives it, or a single objective, as the documents do.

    `asked` is its id, where an answer may leave it out.
    """
    row = _bare(body)
    return ObjectiveSet(
        id=word(row, "objectives_id", "uuid") or asked or id_of(body, "objectives_id", "uuid"),
        name=word(row, "name", "objectives_name", "objective_name"),
        steps=_items(row, "objective_name"),
        raw=row,
    )


def guardrail(body: Any) -> Guardrail:
    row = _bare(body)
    return Guardrail(id_of(row, "uuid", "guardrail_id"), word(row, "guardrail_name"), row)


def guardrail_set(body: Any) -> GuardrailSet:
    row = _bare(body)
    return GuardrailSet(
        id=id_of(row, "guardrails_id", "uuid"),
        name=word(row, "guardrails_name", "name", "guardrail_name"),
        rules=_items(row, "guardrail_name"),
        raw=row,
    )


def document(body: Any) -> Document:
    row = _bare(body)
    progress = row.get("progress")
    return Document(
        id=id_of(row, "document_id", "uuid"),
        name=word(row, "document_name"),
        url=word(row, "document_url"),
        status=word(row, "status"),
        progress=progress if isinstance(progress, int) and not isinstance(progress, bool) else None,
        error_message=word(row, "error_message"),
        last_crawled_at=moment(row.get("last_crawled_at")),
        raw=row,
    )


def moment(value: Any) -> datetime | None:
    """A time as the wire gives it: ISO text, or seconds since 1970 as number or text. None for anything else."""
    try:
        if isinstance(value, str) and not re.fullmatch(r"\d+(\.\d+)?", value):
            at = datetime.fromisoformat(value.strip())
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _bare(body: Any) -> Mapping[str, Any]:
    """The row itself, also where it is wrapped in `data`."""
    row = body.get("data") if isinstance(body, Mapping) and isinstance(body.get("data"), Mapping) else body
    if not isinstance(row, Mapping):
        raise ValueError("no row")
    return row


def _items(row: Mapping[str, Any], named: str) -> tuple[Mapping[str, Any], ...]:
    """What a set holds: the rows in its `data`, or itself where it is a single one under `named`."""
    data = row.get("data")
    if isinstance(data, list):
        return tuple(item for item in data if isinstance(item, Mapping))
    return (row,) if word(row, named) else ()


def _events(entries: Any, otherwise: datetime) -> list[ConversationEvent]:
    """The events in their order; one without a readable time takes that of the one before it."""
    events: list[ConversationEvent] = []
    for entry in entries if isinstance(entries, list) else []:
        kind = word(entry, "event_type") if isinstance(entry, Mapping) else ""
        if kind:
            otherwise = moment(entry.get("timestamp")) or otherwise
            properties = entry.get("properties")
            events.append(ConversationEvent(kind, otherwise, properties if isinstance(properties, Mapping) else {}))
    return events


def _without_token(url: str) -> tuple[str, str]:
    """The room's address without its meeting token, and the token."""
    if "t=" not in url:
        return url, ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, ""
    query = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in query if name != "t"]
    token = next((value for name, value in query if name == "t"), "")
    return parts._replace(query=urlencode(kept)).geturl(), token


def _picture(url: str) -> str:
    """Only what a page may load: other schemes carry code or read files."""
    return url if re.match(r"https?://", url) else ""
