"""`/v2/skills`, and which of them a persona has (https://docs.tavus.io/sections/conversational-video-interface/skills)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lib.sandbox.clock.clock import Clock
from lib.sandbox.personas.routes import PersonaBook
from lib.sandbox.state import Row
from lib.sandbox.wire.responses import Refusal, body_object, iso

REGISTRY = {
    "internet_search": ("Internet Search", "Looks things up on the web during a call."),
    "presentation": ("Presentation", "Walks participants through slides and pictures of the knowledge base."),
    "magic_canvas": ("Magic Canvas", "Shows questions, calendars, charts and pictures during a call."),
    "memory": ("Memory", "Carries what it knows of a participant from one conversation to the next."),
}


class Skills:
    """Attachments are kept in the persona's row: `skills`, by the skill's id."""

    def __init__(self, personas: PersonaBook, clock: Clock) -> None:
        self._personas = personas
        self._clock = clock

    def of(self, persona_id: str) -> dict[str, Row]:
        """Raises `Refusal`: an unknown persona is 400."""
        return dict(self._personas.get(persona_id).get("skills") or {})

    def get(self, persona_id: str, skill_id: str) -> Row:
        """Raises `Refusal` (404) where the persona does not have it."""
        row = self.of(persona_id).get(skill_id)
        if row is None:
            raise Refusal(f"Skill '{skill_id}' is not attached to this PAL", status=404)
        return row

    def put(self, persona_id: str, skill_id: str, config: Any) -> Row:
        """Attach it, or give it another configuration."""
        now, attached = iso(self._clock.now()), self.of(persona_id)
        begun = attached.get(skill_id, {}).get("attached_at", now)
        row = {"skill_id": skill_id, "config": _config(skill_id, config), "attached_at": begun, "updated_at": now}
        self._personas.change(persona_id, skills={**attached, skill_id: row})
        return row

    def merge(self, persona_id: str, skill_id: str, config: Any) -> Row:
        """Take the given parts of a configuration; null removes one."""
        config = _config(skill_id, config, whole=False)
        merged = {**self.get(persona_id, skill_id)["config"], **config}
        return self.put(persona_id, skill_id, {name: value for name, value in merged.items() if value is not None})

    def replace(self, persona_id: str, skills: Any) -> dict[str, Row]:
        """Exactly these, each `{"config": {...}}` under its id."""
        if not isinstance(skills, dict) or not all(isinstance(one, dict) for one in skills.values()):
            raise Refusal("skills must be an object of objects.")
        for skill_id, one in skills.items():
            _config(skill_id, one.get("config"))
        kept = {skill_id: row for skill_id, row in self.of(persona_id).items() if skill_id in skills}
        self._personas.change(persona_id, skills=kept)
        for skill_id, one in skills.items():
            self.put(persona_id, skill_id, one.get("config"))
        return self.of(persona_id)

    def delete(self, persona_id: str, skill_id: str) -> None:
        self.get(persona_id, skill_id)
        left = {name: row for name, row in self.of(persona_id).items() if name != skill_id}
        self._personas.change(persona_id, skills=left)


def _config(skill_id: str, config: Any, *, whole: bool = True) -> Row:
    _known(skill_id)
    if not isinstance(config, dict | None):
        raise Refusal("config must be an object.")
    if whole and skill_id == "presentation" and not (config or {}).get("document_ids"):
        raise Refusal("config.document_ids is required.")
    return config or {}


def _known(skill_id: str) -> Row:
    if skill_id not in REGISTRY:
        raise Refusal(f"Unknown skill '{skill_id}'", status=404)
    name, description = REGISTRY[skill_id]
    return {"skill_id": skill_id, "name": name, "description": description}


class SkillRoutes:
    """The handlers. None of them blocks."""

    def __init__(self, skills: Skills) -> None:
        self._skills = skills

    async def list(self, request: Request) -> Response:
        return JSONResponse({"data": [_known(skill_id) for skill_id in REGISTRY]})

    async def get(self, request: Request) -> Response:
        return JSONResponse(_known(request.path_params["skill_id"]))

    async def of_persona(self, request: Request) -> Response:
        return JSONResponse({"data": self._skills.of(request.path_params["id"])})

    async def replace(self, request: Request) -> Response:
        self._skills.of(request.path_params["id"])
        skills = (await body_object(request)).get("skills")
        return JSONResponse({"data": self._skills.replace(request.path_params["id"], skills)})

    async def attached(self, request: Request) -> Response:
        return JSONResponse(self._skills.get(*_ids(request)))

    async def attach(self, request: Request) -> Response:
        self._skills.of(request.path_params["id"])
        return JSONResponse(self._skills.put(*_ids(request), (await body_object(request)).get("config")))

    async def merge(self, request: Request) -> Response:
        self._skills.get(*_ids(request))
        return JSONResponse(self._skills.merge(*_ids(request), (await body_object(request)).get("config")))

    async def detach(self, request: Request) -> Response:
        self._skills.delete(*_ids(request))
        return Response(status_code=204)


def _ids(request: Request) -> tuple[str, str]:
    return request.path_params["id"], request.path_params["skill_id"]
