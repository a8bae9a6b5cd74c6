"""The agents that are being edited in this tab: the row that was read, and what is typed on it."""

from __future__ import annotations

import streamlit as st

from lib.models import Agent
from lib.ui.agents import form
from lib.ui.kit.drafts import Draft, Drafts

DRAFTS = Drafts("agents")


def opened(agent_id: str, now: Agent | None) -> Draft:
    """The draft of this agent; begun on `now` if there is none, and anew while nothing is typed on an older row."""
    draft = DRAFTS.get(agent_id)
    if draft is None:
        return begin(agent_id, now)
    older = now is not None and form.read(base_of(draft)) != form.read(now)
    return begin(agent_id, now) if older and not edited(agent_id) else draft


def begin(agent_id: str, now: Agent | None, wanted: Agent | None = None) -> Draft:
    """A form on `now` that holds what is `wanted` where that differs, as if a person had typed it."""
    draft = DRAFTS.begin(agent_id, {"agent": now})
    base = form.read(now)
    for name, value in (form.read(wanted) if wanted is not None else base).items():
        if value != base[name]:
            st.session_state[DRAFTS.prefix(draft) + name] = value
    return draft


def base_of(draft: Draft) -> Agent | None:
    """The row that the form was begun on; None for a new agent."""
    agent: Agent | None = draft["raw"].get("agent")
    return agent


def edited(agent_id: str) -> bool:
    """True where something is typed that was not saved."""
    draft = DRAFTS.get(agent_id)
    if draft is None:
        return False
    base = form.read(base_of(draft))
    return bool(form.edits(base, form.AgentForm(base, DRAFTS.prefix(draft)).values()))
