"""What the buttons of the library do at Tavus, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from lib.errors import Conflict, NotFound, RateLimited
from lib.models import Document, Persona
from lib.services.catalogue.catalogue import Listing
from lib.services.library import documents, forms, guardrails, objectives
from lib.services.library.attaching import Item
from lib.services.library.using import LibraryKind
from lib.services.wording import words
from lib.ui.kit import editing, feedback, notes, parts
from lib.ui.kit.context import Services
from lib.ui.kit.editing import Asked, Draft
from lib.ui.kit.text import stamp
from lib.ui.library import document_state, objective_form, side
from lib.ui.library import form as library_form
from lib.ui.library.drafts import EDITOR, Form, begin_item, draft_id, form_of
from lib.ui.library.editor import written
from lib.ui.library.kinds import WORDS, go_to_item

CLASH = "library_clash"
UNMADE = "It may have been made. Look in the list before you send it again: all that you typed stays."


def open_dialog(services: Services, kind: LibraryKind, item: Item, act: str, personas: Listing[Persona] | None) -> None:
    hold()
    name = draft_id(kind, item.id)
    if act == "attach":
        side.choose_personas(kind, item, name, personas.items if personas else ())
    elif act == "delete":
        found = services.attaching.uses(kind, item) if personas else None
        side.confirm_delete_item(kind, item, name, found, sandbox=services.sandbox)
    elif act == "recrawl" and isinstance(item, Document):
        side.confirm_recrawl(item, name)


def hold() -> None:
    """A dialog is opened: the page is not drawn anew by itself while it is there."""
    st.session_state[document_state.HOLDING] = True


def carry_out(services: Services, kind: LibraryKind, todo: Asked) -> None:
    """What a dialog's button asked for, at the start of the run after it. Draws what went wrong where it stands."""
    act, name, what = todo
    item: Item | None = services.library.of(kind).known(name.removeprefix(f"{kind.value}-"))
    if item is None or not name.startswith(f"{kind.value}-"):
        return
    one = WORDS[kind].one
    doing = {"save": f"save the {one}", "attach": "change the personas", "recrawl": "read it again"}
    with feedback.section(doing.get(act, f"delete the {one}"), retry=False), st.spinner("One moment"):
        if act == "save":
            save_item(services, kind, item)
        elif act == "attach" and isinstance(what, tuple):
            attach(services, kind, item, what)
        elif act == "recrawl" and isinstance(item, Document):
            recrawl_document(services, item, what)
        elif act == "delete":
            delete_item(services, kind, item)


def create_item(services: Services, kind: LibraryKind, draft: Draft, form: Form) -> None:
    """Make what the form holds, then show it."""
    if isinstance(form, objective_form.ObjectiveForm):
        fields = objectives.body_of(form.value())
    else:
        fields = (guardrails if kind is LibraryKind.GUARDRAILS else documents).fields_of(form.values())
    with editing.unsure(UNMADE):
        made: Item = services.library.of(kind).create(fields)
    # Before any st call: a second click stops this run at the next one, and must not make a second one.
    draft["made"] = made.id
    begin_item(kind, made.id, made.raw)
    done = "Added." if kind is LibraryKind.DOCUMENTS else "Created."
    notes.later(f"{done} Attach it to a persona to use it.")
    arrive_at_item(kind, draft)


def arrive_at_item(kind: LibraryKind, draft: Draft) -> None:
    """Go on to what was made of this draft."""
    made = draft["made"]
    EDITOR.drop(draft["id"])
    go_to_item(kind, made)


def save_item(services: Services, kind: LibraryKind, item: Item) -> None:
    """Send what differs and begin a form on what Tavus has then. A failure leaves what was typed."""
    name = draft_id(kind, item.id)
    draft = EDITOR.get(name)
    if draft is None:
        return
    form = form_of(kind, draft)
    wanted = _held(form)
    st.session_state.pop(CLASH, None)
    try:
        with editing.unsure(editing.UNSAVED):
            saved = services.library.of(kind).save(replace(item, raw=draft["raw"]), written(kind, draft, form))
    except Conflict:
        st.session_state[CLASH] = name
        return
    begin_item(kind, item.id, saved.item.raw)
    where = words.at(services.sandbox)
    if not saved.changed:
        say(f"Nothing changed {where}. The form shows what is there.")
        return
    say(f"Saved {where}.")
    lost = _lost(form, wanted, dict(saved.item.raw))
    if lost:
        cause = f"{words.place(services.sandbox).capitalize()} did not keep everything."
        rest = f"Asked for and not there now: {', '.join(lost)}. The form shows what is there."
        parts.banner("warn", cause, rest, key="library-lost", stacked=True)


