"""Agents: a persona with a replica and call settings, kept in our database and checked against what Tavus has."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from lib.errors import BadInput, NotFound
from lib.models import Agent, CallSettings, Persona, Replica
from lib.services.catalogue import Listing
from lib.services.kept import Kept
from lib.store import agents as rows
from lib.store.database import Store

NAME_LIMIT, ID_LIMIT = 200, 100
TEXT_LIMIT = 10_000

SAMPLES = (
    ("Product demo", "p2b8e10c94d6", "r90bbd427f71"),
    ("Discovery coach", "p7d1e04c55a8", "r874cc5f8a3b"),
)
"""The two agents that a new sandbox begins with: they name personas and replicas of the sandbox's own stock."""


@dataclass(frozen=True)
class Missing:
    """One thing that an agent lacks. `blocks`: no call can start before it is mended."""

    code: str
    message: str
    hint: str
    blocks: bool


class Agents:
    """The agents of one account."""

    def __init__(
        self,
        store: Store,
        *,
        account: str,
        max_call_s: int,
        default_replica_id: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._account = account
        self._max_call_s = max_call_s
        self._default_replica_id = default_replica_id
        self._clock = clock
        self._kept: Kept[list[Agent]] = Kept(store)

    def all(self) -> list[Agent]:
        return list(self._kept.get("all", self._every))

    def get(self, agent_id: str) -> Agent:
        """Raises NotFound."""
        with self._store.reading() as connection:
            agent = rows.one(connection, self._account, agent_id)
        if agent is None:
            raise NotFound(f"There is no agent {agent_id[:60]!r}.")
        return agent

    def create(
        self, *, name: str, persona_id: str = "", replica_id: str = "", call: CallSettings | None = None
    ) -> Agent:
        """Raises BadInput. Whether persona and replica exist is told by `missing`, not here."""
        now = self._clock()
        agent = self._checked(
            Agent(
                id="a" + secrets.token_hex(6),
                name=name,
                persona_id=persona_id,
                replica_id=replica_id,
                call=call or CallSettings(),
                created_at=now,
                updated_at=now,
            )
        )
        with self._store.writing() as connection:
            rows.add(connection, self._account, agent)
        return agent

    def update(self, agent_id: str, **changes: Any) -> Agent:
        """Change `name`, `persona_id`, `replica_id` or `call`, the rest stays. Raises NotFound, BadInput."""
        with self._store.writing() as connection:
            agent = rows.one(connection, self._account, agent_id)
            if agent is None:
                raise NotFound(f"There is no agent {agent_id[:60]!r}.")
            changed = self._checked(replace(agent, updated_at=self._clock(), **changes))
            rows.replace(connection, self._account, changed)
        return changed

    def delete(self, agent_id: str) -> None:
        """Remove the agent; the records of its sessions stay. Raises NotFound."""
        with self._store.writing() as connection:
            if not rows.remove(connection, self._account, agent_id):
                raise NotFound(f"There is no agent {agent_id[:60]!r}.")

    def add_samples(self) -> list[Agent]:
        """The two sample agents of the sandbox, as new agents."""
        return [self.create(name=name, persona_id=persona, replica_id=face) for name, persona, face in SAMPLES]

    def add_samples_once(self) -> None:
        """Give a new database its two samples; never again once they were there, also if they were deleted."""
        with self._store.writing() as connection:
            first = rows.first_time(connection, f"samples:{self._account}")
        if first:
            self.add_samples()

    def replica_of(self, agent: Agent, persona: Persona | None) -> str:
        """The replica that a call of this agent shows: its own, else the persona's, else the account's default."""
        return agent.replica_id or (persona.default_replica_id if persona else "") or self._default_replica_id

    def missing(
        self, agent: Agent, personas: Listing[Persona] | None, replicas: Listing[Replica] | None
    ) -> list[Missing]:
        """What stands between this agent and a call, worst first. A list that could not be read finds nothing."""
        found = []
        persona = personas.find(agent.persona_id) if personas and agent.persona_id else None
        if not agent.persona_id:
            found.append(
                Missing("no_persona", "No persona chosen", "Choose one: it says how the avatar behaves.", False)
            )
        elif personas and persona is None:
            found.append(Missing("persona_gone", "Its persona was deleted", "Choose another persona.", blocks=True))
        elif persona and persona.pipeline_mode == "echo":
            found.append(
                Missing("echo_persona", "Its persona only repeats (echo)", "Choose a persona that converses.", False)
            )
        replica_id = self.replica_of(agent, persona)
        replica = replicas.find(replica_id) if replicas else None
        if not replica_id and (personas is not None or not agent.persona_id):
            found.append(Missing("no_replica", "No replica chosen", "Choose a replica for this agent.", blocks=True))
        elif replica_id and replicas and replica is None:
            found.append(Missing("replica_gone", "Its replica was deleted", "Choose another replica.", True))
        elif replica and not replica.ready:
            why = replica.error_message or "still in training"
            found.append(
                Missing("replica_not_ready", f"Its replica is not ready: {why}", "Choose another replica.", True)
            )
        return sorted(found, key=lambda item: not item.blocks)

    def _every(self) -> list[Agent]:
        with self._store.reading() as connection:
            return rows.every(connection, self._account)

    def _checked(self, agent: Agent) -> Agent:
        name = agent.name.strip()
        if not name:
            raise BadInput("An agent needs a name.")
        if len(name) > NAME_LIMIT:
            raise BadInput(f"The name is {len(name)} characters long; {NAME_LIMIT} is the most.")
        if max(len(agent.persona_id), len(agent.replica_id)) > ID_LIMIT:
            raise BadInput(f"A persona's or replica's id has at most {ID_LIMIT} characters.")
        call = agent.call
        if call.max_call_s is not None and not 30 <= call.max_call_s <= self._max_call_s:
            raise BadInput(
                f"A call of this agent can last from 30 to {self._max_call_s} s, not {call.max_call_s} s.",
                hint="MAX_CALL_S sets the most for all agents.",
            )
        if len(call.greeting) > TEXT_LIMIT or len(call.context) > TEXT_LIMIT:
            raise BadInput(f"Greeting and context can have {TEXT_LIMIT} characters each.")
        return replace(agent, name=name)
