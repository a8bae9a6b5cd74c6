"""`/v2/pronunciation-dictionaries` (https://docs.tavus.io/api-reference/pronunciation-dictionaries)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.clock.clock import Clock
from lib.sandbox.library.listing import listed
from lib.sandbox.personas.routes import PersonaBook
from lib.sandbox.state import Row, SandboxState
from lib.sandbox.wire import fields
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.patching import patched
from lib.sandbox.wire.responses import Refusal, body_object, iso, new_id, page_of, parse_json

KIND = "dictionary"
ID = "pronunciation_dictionary_id"
MAX_NAME, MAX_TEXT, MAX_PRONUNCIATION = 255, 200, 500


class Dictionaries:
    """The dictionaries of the pretended account."""

    def __init__(self, state: SandboxState, clock: Clock, personas: PersonaBook) -> None:
        self._state = state
        self._clock = clock
        self._personas = personas

    def get(self, dictionary_id: str) -> Row:
        row = self._state.get(KIND, dictionary_id)
        if row is None:
            raise Refusal("Pronunciation dictionary not found", status=404, key="message")
        return row

    def all(self) -> list[Row]:
        return self._state.all(KIND)

    def create(self, body: Row) -> Row:
        given = _checked(body.get("name"), body.get("rules"))
        now = iso(self._clock.now())
        row = {ID: new_id("pd_", bytes_=8), **given, "created_at": now, "updated_at": now}
        self._state.put(KIND, row[ID], row)
        return row

    def patch(self, dictionary_id: str, operations: Any) -> Row | None:
        """The new row, None if the operations change nothing: what only the service sets is left as it is."""
        row = self.get(dictionary_id)
        result = patched(row, operations)
        given = _checked(result.get("name"), result.get("rules"))
        if given.items() <= row.items():
            return None
        row = {**row, **given, "updated_at": iso(self._clock.now())}
        self._state.put(KIND, dictionary_id, row)
        return row

    def delete(self, dictionary_id: str) -> None:
        """Personas that used it use none then."""
        self.get(dictionary_id)
        self._state.delete(KIND, dictionary_id)
        for persona in self._personas.all():
            layers = persona["layers"]
            if (layers.get("tts") or {}).get(ID) == dictionary_id:
                self._personas.keep(persona, layers={**layers, "tts": {**layers["tts"], ID: None}})


def _checked(name: Any, rules: Any) -> Row:
    try:
        fields.needed({"name": name}, "name", most=MAX_NAME)
        rules = [] if rules is None else rules
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            raise Refusal("rules must be a list of objects")
        rules = [_rule(rule) for rule in rules]
        if len({rule["text"] for rule in rules}) < len(rules):
            raise Refusal("no text may have two rules")
    except Refusal as refusal:
        raise Refusal(f"Invalid request: {refusal.message.rstrip('.')}") from refusal
    return {"name": name, "rules": rules, "rules_count": len(rules)}


def _rule(given: Row) -> Row:
    rule = fields.filled(given, {"case_sensitive": False, "word_boundaries": True})
    fields.needed(rule, "text", most=MAX_TEXT)
    fields.needed(rule, "pronunciation", most=MAX_PRONUNCIATION)
    fields.needed(rule, "type")
    fields.choice(rule, "type", ("alias", "ipa"))
    fields.switches(rule, ("case_sensitive", "word_boundaries"))
    return rule


class DictionaryRoutes:
    """The handlers. None of them blocks."""

    def __init__(self, dictionaries: Dictionaries, dialect: Callable[[], Dialect]) -> None:
        self._dictionaries = dictionaries
        self._dialect = dialect

    async def create(self, request: Request) -> Response:
        return JSONResponse(self._dictionaries.create(await body_object(request)), 201)

    async def list(self, request: Request) -> Response:
        """Newest first, pages from 0, without the rules."""
        asked = {"sort": request.query_params.get("sort") or "desc"}
        rows = listed(self._dictionaries.all(), asked, named_by=("name", ID))
        page = page_of(request, rows, first_page=self._dialect().page_base or 0, numbered=True)
        return JSONResponse({**page, "data": [_without_rules(row) for row in page["data"]]})

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._dictionaries.get(request.path_params["id"]))

    async def patch(self, request: Request) -> Response:
        self._dictionaries.get(request.path_params["id"])
        row = self._dictionaries.patch(request.path_params["id"], parse_json(await request.body()))
        return Response(status_code=304) if row is None else JSONResponse(row)

    async def delete(self, request: Request) -> Response:
        self._dictionaries.delete(request.path_params["id"])
        return Response(status_code=204)


def _without_rules(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "rules"}
