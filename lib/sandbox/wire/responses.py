"""The manners of Tavus's wire: bodies, errors, times, ids, pages (https://docs.tavus.io/openapi.yaml).

Errors are 401 and 402 `{"message"}`, 400 mostly `{"error"}`, 422 `{"message"}`; an unknown id is 400, and 404 only for
objectives (`error`) and documents (`message`). A path that does not exist answers a page of HTML.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

MAX_LIMIT = 100
MAX_DEPTH = 64


class Refusal(Exception):
    """The request is answered with `status`, one sentence and what `more` has, and nothing was done."""

    def __init__(self, message: str, *, status: int = 400, key: str = "error", **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.key = key
        self.message = message
        self.more = more

    def response(self) -> JSONResponse:
        return JSONResponse({self.key: self.message, **self.more}, self.status)


def error_page(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The page of HTML that a web server answers for a path or method that does not exist."""
    title = f"{status} {HTTPStatus(status).phrase}"
    page = f"<!doctype html>\n<html lang=en>\n<title>{title}</title>\n<h1>{title}</h1>\n<p>There is no such page.</p>\n"
    return HTMLResponse(page, status, headers)


def unauthorized() -> Refusal:
    return Refusal("Invalid access token", status=401, key="message")


def parse_json(raw: bytes) -> Any:
    """The body as JSON. Raises `Refusal` (400) for what is no JSON that can be stored and given back."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")  # 1e400, a lone surrogate: no answer
        check_depth(value)
    except (ValueError, RecursionError) as error:
        raise Refusal("The request body is not valid JSON.") from error
    return value


async def body_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises `Refusal` (400)."""
    value = parse_json(await request.body())
    if not isinstance(value, dict):
        raise Refusal("The request body must be a JSON object.")
    return value


def iso(at: float) -> str:
    """Unix seconds as Tavus writes a time: UTC, microseconds, `Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def new_id(prefix: str, *, bytes_: int = 6) -> str:
    return prefix + secrets.token_hex(bytes_)[: bytes_ * 2 - 1]


def flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() in ("true", "1")


def page_of(
    request: Request, rows: Sequence[Any], *, first_page: int | None = None, numbered: bool = False
) -> dict[str, Any]:
    """One page of `rows` in Tavus's envelope: `{"data": [...], "total_count": N}`, `numbered` with page and limit.

    `limit` is 10 unless told, at most 100. Pages count from 1 as documented, and `page=0` is answered as the first
    page too, because the official command line asks for it. So a sweep 1, 2, 3 sees each row once, and a sweep 0, 1,
    2 sees the first page twice and still sees every row if it goes on until a page comes back empty. `first_page`
    (the dialect's `page_base`) makes the count strict: with 0, `page=1` is the second page; with 1, `page=0` is empty.
    A limit or page that is no whole number counts as not given: the lists document no 400.
    """
    limit = min(max(_whole(request, "limit", 10), 1), MAX_LIMIT)
    page = _whole(request, "page", 1 if first_page is None else first_page)
    start = (max(page, 1) - 1 if first_page is None else page - first_page) * limit
    data = list(rows[start : start + limit]) if start >= 0 else []
    return {"data": data, "total_count": len(rows), **({"page": page, "limit": limit} if numbered else {})}


def route_path(scope: Scope) -> str:
    """The path below the sandbox's mount."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if root and path.startswith(root + "/") else path


def base_url(scope: Scope) -> str:
    """Where this sandbox is mounted, as the caller reaches it, with a trailing slash."""
    return str(Request({**scope, "app_root_path": scope.get("root_path", "")}).base_url)


def _whole(request: Request, name: str, otherwise: int) -> int:
    given = request.query_params.get(name, "")
    return int(given) if given.isascii() and given.removeprefix("-").isdigit() and len(given) < 10 else otherwise


def check_depth(value: Any, left: int = MAX_DEPTH) -> None:
    """Raises `ValueError` for what is nested too deeply to be written out again."""
    if not left:
        raise ValueError("nested too deeply")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_depth(item, left - 1)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
