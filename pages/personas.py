"""Personas: find one, make one, edit its prompt and layers, save what changed after a look at it, delete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from lib.errors import Ambiguous, GreenroomError
from lib.models import Persona, Replica
from lib.services import words
from lib.services.catalogue import Listing
from lib.services.personas import check as persona_check
from lib.services.personas import diff as persona_diff
from lib.services.personas import form as persona_form
from lib.services.personas.saved import Outcome
from lib.ui import (
    context,
    feedback,
    lists,
    notes,
    parts,
    persona_editor,
    persona_gallery,
    places,
)
from lib.ui.context import Services
from lib.ui.drafts import Draft
from lib.ui.persona_editor import COPY, DRAFTS, NEW
from lib.ui.persona_gallery import Clicked
from lib.ui.text import md

FAILED, TRIED = "personas_failed", "personas_tried"


def gallery(services: Services) -> None:
    with parts.header("Personas", "What an agent knows and how it behaves. Tavus calls these PALs.", "personas"):
        if st.button("New persona", type="primary", icon=":material/add:", key="personas_new"):
            go(NEW)
    notice = st.container()

    # act on what the dialog of the last run asked for
    todo = persona_editor.asked()
    if todo is not None and todo[0] == "delete":
        with notice, feedback.section("delete the persona", retry=False):
            delete(services, todo[1])
            notes.draw()

    # fetch
    with notice, feedback.required("read the personas"):
        personas = services.catalogue.personas(max_age_s=context.freshness())
        agents = services.agents.all()
    replicas = read_replicas(services, notice)
    with notice:
        lists.stale(personas, "personas")

    # render
    own = [persona for persona in personas.items if not persona.stock]
    stock = [persona for persona in personas.items if persona.stock]
    clicked = None if own else first(stock, replicas)
    query, kind, view = persona_gallery.filters(
        Counter({"All": len(own + stock), "Yours": len(own), "Stock": len(stock)})
    )
    shown = persona_gallery.chosen(personas.items, query, kind)
    if not shown and personas.items:
        parts.empty("Nothing found", "No persona has these words in its name or prompt.", key="personas-none")
    elif view == "Table":
        clicked = persona_gallery.table(shown, replicas, agents) or clicked
    else:
        clicked = persona_gallery.cards(shown, replicas, agents, persona_editor.edited()) or clicked

    # act
    if clicked is not None:
        follow(services, clicked, personas.find(clicked.persona_id))


def editor(services: Services, item_id: str) -> None:
    top, notice = st.container(), st.container()

    # act on what the dialog of the last run asked for
    todo = persona_editor.asked(item_id)
    if todo == ("delete", item_id):
        with notice, feedback.section("delete the persona", retry=False):
            delete(services, item_id)
            go("")
    elif todo == ("save", item_id):
        with notice, feedback.section("save the persona", retry=False), st.spinner("Saving"):
            save(services, item_id)

    # fetch
    try:
        draft = opened(services, item_id)
    except GreenroomError as error:
        with top:
            unread()
        with notice:
            feedback.show(error, "read the persona")
        return
    if "made" in draft:
        arrive(draft)
    agents = services.personas.used_by(item_id)
    replicas = read_replicas(services, notice)

    # render
    form = persona_editor.form_of(draft, disabled=persona_editor.is_stock(draft))
    values = form.values()
    edits = persona_form.edits(draft["raw"], values)
    with top:
        clicked = persona_editor.head(draft, agents, edits, sandbox=services.sandbox)
    problems = attempted(draft, form.prefix, clicked in ("review", "create"))
    form.problems = {problem.key: tuple(p for p in problems if p.key == problem.key) for problem in problems}
    if clicked in ("review", "create"):
        form.unfold()
    with notice:
        persona_editor.mend(problems)
    persona_editor.body(form, replicas)
    discard = persona_editor.unsaved(edits, item_id, sandbox=services.sandbox)

    # act
    if discard:
        DRAFTS.begin(item_id, draft["raw"])
        st.rerun()
    if clicked == "back":
        if not edits:
            DRAFTS.drop(item_id)
        go("")
    if clicked == "copy":
        go(COPY + item_id)
    if clicked == "delete":
        persona_editor.confirm_delete(item_id, persona_editor.name_of(draft), agents, sandbox=services.sandbox)
    if clicked == "review" and not problems:
        changes = persona_diff.changes(draft["raw"], persona_form.write(draft["raw"], values))
        persona_editor.review(item_id, changes, agents, sandbox=services.sandbox)
    if clicked == "create" and not problems:
        with notice, feedback.section("create the persona", retry=False), st.spinner("Creating"):
            create(services, draft)


def opened(services: Services, item_id: str) -> Draft:
    """The draft of this persona, read from Tavus when the page is opened: one request, none on a rerun.

    A failure is kept and raised again until the page is opened anew or Retry is pressed.
    """
    draft, fresh = DRAFTS.get(item_id), context.freshness() is not None
    if item_id == NEW:
        return draft or DRAFTS.begin(NEW, {})
    if draft is not None and not (fresh and item_id not in persona_editor.edited()):
        return draft
    failed: tuple[str, GreenroomError] | None = st.session_state.get(FAILED)
    if failed is not None and failed[0] == item_id and not fresh:
        raise failed[1].with_traceback(None)
    try:
        raw = dict(services.personas.get(item_id.removeprefix(COPY)).raw)
    except GreenroomError as error:
        st.session_state[FAILED] = (item_id, error)
        raise
    st.session_state.pop(FAILED, None)
    return DRAFTS.begin(item_id, persona_form.copy_of(raw, " copy") if item_id.startswith(COPY) else raw)


def unread() -> None:
    with parts.header("Persona", "", "persona"):
        if st.button("All personas", icon=":material/arrow_back:", key="personas_back"):
            go("")


def read_replicas(services: Services, notice: st.delta_generator.DeltaGenerator) -> Listing[Replica] | None:
    """The replicas; the page goes on without them."""
    with notice, feedback.section("read the replicas"):
        replicas = services.catalogue.replicas(max_age_s=context.freshness())
        lists.stale(replicas, "replicas")
        return replicas
    return None


def first(stock: list[Persona], replicas: Listing[Replica] | None) -> Clicked | None:
    """No persona of one's own yet: what to do next."""
    text = "Start from a stock one: it is copied, and the copy is yours to change."
    with parts.empty("No personas of your own yet", text, key="personas"):
        if st.button("Write one from nothing", key="personas_new_first"):
            go(NEW)
    return persona_gallery.stock_tiles(stock, replicas)


