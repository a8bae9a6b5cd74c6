"""`/api/openapi.json`: the API's own description, made from the endpoints and the models that check requests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from lib.api.answers import ErrorAnswer
from lib.api.endpoint import LIST_LIMIT, Endpoint
from lib.models import JsonObject

Model = tuple[type[BaseModel], JsonSchemaMode]

REF = "#/components/schemas/{model}"


def route(endpoints: Sequence[Endpoint]) -> BaseRoute:
    """Open to all: it tells nothing of this console's account."""
    made: list[JsonObject] = []

    async def serve(_: Request) -> JSONResponse:
        if not made:
            made.append(document(endpoints))
        return JSONResponse(made[0])

    return Route("/api/openapi.json", serve)


def document(endpoints: Sequence[Endpoint]) -> JsonObject:
    """An OpenAPI 3.1 document."""
    taken: list[Model] = [(endpoint.body, "validation") for endpoint in endpoints if endpoint.body]
    given: list[Model] = [(endpoint.answer, "serialization") for endpoint in endpoints if endpoint.answer]
    places, made = models_json_schema([*taken, *given, (ErrorAnswer, "serialization")], ref_template=REF)
    schemas: JsonObject = made["$defs"]
    refs: dict[type, JsonObject] = {model: ref for (model, _), ref in places.items()}
    paths: dict[str, dict[str, JsonObject]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, refs, schemas)
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
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, refs: Mapping[type, JsonObject], schemas: JsonObject) -> JsonObject:
    parameters: list[JsonObject] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    if endpoint.paged:
        limit = {"type": "integer", "minimum": 1, "maximum": LIST_LIMIT, "default": 100}
        parameters += [
            {"name": "limit", "in": "query", "schema": limit},
            {"name": "cursor", "in": "query", "schema": {"type": "string"}},
        ]
    good: dict[str, object] = {"description": endpoint.summary}
    if endpoint.answer:
        # Written out where it is answered: a reader sees the fields at once.
        name = str(refs[endpoint.answer]["$ref"]).rpartition("/")[2]
        good["content"] = {"application/json": {"schema": schemas[name]}}
    refused = {"description": "Refused or failed", "content": {"application/json": {"schema": refs[ErrorAnswer]}}}
    operation: dict[str, object] = {
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": {str(endpoint.status): good, "4XX": refused, "5XX": refused},
    }
    if endpoint.body:
        schema = refs[endpoint.body]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation
