"""What of the library is being edited in this tab: a draft an item, with the form of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.services.library import documents, examples, forms, guardrails, objectives
from lib.services.library.using import LibraryKind
from lib.ui.kit.context import Services
from lib.ui.kit.editing import Draft, Editor
from lib.ui.library.form import LibraryForm
from lib.ui.library.kinds import tags_known
from lib.ui.library.objective_form import ObjectiveForm

NEW = "new"
Form = LibraryForm | ObjectiveForm


def draft_id(kind: LibraryKind, item_id: str) -> str:
    return f"{kind.value}-{item_id}"


def begin_item(kind: LibraryKind, item_id: str, raw: Mapping[str, Any], start: object = None) -> Draft:
    """A form on `raw`; `start` is what it shows at first, where that is not what `raw` says."""
    draft = EDITOR.begin(draft_id(kind, item_id), raw)
    draft["start"] = start
    return draft


def beginning(kind: LibraryKind, example: str = "") -> object:
    """What the form of a new item shows at first; None: nothing."""
    if kind is LibraryKind.OBJECTIVES:
        return examples.CHAINS.get(example) or objectives.Chain(steps=(objectives.ObjectiveStep(),))
    known = examples.GUARDRAILS if kind is LibraryKind.GUARDRAILS else examples.DOCUMENTS
    return known.get(example)


def form_of(kind: LibraryKind, draft: Draft, services: Services | None = None) -> Form:
    """The form of a draft. With `services`, tags that are in use can be chosen."""
    if kind is LibraryKind.OBJECTIVES:
        return ObjectiveForm(draft)
    listing = services.library.of(kind).shelf.peek() if services is not None else None
    tags = tags_known(listing.items) if listing is not None else []
    return LibraryForm(draft, _fields_of(kind, draft), tags=tags)


def edited(kind: LibraryKind) -> set[str]:
    """Ids of the items with edits that were not saved."""
    prefix = draft_id(kind, "")
    return {name.removeprefix(prefix) for name in EDITOR.all_edited() if name.startswith(prefix)} - {NEW}


def _fields_of(kind: LibraryKind, draft: Draft) -> Sequence[forms.LibraryField]:
    if kind is LibraryKind.GUARDRAILS:
        return guardrails.FIELDS
    return documents.NEW_FIELDS if draft["id"] == draft_id(kind, NEW) else documents.FIELDS


def _edits(draft: Draft) -> Sequence[str]:
    return form_of(LibraryKind(draft["id"].partition("-")[0]), draft).edits()


EDITOR = Editor("library", _edits)
