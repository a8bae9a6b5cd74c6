"""Someone changed the agent meanwhile, in another tab or by the API: a choice where both changed the same."""

from __future__ import annotations

from dataclasses import replace

from lib.models import Agent, MergeClash
from lib.services.agents.merge import AgentMerge, put
from lib.services.agents.readiness import Known
from lib.ui.kit import conflict
from lib.ui.kit.conflict import ANEW, Decision
from lib.ui.kit.text import plain

WRITTEN = ("name", "greeting", "context")
_WHAT = (
    "**This agent was changed while you edited it,** in another tab or by the API. Nothing was saved and nothing is "
    "overwritten."
)


def draw_agent_clashes(merge: AgentMerge, known: Known, *, key: str) -> Decision:
    """Draw the clashes, each with its choice. `key` begins the keys of the widgets."""
    return conflict.draw_clashes(
        [_named(clash, known) for clash in merge.clashes],
        what=_WHAT,
        now="now",
        theirs=merge.theirs,
        mine=merge.mine,
        may_write=lambda clash: clash.key in WRITTEN,
        key=key,
        go_on="Save",
    )


def settled_agent(merge: AgentMerge, decision: Decision) -> Agent:
    """What the form on theirs is to hold: the merge with the chosen sides and what was written anew."""
    written = {key: text for key, text in decision.written.items() if decision.sides.get(key) == ANEW}
    return put(merge.with_mine(decision.mine), written)


def _named(clash: MergeClash, known: Known) -> MergeClash:
    """A persona's or replica's name in the place of its id, where it is known."""
    listing = {"persona_id": known.personas, "replica_id": known.replicas}.get(clash.key)
    if listing is None:
        return clash

    def name(item_id: str) -> str:
        found = listing.find(item_id)
        return plain(found.name, 100) if found is not None else item_id

    return replace(clash, base=name(clash.base), mine=name(clash.mine), theirs=name(clash.theirs))
