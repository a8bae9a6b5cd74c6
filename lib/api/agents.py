"""`/api/agents`: agents, in the camelCase of the older backend."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from pydantic.alias_generators import to_camel

from lib.api.bodies import AgentChange, AgentNew, Avatar, CallFields
from lib.api.endpoint import Call, Endpoint, page_of
from lib.models import Agent, CallSettings

ROW = {
    "type": "object",
    "required": ["id", "name", "avatar"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "avatar": {
            "type": "object",
            "properties": {"replicaId": {"type": "string"}, "tavusPersonaId": {"type": "string"}},
        },
        "call": {"type": "object"},
    },
}


def row(agent: Agent) -> dict[str, Any]:
    return {
        "id": agent.id,
        "name": agent.name,
        "avatar": {"replicaId": agent.replica_id, "tavusPersonaId": agent.persona_id},
        "call": {to_camel(key): value for key, value in asdict(agent.call).items()},
    }


def every(call: Call) -> dict[str, Any]:
    return page_of(call, [row(agent) for agent in call.services.agents.all()], "id")


def create(call: Call) -> dict[str, Any]:
    body: AgentNew = call.body
    changes = _avatar(body.avatar) | _call(body.call, CallSettings())
    return row(call.services.agents.create(name=body.name, **changes))


def one(call: Call) -> dict[str, Any]:
    return row(call.services.agents.get(call.path["id"]))


def change(call: Call) -> dict[str, Any]:
    body: AgentChange = call.body
    agent = call.services.agents.get(call.path["id"])
    changes = _avatar(body.avatar) | _call(body.call, agent.call)
    if body.name is not None:
        changes["name"] = body.name
    return row(call.services.agents.update(agent.id, **changes))


def delete(call: Call) -> None:
    call.services.agents.delete(call.path["id"])


def _avatar(avatar: Avatar | None) -> dict[str, Any]:
    given = avatar.model_dump(exclude_unset=True) if avatar else {}
    names = {"replica_id": "replica_id", "tavus_persona_id": "persona_id"}
    return {names[key]: value or "" for key, value in given.items()}


def _call(fields: CallFields | None, before: CallSettings) -> dict[str, Any]:
    if fields is None:
        return {}
    blank = asdict(CallSettings())
    given = fields.model_dump(exclude_unset=True)
    return {"call": replace(before, **{key: blank[key] if value is None else value for key, value in given.items()})}


ENDPOINTS = (
    Endpoint("GET", "/api/agents", every, "All agents", answer=ROW, paged=True),
    Endpoint("POST", "/api/agents", create, "Make an agent", 201, body=AgentNew, answer=ROW),
    Endpoint("GET", "/api/agents/{id}", one, "One agent", answer=ROW),
    Endpoint("PATCH", "/api/agents/{id}", change, "Change an agent", body=AgentChange, answer=ROW),
    Endpoint("DELETE", "/api/agents/{id}", delete, "Delete an agent", 204),
)
