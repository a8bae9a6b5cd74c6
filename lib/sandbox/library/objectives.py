"""`/v2/objectives` (https://docs.tavus.io/api-reference/objectives/create-objectives).

An objectives id names a set of objectives, as the body of the create and the pointers of the documented patch
(`/data/0/objective_name`) say; the documented reads show one objective of it (the dialect's `objectives`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.clock.clock import Clock
from lib.sandbox.library.listing import listed
from lib.sandbox.library.objective_rules import check_root, checked
from lib.sandbox.personas.routes import PersonaBook
from lib.sandbox.state import Row, SandboxState
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.patching import patched
from lib.sandbox.wire.responses import Refusal, body_object, iso, new_id, page_of, parse_json

KIND = "objectives"
UNNAMED = "New Objectives"
READ_ONLY = ("objectives_id", "created_at", "updated_at")
IN_FIRST = re.compile(r"/(?!data\b|name\b|allow_loops\b|objectives_|created_at|updated_at)\w")
"""A pointer into the first objective, as the documented examples have it (`/objective_prompt`)."""


class ObjectiveBook:
    """The sets of objectives of the pretended account."""

    def __init__(self, state: SandboxState, clock: Clock, personas: PersonaBook) -> None:
        self._state = state
        self._clock = clock
        self._personas = personas

    def get(self, objectives_id: str) -> Row:
        """Raises `Refusal`: 400 for what is no such id, 404 for one that is unknown."""
        if not re.fullmatch(r"o\w+", objectives_id, re.ASCII):
            raise Refusal("Invalid objectives_id")
        row = self._state.get(KIND, objectives_id)
        if row is None:
            raise Refusal("Objective not found", status=404)
        return row

    def all(self) -> list[Row]:
        return self._state.all(KIND)

    def create(self, body: Row) -> Row:
        given = {name: value for name, value in body.items() if name not in READ_ONLY and value is not None}
        row = checked({"name": "", "allow_loops": False, **given})
        now = iso(self._clock.now())
        row = {
            **row,
            "objectives_id": new_id("o"),
            "name": row["name"] or UNNAMED,
            "created_at": now,
            "updated_at": now,
        }
        self._state.put(KIND, row["objectives_id"], row)
        return row

    def patch(self, objectives_id: str, operations: Any) -> bool:
        """False if the operations change nothing. Raises `Refusal` (400, 404)."""
        row = self.get(objectives_id)
        try:
            result = patched(row, operations, _translated)
        except Refusal as refusal:
            raise Refusal("Invalid patch operation") from refusal
        if any(result.get(name) != row[name] for name in READ_ONLY):
            raise Refusal(f"None of {', '.join(READ_ONLY)} can be changed.")
        result = checked(result)
        if result == row:
            return False
        self._state.put(KIND, objectives_id, {**result, "updated_at": iso(self._clock.now())})
        return True

    def delete(self, objectives_id: str) -> None:
        """Personas that had it have none then."""
        self.get(objectives_id)
        self._state.delete(KIND, objectives_id)
        self._personas.detach("objectives_id", objectives_id)


def _translated(operation: Row) -> Row:
    """The operation with pointers into the set: its name has two, and the first objective can be meant without one."""
    told = dict(operation)
    for key in ("path", "from"):
        pointer = told.get(key, "")
        if pointer.startswith("/objectives_name"):
            told[key] = "/name"
        elif IN_FIRST.match(pointer):
            told[key] = f"/data/0{pointer}"
    return told


def shown(row: Row) -> Row:
    """A set as it is read: id and name under the names of the create's answer and under those seen in reads."""
    return {**row, "objectives_name": row["name"], "uuid": row["objectives_id"]}


def shown_as_documented(row: Row) -> Row:
    first: Row = row["data"][0]
    return {**{name: row[name] for name in READ_ONLY}, **first}


class ObjectiveRoutes:
    """The handlers. None of them blocks."""

    def __init__(self, objectives: ObjectiveBook, dialect: Callable[[], Dialect]) -> None:
        self._objectives = objectives
        self._dialect = dialect

    async def create(self, request: Request) -> Response:
        with _told_as_message():
            row = self._objectives.create(await body_object(request))
        return JSONResponse(
            {
                "objectives_id": row["objectives_id"],
                "objective_name": row["name"],
                "objectives_name": row["name"],
                "status": "active",
                "created_at": row["created_at"],
            }
        )

    async def validate(self, request: Request) -> Response:
        """Say whether a set would do, without keeping it. The real answer's form is not documented."""
        with _told_as_message():
            check_root(checked(await body_object(request))["data"])
        return JSONResponse({"valid": True})

    async def list(self, request: Request) -> Response:
        asked = request.query_params
        rows = [] if asked.get("type") == "system" else self._objectives.all()
        rows = listed(rows, asked, named_by=("name", "objectives_id"))
        page = page_of(request, rows, first_page=self._dialect().page_base)
        return JSONResponse({**page, "data": [self._shown(row) for row in page["data"]]})

    async def get(self, request: Request) -> Response:
        row = self._shown(self._objectives.get(request.path_params["id"]))
        return JSONResponse({"data": row} if self._dialect().objectives == "documented" else row)

    async def patch(self, request: Request) -> Response:
        self._objectives.get(request.path_params["id"])
        changed = self._objectives.patch(request.path_params["id"], parse_json(await request.body()))
        return JSONResponse({"message": "Objective updated successfully"}) if changed else Response(status_code=304)

    async def delete(self, request: Request) -> Response:
        self._objectives.delete(request.path_params["id"])
        return Response(status_code=204)

    def _shown(self, row: Row) -> Row:
        return shown_as_documented(row) if self._dialect().objectives == "documented" else shown(row)


@contextmanager
def _told_as_message() -> Iterator[None]:
    """Only here a 400 says `message` (https://docs.tavus.io/api-reference/objectives/create-objectives)."""
    try:
        yield
    except Refusal as refusal:
        refusal.key = "message"
        raise
