"""`/v2/documents` (https://docs.tavus.io/api-reference/documents/list-documents)."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.library.document_rules import check_page
from lib.sandbox.library.documents import DocumentBook
from lib.sandbox.library.listing import listed, tags_page
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.responses import body_object, page_of


class DocumentRoutes:
    """The handlers. None of them blocks."""

    def __init__(self, documents: DocumentBook, dialect: Callable[[], Dialect]) -> None:
        self._documents = documents
        self._dialect = dialect

    async def create(self, request: Request) -> Response:
        row = self._documents.create(await body_object(request))
        return JSONResponse(self._documents.shown(row))

    async def list(self, request: Request) -> Response:
        """Pages count from 0 here, in the spec and in the official command line alike."""
        asked = request.query_params
        check_page(asked)
        rows = [row for row in self._documents.all() if asked.get("status", "") in ("", row["status"])]
        rows = listed(rows, asked, named_by=("document_name", "document_id"))
        page = page_of(request, rows, first_page=self._dialect().page_base or 0, numbered=True)
        return JSONResponse({**page, "data": [self._documents.shown(row) for row in page["data"]]})

    async def tags(self, request: Request) -> Response:
        return JSONResponse(tags_page(request, self._documents.all(), id_field="document_id", ids_name="document_ids"))

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._documents.shown(self._documents.get(request.path_params["id"])))

    async def change(self, request: Request) -> Response:
        self._documents.get(request.path_params["id"])
        row = self._documents.change(request.path_params["id"], await body_object(request))
        return JSONResponse(self._documents.shown(row))

    async def delete(self, request: Request) -> Response:
        self._documents.delete(request.path_params["id"])
        return Response(status_code=204)

    async def recrawl(self, request: Request) -> Response:
        self._documents.get(request.path_params["id"])
        body = await body_object(request) if await request.body() else {}
        row = self._documents.recrawl(request.path_params["id"], body)
        return JSONResponse(self._documents.shown(row), 202)

    async def chunks(self, request: Request) -> Response:
        """What was read out of a document: nothing, for the sandbox reads none. The form is not documented."""
        self._documents.get(request.path_params["id"])
        return JSONResponse({"chunks": [], "next_offset": None})
