"""Three-way merge of an agent: as it was read, as I want it, and as it stands by now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lib.models import Agent, CallSettings, MergeClash
from lib.services.agents import call_settings
from lib.services.wording.plain import minutes

OWN = {"name": "Name", "persona_id": "Persona", "replica_id": "Replica"}
LABELS = {**OWN, **call_settings.LABELS}
"""Every field of an agent that can be edited, a setting of its calls too, and its name on the page."""


@dataclass(frozen=True)
class AgentMerge:
    """`agent` is what stands there with all that only I changed; where we clash it holds theirs.

    `mine` and `theirs` are labels of what only one side changed. Nothing may be written while there are `clashes`.
    """

    agent: Agent
    clashes: tuple[MergeClash, ...]
    mine: tuple[str, ...]
    theirs: tuple[str, ...]
    wanted: Agent

    def with_mine(self, keys: Collection[str]) -> Agent:
        """The agent with my side of the clashes of these keys."""
        return put(self.agent, {key: value(self.wanted, key) for key in keys})


def value(agent: Agent, field: str) -> object:
    return getattr(agent if field in OWN else agent.call, field)


def put(agent: Agent, changes: Mapping[str, object]) -> Agent:
    """The agent with these fields changed. `call` among them is all settings at once, below those that are named."""
    own: dict[str, Any] = {field: new for field, new in changes.items() if field in OWN}
    call: dict[str, Any] = {field: new for field, new in changes.items() if field not in OWN and field != "call"}
    settings = changes.get("call", agent.call)
    if not isinstance(settings, CallSettings):
        raise TypeError("`call` is all settings at once")
    return replace(agent, **own, call=replace(settings, **call))


def changed(was: Agent, now: Agent) -> dict[str, object]:
    """The fields that differ, as they are now."""
    return {field: value(now, field) for field in LABELS if value(was, field) != value(now, field)}


def merge(was: Agent, wanted: Agent, now: Agent) -> AgentMerge:
    """What only one of us changed goes together by itself, and what we changed alike is no clash."""
    mine, theirs = changed(was, wanted), changed(was, now)
    clashing = [field for field in mine if field in theirs and mine[field] != theirs[field]]
    return AgentMerge(
        put(now, {field: new for field, new in mine.items() if field not in clashing}),
        tuple(_clash(field, was, wanted, now) for field in clashing),
        tuple(LABELS[field] for field in mine if field not in theirs),
        tuple(LABELS[field] for field in theirs if field not in mine),
        wanted,
    )


def _clash(field: str, was: Agent, wanted: Agent, now: Agent) -> MergeClash:
    base, mine, theirs = (said(field, value(side, field)) for side in (was, wanted, now))
    return MergeClash((field,), LABELS[field], base, mine, theirs)


def said(field: str, value: object) -> str:
    """A value as a person reads it, "" for none."""
    if isinstance(value, bool):
        return "On" if value else "Off"
    if field.endswith("_s") and isinstance(value, int | float):
        return minutes(value)
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {text}" for name, text in value.items())
    return "\n".join(value) if isinstance(value, tuple) else str(value or "")