def attach(services: Services, kind: LibraryKind, item: Item, persona_ids: tuple[Any, ...]) -> None:
    outcomes = services.attaching.choose(kind, item, set(persona_ids))
    say(side.attached_told(outcomes))
    side.failed(outcomes)


def recrawl_document(services: Services, document: Document, crawl: object) -> None:
    """`crawl` are the limits as pairs, None for those of the last time."""
    try:
        services.library.documents.recrawl(document, dict(crawl) if isinstance(crawl, tuple) else None)
    except RateLimited as error:
        at = datetime.now(UTC) + timedelta(seconds=error.retry_after_s) if error.retry_after_s else None
        hint = (
            f"It can be read again from {stamp(at)} on." if at else "Wait until another site is read, then try again."
        )
        raise RateLimited(error.message, status=error.status, code=error.code, hint=hint) from error
    say("It is being read again. This page follows by itself.")


def delete_item(services: Services, kind: LibraryKind, item: Item) -> None:
    try:
        outcomes = services.attaching.delete(kind, item)
    except NotFound:
        services.library.of(kind).dropped(item.id)
        outcomes = ()
    done = side.attached_told(outcomes)
    if any(outcome.error for outcome in outcomes):
        say(f"Nothing was deleted. {done}".strip())
        side.failed(outcomes)
        return
    EDITOR.drop(draft_id(kind, item.id))
    notes.later(f"Deleted. {done}".strip())
    go_to_item(kind)


def clash(services: Services, kind: LibraryKind, draft: Draft, form: Form) -> None:
    """Somebody changed the item meanwhile: says what they changed, and asks whose edits stay."""
    item_id = draft["id"].removeprefix(f"{kind.value}-")
    now: Item | None = services.library.of(kind).known(item_id)
    if st.session_state.get(CLASH) != draft["id"] or now is None:
        return
    changed, mine = _side_by_side(form, dict(now.raw))
    rest = f"Changed there meanwhile: {', '.join(changed) or 'nothing that is shown here'}. Nothing was sent over it."
    cause = f"It was changed {words.at(services.sandbox)} after it was opened here."
    with parts.banner("warn", cause, rest, key="library-clash", stacked=True):
        keep = st.button("Keep my edits on top", key="library_keep_mine")
        drop = st.button("Discard my edits", key=f"danger-theirs-{draft['id']}")
    if keep or drop:
        del st.session_state[CLASH]
        begin_item(kind, item_id, now.raw, mine if keep else None)
        st.rerun()


def say(text: str) -> None:
    if text:
        notes.later(text)
        notes.draw_note()


def _held(form: Form) -> Any:
    return form.value() if isinstance(form, objective_form.ObjectiveForm) else form.values()


def _lost(form: Form, wanted: Any, row: dict[str, Any]) -> list[str]:
    """What was asked for and is not in the row that came back."""
    if isinstance(form, objective_form.ObjectiveForm):
        return objectives.lost(wanted, objectives.read(row))
    there = forms.read(row, form.fields)
    return [
        field.label for field in form.fields if forms.said(wanted[field.key]).strip() != forms.said(there[field.key])
    ]


def _side_by_side(form: Form, row: dict[str, Any]) -> tuple[list[str], object]:
    """What they changed, as labels, and my edits on top of theirs."""
    if isinstance(form, objective_form.ObjectiveForm):
        theirs = objectives.read(row)
        told = list(dict.fromkeys(change.label for change in objectives.between(form.base, theirs)))
        return told, objectives.rebased(form.base, form.value(), theirs)
    assert isinstance(form, library_form.LibraryForm)
    now = forms.read(row, form.fields)
    told = [field.label for field in form.fields if form.base[field.key] != now[field.key]]
    return told, forms.merged(form.base, form.values(), now)
