"""One way for every API route: who may call, how a body is read, what an error looks like.

Answers are JSON; errors are `{"error": what happened, "hint": what to do}` with a 4xx or 5xx status. Handlers are
plain functions and run in threads of their own, so that none of them can hold up the dashboard or the sandbox.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lib import errors
from lib.wiring import Services

log = logging.getLogger(__name__)

BODY_LIMIT = 1 << 20
LIST_LIMIT = 500
THREADS = CapacityLimiter(64)

STATUS_OF: tuple[tuple[type[errors.GreenroomError], int], ...] = (
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.BadInput, 400),
    (errors.SettingsWrong, 503),
    (errors.StoreRefused, 503),
    (errors.LimitReached, 429),
    (errors.OutOfCredit, 402),
    (errors.SlotsFull, 409),
    (errors.RateLimited, 429),
    (errors.UpstreamRejected, 400),
    (errors.Ambiguous, 504),
    (errors.UpstreamError, 502),
)


@dataclass(frozen=True)
class ApiCall:
    """One request as a handler sees it: path parameters, query, and the body as its endpoint's model (or None)."""

    services: Services
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Endpoint:
    """One route. `body` is the pydantic model of the body, None where there is none; `answer` the schema's name."""

    method: str
    path: str
    handler: Callable[[ApiCall], Any]
    summary: str
    status: int = 200
    body: type[BaseModel] | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)
    paged: bool = False


def routes(services: Services, endpoints: tuple[Endpoint, ...]) -> list[BaseRoute]:
    """Starlette routes, one a path, with 405 for the methods that it does not have."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [Route(path, _dispatch(services, methods), methods=list(methods)) for path, methods in by_path.items()]


def _dispatch(services: Services, methods: Mapping[str, Endpoint]) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        refusal = _unauthorised(services, request)
        if refusal is not None:
            return refusal
        endpoint = methods["GET" if request.method == "HEAD" else request.method]
        try:
            body = _parsed(await read_body(request, BODY_LIMIT), endpoint.body) if endpoint.body else None
            call = ApiCall(services, request.path_params, request.query_params, body)
            result = await to_thread.run_sync(endpoint.handler, call, limiter=THREADS)
        except errors.GreenroomError as error:
            return error_answer(error)
        except Exception:
            log.exception("%s %s failed", request.method, endpoint.path)
            return said(500, "Greenroom failed on this request.", "The server's log says more. Try again.")
        return Response(status_code=204) if endpoint.status == 204 else JSONResponse(result, endpoint.status)

    return serve


def error_answer(error: errors.GreenroomError) -> JSONResponse:
    status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)
    if isinstance(error, errors.BadInput) and error.code in ("body_too_large", "invalid_body"):
        status = 413 if error.code == "body_too_large" else 422
    if error.code in ("web_page", "redirect"):
        status = 502
    return said(status, error.message, error.hint, retry_after_s=error.retry_after_s)


def said(status: int, message: str, hint: str, *, retry_after_s: float | None = None) -> JSONResponse:
    headers = {"retry-after": str(round(retry_after_s))} if retry_after_s else None
    return JSONResponse({"error": message, "hint": hint}, status, headers=headers)


async def read_body(request: Request, limit: int) -> bytes:
    """The body, of at most `limit` bytes: it is not read further. Raises BadInput."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise errors.BadInput(f"The body is larger than {limit:,} bytes.", code="body_too_large")
    return body


def load_json(body: bytes) -> Any:
    """Raises BadInput; a body that nests too deeply is one."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise errors.BadInput("The body is not JSON.", hint="Send a JSON body in UTF-8.") from None


def page_of(call: ApiCall, items: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """`{"data", "next"}`: `limit` items (100, at most 500) after the one whose `key` is the cursor."""
    limit = limit_of(call)
    cursor = call.query.get("cursor")
    begin = 0
    if cursor:
        begin = next((index + 1 for index, item in enumerate(items) if item.get(key) == cursor), -1)
        if begin < 0:
            raise errors.BadInput("That is not a cursor of this list.", hint="Begin at the first page.")
    shown = items[begin : begin + limit]
    return {"data": shown, "next": shown[-1][key] if begin + limit < len(items) else None}


def limit_of(call: ApiCall) -> int:
    text = call.query.get("limit", "100")
    if not text.isdecimal() or not 1 <= int(text) <= LIST_LIMIT:
        raise errors.BadInput(f"`limit` is a whole number from 1 to {LIST_LIMIT}.")
    return int(text)


def _unauthorised(services: Services, request: Request) -> JSONResponse | None:
    token = services.loaded.settings.api_token
    expected = token.get_secret_value() if token else "sandbox" if services.sandbox else ""
    if not expected:
        return said(503, "The HTTP API is off: API_TOKEN is not set.", "Set API_TOKEN in .env and restart.")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), expected.encode()):
        return None
    answer = said(401, "The bearer token is missing or wrong.", "Send the header Authorization: Bearer <API_TOKEN>.")
    answer.headers["www-authenticate"] = "Bearer"
    return answer


def _parsed(body: bytes, model: type[BaseModel]) -> BaseModel:
    try:
        return model.model_validate(load_json(body))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'body'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False, include_input=False)[:5]
        )
        raise errors.BadInput(f"The body is not right: {problems}.", code="invalid_body") from None
