"""`/v2/tools`, and which of them a persona has (https://docs.tavus.io/api-reference/tools/create-tool)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.clock.clock import Clock
from lib.sandbox.library.listing import listed
from lib.sandbox.library.tool_rules import checked, scrubbed, with_secrets
from lib.sandbox.personas.routes import PersonaBook
from lib.sandbox.state import Row, SandboxState
from lib.sandbox.wire import fields
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.responses import Refusal, body_object, iso, new_id, page_of

KIND = "tool"
MOST_ATTACHED = 50
READ_ONLY = ("tool_id", "is_system_tool", "created_at", "updated_at")
END_CALL: Row = {
    "tool_id": "end_call",
    "owner_id": None,
    "name": "end_call",
    "description": "Ends the conversation once it has come to its end.",
    "parameters": {"type": "object", "properties": {}},
    "delivery": {"app_message": True},
    "is_system_tool": True,
    "trigger_type": "in_call",
    "origin": "llm",
    "created_at": "2026-05-15T10:30:00.000000Z",
    "updated_at": "2026-05-15T10:30:00.000000Z",
}
"""The one tool that every conversation has."""


class Tools:
    """The tools of the pretended account. Its names are unique; an unknown id is 404."""

    def __init__(self, state: SandboxState, clock: Clock, personas: PersonaBook) -> None:
        self._state = state
        self._clock = clock
        self._personas = personas

    def get(self, tool_id: str) -> Row:
        row = END_CALL if tool_id == END_CALL["tool_id"] else self._state.get(KIND, tool_id)
        if row is None:
            raise Refusal("Tool not found", status=404)
        return row

    def all(self, kind: str) -> list[Row]:
        """`kind`: user, system or all."""
        system = [END_CALL] if kind in ("system", "all") else []
        return [*system, *(self._state.all(KIND) if kind != "system" else ())]

    def create(self, body: Row) -> Row:
        given = checked({name: value for name, value in body.items() if name not in READ_ONLY})
        self._check_name(given["name"], besides=None)
        now = iso(self._clock.now())
        row = {"tool_id": new_id("t"), **given, "is_system_tool": False, "created_at": now, "updated_at": now}
        self._state.put(KIND, row["tool_id"], row)
        return row

    def change(self, tool_id: str, body: Row) -> Row:
        """Put the given fields in place of the present ones."""
        row = self._own(tool_id)
        given = {name: value for name, value in body.items() if name not in READ_ONLY}
        if "delivery" in given:
            given["delivery"] = with_secrets(given["delivery"], row["delivery"])
        row = checked({**row, **given})
        self._check_name(row["name"], besides=tool_id)
        row["updated_at"] = iso(self._clock.now())
        self._state.put(KIND, tool_id, row)
        return row

    def delete(self, tool_id: str) -> None:
        """Personas that had it have it no more."""
        self._own(tool_id)
        self._state.delete(KIND, tool_id)
        self._personas.detach("tool_ids", tool_id)

    def of(self, persona_id: str) -> list[Row]:
        ids = self._personas.get(persona_id).get("tool_ids") or ()
        return [row for one in ids if (row := self._state.get(KIND, one))]

    def attach(self, persona_id: str, tool_ids: Any) -> None:
        persona = self._personas.get(persona_id)
        fields.text_list({"tool_ids": tool_ids}, "tool_ids")
        if not tool_ids:
            raise Refusal("tool_ids is required.")
        for one in tool_ids:
            self.get(one)
        ids = [*dict.fromkeys([*(persona.get("tool_ids") or ()), *tool_ids])]
        if len(ids) > MOST_ATTACHED:
            raise Refusal(f"tool_ids may hold at most {MOST_ATTACHED}.")
        self._personas.change(persona_id, tool_ids=ids)

    def detach(self, persona_id: str, tool_id: str) -> None:
        ids = self._personas.get(persona_id).get("tool_ids") or ()
        if tool_id not in ids:
            raise Refusal("Tool not found", status=404)
        self._personas.change(persona_id, tool_ids=[one for one in ids if one != tool_id])

    def _own(self, tool_id: str) -> Row:
        row = self.get(tool_id)
        if row["is_system_tool"]:
            raise Refusal("A system tool cannot be changed.")
        return row

    def _check_name(self, name: str, *, besides: str | None) -> None:
        if any(row["name"] == name and row["tool_id"] != besides for row in self.all("all")):
            raise Refusal(f"There is a tool named {name} already.")


class ToolRoutes:
    """The handlers. None of them blocks."""

    def __init__(self, tools: Tools, dialect: Callable[[], Dialect]) -> None:
        self._tools = tools
        self._dialect = dialect

    async def create(self, request: Request) -> Response:
        return JSONResponse(scrubbed(self._tools.create(await body_object(request))))

    async def list(self, request: Request) -> Response:
        asked = request.query_params
        rows = listed(self._tools.all(asked.get("type", "user")), asked, named_by=("name", "tool_id"))
        page = page_of(request, rows, first_page=self._dialect().page_base)
        return JSONResponse({**page, "data": [scrubbed(row) for row in page["data"]]})

    async def get(self, request: Request) -> Response:
        return JSONResponse(scrubbed(self._tools.get(request.path_params["id"])))

    async def change(self, request: Request) -> Response:
        self._tools.get(request.path_params["id"])
        return JSONResponse(scrubbed(self._tools.change(request.path_params["id"], await body_object(request))))

    async def delete(self, request: Request) -> Response:
        self._tools.delete(request.path_params["id"])
        return Response(status_code=204)

    async def of_persona(self, request: Request) -> Response:
        return JSONResponse({"data": [scrubbed(row) for row in self._tools.of(request.path_params["id"])]})

    async def attach(self, request: Request) -> Response:
        self._tools.of(request.path_params["id"])
        self._tools.attach(request.path_params["id"], (await body_object(request)).get("tool_ids"))
        return await self.of_persona(request)

    async def detach(self, request: Request) -> Response:
        self._tools.detach(request.path_params["id"], request.path_params["tool_id"])
        return Response(status_code=204)
