"""What the kinds of the library are called on its page and where they stand in its address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import streamlit as st

from lib.models import Document, Guardrail, ObjectiveSet
from lib.services.library import documents, objectives
from lib.services.library.attaching import Item
from lib.services.library.using import LibraryKind
from lib.ui.kit.text import plain


@dataclass(frozen=True)
class KindWords:
    """`one` is a single item in a sentence, `make` begins a new one, `create` sends it, `how` stands beside it."""

    many: str
    one: str
    make: str
    create: str
    icon: str
    about: str
    how: tuple[tuple[str, str], ...] = ()


WORDS = {
    LibraryKind.OBJECTIVES: KindWords(
        "Objectives",
        "set of objectives",
        "New objectives",
        "Create objectives",
        "flag",
        "Goals that lead from one to the next: what a conversation is for.",
    ),
    LibraryKind.GUARDRAILS: KindWords(
        "Guardrails",
        "guardrail",
        "New guardrail",
        "Create guardrail",
        "shield",
        "Rules that a persona keeps to, whatever is said.",
        (
            ("One rule each", "Short and direct rules are kept best: a rule for prices, another one for advice."),
            ("Say what instead", "“Say that a colleague sends an offer” leaves the caller with an answer."),
            ("Tags", "A persona can take all rules with a tag, so a new rule reaches it without an edit."),
        ),
    ),
    LibraryKind.DOCUMENTS: KindWords(
        "Documents",
        "document",
        "Add a document",
        "Add document",
        "description",
        "Files and web pages that a persona knows.",
        (
            ("It is read", "Tavus opens the address and reads it, which takes up to a few minutes. You can go on."),
            ("It is ready", "The state says so here by itself, or why it could not be read."),
            ("It is used", "Attach it to personas, or give them its tag: they answer from it in their next call."),
        ),
    ),
}


def kind_asked() -> LibraryKind:
    """The kind that the address names; objectives where it names none."""
    asked = st.query_params.get("kind", "")
    return next((kind for kind in WORDS if kind == asked), LibraryKind.OBJECTIVES)


def go_to_item(kind: LibraryKind, item_id: str = "") -> NoReturn:
    """Show this item's page, or the list for ""."""
    st.query_params["kind"] = kind.value
    if item_id:
        st.query_params["item"] = item_id
    else:
        st.query_params.pop("item", None)
    st.rerun()


def item_name(item: Item) -> str:
    """What an item is called, on one line."""
    if isinstance(item, ObjectiveSet):
        return plain(objectives.title(item), 120)
    if isinstance(item, Document):
        return plain(documents.title(item), 120)
    return plain(item.name or item.id, 120)


def tags_known(items: tuple[Guardrail, ...] | tuple[Document, ...]) -> list[str]:
    """Every tag that is in use, by the alphabet."""
    return sorted({tag for item in items for tag in item.tags}, key=str.casefold)
