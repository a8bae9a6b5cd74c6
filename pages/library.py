"""Knowledge & rules: objectives, guardrails and documents: make them, change them, attach them to personas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lib.errors import GreenroomError
from lib.services.catalogue.catalogue import Listing
from lib.services.library.attaching import Item, tags_of
from lib.services.library.using import LibraryKind, uses
from lib.services.wording import words
from lib.ui.kit import context, editing, feedback, lists, notes, parts
from lib.ui.kit.context import Services
from lib.ui.kit.editing import Draft
from lib.ui.library import acts, document_state, drafts, gallery, side
from lib.ui.library import editor as library_editor
from lib.ui.library.drafts import EDITOR, NEW, begin_item, beginning, draft_id, form_of
from lib.ui.library.editor import Personas
from lib.ui.library.kinds import WORDS, go_to_item, kind_asked

# the list of a kind


def draw_shelf(services: Services) -> None:
    kind = kind_asked()
    known = WORDS[kind]
    with parts.header("Knowledge & rules", "What personas work towards, keep to and know", "library"):
        if st.button(known.make, type="primary", icon=":material/add:", key="library_new"):
            library_editor.start_item(kind)
    gallery.kinds()
    st.markdown(f":small[:gray[{known.about}]]")
    notice = st.container()

    # act on what the dialog of the last run asked for
    todo = EDITOR.asked()
    if todo is not None:
        with notice:
            acts.carry_out(services, kind, todo)

    # fetch
    with notice, feedback.required(f"read the {known.many.lower()}"):
        listing: Listing[Any] = services.library.of(kind).all(max_age_s=context.freshness())
    personas, _ = read_personas(services, notice)
    with notice:
        lists.stale(listing, known.many.lower())

    # render
    if kind is LibraryKind.DOCUMENTS:
        document_state.watch()
    if listing.items:
        clicked = gallery.draw_item_cards(kind, listing.items, personas, drafts.edited(kind))
    else:
        clicked = gallery.draw_empty_kind(kind)
    if kind is LibraryKind.GUARDRAILS:
        gallery.older_sets(lambda: services.library.guardrails.sets(max_age_s=context.freshness()), personas)

    # act
    if clicked is not None:
        item = listing.find(clicked.what)
        if clicked.act in ("new", "example"):
            library_editor.start_item(kind, clicked.what)
        elif clicked.act == "edit":
            go_to_item(kind, clicked.what)
        elif item is not None:
            acts.open_dialog(services, kind, item, clicked.act, personas)


def read_personas(services: Services, notice: st.delta_generator.DeltaGenerator) -> Personas:
    """The personas; the page goes on without them."""
    try:
        personas = services.catalogue.personas(max_age_s=context.freshness())
    except GreenroomError as error:
        with notice:
            feedback.show(error, "read the personas")
        return None, error
    with notice:
        lists.stale(personas, "personas")
    return personas, None


# one item


def edit_item(services: Services, kind: LibraryKind, item_id: str) -> None:
    top, notice = st.container(), st.container()
    name = draft_id(kind, item_id)

    # act on what the dialog of the last run asked for
    todo = EDITOR.asked(name)
    if todo is not None:
        with notice:
            acts.carry_out(services, kind, todo)

    # fetch
    try:
        draft, item = item_draft(services, kind, item_id)
    except GreenroomError as error:
        with top, parts.header(WORDS[kind].one.capitalize(), "", "library-item"):
            library_editor.back_to_items(kind)
        with notice:
            feedback.show(error, f"read the {WORDS[kind].one}")
        return
    if "made" in draft:
        acts.arrive_at_item(kind, draft)
    personas, unread = read_personas(services, notice) if item is not None else (None, None)

    # render
    form = form_of(kind, draft, services)
    edits = form.edits() if item is not None else []
    with top:
        clicked = library_editor.draw_item_head(kind, item, draft, edits, sandbox=services.sandbox)
    wrong = library_editor.item_problems(kind, draft, form, clicked in ("review", "create"), fresh=item is None)
    with notice:
        library_editor.draw_item_problems(wrong)
        acts.clash(services, kind, draft, form)
    left, right = st.columns([5, 3], gap="medium")
    with left:
        library_editor.draw_item_fields(kind, item, form)
    with right:
        clicked = (
            library_editor.draw_item_side(item, kind, form, (personas, unread), sandbox=services.sandbox) or clicked
        )
    if editing.unsaved(edits, words.place(services.sandbox), banner="library-edits", key=f"danger-discard-{name}"):
        begin_item(kind, item_id, draft["raw"])
        st.rerun()

    # act
    if clicked in ("attach", "delete", "recrawl") and item is not None:
        acts.open_dialog(services, kind, item, clicked, personas)
    if clicked == "review" and item is not None and not wrong:
        changes, sent = library_editor.what_changes(kind, draft, form)
        found = uses(personas.items, kind, item.id, tags_of(item)) if personas else ()
        acts.hold()
        side.review_item(name, changes, sent, len(found), sandbox=services.sandbox)
    if clicked == "create" and not wrong:
        with notice, feedback.section(f"make the {WORDS[kind].one}", retry=False), st.spinner("Sending"):
            acts.create_item(services, kind, draft, form)


def item_draft(services: Services, kind: LibraryKind, item_id: str) -> tuple[Draft, Item | None]:
    """The draft of this item and the item, read when its page is opened; see `Editor.opened`."""
    if item_id == NEW:
        return EDITOR.get(draft_id(kind, NEW)) or begin_item(kind, NEW, {}, beginning(kind)), None
    shelf = services.library.of(kind)
    item: Item | None = shelf.known(item_id)

    def read() -> Mapping[str, Any]:
        nonlocal item
        found: Item = shelf.get(item_id)
        item = found
        return found.raw

    return EDITOR.opened(draft_id(kind, item_id), read, unknown=item is None), item


def main() -> None:
    notes.draw_note()
    st.session_state[document_state.HOLDING] = False
    with feedback.required("reach the library"):
        services = context.services()
    kind, item_id = kind_asked(), st.query_params.get("item", "")
    if item_id:
        edit_item(services, kind, item_id)
    else:
        draw_shelf(services)


main()
