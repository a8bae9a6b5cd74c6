"""Beside an item of the library: who uses it, its id, and the dialogs that change who uses it or delete it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from lib.errors import GreenroomError
from lib.models import Document, Persona
from lib.services.catalogue.catalogue import Listing
from lib.services.library import documents
from lib.services.library.attaching import AttachOutcome, Item, tags_of
from lib.services.library.forms import LibraryChange
from lib.services.library.using import ONE, LibraryKind, Use, named, uses
from lib.services.personas import diff
from lib.services.wording import words
from lib.ui.kit import changes as persona_diff
from lib.ui.kit import editing, feedback, places
from lib.ui.kit.text import ago, html, md, plain, series
from lib.ui.library import document_state
from lib.ui.library.drafts import EDITOR
from lib.ui.library.kinds import WORDS, item_name

SHOWN = 8
LONG = 5


def used_by(kind: LibraryKind, item: Item, personas: Listing[Persona] | None, error: GreenroomError | None) -> bool:
    """The personas that have it, each with a way to it; True when they are to be chosen anew."""
    with st.container(border=True, key="side-library-uses", gap="small"):
        st.header("Used by", anchor=False)
        if personas is None:
            why = error.message if error is not None else "The personas could not be read."
            st.markdown(f":small[:orange[:material/warning: Not known: {md(feedback.sentence(why))}]]")
            return False
        found = uses(personas.items, kind, item.id, tags_of(item))
        if not found:
            st.markdown(
                ":small[:gray[No persona yet. Attach it to one, and it counts from that persona’s next call on.]]"
            )
        for use in found[:SHOWN]:
            _use(use)
        if len(found) > SHOWN:
            st.markdown(f":small[:gray[and {len(found) - SHOWN} more]]")
        return st.button(
            "Choose personas" if found else "Attach to personas",
            icon=":material/person_edit:",
            key="library_choose",
            width="stretch",
        )


def _use(use: Use) -> None:
    with st.container(gap="xxsmall"):
        st.page_link(
            places.PERSONAS,
            label=md(use.persona.name or use.persona.id, 80),
            icon=":material/person:",
            query_params={"persona": use.persona.id},
        )
        if use.tags:
            st.markdown(f":small[:gray[by tag {md(', '.join(use.tags), 80)}]]")


def draw_item_facts(item: Item, *, sandbox: bool) -> None:
    """The id to be copied, and when it was made and changed."""
    raw = item.raw
    with st.container(border=True, key="side-library-facts", gap="small"):
        st.header("Id", anchor=False)
        st.code(item.id, language=None)
        told = [
            f"{word} {ago(at)}"
            for word, at in (("Made", _at(raw, "created_at")), ("changed", _at(raw, "updated_at")))
            if at
        ]
        if told:
            st.markdown(f":small[:gray[{', '.join(told)} {words.at(sandbox)}]]")


def steps_html(rows: Iterable[tuple[str, str]]) -> str:
    """A few things one after the other, each with a line about it."""
    told = "".join(f'<div role="listitem"><b>{html(word)}</b><span>{html(line)}</span></div>' for word, line in rows)
    return f'<div class="gr-steps" role="list">{told}</div>'


def changed_at(raw: Mapping[str, Any]) -> datetime | None:
    return _at(raw, "updated_at") or _at(raw, "created_at")


def _at(raw: Mapping[str, Any], name: str) -> datetime | None:
    value = raw.get(name)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


@st.dialog("Which personas use it?", icon=":material/person_edit:", on_dismiss="rerun")
def choose_personas(kind: LibraryKind, item: Item, draft: str, personas: Sequence[Persona]) -> None:
    """Every persona of one's own, with those chosen that have it; says what Save would do."""
    own = {persona.id: persona for persona in personas if not persona.stock}
    before = [id_ for id_, persona in own.items() if item.id in named(persona.raw, kind)]
    st.caption(md(item_name(item)))
    chosen = st.multiselect(
        "Personas",
        list(own),
        default=before,
        format_func=lambda id_: plain(own[id_].name or id_, 80),
        placeholder="Type to search" if own else "There is no persona of your own yet",
        key=f"library_chosen_{draft}",
    )
    lines = [
        f"Save attaches it to **{md(own[id_].name, 80)}**{_instead(kind, own[id_])}."
        for id_ in chosen
        if id_ not in before
    ]
    lines += [f"Save detaches it from **{md(own[id_].name, 80)}**." for id_ in before if id_ not in chosen]
    # As high as the list that opens over it, which else would lie on the buttons.
    with st.container(height=min(320, 60 + 40 * len(own)), border=False, key="library_told"):
        if lines:
            st.markdown("  \n".join([*lines, ":gray[It counts from a persona’s next call on.]"]))
        else:
            st.markdown(":gray[Nothing changes.]")
    cancel, save = ("Cancel", "library_cancel"), ("Save", "library_attach")
    editing.confirm(cancel, save, EDITOR.ask, "attach", draft, tuple(chosen), primary=True, disabled=not lines)


def _instead(kind: LibraryKind, persona: Persona) -> str:
    """A persona has one set of objectives: the one that it has now makes way."""
    held = named(persona.raw, kind) if kind in ONE else ()
    return " in place of the one that it has" if held else ""


