"""All routes besides the dashboard's own."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from lib.api import agents, callbacks, endpoint, openapi, personas, rtc, sessions
from lib.api.endpoint import said
from lib.wiring import Services

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
ENDPOINTS = personas.ENDPOINTS + agents.ENDPOINTS + sessions.ENDPOINTS


async def unknown(_: Request) -> Response:
    """What would be the dashboard's page: a program expects to be told."""
    return said(404, "There is no such route.", "GET /api/openapi.json names them all.")


def routes(services: Services) -> list[BaseRoute]:
    """The HTTP API, its description, the callbacks, the sandbox's browser room."""
    return [
        openapi.route(ENDPOINTS),
        *endpoint.routes(services, ENDPOINTS),
        *callbacks.routes(services),
        *rtc.routes(services),
        Route("/api", unknown, methods=METHODS),
        Route("/api/{rest:path}", unknown, methods=METHODS),
    ]
