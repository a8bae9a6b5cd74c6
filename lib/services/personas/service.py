"""Personas: read fresh, make, change by the smallest patch, delete; the catalogue is kept in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsonpatch

from lib.clients.tavus import Tavus
from lib.errors import BadInput, GreenroomError
from lib.models import Agent, Persona
from lib.services.agents import Agents
from lib.services.catalogue import Catalogue

READ_ONLY = frozenset({"persona_id", "pal_id", "created_at", "updated_at", "persona_type", "pal_type"})


class Personas:
    """The account's personas at Tavus. Nothing here is billed."""

    def __init__(self, tavus: Tavus, catalogue: Catalogue, agents: Agents) -> None:
        self._tavus = tavus
        self._catalogue = catalogue
        self._agents = agents

    def get(self, persona_id: str) -> Persona:
        """One request. Raises NotFound, UpstreamError."""
        persona = self._tavus.personas.get(persona_id=persona_id)
        self._catalogue.persona_shelf.put(persona)
        return persona

    def create(self, fields: Mapping[str, Any]) -> Persona:
        """Make a persona of the wire's fields and read it back. Raises BadInput, UpstreamError.

        Once it is made, a reading that fails is no failure of the making: what was sent is given back instead.
        """
        sent = {key: value for key, value in fields.items() if key not in READ_ONLY}
        persona_id = self._tavus.personas.create(sent)
        try:
            return self.get(persona_id)
        except GreenroomError:
            self._catalogue.persona_shelf.forget()
            return Persona(persona_id, str(sent.get("persona_name") or ""), {**sent, "persona_id": persona_id})

    def save(self, before: Persona, after: Mapping[str, Any]) -> bool:
        """Send what differs between `before` (as it was read) and `after`; False if nothing does.

        Raises BadInput, NotFound, UpstreamError (422 where Tavus no longer has what was read).
        """
        keep = {key: before.raw[key] for key in READ_ONLY if key in before.raw}
        wanted = {key: value for key, value in after.items() if key not in READ_ONLY} | keep
        operations = list(jsonpatch.make_patch(dict(before.raw), wanted))
        return bool(operations) and self.patch(before.id, operations)

    def patch(self, persona_id: str, operations: Sequence[Mapping[str, Any]]) -> bool:
        """Send an RFC 6902 patch; False where Tavus says that nothing changed (304)."""
        if not all(isinstance(step, Mapping) and "op" in step and "path" in step for step in operations):
            raise BadInput("Each step of a JSON Patch needs `op` and `path`.")
        changed = self._tavus.personas.patch(persona_id=persona_id, operations=operations)
        if changed:
            self.get(persona_id)
        return changed

    def delete(self, persona_id: str) -> None:
        """Delete at Tavus, for good. Agents that use it stay and name it as missing."""
        self._tavus.personas.delete(persona_id=persona_id)
        self._catalogue.persona_shelf.drop(persona_id)

    def used_by(self, persona_id: str) -> list[Agent]:
        """The agents that would lose their persona."""
        return [agent for agent in self._agents.all() if agent.persona_id == persona_id]
