"""Agents: put persona and replica together, say how calls are held, find, start, compare, change, delete them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from lib.errors import GreenroomError, NotFound
from lib.models import Agent, Document, Persona, Replica
from lib.services.agents.readiness import Known
from lib.services.agents.service import NAME_LIMIT
from lib.services.catalogue.catalogue import Listing
from lib.services.wording import words
from lib.ui.agents import compare, conflict, drafts, saves
from lib.ui.agents import form as agent_form
from lib.ui.agents import gallery as agent_gallery
from lib.ui.agents.drafts import EDITOR
from lib.ui.agents.gallery import Listed
from lib.ui.call import strips
from lib.ui.kit import context, editing, feedback, lists, notes, parts
from lib.ui.kit.context import Services
from lib.ui.kit.text import md, plain, span

NEW = "new"
DELETED = "agents_deleted"


def draw_agents(services: Services) -> None:
    actions = parts.header("Agents", "A persona and a replica, ready to start", "agents")
    notice = st.container()

    # act on what the dialog of the last run asked for
    todo = EDITOR.asked()
    if todo is not None:
        with notice, feedback.section("delete the agent", retry=False):
            delete_agent(services, todo.item_id)
    with notice, feedback.section("bring the agent back", retry=False):
        undo(services)

    # fetch
    with notice, feedback.required("read the agents"):
        agents = services.agents.all()
    known = lookup(services, notice)
    listed = Listed(services, agents, known, services.agents.judged(agents, known))

    # render
    with actions:
        if len(agents) > 1 and st.button("Compare", icon=":material/compare_arrows:", key="agents_compare"):
            compare_with(agents[0].id, agents[1].id)
        if st.button("New agent", type="primary", icon=":material/add:", key="agents_new"):
            go_to_agent(NEW)
    if not agents:
        draw_first_agent(services, notice)
        return
    shown, view = agent_gallery.filter_agents(listed) if len(agents) > 3 else (agents, "Cards")
    clicked = None
    if not shown:
        parts.empty("Nothing found", "No agent fits the words and filters above.", key="agents-none")
    elif view == "Table":
        clicked = agent_gallery.draw_agent_table(listed, shown)
    else:
        clicked = agent_gallery.draw_agent_cards(listed, shown)

    # act
    if clicked is not None:
        with notice, feedback.section(f"{clicked.act} the agent", retry=False):
            follow_agent(services, clicked.act, clicked.what, agents)


def comparison(services: Services, wanted: str) -> None:
    """`wanted` are two ids with a comma between them, as the page's address has them."""
    with parts.header("Compare two agents", "What one call of each would be", "agents-compare"):
        if back_to_agents():
            go_to_agent("")
    notice = st.container()

    # fetch
    with notice, feedback.required("read the agents"):
        agents = services.agents.all()
    known = lookup(services, notice)
    listed = Listed(services, agents, known, services.agents.judged(agents, known))
    by_id = {agent.id: agent for agent in agents}
    ids = [part.strip() for part in wanted.split(",")][:2]
    gone = [item for item in ids if item and item not in by_id]
    if gone:
        with notice:
            cause = f"There is no agent {gone[0][:60]} here any more."
            parts.banner("warn", cause, "Choose another one to compare.", key="agents-compare-gone")

    # render
    if len(agents) < 2:
        text = "There is one agent, or none. Duplicate one and change what you want to try."
        parts.empty("Nothing to compare", text, key="agents-compare")
        return
    left = by_id.get(ids[0]) or agents[0]
    right = by_id.get(ids[1] if len(ids) > 1 else "") or next(agent for agent in agents if agent.id != left.id)
    first_id, second_id, opened = compare.draw_agents_compared(listed, left, right)

    # act
    if opened:
        go_to_agent(opened)
    if (first_id, second_id) != (left.id, right.id):
        compare_with(first_id, second_id)


def draw_first_agent(services: Services, notice: st.delta_generator.DeltaGenerator) -> None:
    text = (
        "An agent is a persona with a replica, its face and voice. Make one and it appears on Home with a Start button."
    )
    with parts.empty("No agents yet", text, key="agents"):
        if st.button("Make an agent", type="primary", icon=":material/add:", key="agents_first"):
            go_to_agent(NEW)
        if services.sandbox and st.button("Add the two samples", key="agents_samples"):
            with notice, feedback.section("add the sample agents", retry=False):
                services.agents.add_samples()
                st.rerun()


