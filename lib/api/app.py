"""All routes besides the dashboard's own."""

from __future__ import annotations

from starlette.routing import BaseRoute

from lib.api import agents, callbacks, endpoint, fonts, openapi, personas, sessions
from lib.wiring import Services

ENDPOINTS = personas.ENDPOINTS + agents.ENDPOINTS + sessions.ENDPOINTS


def routes(services: Services) -> list[BaseRoute]:
    """The HTTP API, its description, the callbacks, the typeface."""
    return [
        openapi.route(ENDPOINTS),
        *endpoint.routes(services, ENDPOINTS),
        *callbacks.routes(services),
        *fonts.routes(),
    ]
