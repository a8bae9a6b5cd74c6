"""Which personas use an item of the library, and their rows with it and without it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum

from lib.errors import BadInput
from lib.models import JsonObject, Persona, texts

MOST_GUARDRAILS = 50


class LibraryKind(StrEnum):
    """What the library holds. `SETS` are the older sets of guardrails."""

    OBJECTIVES = "objectives"
    GUARDRAILS = "guardrails"
    DOCUMENTS = "documents"
    SETS = "sets"


ONE = {LibraryKind.OBJECTIVES: "objectives_id", LibraryKind.SETS: "guardrails_id"}
"""Fields of a persona that name one item by its id."""

MANY = {LibraryKind.GUARDRAILS: "guardrail_ids", LibraryKind.DOCUMENTS: "document_ids"}
"""Fields of a persona that name several."""

TAGGED = {LibraryKind.GUARDRAILS: "guardrail_tags", LibraryKind.DOCUMENTS: "document_tags"}


@dataclass(frozen=True)
class Use:
    """A persona that has an item: named by its id, or by the tags that it asks for, or both."""

    persona: Persona
    by_id: bool
    tags: tuple[str, ...] = ()


def uses(personas: Iterable[Persona], kind: LibraryKind, item_id: str, tags: Iterable[str] = ()) -> tuple[Use, ...]:
    """The personas that have this item, in the order given."""
    wanted = set(tags)
    found = []
    for persona in personas:
        by_id = item_id in named(persona.raw, kind)
        asked = texts(persona.raw.get(TAGGED[kind])) if kind in TAGGED else ()
        shared = tuple(tag for tag in asked if tag in wanted)
        if by_id or shared:
            found.append(Use(persona, by_id, shared))
    return tuple(found)


def named(row: JsonObject, kind: LibraryKind) -> tuple[str, ...]:
    """The ids of this kind that a persona's row names."""
    if kind in MANY:
        return texts(row.get(MANY[kind]))
    value = row.get(ONE[kind])
    return (value,) if isinstance(value, str) and value else ()


def attached(row: JsonObject, kind: LibraryKind, item_id: str) -> dict[str, object]:
    """The persona's row with the item. A persona has one set of objectives: another takes its place.

    Raises BadInput where it has as many guardrails as it may.
    """
    out = deepcopy(dict(row))
    held = named(row, kind)
    if item_id in held:
        return out
    if kind in ONE:
        out[ONE[kind]] = item_id
        return out
    if kind is LibraryKind.GUARDRAILS and len(held) >= MOST_GUARDRAILS:
        raise BadInput(
            f"It has {len(held)} guardrails already; {MOST_GUARDRAILS} is the most.", hint="Detach one of them first."
        )
    out[MANY[kind]] = [*held, item_id]
    return out


def detached(row: JsonObject, kind: LibraryKind, item_id: str) -> dict[str, object]:
    """The persona's row without the item."""
    out = deepcopy(dict(row))
    if item_id in named(row, kind):
        if kind in ONE:
            del out[ONE[kind]]
        else:
            out[MANY[kind]] = [held for held in named(row, kind) if held != item_id]
    return out
