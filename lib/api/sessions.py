"""`/api/sessions`: start, look, talk, end, in the words of the older backend."""

from __future__ import annotations

import secrets
from typing import Any

from lib.api.bodies import Message, SessionNew
from lib.api.endpoint import ApiCall, Endpoint, limit_of
from lib.models import Mode, Session, Status, Watch
from lib.services.records.export import shown
from lib.wiring import Services

ACTOR = "the API"
STRING, OPTIONAL = {"type": "string"}, {"type": ["string", "null"]}
ROW: dict[str, Any] = {
    "type": "object",
    "required": [
        "sessionId",
        "agentId",
        "mode",
        "status",
        "conversationId",
        "conversationUrl",
        "createdAt",
        "endedAt",
    ],
    "properties": {
        "sessionId": STRING,
        "agentId": STRING,
        "mode": {"enum": [mode.value for mode in Mode]},
        "status": {"enum": [status.value for status in Status]},
        "conversationId": OPTIONAL,
        "conversationUrl": OPTIONAL,
        "reason": {"type": "string", "description": "Why there is no avatar, in plain words."},
        "hint": {"type": "string", "description": "What to do about it."},
        "endReason": {"type": "string", "description": "Why it ended, in plain words."},
        "createdAt": {"type": "string", "format": "date-time"},
        "endedAt": {"type": ["string", "null"], "format": "date-time"},
    },
}
TURN = {
    "type": "object",
    "required": ["role", "text", "seconds", "source"],
    "properties": {
        "role": {"enum": ["user", "assistant", "tool"]},
        "text": STRING,
        "seconds": {"type": ["number", "null"], "description": "From the start of the session."},
        "source": {"enum": ["tavus", "chat"], "description": "The call, or the text chat beside it."},
    },
}
WHOLE = {
    **ROW,
    "required": [*ROW["required"], "transcript"],
    "properties": {**ROW["properties"], "transcript": {"type": "array", "items": TURN}},
}
REPLY = {
    "type": "object",
    "required": ["role", "text", "label"],
    "properties": {
        "role": STRING,
        "text": STRING,
        "label": STRING,
        "note": {"type": "string", "description": "What the persona has and who answers here does not read."},
    },
}


def row(services: Services, session: Session) -> dict[str, Any]:
    url = services.sessions.room_url(session)
    optional = {"reason": session.reason, "hint": session.reason_hint, "endReason": session.end_reason}
    return {
        "sessionId": session.id,
        "agentId": session.agent_id,
        "mode": str(session.mode),
        "status": session.status.value,
        "conversationId": session.conversation_id or None,
        "conversationUrl": url or None,
        "createdAt": session.created_at.isoformat(),
        "endedAt": session.ended_at.isoformat() if session.ended_at else None,
        **{key: value for key, value in optional.items() if value},
    }


def start(call: ApiCall) -> dict[str, Any]:
    body: SessionNew = call.body
    session = call.services.sessions.start_and_wait(
        body.agent_id,
        token=body.client_token or "api-" + secrets.token_hex(16),
        enable_avatar=body.enable_avatar,
        watch=Watch.API if body.watch else Watch.NOBODY,
        actor=ACTOR,
    )
    return row(call.services, session)


def every(call: ApiCall) -> dict[str, Any]:
    page = call.services.sessions.page(limit=limit_of(call), cursor=call.query.get("cursor"))
    return {"data": [row(call.services, session) for session in page.items], "next": page.next}


def one(call: ApiCall) -> dict[str, Any]:
    session = call.services.sessions.get(call.path["id"])
    call.services.sessions.glimpse(session)
    turns = shown(call.services.sessions.turns(session.id))
    transcript = [
        {"role": turn.role, "text": turn.content, "seconds": turn.seconds, "source": turn.source} for turn in turns
    ]
    return {**row(call.services, session), "transcript": transcript}


def end(call: ApiCall) -> dict[str, Any]:
    return row(call.services, call.services.sessions.end(call.path["id"]))


def message(call: ApiCall) -> dict[str, Any]:
    body: Message = call.body
    session = call.services.sessions.get(call.path["id"])
    turn = call.services.talking.say(session.id, body.text)
    told = {"role": turn.role, "text": turn.content, "label": call.services.responder.label}
    unread = call.services.talking.unread(session)
    return {**told, "note": unread} if unread else told


ENDPOINTS = (
    Endpoint("GET", "/api/sessions", every, "Sessions, newest first", answer=ROW, paged=True),
    Endpoint("POST", "/api/sessions", start, "Start a session", 201, body=SessionNew, answer=ROW),
    Endpoint("GET", "/api/sessions/{id}", one, "One session with its transcript", answer=WHOLE),
    Endpoint("POST", "/api/sessions/{id}/end", end, "End a session", answer=ROW),
    Endpoint("POST", "/api/sessions/{id}/messages", message, "Text chat", body=Message, answer=REPLY),
)
