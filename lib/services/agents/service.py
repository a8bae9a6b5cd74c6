"""Agents: a persona with a replica and call settings, kept in our database and checked against what Tavus has."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection

from lib.errors import BadInput, Conflict, NotFound
from lib.models import Agent, CallLimits, CallSettings, Document, Persona, Replica
from lib.services.agents import call_settings, readiness
from lib.services.agents.merge import AgentMerge, changed, merge, put
from lib.services.agents.readiness import Known, Missing
from lib.services.catalogue.catalogue import Listing
from lib.store import agents as rows
from lib.store.cache import TtlCache
from lib.store.database import Store

NAME_LIMIT, ID_LIMIT = 200, 100

Standing = Literal["ready", "look", "blocked", "unknown"]
"""Whether an agent can start: yes; yes, but look first; no; not known, since Tavus's lists were not read."""

SAMPLES = (
    ("Product demo", "p2b8e10c94d6", "r90bbd427f71"),
    ("Discovery coach", "p7d1e04c55a8", "r874cc5f8a3b"),
)
"""The two agents that a new sandbox begins with: they name personas and replicas of the sandbox's own stock."""


class Agents:
    """The agents of one account."""

    def __init__(
        self,
        store: Store,
        *,
        account: str,
        most: CallLimits,
        default_replica_id: str = "",
        check_replica: Callable[[str], None] = lambda _: None,
        persona_was: Callable[[str], str] = lambda _: "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`check_replica` raises BadInput for a replica that can't be worn; it may ask Tavus.

        `persona_was` names a persona that was seen here before, and asks nobody.
        """
        self._store = store
        self._account = account
        self.most = most
        self._default_replica_id = default_replica_id
        self._check_replica = check_replica
        self._persona_was = persona_was
        self._clock = clock
        self._kept: TtlCache[list[Agent]] = TtlCache(store)
        self._judged: tuple[list[Agent], Known, dict[str, list[Missing]]] | None = None

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
        self,
        *,
        name: str,
        persona_id: str = "",
        replica_id: str = "",
        call: CallSettings | None = None,
        actor: str = "",
    ) -> Agent:
        """Make an agent, after a look at its replica. Raises BadInput.

        Whether the persona is there is told by `missing`, not here: an agent can be prepared before it.
        """
        if replica_id:
            self._check_replica(replica_id)
        return self.add(name=name, persona_id=persona_id, replica_id=replica_id, call=call)

    def add(
        self,
        *,
        name: str,
        persona_id: str = "",
        replica_id: str = "",
        call: CallSettings | None = None,
        actor: str = "",
    ) -> Agent:
        """As `create`, without asking Tavus anything. Raises BadInput."""
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

    def update(self, agent_id: str, *, actor: str = "", **changes: object) -> Agent:
        """Change `name`, `persona_id`, `replica_id`, one setting of its calls by its name, or all of them as `call`.

        The rest stays as it is by now. A replica that it did not have before is looked at first. Raises NotFound,
        BadInput.
        """
        wanted = changes.get("replica_id")
        if wanted and wanted != self.get(agent_id).replica_id:
            self._check_replica(str(wanted))
        with self._store.writing() as connection:
            agent = self._locked(connection, agent_id)
            return self._written(connection, agent, put(agent, changes))

    def save(self, was: Agent, wanted: Agent, *, actor: str = "") -> AgentMerge:
        """Write what differs between an agent as it was read and as it is wanted, on what stands there by now.

        Where someone else changed the same field to something else meanwhile, nothing is written: the result has the
        clashes. Raises NotFound, BadInput.
        """
        replica_id = changed(was, wanted).get("replica_id")
        if replica_id:
            self._check_replica(str(replica_id))
        with self._store.writing() as connection:
            now = self._locked(connection, was.id)
            merged = merge(was, wanted, now)
            if merged.clashes or not changed(now, merged.agent):
                return merged
            return replace(merged, agent=self._written(connection, now, merged.agent))

    def repoint(
        self, old_ids: Collection[str], new_id: str, agent_ids: Collection[str], *, actor: str = ""
    ) -> list[Agent]:
        """Give these agents the persona `new_id`, those of them that have one of the old ones by now."""
        moved = []
        with self._store.writing() as connection:
            for agent_id in sorted(agent_ids):  # in one order, or two at once could wait for each other
                agent = rows.locked(connection, self._account, agent_id)
                if agent is not None and agent.persona_id in old_ids:
                    moved.append(self._written(connection, agent, replace(agent, persona_id=new_id)))
        return moved

    def restore(self, agent: Agent, *, actor: str = "") -> Agent:
        """Bring back a deleted agent as it was, under its id, so that the records of its sessions lead to it again.

        Raises Conflict if it is there.
        """
        with self._store.writing() as connection:
            if not rows.add(connection, self._account, agent):
                raise Conflict("The agent is there already.", hint="Look for it in the list.")
        return agent

    def delete(self, agent_id: str, *, actor: str = "") -> None:
        """Remove the agent; the records of its sessions stay. Raises NotFound."""
        with self._store.writing() as connection:
            if not rows.remove(connection, self._account, agent_id):
                raise NotFound(f"There is no agent {agent_id[:60]!r}.")

    def add_samples(self, *, actor: str = "") -> list[Agent]:
        """The two sample agents of the sandbox, as new agents."""
        return [self.add(name=name, persona_id=persona, replica_id=face) for name, persona, face in SAMPLES]

    def add_samples_once(self) -> None:
        """Give a new database its two samples; never again once they were there, also if they were deleted."""
        with self._store.writing() as connection:
            first = rows.first_time(connection, f"samples:{self._account}")
        if first:
            self.add_samples()

    def replica_of(self, agent: Agent, persona: Persona | None) -> str:
        """The replica that a call of this agent shows: its own, else the persona's, else the account's default."""
        return readiness.replica_of(agent, persona, self._default_replica_id)

    def missing(
        self,
        agent: Agent,
        personas: Listing[Persona] | None,
        replicas: Listing[Replica] | None,
        documents: Listing[Document] | None = None,
    ) -> list[Missing]:
        """What stands between this agent and a call, worst first. A list that could not be read finds nothing."""
        return self._missing(agent, Known(personas, replicas, documents))

    def judged(self, agents: Sequence[Agent], known: Known) -> dict[str, list[Missing]]:
        """What each of these lacks, by id. Kept until an agent or one of the lists is another one."""
        if self._judged is not None:
            before, seen, found = self._judged
            if seen == known and before == agents:
                return found
        found = {agent.id: self._missing(agent, known) for agent in agents}
        self._judged = (list(agents), known, found)
        return found

    def _missing(self, agent: Agent, known: Known) -> list[Missing]:
        return readiness.missing(
            agent,
            known,
            default_replica_id=self._default_replica_id,
            most=self.most,
            persona_was=self._persona_was,
        )

    def _locked(self, connection: Connection, agent_id: str) -> Agent:
        agent = rows.locked(connection, self._account, agent_id)
        if agent is None:
            raise NotFound(f"There is no agent {agent_id[:60]!r}.")
        return agent

    def _written(self, connection: Connection, before: Agent, after: Agent) -> Agent:
        """The row that is `locked`, once it is written."""
        agent = self._checked(replace(after, updated_at=self._clock(), last_used_at=before.last_used_at))
        rows.replace(connection, self._account, agent)
        return agent

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
        call = call_settings.tidied(agent.call)
        for wrong in call_settings.wrong(call, self.most):
            raise BadInput(
                f"{call_settings.LABELS[wrong.field]}: {wrong.message}",
                hint=f"{wrong.hint} {BadInput.advice}".strip(),
                besides=BadInput.besides,
            )
        return replace(agent, name=name, call=call)


def standing(found: Sequence[Missing], known: Known) -> Standing:
    """Where an agent stands that lacks what was `found`."""
    if any(item.blocks for item in found):
        return "blocked"
    if not known.complete:
        return "unknown"
    return "look" if found else "ready"