@st.dialog("Save these changes?", width="medium", icon=":material/difference:", on_dismiss="rerun")
def review_item(draft: str, changes: Sequence[LibraryChange], sent: Any, users: int | None, *, sandbox: bool) -> None:
    """What will change, field by field, and what is sent for it; Save asks the page to send it."""
    count = len(changes)
    heard = f" {_personas(users)} use it: it counts from the next call on." if users else ""
    st.caption(f"{count} change{'s' if count != 1 else ''}. Only this is sent, the rest stays as it is.{heard}")
    with st.container(border=True, key="rows-diff", gap="small", height=420 if count > LONG else "content"):
        persona_diff.draw_changes([diff.FieldChange((), change.label, change.was, change.now) for change in changes])
    with st.expander("What is sent", icon=":material/data_object:"):
        st.code(json.dumps(sent, indent=2, ensure_ascii=False), language="json", wrap_lines=True, height=240)
    label = "Save in the sandbox" if sandbox else "Save to Tavus"
    keep, save = ("Keep editing", "library_keep_editing"), (label, "library_save")
    editing.confirm(keep, save, EDITOR.ask, "save", draft, primary=True)


@st.dialog("Delete it?", icon=":material/delete:", on_dismiss="rerun")
def confirm_delete_item(
    kind: LibraryKind, item: Item, draft: str, found: Sequence[Use] | None, *, sandbox: bool
) -> None:
    """Asks once and says which personas lose it."""
    st.markdown(f"**{md(item_name(item))}** is deleted {words.at(sandbox)}, for good.")
    direct = [use.persona for use in found or () if use.by_id]
    if found is None:
        st.markdown(":orange[:material/warning:] Which personas use it is not known: they could not be read.")
    elif direct:
        st.markdown(
            f":orange[:material/warning:] {_names(direct)} {'uses' if len(direct) == 1 else 'use'} it and "
            f"{'is' if len(direct) == 1 else 'are'} changed first: it is detached there."
        )
    else:
        st.markdown(f":gray[No persona names this {WORDS[kind].one}.]")
    tagged = [use.persona for use in found or () if use.tags]
    if tagged:
        st.markdown(f":orange[:material/warning:] {_names(tagged)} had it by a tag and will do without it.")
    editing.confirm(("Keep it", "library_keep"), ("Delete", f"danger-delete-{draft}"), EDITOR.ask, "delete", draft)


@st.dialog("Read it again?", icon=":material/sync:", on_dismiss="rerun")
def confirm_recrawl(document: Document, draft: str) -> None:
    """The limits of this crawl, those of the last one at first."""
    crawl = document.crawl
    st.caption(md(item_name(document)))
    st.markdown(
        "Its pages are read anew from the same address; until that is done personas answer from what was read before."
        if crawl
        else "It was read as one page or file. Read again with its links, the pages that it links to belong to it too."
    )
    left, right = st.columns(2)
    values: dict[str, Any] = {}
    for place, field, (low, high) in (
        (left, documents.DEPTH_FIELD, documents.DEPTH),
        (right, documents.PAGES_FIELD, documents.PAGES),
    ):
        stored = crawl.get(field.key)
        first = stored if isinstance(stored, int) else int(str(field.default))
        values[field.key] = place.number_input(
            field.label,
            low,
            high,
            min(max(first, low), high),
            help=field.help,
            key=f"library_crawl_{field.key}_{draft}",
        )
    if wait := document_state.next_crawl(document):
        st.markdown(f":orange[:material/schedule: {md(wait)}]")
    same = all(crawl.get(key) == value for key, value in values.items())
    what = None if same else tuple(sorted(values.items()))
    cancel, again = ("Cancel", "library_cancel"), ("Read again", "library_recrawl")
    editing.confirm(cancel, again, EDITOR.ask, "recrawl", draft, what, primary=True)


def attached_told(outcomes: Iterable[AttachOutcome]) -> str:
    """What was attached and detached, in a sentence or two of Markdown; "" for nothing."""
    done = [outcome for outcome in outcomes if outcome.error is None]
    parts = []
    for verb, attach in (("Attached to", True), ("Detached from", False)):
        names = [md(outcome.name or outcome.persona_id, 60) for outcome in done if outcome.attach is attach]
        if names:
            parts.append(f"{verb} {series(names, 3)}.")
    return " ".join(parts)


def failed(outcomes: Iterable[AttachOutcome]) -> None:
    """A banner for each persona that could not be changed."""
    for outcome in outcomes:
        if outcome.error is not None:
            doing = "attach it to" if outcome.attach else "detach it from"
            feedback.show(outcome.error, f"{doing} {plain(outcome.name or outcome.persona_id, 60)}", retry=False)


def use_count(found: Sequence[Use]) -> str:
    return f"Used by {_personas(len(found)).lower()}" if found else "Not used"


def _personas(count: int) -> str:
    return f"{count} persona{'s' if count != 1 else ''}"


def _names(personas: Sequence[Persona]) -> str:
    return series([f"**{md(persona.name or persona.id, 80)}**" for persona in personas], SHOWN)
