"""`/v2/conversations` (https://docs.tavus.io/api-reference/conversations/create-conversation)."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.clock.clock import Clock
from lib.sandbox.conversations import rules
from lib.sandbox.conversations.limits import AccountLimits
from lib.sandbox.conversations.model import RoomConversation
from lib.sandbox.conversations.registry import CallBook
from lib.sandbox.conversations.tokens import Tokens
from lib.sandbox.personas.routes import PersonaBook
from lib.sandbox.personas.stock import DEFAULT_PERSONA_ID
from lib.sandbox.replicas.routes import ReplicaBook
from lib.sandbox.state import Row
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.responses import Refusal, base_url, body_object, flag, iso, new_id, page_of
from lib.sandbox.wire.vocabulary import NEWER, both, older


class ConversationMaker:
    """Makes conversations out of requests."""

    def __init__(
        self, calls: CallBook, personas: PersonaBook, replicas: ReplicaBook, limits: AccountLimits, clock: Clock
    ) -> None:
        self._calls = calls
        self._personas = personas
        self._replicas = replicas
        self._limits = limits
        self._clock = clock

    def create(self, body: Row) -> RoomConversation:
        """Check everything, then begin. Raises `Refusal` (400, 402)."""
        body = older(body)
        rules.check(body)
        persona = self._personas.get(body.get("persona_id") or DEFAULT_PERSONA_ID)
        replica = self._replica(body.get("replica_id") or persona["default_replica_id"])
        test_mode = bool(body.get("test_mode"))
        if not test_mode:
            active, used_min = self._calls.usage()
            self._limits.check(active=active, used_min=used_min)
        call = self._made(body, persona, replica, test_mode=test_mode)
        self._calls.open(call)
        return call

    def _replica(self, replica_id: str | None) -> Row:
        if not replica_id:
            raise Refusal("replica_id is required: the persona has no default replica.")
        replica = self._replicas.get(replica_id)
        if not self._replicas.usable(replica_id):
            raise Refusal("The replica is not ready: its training has not completed.")
        return replica

    def _made(self, body: Row, persona: Row, replica: Row, *, test_mode: bool) -> RoomConversation:
        now = self._clock.now()
        properties = body.get("properties") or {}
        return RoomConversation(
            conversation_id=new_id("c", bytes_=8),
            conversation_name=body.get("conversation_name") or f"New Conversation {int(now * 1000)}",
            replica_id=replica["replica_id"],
            persona_id=persona["persona_id"],
            callback_url=body.get("callback_url") or "",
            created_at=now,
            updated_at=now,
            persona=dict(persona),
            replica=dict(replica),
            greeting=_greeting(body, persona, replica),
            context=body.get("conversational_context") or "",
            properties=properties,
            max_call_s=rules.seconds(properties, "max_call_duration"),
            absent_s=rules.seconds(properties, "participant_absent_timeout"),
            left_s=rules.seconds(properties, "participant_left_timeout"),
            test_mode=test_mode,
            require_auth=bool(body.get("require_auth")),
            audio_only=bool(body.get("audio_only")),
            documents={name: body[name] for name in ("document_ids", "document_tags") if body.get(name)},
        )


def _greeting(body: Row, persona: Row, replica: Row) -> str:
    """What the replica says first; in echo mode it says nothing of its own."""
    if persona["pipeline_mode"] == "echo":
        return ""
    given = body.get("custom_greeting") or persona.get("greeting")
    return given or f"Hello, I'm {replica['replica_name'] or 'here'}. What would you like to talk about?"


def shown(call: RoomConversation, base: str, dialect: Dialect) -> Row:
    """A row as list and get give it: the ids under both names, because real rows vary."""
    row: Row = {
        "conversation_id": call.conversation_id,
        "conversation_name": call.conversation_name,
        "conversation_url": f"{base}room/{call.conversation_id}",
        "callback_url": call.callback_url,
        "status": call.status,
        "replica_id": call.replica_id,
        "persona_id": call.persona_id,
        "created_at": iso(call.created_at),
        "updated_at": iso(call.updated_at),
    }
    if dialect.names == "pal":
        return {NEWER.get(key, key): value for key, value in row.items()}
    return both(row) if dialect.names == "both" else row


class ConversationRoutes:
    """The handlers. None of them blocks."""

    def __init__(
        self, conversations: ConversationMaker, calls: CallBook, tokens: Tokens, dialect: Callable[[], Dialect]
    ) -> None:
        self._conversations = conversations
        self._calls = calls
        self._tokens = tokens
        self._dialect = dialect

    async def create(self, request: Request) -> Response:
        call = self._conversations.create(await body_object(request))
        row = shown(call, base_url(request.scope), self._dialect())
        names = ("conversation_id", "conversation_name", "conversation_url", "status", "callback_url", "created_at")
        answer = {name: row[name] for name in names}
        if call.require_auth:
            answer["meeting_token"] = self._tokens.make(call)
        return JSONResponse(answer)

    async def list(self, request: Request) -> Response:
        status = request.query_params.get("status")
        calls = [call for call in self._calls.all() if status in (None, "", call.status)]
        base, dialect = base_url(request.scope), self._dialect()
        page = page_of(request, calls, first_page=dialect.page_base)
        return JSONResponse({**page, "data": [shown(call, base, dialect) for call in page["data"]]})

    async def get(self, request: Request) -> Response:
        call = self._found(request)
        dialect = self._dialect()
        row = shown(call, base_url(request.scope), dialect)
        if flag(request, "verbose"):
            row["events"] = [
                {**event, "properties": dialect.told(event["properties"], verbose=True)} for event in call.events
            ]
            if call.shutdown_reason:
                row["shutdown_reason"] = call.shutdown_reason + dialect.shutdown_suffix
        return JSONResponse(row)

    async def end(self, request: Request) -> Response:
        """Ending an ended conversation answers 200 again; what Tavus answers then is not documented."""
        self._calls.end(self._found(request).conversation_id)
        return Response(status_code=200)

    async def delete(self, request: Request) -> Response:
        if not self._calls.delete(request.path_params["id"], hard=flag(request, "hard")):
            raise Refusal("Invalid conversation_id")
        return Response(status_code=204)

    def _found(self, request: Request) -> RoomConversation:
        call = self._calls.find(request.path_params["id"])
        if call is None:
            raise Refusal("Invalid conversation_id")
        return call
