"""`/api/agents`: agents, in the camelCase of the older backend."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, get_args

from pydantic.alias_generators import to_camel

from lib.api.bodies import AgentChange, AgentNew, Avatar, CallFields
from lib.api.endpoint import ApiCall, Endpoint, page_of
from lib.errors import GreenroomError
from lib.models import Agent, CallSettings
from lib.services.agents.readiness import Known
from lib.services.agents.service import Standing, standing
from lib.wiring import Services

FRESH_S = 60.0
"""How old Tavus's lists may be where an agent's state is told."""

LACKS = {
    "type": "object",
    "required": ["code", "message", "hint", "blocks"],
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string", "description": "What it lacks."},
        "hint": {"type": "string", "description": "What to do."},
        "blocks": {"type": "boolean", "description": "No call can start before it is mended."},
    },
}
ROW = {
    "type": "object",
    "required": ["id", "name", "avatar", "call", "state", "missing"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "avatar": {
            "type": "object",
            "properties": {"replicaId": {"type": "string"}, "tavusPersonaId": {"type": "string"}},
        },
        "call": {"$ref": "#/components/schemas/CallFields"},
        "state": {
            "type": "string",
            "enum": list(get_args(Standing)),
            "description": "`look`: it can start, but read `missing` first. `unknown`: Tavus can't be asked.",
        },
        "missing": {"type": "array", "items": LACKS},
    },
}


def row(agent: Agent, known: Known, services: Services) -> dict[str, Any]:
    found = services.agents.missing(agent, known.personas, known.replicas, known.documents)
    return {
        "id": agent.id,
        "name": agent.name,
        "avatar": {"replicaId": agent.replica_id, "tavusPersonaId": agent.persona_id},
        "call": _wire(agent.call),
        "state": standing(found, known),
        "missing": [asdict(item) for item in found],
    }


def every(call: ApiCall) -> dict[str, Any]:
    known = _known(call.services)
    return page_of(call, [row(agent, known, call.services) for agent in call.services.agents.all()], "id")


def create(call: ApiCall) -> dict[str, Any]:
    body: AgentNew = call.body
    settings = replace(CallSettings(), **_call(body.call))
    return _written(call.services, call.services.agents.create(name=body.name, call=settings, **_avatar(body.avatar)))


def one(call: ApiCall) -> dict[str, Any]:
    return row(call.services.agents.get(call.path["id"]), _known(call.services), call.services)


def change(call: ApiCall) -> dict[str, Any]:
    body: AgentChange = call.body
    changes = _avatar(body.avatar) | _call(body.call)
    if body.name is not None:
        changes["name"] = body.name
    return _written(call.services, call.services.agents.update(call.path["id"], **changes))


def delete(call: ApiCall) -> None:
    call.services.agents.delete(call.path["id"])


def _avatar(avatar: Avatar | None) -> dict[str, Any]:
    given = avatar.model_dump(exclude_unset=True) if avatar else {}
    names = {"replica_id": "replica_id", "tavus_persona_id": "persona_id"}
    return {names[key]: value or "" for key, value in given.items()}


def _call(fields: CallFields | None) -> dict[str, Any]:
    """The settings that were sent, each by its name."""
    if fields is None:
        return {}
    blank = asdict(CallSettings())
    given = fields.model_dump(exclude_unset=True)
    values = {key: blank[key] if value is None else value for key, value in given.items()}
    for key in ("document_ids", "document_tags"):
        if key in values:
            values[key] = tuple(values[key])
    if "recording_storage" in values:
        values["recording_storage"] = {key: text for key, text in values["recording_storage"].items() if text}
    return values


def _wire(call: CallSettings) -> dict[str, Any]:
    """The settings as `CallFields` takes them, so that what was read can be sent back."""
    told = {to_camel(key): value for key, value in asdict(call).items() if key != "unknown"}
    storage = {to_camel(key): value for key, value in call.recording_storage.items()}
    return {**told, "recordingStorage": storage or None}


def _written(services: Services, agent: Agent) -> dict[str, Any]:
    """Judged by what was read before: writing does not wait for Tavus's lists."""
    return row(agent, _kept(services), services)


def _known(services: Services) -> Known:
    """What Tavus has; what was read before where it can't be asked, since our own agents are told all the same."""
    catalogue = services.catalogue
    try:
        personas, replicas = catalogue.personas(max_age_s=FRESH_S), catalogue.replicas(max_age_s=FRESH_S)
    except GreenroomError:
        return _kept(services)
    return Known(personas, replicas, services.library.documents.shelf.peek())


def _kept(services: Services) -> Known:
    catalogue, documents = services.catalogue, services.library.documents.shelf
    return Known(catalogue.persona_shelf.peek(), catalogue.replica_shelf.peek(), documents.peek())


ENDPOINTS = (
    Endpoint("GET", "/api/agents", every, "All agents", answer=ROW, paged=True),
    Endpoint("POST", "/api/agents", create, "Make an agent", 201, body=AgentNew, answer=ROW),
    Endpoint("GET", "/api/agents/{id}", one, "One agent", answer=ROW),
    Endpoint("PATCH", "/api/agents/{id}", change, "Change an agent", body=AgentChange, answer=ROW),
    Endpoint("DELETE", "/api/agents/{id}", delete, "Delete an agent", 204),
)
