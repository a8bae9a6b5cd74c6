"""`/api/personas`: the account's personas, rows as Tavus gives them."""

from __future__ import annotations

from typing import Any

from lib.api.bodies import PersonaFields, PersonaPatch
from lib.api.endpoint import ApiCall, Endpoint, page_of
from lib.models import Persona
from lib.services.personas.service import By

FRESH_S = 2.0
"""Lists read within this many seconds serve each other's callers, so that many at once cost Tavus one sweep."""

API = By(actor="api")

ROW = {
    "type": "object",
    "required": ["persona_id", "persona_name"],
    "properties": {"persona_id": {"type": "string"}, "persona_name": {"type": "string"}},
    "additionalProperties": True,
    "description": "The row as Tavus gives it, with all its other fields.",
}


def row(persona: Persona) -> dict[str, Any]:
    """The row as Tavus gave it, named by the older words even where Tavus used the newer ones."""
    return {**persona.raw, "persona_id": persona.id, "persona_name": persona.name}


def every(call: ApiCall) -> dict[str, Any]:
    listing = call.services.catalogue.personas(max_age_s=FRESH_S)
    if listing.error is not None:
        raise listing.error
    return page_of(call, [row(persona) for persona in listing.items], "persona_id")


def create(call: ApiCall) -> dict[str, Any]:
    return row(call.services.personas.create(call.body.model_dump(exclude_unset=True), API))


def one(call: ApiCall) -> dict[str, Any]:
    return row(call.services.personas.get(call.path["id"]))


def change(call: ApiCall) -> dict[str, Any]:
    personas, persona_id, body = call.services.personas, call.path["id"], call.body.root
    if isinstance(body, list):
        steps = [step.model_dump(exclude_unset=True, by_alias=True) for step in body]
        saved = personas.patch(persona_id, steps, API).checked()
    else:
        before = personas.get(persona_id)
        given = body.model_dump(exclude_unset=True)
        removed = {key for key, value in given.items() if value is None}
        after = {key: value for key, value in {**before.raw, **given}.items() if key not in removed}
        saved = personas.save(before, after, API, just_read=True).checked()
    return row(saved.persona or personas.get(persona_id))


def delete(call: ApiCall) -> None:
    call.services.personas.delete(call.path["id"], API)


ENDPOINTS = (
    Endpoint("GET", "/api/personas", every, "All personas", answer=ROW, paged=True),
    Endpoint("POST", "/api/personas", create, "Make a persona", 201, body=PersonaFields, answer=ROW),
    Endpoint("GET", "/api/personas/{id}", one, "One persona", answer=ROW),
    Endpoint("PATCH", "/api/personas/{id}", change, "Change a persona", body=PersonaPatch, answer=ROW),
    Endpoint("DELETE", "/api/personas/{id}", delete, "Delete a persona", 204),
)