def attempted(draft: Draft, attempt: str, now: bool) -> tuple[persona_check.Problem, ...]:
    """What is wrong with the form, once it was tried to be sent."""
    if now:
        st.session_state[TRIED] = attempt
    if st.session_state.get(TRIED) != attempt:
        return ()
    return persona_check.problems(draft["raw"], persona_editor.form_of(draft).values())


def save(services: Services, item_id: str) -> None:
    """Send what differs and begin a form on what Tavus has then. A failure leaves what was typed."""
    draft = DRAFTS.get(item_id)
    if draft is None:
        return
    before = Persona(item_id, persona_editor.name_of(draft), draft["raw"])
    after = persona_form.write(draft["raw"], persona_editor.form_of(draft).values())
    with unsure("It may have been saved. Saving again sends the same change once more and harms nothing."):
        saved = services.personas.save(before, after).checked()
    DRAFTS.begin(item_id, dict(saved.persona.raw if saved.persona else after))
    if saved.outcome is Outcome.NOTHING_CHANGED:
        notes.later(f"Nothing changed {words.at(services.sandbox)}. The form shows what is there.")
    else:
        count = len(saved.changes)
        where = "in the sandbox" if services.sandbox else "to Tavus"
        kept = ", ".join(md(change.label) for change in saved.dropped)
        otherwise = f" {words.place(services.sandbox)} keeps otherwise than it was sent: {kept}." if kept else ""
        notes.later(f"Saved {where}: {count} field{'s' if count > 1 else ''}.{otherwise}")
    notes.draw()


def create(services: Services, draft: Draft) -> None:
    fields = persona_form.write(draft["raw"], persona_editor.form_of(draft).values())
    with unsure("It may have been made. Look in the list before you press Create again: all that you typed stays."):
        persona = services.personas.create(fields)
    # Before any st call: a second click stops this run at the next one, and must not create a second persona.
    draft["made"] = persona.id
    DRAFTS.begin(persona.id, dict(persona.raw))
    notes.later(f"Created {words.at(services.sandbox)}. Put it on an agent to talk with it.")
    arrive(draft)


def arrive(draft: Draft) -> None:
    """Go on to what was created of this draft."""
    st.query_params["persona"] = draft["made"]
    DRAFTS.drop(draft["id"])
    st.rerun()


def delete(services: Services, persona_id: str) -> None:
    with unsure("It may be deleted already. Reload the list and look."):
        services.personas.delete(persona_id)
    DRAFTS.drop(persona_id)
    notes.later("Persona deleted.")


@contextmanager
def unsure(hint: str) -> Iterator[None]:
    """Where it can't be known whether Tavus did it, the hint says what that means here."""
    try:
        yield
    except Ambiguous as error:
        raise Ambiguous(error.message, status=error.status, code=error.code, hint=hint) from error


def follow(services: Services, clicked: Clicked, persona: Persona | None) -> None:
    if clicked.act == "agent":
        st.switch_page(places.AGENTS, query_params={"agent": "new", "persona": clicked.persona_id})
    if clicked.act == "delete":
        name = persona.name if persona else clicked.persona_id
        agents = services.personas.used_by(clicked.persona_id)
        persona_editor.confirm_delete(clicked.persona_id, name, agents, sandbox=services.sandbox)
        return
    go((COPY if clicked.act == "copy" else "") + clicked.persona_id)


def go(item_id: str) -> None:
    """Show this persona's form, or the list for ""."""
    if item_id:
        st.query_params["persona"] = item_id
    else:
        st.query_params.pop("persona", None)
    st.rerun()


def main() -> None:
    notes.draw()
    with feedback.required("reach the persona service"):
        services = context.services()
    wanted = st.query_params.get("persona", "")
    if wanted:
        editor(services, wanted)
    else:
        gallery(services)


main()
