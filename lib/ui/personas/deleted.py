"""Personas that are no more: a group of their own, created again with a new id, given back to their agents."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib.models import Agent, Origin, Persona, Snapshot
from lib.services.catalogue.catalogue import Listing
from lib.services.personas.history import PersonaHistory
from lib.services.personas.service import By, Recreated
from lib.services.wording import words
from lib.ui.kit import context, editing, lists, notes, parts
from lib.ui.kit.context import Services
from lib.ui.kit.lists import Clicked
from lib.ui.kit.text import ago, html, md, series
from lib.ui.personas.drafts import EDITOR, go_to_persona

ROWS = 6
_MADE = "personas_made_again"


def group(history: PersonaHistory, listing: Listing[Persona], query: str) -> Clicked[str] | None:
    """The deleted ones that have these words in their name, with what can be done."""
    found = sorted((*history.deleted(listing), *history.removed()), key=lambda snapshot: -snapshot.id)
    found = [snapshot for snapshot in found if lists.matches(query, snapshot.name)]
    if not found:
        return None
    clicked = None
    st.header("Deleted", anchor=False)
    st.caption("Their history is kept. *Create again* makes a new persona of the last state, with a new id.")
    with st.container(border=True, key="rows-deleted", gap="small"):
        for snapshot in lists.one_page(found, ROWS, "personas_deleted_page"):
            clicked = _row(snapshot) or clicked
    lists.pager(len(found), ROWS, "personas_deleted_page", "deleted personas")
    return clicked


def confirm_recreation(services: Services, persona_id: str) -> None:
    """Ask before a deleted persona is created again; says what it will lack."""
    newest = services.personas.history.newest(persona_id)
    if newest is None:
        return
    secrets = services.personas.history.content(newest.id).secrets
    _confirm(newest, secrets, services.personas.used_by(persona_id), sandbox=services.sandbox)


def recreate_persona(services: Services, snapshot_id: int) -> None:
    """Create it again and go there, where the agents are asked about."""
    made = services.personas.recreate(snapshot_id, By(actor=context.actor(), origin=Origin.RESTORE))
    st.session_state[_MADE] = made
    notes.later(f"Created again {words.at(services.sandbox)}, with a new id.")
    go_to_persona(made.persona.id)


def ask_for_agents(services: Services, item_id: str) -> None:
    """Once after `recreate_persona`: which of its old agents are to get the new persona, and which keys it lacks."""
    made: Recreated | None = st.session_state.get(_MADE)
    if made is None or made.persona.id != item_id:
        return
    del st.session_state[_MADE]
    if made.agents or made.unset:
        _after(made)


def repoint(services: Services, new_id: str, agent_ids: Sequence[str]) -> None:
    """Give these agents the new persona."""
    old_id = services.personas.history.chain(new_id)[1]
    changed = services.personas.repoint(old_id, new_id, agent_ids)
    names = ", ".join(md(agent.name, 60) for agent in changed)
    notes.later(f"{names} {'uses' if len(changed) == 1 else 'use'} it now." if changed else "No agent was changed.")


def _row(snapshot: Snapshot) -> Clicked[str] | None:
    here = snapshot.origin is Origin.DELETED
    when = f"{'Deleted' if here else 'Last seen'} {ago(snapshot.at)}"
    who, acts = st.columns([6, 4], vertical_alignment="center")
    who.html(
        f'<div class="gr-lines"><b dir="auto">{html(snapshot.name or snapshot.persona_id)}</b>'
        f'<div class="gr-foot gr-tight">{parts.chip_html("removed" if here else "gone")}<span>{html(when)}</span></div>'
        "</div>"
    )
    clicked = None
    with acts.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        if st.button("History", icon=":material/history:", key=f"personas_gone_history_{snapshot.persona_id}"):
            clicked = Clicked("history", snapshot.persona_id)
        if st.button("Create again", icon=":material/restart_alt:", key=f"personas_again_{snapshot.persona_id}"):
            clicked = Clicked("again", snapshot.persona_id)
    return clicked


@st.dialog("Create this persona again?", icon=":material/restart_alt:")
def _confirm(newest: Snapshot, secrets: Sequence[str], agents: Sequence[Agent], *, sandbox: bool) -> None:
    st.markdown(
        f"**{md(newest.name, 120)}** is created {words.at(sandbox)} as it last was, with a new id. Its history goes on."
    )
    if agents:
        st.markdown(
            f":gray[{series([md(agent.name, 80) for agent in agents], 8)} used it: you are asked about that next.]"
        )
    if secrets:
        st.markdown(f":orange[:material/key_off: Keys are never kept. Set again afterwards: {md(', '.join(secrets))}.]")
    keep, act = ("Leave it", "personas_leave"), ("Create again", "personas_create_again")
    editing.confirm(keep, act, EDITOR.ask, "again", str(newest.id), primary=True)


@st.dialog("Give it back to its agents?", icon=":material/smart_display:")
def _after(made: Recreated) -> None:
    if made.unset:
        st.markdown(f":orange[:material/key_off: It lacks {md(', '.join(made.unset))}: set them and save.]")
    if made.agents:
        st.markdown("These agents still name the deleted persona and can’t start. Which of them get the new one?")
    chosen = [
        agent.id
        for agent in made.agents
        if st.checkbox(md(agent.name, 80), value=True, key=f"personas_repoint_{agent.id}")
    ]
    label = f"Give {len(chosen)} agent{'s' if len(chosen) != 1 else ''} the new persona"
    keep = ("Leave them" if made.agents else "Close", "personas_leave_agents")
    act = (label, "personas_repoint") if made.agents else None
    editing.confirm(keep, act, _chosen, made, primary=True, disabled=not chosen)


def _chosen(made: Recreated) -> None:
    """Ask for what is ticked in the moment of the click."""
    ticked = [agent.id for agent in made.agents if st.session_state.get(f"personas_repoint_{agent.id}")]
    EDITOR.ask("repoint", made.persona.id, ticked)
