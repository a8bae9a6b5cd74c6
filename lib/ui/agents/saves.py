"""Saves of agents. What was typed stays in the form until it is written, or given up."""

from __future__ import annotations

from lib.errors import NotFound
from lib.models import Agent
from lib.services.agents import merge as agent_merge
from lib.services.agents.merge import AgentMerge
from lib.ui.agents import conflict, drafts
from lib.ui.agents.drafts import EDITOR
from lib.ui.kit import notes
from lib.ui.kit.conflict import Decision
from lib.ui.kit.context import Services
from lib.ui.kit.editing import Draft


def make(services: Services, wanted: Agent, draft_id: str) -> Agent:
    """A new agent of what the draft holds."""
    made = services.agents.create(
        name=wanted.name, persona_id=wanted.persona_id, replica_id=wanted.replica_id, call=wanted.call
    )
    EDITOR.drop(draft_id)
    notes.later("Made. It is on Home, with a Start button.")
    return made


def save_agent(
    services: Services, was: Agent | None, wanted: Agent, agent_id: str, *, gone: bool = False
) -> Agent | None:
    """Write what was typed on the agent as it `was` read. `gone`: it was deleted since, so it is brought back.

    None where it could not be: it clashes with what someone else did, which the next run shows.
    """
    if was is None:
        return make(services, wanted, agent_id)
    if gone:
        saved, told = services.agents.restore(wanted), "Made again, under the id that it had."
    else:
        try:
            merged = services.agents.save(was, wanted)
        except NotFound:
            return None
        if merged.clashes:
            _contest(agent_id)
            return None
        saved, told = merged.agent, "Saved."
        if merged.theirs:
            told += f" Kept as changed meanwhile: {', '.join(merged.theirs)}."
    EDITOR.drop(agent_id)
    notes.later(told)
    return saved


def contested_agent(draft: Draft, wanted: Agent, now: Agent | None) -> AgentMerge | None:
    """Both sides, where a save found that they clash and they still do, as the form and the row are now."""
    was = drafts.base_of(draft)
    if not draft.get("contested") or was is None or now is None:
        return None
    merged = agent_merge.merge(was, wanted, now)
    return merged if merged.clashes else None


def settle_agent(services: Services, agent_id: str, now: Agent | None, merge: AgentMerge, decision: Decision) -> None:
    """Go on from the row as it was shown: with the chosen sides, which are saved, or without one's own edits."""
    if decision.act == "theirs":
        drafts.begin_agent(agent_id, now)
        return
    wanted = conflict.settled_agent(merge, decision)
    drafts.begin_agent(agent_id, now, wanted)
    save_agent(services, now, wanted, agent_id)


def _contest(agent_id: str) -> None:
    draft = EDITOR.get(agent_id)
    if draft is not None:
        draft["contested"] = True
