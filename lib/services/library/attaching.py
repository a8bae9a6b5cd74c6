"""Attach items of the library to personas and detach them, by the same save as every other change of a persona."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lib.errors import GreenroomError
from lib.models import Document, Guardrail, GuardrailSet, ObjectiveSet, Persona
from lib.services.catalogue.catalogue import Catalogue
from lib.services.library import using
from lib.services.library.service import Library
from lib.services.library.using import LibraryKind, Use
from lib.services.personas.service import By, Personas

FRESH_S = 60.0
Item = ObjectiveSet | Guardrail | GuardrailSet | Document


_ONE = {
    LibraryKind.OBJECTIVES: "objectives",
    LibraryKind.GUARDRAILS: "guardrail",
    LibraryKind.DOCUMENTS: "document",
    LibraryKind.SETS: "guardrail set",
}


@dataclass(frozen=True)
class AttachOutcome:
    """What became of one persona. `error` is None where it has the item now, or has it no more, as was asked."""

    persona_id: str
    name: str
    attach: bool
    error: GreenroomError | None = None


class Attaching:
    """Who uses what, and changing it."""

    def __init__(self, library: Library, personas: Personas, catalogue: Catalogue) -> None:
        self._library = library
        self._personas = personas
        self._catalogue = catalogue

    def uses(self, kind: LibraryKind, item: Item, *, max_age_s: float | None = None) -> tuple[Use, ...]:
        """The personas that have `item`. Raises GreenroomError if the personas were never read."""
        personas = self._catalogue.personas(max_age_s=max_age_s)
        return using.uses(personas.items, kind, item.id, tags_of(item))

    def choose(
        self, kind: LibraryKind, item: Item, persona_ids: Collection[str], *, actor: str = ""
    ) -> tuple[AttachOutcome, ...]:
        """Make these the personas that name `item` by its id: attach to the new ones, detach from the others.

        Each persona is read fresh and saved by itself; one that fails keeps no other from being changed. Raises
        GreenroomError only if the personas can't be read.
        """
        personas = self._catalogue.personas(max_age_s=FRESH_S)
        outcomes = []
        for persona in personas.items:
            wanted = persona.id in persona_ids
            if not persona.stock and wanted != (item.id in using.named(persona.raw, kind)):
                outcomes.append(self._change(kind, item, persona, attach=wanted, actor=actor))
        return tuple(outcomes)

    def delete(self, kind: LibraryKind, item: Item, *, actor: str = "") -> tuple[AttachOutcome, ...]:
        """Detach it from every persona, then delete it at Tavus, for good. Returns what became of the personas.

        Where a persona can't be changed nothing is deleted, and its outcome says why. Raises NotFound, UpstreamError:
        the personas are detached then, and the item is still there.
        """
        outcomes = self.choose(kind, item, (), actor=actor)
        if any(outcome.error for outcome in outcomes):
            return outcomes
        self._library.of(kind).delete(item.id, actor=actor)
        return outcomes

    def _change(self, kind: LibraryKind, item: Item, persona: Persona, *, attach: bool, actor: str) -> AttachOutcome:
        row = using.attached if attach else using.detached
        try:
            now = self._personas.get(persona.id)
            by = By(actor, reason=f"{'Attach' if attach else 'Detach'} {_ONE[kind]} {_name(item)}")
            self._personas.save(now, row(now.raw, kind, item.id), by, just_read=True).checked()
        except GreenroomError as error:
            return AttachOutcome(persona.id, persona.name, attach, error)
        return AttachOutcome(persona.id, persona.name, attach)


def tags_of(item: Item) -> tuple[str, ...]:
    return item.tags if isinstance(item, Guardrail | Document) else ()


def _name(item: Item) -> str:
    """What the history calls it."""
    return " ".join((item.name or item.id).split())[:120]
