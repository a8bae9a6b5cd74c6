"""The agents that are being edited in this tab: the row that was read, and what is typed on it."""

from __future__ import annotations

from collections.abc import Sequence

from lib.models import Agent
from lib.ui.agents import form
from lib.ui.kit.editing import Draft, Editor


def agent_draft(agent_id: str, now: Agent | None) -> Draft:
    """The draft of this agent; begun on `now` if there is none, and anew while nothing is typed on an older row."""
    draft = EDITOR.get(agent_id)
    older = draft is not None and now is not None and form.read(base_of(draft)) != form.read(now)
    return EDITOR.opened(agent_id, lambda: {"agent": now}, older=older)


def begin_agent(agent_id: str, now: Agent | None, wanted: Agent | None = None) -> Draft:
    """A form on `now` that holds what is `wanted` where that differs, as if a person had typed it."""
    base = form.read(now)
    typed = form.read(wanted) if wanted is not None else base
    return EDITOR.begin(agent_id, {"agent": now}, {name: it for name, it in typed.items() if it != base[name]})


def base_of(draft: Draft) -> Agent | None:
    """The row that the form was begun on; None for a new agent."""
    agent: Agent | None = draft["raw"].get("agent")
    return agent


def _edits(draft: Draft) -> Sequence[str]:
    base = form.read(base_of(draft))
    return form.edits(base, form.AgentForm(base, draft["prefix"]).values())


EDITOR = Editor("agents", _edits)
