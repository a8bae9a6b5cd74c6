"""What a click on the persona pages does: requests, drafts, and where to go next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from lib.models import Agent, Persona, Snapshot
from lib.services.catalogue.catalogue import Listing
from lib.services.personas import check as persona_check
from lib.services.personas import diff as persona_diff
from lib.services.personas import form as persona_form
from lib.services.personas import patch as persona_patch
from lib.services.personas.service import By
from lib.services.wording import words
from lib.ui.kit import context, editing, feedback, notes, places
from lib.ui.kit.context import Services
from lib.ui.kit.editing import Draft
from lib.ui.kit.lists import Clicked
from lib.ui.kit.text import stamp
from lib.ui.personas import compare, conflict, deleted, drafts, editor, history, names, saves
from lib.ui.personas import outcome as persona_outcome
from lib.ui.personas import review as persona_review
from lib.ui.personas.drafts import COPY, EDITOR, NEW, go_to_persona

UNMADE = "It may have been made. Look in the list before you press Create again: all that you typed stays."


def asked(services: Services, item_id: str, notice: st.delta_generator.DeltaGenerator) -> None:
    """Do what the dialog of the last run asked for, of this persona or ("") of any."""
    todo = EDITOR.asked(item_id)
    if todo is None:
        return
    act, target, detail = todo
    doing = {"save": "save the persona", "delete": "delete the persona", "again": "create the persona again"}
    with notice, feedback.section(doing.get(act, "do this"), retry=False):
        if act == "delete":
            delete_persona(services, target)
        elif act == "again":
            deleted.recreate_persona(services, int(target))
        elif act == "repoint":
            deleted.repoint(services, target, detail)
        elif act == "restore":
            restore(services, target, int(detail))
        elif draft := EDITOR.get(target):
            with st.spinner("Saving"), editing.unsure(editing.UNSAVED):
                saves.send(services, draft, detail, force=act == "overwrite")
        notes.draw_note()


def persona_draft(services: Services, item_id: str) -> Draft:
    """The draft of this persona, read from Tavus when the page is opened; see `Editor.opened`."""
    if item_id == NEW:
        return EDITOR.opened(NEW, dict, older=False)

    def read() -> Mapping[str, Any]:
        raw = services.personas.get(item_id.removeprefix(COPY)).raw
        return persona_form.copy_of(raw, " copy") if item_id.startswith(COPY) else raw

    return EDITOR.opened(item_id, read)


def persona_problems(draft: Draft, *, now: bool) -> tuple[persona_check.FieldProblem, ...]:
    """What is wrong with the form, once it was tried to be sent."""
    if not EDITOR.attempted(draft, now=now):
        return ()
    return persona_check.problems(draft["raw"], drafts.form_of(draft).values())


def do(
    services: Services,
    draft: Draft,
    clicked: str,
    problems: Sequence[persona_check.FieldProblem],
    agents: Sequence[Agent],
) -> None:
    """What was clicked on a persona's form."""
    item_id = draft["id"]
    match clicked:
        case "back":
            if not EDITOR.edits(draft):
                EDITOR.drop(item_id)
            go_to_persona("")
        case "agent":
            st.switch_page(places.AGENTS, query_params={"agent": "new", "persona": item_id})
        case "copy":
            go_to_persona(COPY + item_id)
        case "history":
            go_to_persona(item_id, "history")
        case "compare" | "drift":
            compare_states(services, item_id, drifted=clicked == "drift")
        case "accept":
            accept(services, item_id)
        case "discard":
            EDITOR.begin(item_id, draft["raw"])
            saves.settle_save(item_id)
            st.rerun()
        case "delete":
            name = drafts.draft_name(draft)
            editor.confirm_delete_persona(item_id, name, agents, sandbox=services.sandbox)
        case "review" if not problems:
            review_persona(services, draft, agents)
        case "create" if not problems:
            with st.spinner("Creating"):
                create_persona(services, draft)


def review_persona(services: Services, draft: Draft, agents: Sequence[Agent]) -> None:
    """Open the dialog with what Save would send."""
    after = persona_form.write(draft["raw"], drafts.form_of(draft).values())
    persona_review.review_dialog(
        draft["id"],
        names.with_names(persona_diff.changes(draft["raw"], after), services.catalogue.replica_shelf.peek()),
        persona_patch.guarded(draft["raw"], after),
        agents,
        sandbox=services.sandbox,
        reason=draft.get("reason", ""),
    )


def settle_by(services: Services, draft: Draft, outcome: persona_outcome.Decided) -> None:
    """What a person decided about the outcome of a save."""
    item_id, saved = draft["id"], saves.kept(draft["id"])
    assert saved is not None
    match outcome.act:
        case "overwrite":
            EDITOR.ask("overwrite", item_id, draft.get("reason", ""))
        case "settle":
            saves.settle_save(item_id)
        case "take" | "theirs":
            row = saved.contested.theirs.raw if saved.contested else saved.persona.raw if saved.persona else None
            EDITOR.begin(item_id, row) if row is not None else EDITOR.drop(item_id)
            saves.settle_save(item_id)
        case "again":
            row = saved.persona.raw if saved.persona else draft["raw"]
            saves.go_on(item_id, row, drafts.form_of(draft).values())
        case "review" if saved.contested and outcome.decision and outcome.merge:
            form = drafts.form_of(draft)
            theirs = saved.contested.theirs.raw
            typed = conflict.settled_values(outcome.merge, outcome.decision, form.values(), form.base, theirs)
            saves.go_on(item_id, theirs, typed)
    st.rerun()


def create_persona(services: Services, draft: Draft) -> None:
    fields = persona_form.write(draft["raw"], drafts.form_of(draft).values())
    with editing.unsure(UNMADE):
        persona = services.personas.create(fields, By(actor=context.actor()))
    # Before any st call: a second click stops this run at the next one, and must not create a second persona.
    draft["made"] = persona.id
    EDITOR.begin(persona.id, persona.raw)
    notes.later(f"Created {words.at(services.sandbox)}. Put it on an agent to talk with it.")
    arrive_at_persona(draft)


def arrive_at_persona(draft: Draft) -> None:
    """Go on to what was created of this draft."""
    EDITOR.drop(draft["id"])
    go_to_persona(draft["made"])


def delete_persona(services: Services, persona_id: str) -> None:
    with editing.unsure("It may be deleted already. Reload the list and look."):
        services.personas.delete(persona_id, By(actor=context.actor()))
    EDITOR.drop(persona_id)
    notes.later("Persona deleted. Its history stays: it can be created again.")
    go_to_persona("")


def restore(services: Services, persona_id: str, snapshot_id: int) -> None:
    """Put what the persona said then into the form, over what is live now, and open the review of it."""
    snapshot = services.personas.history.snapshot(snapshot_id)
    live = services.personas.get(persona_id)
    typed = persona_form.read(services.personas.restored(live, snapshot_id))
    draft = saves.go_on(persona_id, live.raw, typed)
    if not EDITOR.edits(draft):
        saves.review_wanted(persona_id)
        notes.later("It says that already: there is nothing to restore.")
    draft["restores"], draft["reason"] = True, f"Restored from {stamp(snapshot.at)}"
    go_to_persona(persona_id)


def accept(services: Services, persona_id: str) -> None:
    """Take what was changed at Tavus for right, as far as it was on the page.

    A state that was found since has a button of its own, so that a click never accepts what nobody saw.
    """
    newest = services.personas.history.newest(persona_id)
    services.personas.history.accept(persona_id, seen=newest.id if newest else None, actor=context.actor())
    notes.later("Accepted: this is what is meant now.")
    st.rerun()


def compare_states(services: Services, persona_id: str, *, drifted: bool = False, a: str = "", b: str = "") -> None:
    """Show two states side by side; `drifted`: what was meant, and what was found at Tavus since."""
    if drifted:
        meant = history.meant(services.personas.history.of(persona_id))
        a, b = compare.of_snapshot(meant) if meant else "", compare.LIVE
    compare.forget()
    go_to_persona(persona_id, "compare", a=a, b=b)


def follow_persona(services: Services, clicked: Clicked[str], personas: Listing[Persona]) -> None:
    """What was clicked in the list."""
    persona_id = clicked.what
    match clicked.act:
        case "agent":
            st.switch_page(places.AGENTS, query_params={"agent": "new", "persona": persona_id})
        case "delete":
            persona = personas.find(persona_id)
            agents = services.personas.used_by(persona_id)
            name = persona.name if persona else persona_id
            editor.confirm_delete_persona(persona_id, name, agents, sandbox=services.sandbox)
        case "copy":
            go_to_persona(COPY + persona_id)
        case "history":
            go_to_persona(persona_id, "history")
        case "compare" | "drift":
            compare_states(services, persona_id, drifted=clicked.act == "drift")
        case "accept":
            accept(services, persona_id)
        case "again":
            deleted.confirm_recreation(services, persona_id)
        case _:
            go_to_persona(persona_id)


def follow_history(
    services: Services,
    persona_id: str,
    act: str,
    clicked: Clicked[Snapshot] | None,
    snapshots: Sequence[Snapshot],
    live: Persona | None,
) -> None:
    """What was clicked in a persona's history."""
    if act:
        follow_compare(services, persona_id, act, None)
    elif clicked is not None and clicked.act == "restore":
        ask_restore(services, persona_id, clicked.what.id)
    elif clicked is not None:
        newest = clicked.what is snapshots[0] and len(snapshots) > 1
        a, b = (snapshots[1], clicked.what) if newest else (clicked.what, snapshots[0])
        right = compare.of_snapshot(b) if newest or live is None else compare.LIVE
        compare_states(services, persona_id, a=compare.of_snapshot(a), b=right)


def follow_compare(services: Services, persona_id: str, act: str, chosen: tuple[str, str] | None) -> None:
    """What was clicked where two states are compared."""
    match act:
        case "back":
            go_to_persona(persona_id)
        case "list":
            go_to_persona("")
        case "history":
            go_to_persona(persona_id, "history")
        case "compare":
            compare_states(services, persona_id)
        case "accept":
            accept(services, persona_id)
        case "again":
            deleted.confirm_recreation(services, persona_id)
        case "restore" if chosen is not None:
            snapshot_id = compare.snapshot_of(chosen)
            if snapshot_id is not None:
                ask_restore(services, persona_id, snapshot_id)


def ask_restore(services: Services, persona_id: str, snapshot_id: int) -> None:
    """Restore at once where nothing is typed, else ask first."""
    if EDITOR.edited(persona_id):
        editor.confirm_restore(persona_id, snapshot_id)
    else:
        restore(services, persona_id, snapshot_id)
