"""`/v2/guardrails` (https://docs.tavus.io/api-reference/guardrails/list-guardrails).

Single guardrails and the older sets share these paths: the body tells them apart on create, the id on everything
else, and `legacy` (true unless told) on the list.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.library.guardrails import GuardrailBook
from lib.sandbox.library.listing import listed, tags_page
from lib.sandbox.state import Row
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.responses import body_object, flag, page_of, parse_json


class GuardrailRoutes:
    """The handlers. None of them blocks."""

    def __init__(self, guardrails: GuardrailBook, dialect: Callable[[], Dialect]) -> None:
        self._guardrails = guardrails
        self._dialect = dialect

    async def create(self, request: Request) -> Response:
        body = await body_object(request)
        if "data" not in body or "guardrail_name" in body:
            return JSONResponse(self._guardrails.create(body))
        row = self._guardrails.create_set(body)
        told = {"guardrails_id": row["guardrails_id"], "guardrails_name": row["name"]}
        return JSONResponse({**told, "status": "active", "created_at": row["created_at"]})

    async def list(self, request: Request) -> Response:
        """Single ones count pages from 0 by the documents, from 1 by the official command line: either is the first."""
        asked = request.query_params
        if asked.get("legacy", "true").lower() == "false":
            rows, named_by, shown = self._guardrails.all(), ("guardrail_name", "uuid"), self._shown(request)
        else:
            rows, named_by, shown = self._guardrails.all_sets(), ("name", "guardrails_id"), self._guardrails.shown_set
        rows = [] if asked.get("type") == "system" else listed(rows, asked, named_by=named_by)
        page = page_of(request, rows, first_page=self._dialect().page_base, numbered=True)
        return JSONResponse({**page, "data": [shown(row) for row in page["data"]]})

    async def tags(self, request: Request) -> Response:
        return JSONResponse(tags_page(request, self._guardrails.all(), id_field="uuid", ids_name="guardrail_ids"))

    async def get(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        if row := self._guardrails.find_set(id_):
            return JSONResponse(self._guardrails.shown_set(row))
        return JSONResponse(self._shown(request)(self._guardrails.get(id_)))

    async def patch(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        row = self._guardrails.find_set(id_)
        if row is None:
            self._guardrails.get(id_)
        operations = parse_json(await request.body())
        if row is not None:
            changed = self._guardrails.patch_set(row, operations)
            told: Row | None = {"message": "Guardrails updated successfully"} if changed else None
        else:
            told = self._guardrails.patch(id_, operations)
        return Response(status_code=304) if told is None else JSONResponse(told)

    async def delete(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        if row := self._guardrails.find_set(id_):
            self._guardrails.delete_set(row)
        else:
            self._guardrails.delete(id_)
        return Response(status_code=204)

    def _shown(self, request: Request) -> Callable[[Row], Row]:
        """What the command line's `--verbose` adds is not documented: whose it is, and who has it."""
        if not flag(request, "verbose"):
            return lambda row: row
        holders = self._guardrails.holders()
        return lambda row: {**row, "guardrail_type": "user", "persona_refs": holders(row)}
