"""`/v2/personas` and `/v2/pals` (https://docs.tavus.io/api-reference/personas/create-persona)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.clock.clock import Clock
from lib.sandbox.personas import rules as persona_rules
from lib.sandbox.state import Row, SandboxState
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.patching import patched
from lib.sandbox.wire.responses import Refusal, body_object, flag, iso, new_id, page_of, parse_json, route_path
from lib.sandbox.wire.vocabulary import both, newer_layers, older, older_layers, older_operation

KIND = "persona"
DRAFT = "maker_draft"
CORE: Row = {
    "persona_name": "",
    "pipeline_mode": "full",
    "system_prompt": "",
    "context": "",
    "layers": {},
    "default_replica_id": None,
    "document_ids": [],
    "document_tags": [],
}
"""What every row has, also one from before the lists of documents. The official command line relies on those."""

ECHO: Row = {
    **CORE,
    "persona_id": "pipecat0",
    "persona_type": "system",
    "persona_name": "Pipecat",
    "pipeline_mode": "echo",
    "created_at": "2025-01-15T12:00:00.000000Z",
    "updated_at": "2025-01-15T12:00:00.000000Z",
}
"""Tavus's own persona for Pipecat's worker: it speaks what it is sent. No list has it
(https://docs.tavus.io/sections/integrations/pipecat)."""

READ_ONLY = ("persona_id", "persona_type", "created_at", "updated_at")
"""Fields that the service sets. A patch that changes one is refused."""

LLM_DEFAULTS = {"model": "tavus-gemma-4", "speculative_inference": True}
"""Seen on the real API: setting one of these to its default counts as no change (304)."""


class PersonaBook:
    """The personas of the pretended account. Rows are kept in the older vocabulary, with the fields nobody knows."""

    def __init__(self, state: SandboxState, clock: Clock, replica_usable: Callable[[str], bool]) -> None:
        self._state = state
        self._clock = clock
        self._replica_usable = replica_usable

    def find(self, persona_id: str) -> Row | None:
        return self._state.get(KIND, persona_id) or (ECHO if persona_id == ECHO["persona_id"] else None)

    def get(self, persona_id: str) -> Row:
        """Raises `Refusal`: an unknown id is 400 here."""
        row = self.find(persona_id)
        if row is None:
            raise Refusal("Invalid persona_id")
        return row

    def all(self, persona_type: str | None = None) -> list[Row]:
        """Newest first."""
        rows = [row for row in self._state.all(KIND) if persona_type in (None, "", row["persona_type"])]
        return sorted(rows, key=lambda row: row["created_at"], reverse=True)

    def create(self, body: Row, *, as_pal: bool) -> Row:
        fields = {key: value for key, value in older(body).items() if key not in READ_ONLY}
        fields["layers"] = older_layers(fields.get("layers"))
        row = {**CORE, **{key: value for key, value in fields.items() if value is not None}}
        if as_pal and not row["default_replica_id"]:
            raise Refusal("default_face_id is required.")
        self._check(row, replica_before=None)
        now = iso(self._clock.now())
        row = {"persona_id": new_id("p"), "persona_type": "user", **row, "created_at": now, "updated_at": now}
        self._state.put(KIND, row["persona_id"], row)
        return row

    def patch(self, persona_id: str, operations: Any, *, force: bool = False) -> bool:
        """False if the operations change nothing. Raises `Refusal` (400, 422, 409).

        409 `maker_changes`: somebody has edits in PAL Maker that are not published; `force` discards them.
        """
        row = {**CORE, **self.get(persona_id)}
        result = patched(row, operations, older_operation)
        for name in READ_ONLY:
            if result.get(name) != row[name]:
                raise Refusal(f"{name} cannot be changed.")
        result = {**result, **{key: default for key, default in CORE.items() if result.get(key) is None}}
        if _effective(result) == _effective(row):
            return False
        if row["persona_type"] == "system":
            raise Refusal("A stock persona cannot be changed.")
        self._check(result, replica_before=row["default_replica_id"])
        if self._state.get(DRAFT, persona_id):
            if not force:
                raise Refusal(
                    "This PAL has unpublished changes in PAL Maker. Publish or discard them, or pass force=true.",
                    status=409,
                    conflict="maker_changes",
                )
            self._state.delete(DRAFT, persona_id)
        self.keep(result)
        return True

    def delete(self, persona_id: str) -> None:
        if self.get(persona_id)["persona_type"] == "system":
            raise Refusal("A stock persona cannot be deleted.")
        self._state.delete(KIND, persona_id)
        self._state.delete(DRAFT, persona_id)

    def drafts(self) -> list[str]:
        """Ids of the personas that somebody edits in PAL Maker."""
        return [row["persona_id"] for row in self._state.all(DRAFT)]

    def set_draft(self, persona_id: str, *, there: bool) -> None:
        """Begin edits in PAL Maker, or end them."""
        self.get(persona_id)
        if there:
            self._state.put(DRAFT, persona_id, {"persona_id": persona_id})
        else:
            self._state.delete(DRAFT, persona_id)

    def change(self, persona_id: str, **fields: Any) -> None:
        """Put the given fields in place of the present ones. Raises `Refusal` for one of the stock."""
        row = self.get(persona_id)
        if row["persona_type"] == "system":
            raise Refusal("A stock persona cannot be changed.")
        self.keep(row, **fields)

    def detach(self, field: str, id_: str) -> None:
        """Take what was deleted out of every persona that named it in `field`, one of the stock too."""
        for row in self._state.all(KIND):
            named = row.get(field)
            if named == id_:
                self.keep({key: value for key, value in row.items() if key != field})
            elif isinstance(named, list) and id_ in named:
                self.keep(row, **{field: [one for one in named if one != id_]})

    def keep(self, row: Row, **fields: Any) -> None:
        """The row with these fields, changed now and not looked at."""
        now = iso(self._clock.now())
        self._state.put(KIND, row["persona_id"], {**row, **fields, "updated_at": now})

    def _check(self, row: Row, *, replica_before: str | None) -> None:
        persona_rules.check(row)
        replica_id = row["default_replica_id"]
        if replica_id and replica_id != replica_before and not self._replica_usable(replica_id):
            raise Refusal("Invalid replica_uuid")


def as_pal(request: Request) -> bool:
    return route_path(request.scope).startswith("/v2/pals")


def shown(row: Row, *, pal: bool) -> Row:
    """A row as the wire gives it: both names of each field, the layers in the spelling of the path."""
    return both({**CORE, **row, "layers": newer_layers(row["layers"]) if pal else row["layers"]})


class PersonaRoutes:
    """The handlers. None of them blocks."""

    def __init__(self, personas: PersonaBook, dialect: Callable[[], Dialect]) -> None:
        self._personas = personas
        self._dialect = dialect

    async def create(self, request: Request) -> Response:
        pal = as_pal(request)
        row = self._personas.create(await body_object(request), as_pal=pal)
        answer = both({key: row[key] for key in ("persona_id", "persona_name", "created_at")})
        return JSONResponse({**answer, "conferencing_email": f"{row['persona_id']}@sandbox.invalid"} if pal else answer)

    async def list(self, request: Request) -> Response:
        kind = request.query_params.get("persona_type") or request.query_params.get("pal_type")
        page = page_of(request, self._personas.all(kind), first_page=self._dialect().page_base)
        return JSONResponse({**page, "data": [shown(row, pal=as_pal(request)) for row in page["data"]]})

    async def get(self, request: Request) -> Response:
        row = shown(self._personas.get(request.path_params["id"]), pal=as_pal(request))
        return JSONResponse({"data": [row]} if self._dialect().persona_get == "wrapped" else row)

    async def patch(self, request: Request) -> Response:
        self._personas.get(request.path_params["id"])
        operations = parse_json(await request.body())
        changed = self._personas.patch(request.path_params["id"], operations, force=flag(request, "force"))
        return Response(status_code=200) if changed else Response(status_code=304)

    async def delete(self, request: Request) -> Response:
        self._personas.delete(request.path_params["id"])
        return Response(status_code=204)


def _effective(row: Row) -> Row:
    """The row without what says nothing: defaults of the language model layer, empty layers."""
    layers = row["layers"] if isinstance(row["layers"], dict) else {}
    llm = layers.get("llm")
    if isinstance(llm, dict):
        told = {key: value for key, value in llm.items() if key not in LLM_DEFAULTS or value != LLM_DEFAULTS[key]}
        layers = {**layers, "llm": told}
    return {**row, "layers": {name: layer for name, layer in layers.items() if layer not in ({}, None)}}
