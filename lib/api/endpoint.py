"""One way for every API route: who may call, how a body is read, what an error looks like.

Answers are JSON; errors are `{"error": what happened, "hint": what to do}` with a 4xx or 5xx status. Handlers are
plain functions and run in threads of their own, so that none of them can hold up the dashboard or the sandbox.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from lib import errors
from lib.api.answers import Answer, ErrorAnswer, ListAnswer
from lib.wiring import Services

log = logging.getLogger(__name__)

T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)

ACTOR = "the API"
"""Who does what a request asks for: the token says no more."""
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
    body: BaseModel | None

    def taken(self, model: type[B]) -> B:
        """The body, which is checked already. Raises TypeError where its endpoint takes another one."""
        if not isinstance(self.body, model):
            raise TypeError(f"no {model.__name__}")
        return self.body


@dataclass(frozen=True)
class Endpoint:
    """One route. `body` and `answer` are the models of what comes and goes, None where nothing does."""

    method: str
    path: str
    handler: Callable[[ApiCall], Answer | None]
    summary: str
    status: int = 200
    body: type[BaseModel] | None = None
    answer: type[Answer] | None = None

    @property
    def paged(self) -> bool:
        return self.answer is not None and issubclass(self.answer, ListAnswer)

    def answered(self, call: ApiCall) -> Response:
        """Do it, and write the answer. Raises what the handler raises."""
        answer = self.handler(call)
        return Response(status_code=self.status) if answer is None else written(answer, self.status)


def routes(services: Services, endpoints: tuple[Endpoint, ...]) -> list[BaseRoute]:
    """Starlette routes, one a path, with 405 for the methods that it does not have."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [Route(path, _dispatch(services, methods), methods=list(methods)) for path, methods in by_path.items()]


def _dispatch(services: Services, methods: Mapping[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        refusal = _unauthorised(services, request)
        if refusal is not None:
            return refusal
        endpoint = methods["GET" if request.method == "HEAD" else request.method]
        try:
            body = _parsed(await read_body(request, BODY_LIMIT), endpoint.body) if endpoint.body else None
            call = ApiCall(services, request.path_params, request.query_params, body)
            return await to_thread.run_sync(endpoint.answered, call, limiter=THREADS)
        except errors.GreenroomError as error:
            return error_answer(error)
        except Exception:
            log.exception("%s %s failed", request.method, endpoint.path)
            return said(500, "Greenroom failed on this request.", "The server's log says more. Try again.")

    return serve


def written(answer: Answer, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(answer.model_dump_json(), status, headers, media_type="application/json")


def error_answer(error: errors.GreenroomError) -> Response:
    status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)
    if isinstance(error, errors.BadInput) and error.code in ("body_too_large", "invalid_body"):
        status = 413 if error.code == "body_too_large" else 422
    if error.code in ("web_page", "redirect"):
        status = 502
    return said(status, error.message, error.hint, retry_after_s=error.retry_after_s)


def said(status: int, message: str, hint: str, *, retry_after_s: float | None = None) -> Response:
    headers = {"retry-after": str(round(retry_after_s))} if retry_after_s else None
    return written(ErrorAnswer(error=message, hint=hint), status, headers)


async def read_body(request: Request, limit: int) -> bytes:
    """The body, of at most `limit` bytes: it is not read further. Raises BadInput."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise errors.BadInput(f"The body is larger than {limit:,} bytes.", code="body_too_large")
    return body


def load_json(body: bytes) -> object:
    """Raises BadInput; a body that nests too deeply is one."""
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        raise errors.BadInput("The body is not JSON.", hint="Send a JSON body in UTF-8.") from None
    return value


def page_of(call: ApiCall, items: Sequence[T], name: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """`limit` items (100, at most 500) after the one whose name is the cursor, and the cursor of the next page."""
    limit = limit_of(call)
    cursor = call.query.get("cursor")
    begin = 0
    if cursor:
        begin = next((index + 1 for index, item in enumerate(items) if name(item) == cursor), -1)
        if begin < 0:
            raise errors.BadInput("That is not a cursor of this list.", hint="Begin at the first page.")
    shown = items[begin : begin + limit]
    return shown, name(shown[-1]) if begin + limit < len(items) else None


def limit_of(call: ApiCall) -> int:
    text = call.query.get("limit", "100")
    if not text.isdecimal() or not 1 <= int(text) <= LIST_LIMIT:
        raise errors.BadInput(f"`limit` is a whole number from 1 to {LIST_LIMIT}.")
    return int(text)


def _unauthorised(services: Services, request: Request) -> Response | None:
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