def edit_agent(services: Services, agent_id: str) -> None:
    top, notice = st.container(), st.container()
    todo = EDITOR.asked()
    if todo is not None:
        with notice, feedback.section("delete the agent", retry=False):
            delete_agent(services, todo.item_id)
            go_to_agent("")

    # fetch
    stored: Agent | None = None
    try:
        stored = services.agents.get(agent_id) if agent_id != NEW else None
    except GreenroomError as error:
        if not (isinstance(error, NotFound) and EDITOR.edited(agent_id)):
            with top, parts.header("Agent", "", "agent"):
                if back_to_agents():
                    go_to_agent("")
            with notice:
                feedback.show(error, "read the agent", retry=False)
            return
    most = services.agents.most
    known = lookup(services, notice)
    personas, replicas = known.personas, known.replicas
    draft = drafts.agent_draft(agent_id, stored)
    was = drafts.base_of(draft)
    gone = was is not None and stored is None
    base = agent_form.read(was, st.query_params.get("persona", ""))
    form = agent_form.AgentForm(base, draft["prefix"])
    worn = st.query_params.get("replica", "")
    if worn:
        # From the Replicas page: an edit like any other, that Save keeps or Discard takes back.
        st.session_state[form.key("replica_id")] = worn
        del st.query_params["replica"]
    documents = read_documents(services, notice) if form.wants_documents else None

    # render
    values = form.values()
    changed = agent_form.edits(base, values)
    would_be = agent_form.write(was, values)
    contested = saves.contested_agent(draft, would_be, stored)
    with top:
        clicked = draw_agent_head(was, changed, gone=gone, contested=contested is not None)
    wrong = agent_form.problems(values, most)
    form.mark(wrong if EDITOR.attempted(draft, now=clicked == "save") else {})
    if clicked == "save":
        form.unfold()
    if form.wrong:
        told = " ".join(f"{agent_form.LABELS[key]}: {text}" for key, text in form.wrong.items())
        with notice:
            parts.banner("warn", "Not saved yet.", told, key="agent-problems", stacked=True)
    decision = None
    with notice:
        if gone:
            cause, rest = (
                "This agent was deleted while you edited it.",
                "What you typed is here: make it again with it.",
            )
            parts.banner("warn", cause, rest, key="agent-gone", icon="delete")
        if contested is not None:
            decision = conflict.draw_agent_clashes(contested, known, key=f"agents_clash_{form.prefix}")
    left, right = st.columns([5, 3], gap="medium")
    persona = personas.find(would_be.persona_id) if personas else None
    without = services.agents.replica_of(replace(would_be, replica_id=""), persona)
    with left:
        form.who(personas, replicas, agent_form.inherited(persona, without))
    with right:
        with st.container(border=True, key="side-agent-ready", gap="small"):
            st.header("Ready to start?", anchor=False)
            found = services.agents.missing(would_be, personas, replicas, documents)
            agent_form.readiness(
                would_be,
                found,
                wrong,
                most,
                unread=personas is None or replicas is None,
                where=words.place(services.sandbox).capitalize(),
            )
            if stored is not None and not changed and not any(item.blocks for item in found):
                label, text_only = strips.start_word(services, span(stored.call.longest_s(most.call_s)))
                key = f"start-agent-{stored.id}"
                if not text_only and st.button(label, icon=":material/play_arrow:", key=key, width="stretch"):
                    clicked = "start"
                word, key = agent_gallery.REHEARSE, f"agents_rehearse_{stored.id}"
                if st.button(word, icon=":material/chat:", key=key, width="stretch"):
                    clicked = "rehearse"
        st.header("The call", anchor=False)
        form.call(most, persona, documents)

    # act
    if clicked == "back":
        if not changed:
            EDITOR.drop(agent_id)
        go_to_agent("")
    if clicked == "delete" and stored is not None:
        confirm_delete_agent(stored.id, stored.name, words.at(services.sandbox))
    if clicked in ("duplicate", "start", "rehearse") and stored is not None:
        with notice, feedback.section(f"{clicked} the agent", retry=False):
            follow_agent(services, clicked, stored)
    if clicked == "save" and not form.wrong:
        with notice, feedback.section("save the agent", retry=False), st.spinner("Saving"):
            saved = saves.save_agent(services, was, would_be, agent_id, gone=gone)
            go_to_agent(saved.id if saved is not None else agent_id)
    if decision is not None and decision.act and contested is not None:
        with notice, feedback.section("save the agent", retry=False):
            saves.settle_agent(services, agent_id, stored, contested, decision)
            go_to_agent(agent_id)
    if was is not None and editing.unsaved(changed, "", banner="agent-edits", key="danger-discard-agent"):
        drafts.begin_agent(agent_id, stored) if stored is not None else EDITOR.drop(agent_id)
        st.rerun()


def draw_agent_head(was: Agent | None, changed: Sequence[str], *, gone: bool, contested: bool) -> str:
    """Title and actions; returns what was clicked: back, save, duplicate or delete.

    `contested`: two sides wait for a choice first, so that nothing can be saved.
    """
    title = was.name if was else "New agent"
    sub = f"Agent {was.id} · {agent_gallery.last_used(was)}" if was else "A persona with a replica. It appears on Home."
    with parts.header(title, sub, "agent"):
        if was and changed:
            parts.chip("local")
        clicked = "back" if back_to_agents() else ""
        if was is not None and not gone:
            word = st.menu_button(
                "", ["Duplicate", "Delete"], icon=":material/more_horiz:", key="menu-agent", help="More"
            )
            clicked = word.lower() if word else clicked
        label = "Make it again" if gone else "Save" if was else "Make agent"
        # A key of its own: a click on Save by who does not know of the deletion makes nothing.
        key = "agents_again" if gone else "agents_save"
        if st.button(label, type="primary", key=key, disabled=contested):
            if was is None or changed:
                clicked = "save"
            else:
                notes.unchanged()
    return clicked


