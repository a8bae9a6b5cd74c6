"""`/api/sessions`: start, look, talk, end, in the words of the older backend."""

from __future__ import annotations

import secrets

from lib.api.answers import ListAnswer, RecordAnswer, ReplyAnswer, SessionAnswer, TurnAnswer
from lib.api.bodies import Message, SessionNew
from lib.api.endpoint import ACTOR, ApiCall, Endpoint, limit_of
from lib.models import Session, Watch
from lib.services.records.export import shown
from lib.wiring import Services


def row(services: Services, session: Session) -> SessionAnswer:
    return SessionAnswer(
        session_id=session.id,
        agent_id=session.agent_id,
        mode=session.mode,
        status=session.status,
        conversation_id=session.conversation_id or None,
        conversation_url=services.sessions.room_url(session) or None,
        created_at=session.created_at,
        ended_at=session.ended_at,
        reason=session.reason,
        hint=session.reason_hint,
        end_reason=session.end_reason,
    )


def start(call: ApiCall) -> SessionAnswer:
    body = call.taken(SessionNew)
    session = call.services.sessions.start_and_wait(
        body.agent_id,
        token=body.client_token or "api-" + secrets.token_hex(16),
        enable_avatar=body.enable_avatar,
        watch=Watch.API if body.watch else Watch.NOBODY,
        actor=ACTOR,
    )
    return row(call.services, session)


def every(call: ApiCall) -> ListAnswer[SessionAnswer]:
    page = call.services.sessions.page(limit=limit_of(call), cursor=call.query.get("cursor"))
    return ListAnswer[SessionAnswer](data=[row(call.services, session) for session in page.items], next=page.next)


def one(call: ApiCall) -> RecordAnswer:
    session = call.services.sessions.get(call.path["id"])
    call.services.sessions.glimpse(session)
    turns = shown(call.services.sessions.turns(session.id))
    transcript = [
        TurnAnswer(role=turn.role, text=turn.content, seconds=turn.seconds, source=turn.source) for turn in turns
    ]
    return RecordAnswer(**dict(row(call.services, session)), transcript=transcript)


def end(call: ApiCall) -> SessionAnswer:
    return row(call.services, call.services.sessions.end(call.path["id"], actor=ACTOR))


def message(call: ApiCall) -> ReplyAnswer:
    session = call.services.sessions.get(call.path["id"])
    turn = call.services.chats.say(session.id, call.taken(Message).text, actor=ACTOR)
    note = call.services.chats.unread(session)
    return ReplyAnswer(role=turn.role, text=turn.content, label=call.services.responder.label, note=note)


ENDPOINTS = (
    Endpoint("GET", "/api/sessions", every, "Sessions, newest first", answer=ListAnswer[SessionAnswer]),
    Endpoint("POST", "/api/sessions", start, "Start a session", 201, body=SessionNew, answer=SessionAnswer),
    Endpoint("GET", "/api/sessions/{id}", one, "One session with its transcript", answer=RecordAnswer),
    Endpoint("POST", "/api/sessions/{id}/end", end, "End a session", answer=SessionAnswer),
    Endpoint("POST", "/api/sessions/{id}/messages", message, "Text chat", body=Message, answer=ReplyAnswer),
)
