"""Daily's REST API at `/daily/v1`, as far as a bot's session needs it: rooms and meeting tokens.

https://docs.daily.co/reference/rest-api: errors are `{"error": <kind>, "info": <words>}`; the key is a bearer token,
and any that is not empty is a good one. The rooms hold no media.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lib.sandbox.clock.clock import Clock
from lib.sandbox.state import Row, SandboxState
from lib.sandbox.wire.responses import Refusal, body_object, iso

DOMAIN = "sandbox"
ROOM, TOKEN = "daily_room", "daily_token"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Rooms:
    """The rooms of the pretended domain. A room whose time is over is gone."""

    def __init__(self, state: SandboxState, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    def find(self, name: str) -> Row | None:
        row = self._state.get(ROOM, name)
        if row is not None and (row["config"].get("exp") or self._clock.now() + 1) <= self._clock.now():
            self._state.delete(ROOM, name)
            return None
        return row

    def all(self) -> list[Row]:
        return [row for row in self._state.all(ROOM) if self.find(row["name"]) is not None]

    def create(self, body: Row) -> Row:
        name = body.get("name") or secrets.token_urlsafe(12)
        privacy, properties = body.get("privacy", "public"), body.get("properties") or {}
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _wrong("a room's name has letters, digits, - and _ only")
        if privacy not in ("public", "private"):
            raise _wrong("privacy must be one of public, private")
        if not isinstance(properties, dict):
            raise _wrong("properties must be an object")
        if self.find(name) is not None:
            raise _wrong(f"a room named {name} already exists")
        row: Row = {
            "id": secrets.token_hex(16),
            "name": name,
            "api_created": True,
            "privacy": privacy,
            "url": f"https://{DOMAIN}.daily.co/{name}",
            "created_at": iso(self._clock.now()),
            "config": properties,
        }
        self._state.put(ROOM, name, row)
        return row

    def delete(self, name: str) -> None:
        if self.find(name) is None:
            raise _missing()
        self._state.delete(ROOM, name)

    def token(self, body: Row) -> str:
        properties = body.get("properties")
        if not isinstance(properties, dict):
            raise _wrong("properties must be an object")
        room = properties.get("room_name")
        if room and self.find(str(room)) is None:
            raise _wrong(f"there is no room named {room}")
        token = secrets.token_urlsafe(24)
        self._state.put(TOKEN, token, dict(properties))
        return token


def routes(rooms: Rooms) -> list[BaseRoute]:
    """Everything below `/daily/v1`."""

    async def domain(request: Request) -> Response:
        return JSONResponse({"domain_name": DOMAIN, "config": {}})

    async def made(request: Request) -> Response:
        return JSONResponse(rooms.create(await body_object(request)))

    async def listed(request: Request) -> Response:
        data = rooms.all()
        return JSONResponse({"total_count": len(data), "data": data})

    async def one(request: Request) -> Response:
        row = rooms.find(request.path_params["name"])
        if row is None:
            raise _missing()
        return JSONResponse(row)

    async def gone(request: Request) -> Response:
        name = request.path_params["name"]
        rooms.delete(name)
        return JSONResponse({"deleted": True, "name": name})

    async def token(request: Request) -> Response:
        return JSONResponse({"token": rooms.token(await body_object(request))})

    paths: list[tuple[str, str, Any]] = [
        ("GET", "", domain),
        ("GET", "/", domain),
        ("GET", "/rooms", listed),
        ("POST", "/rooms", made),
        ("GET", "/rooms/{name}", one),
        ("DELETE", "/rooms/{name}", gone),
        ("POST", "/meeting-tokens", token),
    ]
    return [Route("/daily/v1" + path, handler, methods=[method]) for method, path, handler in paths]


def unauthorized() -> Refusal:
    return Refusal("authentication-error", status=401, info="The API key is missing or wrong.")


def _wrong(info: str) -> Refusal:
    return Refusal("invalid-request-error", info=info)


def _missing() -> Refusal:
    return Refusal("not-found", status=404, info="room not found")
