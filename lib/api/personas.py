"""`/api/personas`: the account's personas, rows as Tavus gives them."""

from __future__ import annotations

from lib.api.answers import ListAnswer, PersonaAnswer
from lib.api.bodies import PersonaFields, PersonaPatch
from lib.api.endpoint import ApiCall, Endpoint, page_of
from lib.models import Persona
from lib.services.personas.service import By

FRESH_S = 2.0
"""Lists read within this many seconds serve each other's callers, so that many at once cost Tavus one sweep."""

API = By(actor="api")


def row(persona: Persona) -> PersonaAnswer:
    return PersonaAnswer.model_validate({**persona.raw, "persona_id": persona.id, "persona_name": persona.name})


def every(call: ApiCall) -> ListAnswer[PersonaAnswer]:
    listing = call.services.catalogue.personas(max_age_s=FRESH_S)
    if listing.error is not None:
        raise listing.error
    shown, following = page_of(call, listing.items, lambda persona: persona.id)
    return ListAnswer[PersonaAnswer](data=[row(persona) for persona in shown], next=following)


def create(call: ApiCall) -> PersonaAnswer:
    return row(call.services.personas.create(call.taken(PersonaFields).model_dump(exclude_unset=True), API))


def one(call: ApiCall) -> PersonaAnswer:
    return row(call.services.personas.get(call.path["id"]))


def change(call: ApiCall) -> PersonaAnswer:
    personas, persona_id, body = call.services.personas, call.path["id"], call.taken(PersonaPatch).root
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
    Endpoint("GET", "/api/personas", every, "All personas", answer=ListAnswer[PersonaAnswer]),
    Endpoint("POST", "/api/personas", create, "Make a persona", 201, body=PersonaFields, answer=PersonaAnswer),
    Endpoint("GET", "/api/personas/{id}", one, "One persona", answer=PersonaAnswer),
    Endpoint("PATCH", "/api/personas/{id}", change, "Change a persona", body=PersonaPatch, answer=PersonaAnswer),
    Endpoint("DELETE", "/api/personas/{id}", delete, "Delete a persona", 204),
)
