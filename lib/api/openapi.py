"""`/api/openapi.json`: the API's own description, made from the endpoints and the models that check requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from lib.api.endpoint import LIST_LIMIT, Endpoint

ERROR = {
    "type": "object",
    "required": ["error", "hint"],
    "properties": {
        "error": {"type": "string", "description": "What happened."},
        "hint": {"type": "string", "description": "What to do."},
    },
}


def route(endpoints: Sequence[Endpoint]) -> BaseRoute:
    """Open to all: it tells nothing of this console's account."""
    made: list[dict[str, Any]] = []

    async def serve(_: Request) -> JSONResponse:
        if not made:
            made.append(document(endpoints))
        return JSONResponse(made[0])

    return Route("/api/openapi.json", serve)


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """An OpenAPI 3.1 document."""
    models = [endpoint.body for endpoint in endpoints if endpoint.body]
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Greenroom",
            "version": "0.1.0",
            "description": f"Personas, agents and sessions. Served by Streamlit {version('streamlit')}.",
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Error": ERROR},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    row = dict(endpoint.answer)
    if endpoint.paged:
        row = {
            "type": "object",
            "required": ["data", "next"],
            "properties": {"data": {"type": "array", "items": row}, "next": {"type": ["string", "null"]}},
        }
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    if endpoint.paged:
        limit = {"type": "integer", "minimum": 1, "maximum": LIST_LIMIT, "default": 100}
        parameters += [
            {"name": "limit", "in": "query", "schema": limit},
            {"name": "cursor", "in": "query", "schema": {"type": "string"}},
        ]
    good: dict[str, Any] = {"description": endpoint.summary}
    if endpoint.status != 204:
        good["content"] = {"application/json": {"schema": row}}
    refused = {
        "description": "Refused or failed",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": {str(endpoint.status): good, "4XX": refused, "5XX": refused},
    }
    if endpoint.body:
        schema = {"$ref": f"#/components/schemas/{endpoint.body.__name__}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation
