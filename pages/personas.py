"""Personas: find one, make one, edit it, save what changed after a look at it; compare, restore, delete."""

from __future__ import annotations

import streamlit as st

from lib.errors import GreenroomError
from lib.models import Persona, Replica, Snapshot
from lib.services.catalogue.catalogue import Listing
from lib.services.personas import form as persona_form
from lib.services.personas.history import Drift
from lib.services.wording import words
from lib.ui.kit import context, editing, feedback, lists, notes, parts
from lib.ui.kit.context import Services
from lib.ui.kit.lists import Clicked
from lib.ui.personas import acts, deleted, drafts, files, names, saves
from lib.ui.personas import compare as persona_compare
from lib.ui.personas import editor as persona_editor
from lib.ui.personas import gallery as persona_gallery
from lib.ui.personas import history as persona_history
from lib.ui.personas import outcome as persona_outcome
from lib.ui.personas.drafts import EDITOR, NEW, go_to_persona


def draw_personas(services: Services) -> None:
    with parts.header("Personas", "What an agent knows and how it behaves. Tavus calls these PALs.", "personas"):
        to_files = files.button()
        if st.button("New persona", type="primary", icon=":material/add:", key="personas_new"):
            go_to_persona(NEW)
    notice = st.container()

    # act on what the dialog of the last run asked for
    acts.asked(services, "", notice)

    # fetch
    with notice, feedback.required("read the personas"):
        services.catalogue.read_both(max_age_s=context.freshness())
        personas = services.catalogue.personas(max_age_s=context.freshness())
        agents = services.agents.all()
    replicas = read_replicas(services, notice)
    drift = read_drift(services, personas, notice)
    with notice:
        lists.stale(personas, "personas")

    # render
    own = [persona for persona in personas.items if not persona.stock]
    stock = [persona for persona in personas.items if persona.stock]
    states = persona_gallery.states(drift, EDITOR.all_edited())
    clicked = None if own else draw_first_persona(stock, replicas)
    query, kind, view = persona_gallery.draw_persona_filters(persona_gallery.counted(personas.items, states))
    shown = persona_gallery.filter_personas(personas.items, query, kind, states)
    if not shown and personas.items:
        parts.empty("Nothing found", "No persona has these words in its name or prompt.", key="personas-none")
    elif view == "Table":
        clicked = persona_gallery.draw_persona_table(shown, replicas, agents, states) or clicked
    else:
        clicked = persona_gallery.draw_persona_cards(shown, replicas, agents, states) or clicked
    with feedback.section("read the deleted personas"):
        clicked = deleted.group(services.personas.history, personas, query) or clicked

    # act
    if to_files:
        files.open_files(services, personas, replicas)
    if clicked is not None:
        with notice, feedback.section("do this"):
            acts.follow_persona(services, clicked, personas)


def edit_persona(services: Services, item_id: str) -> None:
    top, notice = st.container(), st.container()

    # act on what the dialog of the last run asked for
    acts.asked(services, item_id, notice)

    # fetch
    try:
        draft = acts.persona_draft(services, item_id)
    except GreenroomError as error:
        with top:
            persona_editor.unread()
        with notice:
            feedback.show(error, "read the persona")
        return
    if "made" in draft:
        acts.arrive_at_persona(draft)
    agents = services.personas.used_by(item_id)
    replicas = read_replicas(services, notice)

    # render
    form = drafts.form_of(draft, disabled=drafts.is_stock(draft))
    values = form.values()
    edits = persona_form.edits(draft["raw"], values)
    saved = saves.kept(item_id)
    contested = persona_outcome.is_contested(saved)
    with top:
        clicked = persona_editor.draw_persona_head(draft, agents, edits, sandbox=services.sandbox, contested=contested)
    if saves.review_wanted(item_id):
        clicked = "review"
    trying = clicked in ("review", "create")
    problems = acts.persona_problems(draft, now=trying)
    refused = persona_outcome.refused_at(saved)
    form.mark(persona_editor.by_field(problems, refused))
    if trying or refused is not None:
        form.unfold()
    outcome, drifted = None, ""
    with notice:
        persona_editor.draw_persona_problems(problems)
        if saved is not None:
            outcome = persona_outcome.draw_outcome(saved, form, sandbox=services.sandbox)
        else:
            with feedback.section("read the history"):
                listing = services.catalogue.persona_shelf.peek()
                drifted = persona_editor.drifted(services.personas.history, listing, item_id)
    persona_editor.draw_persona_fields(form, replicas)
    place, key = words.place(services.sandbox), f"danger-discard-{item_id}"
    if editing.unsaved(edits, place, banner="personas", key=key):
        clicked = "discard"

    # act
    deleted.ask_for_agents(services, item_id)
    if outcome is not None and outcome.act:
        with notice, feedback.section("save the persona", retry=False):
            acts.settle_by(services, draft, outcome)
    with notice, feedback.section("do this", retry=False):
        acts.do(services, draft, clicked or drifted, problems, agents)


def draw_persona_history(services: Services, item_id: str) -> None:
    top, notice = st.container(), st.container()
    acts.asked(services, "", notice)

    # fetch
    personas = read_personas(services, notice)
    with notice, feedback.required("read the history"):
        snapshots = services.personas.history.of(item_id, limit=persona_history.shown())
    live = personas.find(item_id) if personas else None
    there = live is not None if personas else None

    # render
    with top, parts.header(f"History of {persona_name(live, snapshots, item_id)}", persona_history.SUB, "history"):
        act = persona_history.draw_history_buttons(live=there, kept=bool(snapshots))
    clicked = None
    if snapshots:
        clicked = persona_history.draw_snapshots(snapshots, account=services.account, live=live is not None)
    else:
        persona_history.draw_no_snapshots(stock=live is not None and live.stock)

    # act
    with notice, feedback.section("do this", retry=False):
        acts.follow_history(services, item_id, act, clicked, snapshots, live)


def draw_persona_comparison(services: Services, item_id: str) -> None:
    top, notice = st.container(), st.container()
    acts.asked(services, "", notice)

    # fetch
    personas = read_personas(services, notice)
    with notice, feedback.required("read the history"):
        known = services.personas.history
        snapshots = known.of(item_id)
    live = personas.find(item_id) if personas else None
    own = persona_compare.own(live, EDITOR.get(item_id))
    others = [persona for persona in personas.items if persona.id != item_id] if personas else []
    sides = persona_compare.sides(own, snapshots, others, known.content)

    # render
    with top, parts.header(f"Compare {persona_name(live, snapshots, item_id)}", persona_compare.SUB, "compare"):
        act = persona_compare.draw_compare_buttons(live=live is not None)
        sides |= files.side_of_file(live)
    chosen = None
    if len(sides) < 2:
        parts.empty("Nothing to compare yet", "There is only one state of it, and no other persona.", key="compare")
    else:
        chosen = persona_compare.choose_sides(sides, st.query_params.get("a", ""), st.query_params.get("b", ""))
        with feedback.section("compare them"):
            found = persona_compare.differences(sides[chosen[0]], sides[chosen[1]])
            changes = names.with_names(found, services.catalogue.replica_shelf.peek())
            changed = personas is not None and known.drift(personas).get(item_id) is Drift.CHANGED
            drifted = snapshots[0].id if changed and snapshots else 0
            act = (
                persona_compare.draw_differences(changes, sides, chosen, live=live is not None, drifted=drifted) or act
            )

    # act
    with notice, feedback.section("do this", retry=False):
        acts.follow_compare(services, item_id, act, chosen)


def persona_name(live: Persona | None, snapshots: list[Snapshot], item_id: str) -> str:
    """What the persona is called, or was."""
    return (live.name if live else snapshots[0].name if snapshots else "") or item_id


def read_personas(services: Services, notice: st.delta_generator.DeltaGenerator) -> Listing[Persona] | None:
    """The personas; a view that shows what is kept here goes on without them."""
    with notice, feedback.section("read the personas"):
        return services.catalogue.personas(max_age_s=context.freshness())
    return None


def read_replicas(services: Services, notice: st.delta_generator.DeltaGenerator) -> Listing[Replica] | None:
    """The replicas; the page goes on without them."""
    with notice, feedback.section("read the replicas"):
        replicas = services.catalogue.replicas(max_age_s=context.freshness())
        lists.stale(replicas, "replicas")
        return replicas
    return None


def read_drift(
    services: Services, personas: Listing[Persona], notice: st.delta_generator.DeltaGenerator
) -> dict[str, Drift]:
    """How each persona stands to what was meant; the page goes on without it."""
    with notice, feedback.section("read the history"):
        return dict(services.personas.history.drift(personas))
    return {}


def draw_first_persona(stock: list[Persona], replicas: Listing[Replica] | None) -> Clicked[str] | None:
    """No persona of one's own yet: what to do next."""
    text = "Start from a stock one: it is copied, and the copy is yours to change."
    with parts.empty("No personas of your own yet", text, key="personas"):
        if st.button("Write one from nothing", key="personas_new_first"):
            go_to_persona(NEW)
    return persona_gallery.stock_tiles(stock, replicas)


def main() -> None:
    notes.draw_note()
    with feedback.required("reach the persona service"):
        services = context.services()
    wanted, view = st.query_params.get("persona", ""), st.query_params.get("view", "")
    if not wanted:
        draw_personas(services)
    elif view == "history":
        draw_persona_history(services, wanted)
    elif view == "compare":
        draw_persona_comparison(services, wanted)
    else:
        edit_persona(services, wanted)


main()