def back_to_agents() -> bool:
    return st.button("All agents", icon=":material/arrow_back:", key="agents_back")


@st.dialog("Delete this agent?", icon=":material/delete:")
def confirm_delete_agent(agent_id: str, name: str, where: str) -> None:
    """Asks once and says what stays, and `where`."""
    st.markdown(f"**{md(name, 120)}** and its call settings are deleted.")
    st.markdown(f":gray[The records of its sessions stay in History. Its persona and replica stay {where}.]")
    act = ("Delete agent", f"danger-delete-{agent_id}")
    editing.confirm(("Keep it", "agents_keep"), act, EDITOR.ask, "delete", agent_id)


def lookup(services: Services, notice: st.delta_generator.DeltaGenerator) -> Known:
    """Personas and replicas; the page goes on without those that can't be read. Of documents, what is known already."""
    personas: Listing[Persona] | None = None
    replicas: Listing[Replica] | None = None
    with notice, feedback.section("read the personas and replicas"):
        services.catalogue.read_both(max_age_s=context.freshness())
        failure: GreenroomError | None = None
        try:
            personas = services.catalogue.personas(max_age_s=context.freshness())
        except GreenroomError as error:
            failure = error
        replicas = services.catalogue.replicas(max_age_s=context.freshness())
        if failure is not None:
            raise failure
        lists.stale(personas, "personas")
        lists.stale(replicas, "replicas")
    return Known(personas, replicas, services.library.documents.shelf.peek())


def read_documents(services: Services, notice: st.delta_generator.DeltaGenerator) -> Listing[Document] | None:
    """The documents; the form goes on without them."""
    with notice, feedback.section("read the documents"):
        documents = services.library.documents.all(max_age_s=context.freshness())
        lists.stale(documents, "documents")
        return documents
    return None


def delete_agent(services: Services, agent_id: str) -> None:
    """Delete it, and keep it for the visit, so that it can be brought back."""
    try:
        agent = services.agents.get(agent_id)
        services.agents.delete(agent_id)
    except NotFound:
        notes.later("The agent was gone already.")
        notes.draw_note()
    else:
        st.session_state.setdefault(DELETED, []).append(agent)
    EDITOR.drop(agent_id)


def undo(services: Services) -> None:
    """The agent that was deleted last, with the way back."""
    deleted: list[Agent] = st.session_state.get(DELETED, [])
    if not deleted:
        return
    rest = f"{plain(deleted[-1].name, 80)}. The records of its sessions stay in History."
    with parts.banner("info", "Agent deleted.", rest, key="agents-undo", icon="delete"):
        back = st.button("Undo", icon=":material/undo:", key="agents_undo")
        if st.button("", icon=":material/close:", key="agents_undo_close", type="tertiary", help="Dismiss"):
            del st.session_state[DELETED]
            st.rerun()
    if back:
        # Taken off first: whatever becomes of it, it is not brought back twice.
        agent = deleted.pop()
        services.agents.restore(agent)
        notes.later(f"{md(agent.name, 80)} is back.")
        st.rerun()


def follow_agent(services: Services, act: str, agent: Agent, agents: Sequence[Agent] = ()) -> None:
    if act == "start":
        strips.start_session(agent.id)
    elif act == "rehearse":
        strips.start_session(agent.id, enable_avatar=False)
    elif act == "delete":
        confirm_delete_agent(agent.id, agent.name, words.at(services.sandbox))
    elif act == "duplicate":
        wanted = replace(agent, name=f"{agent.name[: NAME_LIMIT - 5]} copy")
        go_to_agent(saves.make(services, wanted, f"copy-{agent.id}").id)
    elif act == "compare":
        compare_with(agent.id, next((other.id for other in agents if other.id != agent.id), ""))
    else:
        go_to_agent(agent.id)


def compare_with(first_id: str, second_id: str) -> None:
    st.query_params.clear()
    st.query_params["compare"] = f"{first_id},{second_id}"
    st.rerun()


def go_to_agent(agent_id: str) -> None:
    """Show this agent's form, or the list for ""."""
    for name in ("persona", "replica", "compare"):
        st.query_params.pop(name, None)
    if agent_id:
        st.query_params["agent"] = agent_id
    else:
        st.query_params.pop("agent", None)
    st.rerun()


def main() -> None:
    notes.draw_note()
    with feedback.required("reach the agents"):
        services = context.services()
    wanted = st.query_params.get("agent", "")
    if wanted:
        edit_agent(services, wanted)
    elif "compare" in st.query_params:
        comparison(services, st.query_params["compare"])
    else:
        draw_agents(services)


main()
