"""`/api/agents`: agents, in the camelCase of the older backend."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, TypedDict

from pydantic.alias_generators import to_camel

from lib.api.answers import AgentAnswer, AvatarAnswer, CallAnswer, LackAnswer, ListAnswer
from lib.api.bodies import AgentChange, AgentNew, Avatar, CallFields
from lib.api.endpoint import ACTOR, ApiCall, Endpoint, page_of
from lib.errors import GreenroomError
from lib.models import Agent, CallSettings
from lib.services.agents.readiness import Known
from lib.services.agents.service import standing
from lib.wiring import Services

FRESH_S = 60.0
"""How old Tavus's lists may be where an agent's state is told."""


def row(agent: Agent, known: Known, services: Services) -> AgentAnswer:
    found = services.agents.missing(agent, known.personas, known.replicas, known.documents)
    return AgentAnswer(
        id=agent.id,
        name=agent.name,
        avatar=AvatarAnswer(replica_id=agent.replica_id, tavus_persona_id=agent.persona_id),
        call=_told(agent.call),
        state=standing(found, known),
        missing=[LackAnswer(**asdict(item)) for item in found],
    )


def every(call: ApiCall) -> ListAnswer[AgentAnswer]:
    known, agents = _known(call.services), call.services.agents.all()
    shown, following = page_of(call, agents, lambda agent: agent.id)
    return ListAnswer[AgentAnswer](data=[row(agent, known, call.services) for agent in shown], next=following)


def create(call: ApiCall) -> AgentAnswer:
    body = call.taken(AgentNew)
    settings = CallSettings(**_call(body.call))
    return _written(
        call.services, call.services.agents.create(name=body.name, call=settings, actor=ACTOR, **_avatar(body.avatar))
    )


def one(call: ApiCall) -> AgentAnswer:
    return row(call.services.agents.get(call.path["id"]), _known(call.services), call.services)


def change(call: ApiCall) -> AgentAnswer:
    body = call.taken(AgentChange)
    changes: dict[str, object] = {**_avatar(body.avatar), **_call(body.call)}
    if body.name is not None:
        changes["name"] = body.name
    return _written(call.services, call.services.agents.update(call.path["id"], actor=ACTOR, **changes))


def delete(call: ApiCall) -> None:
    call.services.agents.delete(call.path["id"], actor=ACTOR)


class AvatarFields(TypedDict, total=False):
    """Persona and replica of an agent, those that were sent."""

    persona_id: str
    replica_id: str


def _avatar(avatar: Avatar | None) -> AvatarFields:
    given, sent = AvatarFields(), avatar.model_fields_set if avatar else ()
    if avatar and "replica_id" in sent:
        given["replica_id"] = avatar.replica_id or ""
    if avatar and "tavus_persona_id" in sent:
        given["persona_id"] = avatar.tavus_persona_id or ""
    return given


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


def _told(call: CallSettings) -> CallAnswer:
    told = {field.name: getattr(call, field.name) for field in fields(call) if field.name != "unknown"}
    storage = {to_camel(key): value for key, value in call.recording_storage.items()}
    return CallAnswer(**{**told, "recording_storage": storage or None})


def _written(services: Services, agent: Agent) -> AgentAnswer:
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
    Endpoint("GET", "/api/agents", every, "All agents", answer=ListAnswer[AgentAnswer]),
    Endpoint("POST", "/api/agents", create, "Make an agent", 201, body=AgentNew, answer=AgentAnswer),
    Endpoint("GET", "/api/agents/{id}", one, "One agent", answer=AgentAnswer),
    Endpoint("PATCH", "/api/agents/{id}", change, "Change an agent", body=AgentChange, answer=AgentAnswer),
    Endpoint("DELETE", "/api/agents/{id}", delete, "Delete an agent", 204),
)
