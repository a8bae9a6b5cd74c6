"""One item of the library as a form: its head, its fields, what stands beside it, what is wrong, what was not sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from lib.errors import GreenroomError
from lib.models import Document, Persona
from lib.services.catalogue.catalogue import Listing
from lib.services.library import documents, forms, guardrails, objectives, patches
from lib.services.library.attaching import Item
from lib.services.library.forms import LibraryChange
from lib.services.library.using import LibraryKind
from lib.ui.kit import notes, parts
from lib.ui.kit.editing import Draft
from lib.ui.library import document_state, gallery, objective_form
from lib.ui.library import form as library_form
from lib.ui.library import side as library_side
from lib.ui.library.drafts import EDITOR, NEW, Form, begin_item, beginning, draft_id
from lib.ui.library.kinds import WORDS, go_to_item, item_name

Personas = tuple[Listing[Persona] | None, GreenroomError | None]


def start_item(kind: LibraryKind, example: str = "") -> None:
    """The form of a new item: with the example if one is named, else with what was typed before."""
    if example or EDITOR.get(draft_id(kind, NEW)) is None:
        begin_item(kind, NEW, {}, beginning(kind, example))
    go_to_item(kind, NEW)


def draw_item_head(kind: LibraryKind, item: Item | None, draft: Draft, edits: Sequence[str], *, sandbox: bool) -> str:
    """Title and actions; returns what was clicked: review, create or delete."""
    known = WORDS[kind]
    unsent = f"Nothing is sent before you press {known.create}."
    sub = f"{known.one.capitalize()} {item.id}" if item is not None else unsent
    clicked = ""
    with parts.header(item_name(item) if item is not None else known.make, sub, "library-item"):
        if edits:
            parts.chip("local")
        back_to_items(kind, draft if item is not None and not edits else None)
        if item is None:
            if st.button(known.create, type="primary", key="library_create"):
                clicked = "create"
        else:
            word = st.menu_button("", ["Delete"], icon=":material/more_horiz:", key="menu-library", help="More")
            clicked = "delete" if word else ""
            if st.button("Review and save", type="primary", key="library_review"):
                if edits:
                    clicked = "review"
                else:
                    notes.unchanged()
    return clicked


def back_to_items(kind: LibraryKind, to_drop: Draft | None = None) -> None:
    """The way to the list. `to_drop` holds nothing that was typed, and is read anew next time."""
    if st.button(f"All {WORDS[kind].many.lower()}", icon=":material/arrow_back:", key="library_back"):
        if to_drop is not None:
            EDITOR.drop(to_drop["id"])
        go_to_item(kind)


def draw_item_fields(kind: LibraryKind, item: Item | None, form: Form) -> None:
    """The fields of the item."""
    if item is None:
        new(kind, touched=form.touched)
    if isinstance(form, objective_form.ObjectiveForm):
        form.draw()
    elif kind is LibraryKind.GUARDRAILS:
        library_form.guardrail(form)
    elif item is None:
        library_form.new_document(form)
    else:
        library_form.document(form)


def new(kind: LibraryKind, *, touched: bool) -> None:
    """Above the form of a new item: examples while nothing was typed, then the way back to an empty form."""
    if not touched:
        clicked = gallery.example_buttons(kind)
        if clicked is not None:
            start_item(kind, clicked.what)
    elif st.button("Start over", icon=":material/restart_alt:", key="library_over", type="tertiary"):
        begin_item(kind, NEW, {}, beginning(kind))
        st.rerun()


def draw_item_side(item: Item | None, kind: LibraryKind, form: Form, personas: Personas, *, sandbox: bool) -> str:
    """State, users and id of the item; returns what was clicked: attach or recrawl."""
    clicked = ""
    if isinstance(item, Document):
        with st.container(border=True, key="side-library-state", gap="small"):
            st.header("State", anchor=False)
            document_state.about(item)
            document_state.watch(item)
            if not item.busy and st.button(
                "Read it again", icon=":material/sync:", key="library_again", width="stretch"
            ):
                clicked = "recrawl"
    if isinstance(form, objective_form.ObjectiveForm):
        with st.container(border=True, key="side-library-way", gap="small"):
            st.header("The way through", anchor=False)
            st.html(objective_form.overview(form.value()))
    if item is None and WORDS[kind].how:
        with st.container(border=True, key="side-library-how", gap="small"):
            st.header("How it goes", anchor=False)
            st.html(library_side.steps_html(WORDS[kind].how))
    if item is not None:
        if library_side.used_by(kind, item, *personas):
            clicked = "attach"
        library_side.draw_item_facts(item, sandbox=sandbox)
    return clicked


def item_problems(kind: LibraryKind, draft: Draft, form: Form, now: bool, *, fresh: bool) -> list[tuple[str, str]]:
    """What is wrong with the form, once it was tried to be sent, as label and message; told to the form too."""
    if not EDITOR.attempted(draft, now=now):
        return []
    if isinstance(form, objective_form.ObjectiveForm):
        chain = form.value()
        form.mark(objectives.problems(chain, None if fresh else form.base))
        if now:
            form.unfold()
        return [(_label(chain, problem), problem.message) for problem in form.problems]
    check = guardrails.problems if kind is LibraryKind.GUARDRAILS else documents.problems
    form.mark(check(form.values(), None if fresh else form.base))
    labels = {field.key: field.label for field in form.fields}
    return [(labels[key], message) for key, message in form.wrong.items()]


def _label(chain: objectives.Chain, problem: objectives.ChainProblem) -> str:
    if problem.step is None:
        return "The set"
    name = chain.steps[problem.step].name
    return f"Step {problem.step + 1}, {name}" if name else f"Step {problem.step + 1}"


def draw_item_problems(found: Sequence[tuple[str, str]]) -> None:
    """Everything that keeps the form from being sent, in one place."""
    if found:
        cause = "One thing to fix before this can be sent." if len(found) == 1 else f"{len(found)} things to fix first."
        rest = " ".join(f"{label}: {message}" for label, message in found[:8])
        parts.banner("warn", cause, rest, key="library-problems", stacked=True)


def what_changes(kind: LibraryKind, draft: Draft, form: Form) -> tuple[Sequence[LibraryChange], Any]:
    """The review: what changes for a person, and what is sent."""
    after = written(kind, draft, form)
    if isinstance(form, objective_form.ObjectiveForm):
        return objectives.between(form.base, form.value()), patches.guarded(draft["raw"], after)
    told = forms.changes(draft["raw"], after, form.fields)
    if kind is LibraryKind.DOCUMENTS:
        return told, documents.fields_to_send(draft["raw"], after)
    return told, patches.guarded(draft["raw"], after)


def written(kind: LibraryKind, draft: Draft, form: Form) -> dict[str, Any]:
    """The row that the form asks for."""
    if isinstance(form, objective_form.ObjectiveForm):
        return objectives.write(draft["raw"], form.value())
    return forms.write(draft["raw"], form.values(), form.fields)
