"""One answer to what a call of an agent will be: for the start, the free try and the worker alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from lib.errors import GreenroomError, UpstreamError
from lib.models import Agent, CallLimits, Persona, Session, Status, Watch
from lib.services.calls.breaker import Breaker
from lib.services.catalogue.catalogue import Catalogue
from lib.services.chat.sessions import part_of
from lib.services.ledger.ledger import Ledger
from lib.services.modes.mode import CallPlan, SessionMode

NAME_LIMIT = 120


class Planner:
    """`replica_of` says which replica a call of this agent shows: its own, else the persona's, else the account's.

    `probe` asks Tavus the smallest thing; it raises UpstreamError.
    """

    def __init__(
        self,
        ledger: Ledger,
        catalogue: Catalogue,
        replica_of: Callable[[Agent, Persona | None], str],
        limits: CallLimits,
        breaker: Breaker,
        probe: Callable[[], object],
    ) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._replica_of = replica_of
        self._limits = limits
        self._breaker = breaker
        self._probe = probe

    def plan_for(self, agent: Agent, mode: SessionMode, *, watch: Watch = Watch.NOBODY) -> CallPlan:
        """The session of this agent in this mode, resolved: persona, replica, limits, privacy, what is kept of them.

        A persona that is not in memory is read from Tavus, for a call only: a text chat reads it when it needs it.
        Raises UpstreamError where that fails, since a call would go out with another face and without its prompt, and
        NotSent, without asking, while Tavus is out of reach.
        """
        persona = self._persona(agent.persona_id, ask=mode.in_room) if agent.persona_id else None
        call, now, session_id = agent.call, self._ledger.clock(), self._ledger.new_id()
        session = Session(
            id=session_id,
            agent_id=agent.id,
            agent_name=agent.name,
            persona_id=agent.persona_id,
            persona_name=persona.name if persona else "",
            replica_id=self._replica_of(agent, persona),
            mode=mode.name,
            status=Status.STARTING if mode.in_room else Status.LIVE,
            created_at=now,
            max_call_s=call.longest_s(self._limits.call_s),
            recordings=None if mode.in_room and call.recording and call.recording_storage else (),
            private_room=mode.in_room and mode.private(call),
            live_at=None if mode.in_room else now,
            watch=watch if mode.in_room else Watch.NOBODY,
        )
        return CallPlan(
            session=session,
            name=self._ledger.name_of(session_id, agent.name, NAME_LIMIT),
            call=call,
            absent_s=_within(call.absent_s, self._limits.absent_s),
            left_s=_within(call.left_s, self._limits.left_s),
            part=part_of(persona, agent),
        )

    def _persona(self, persona_id: str, *, ask: bool) -> Persona | None:
        """While Tavus is out of reach a start must not wait for it again and again, so it is not asked then."""
        known = self._catalogue.persona(persona_id, ask=False)
        if known is not None or not ask:
            return known
        self._breaker.check(self._probe)
        try:
            found = self._catalogue.persona(persona_id)
        except UpstreamError as error:
            self._breaker.failed(error)
            raise
        self._breaker.answered()
        return found


def refused(plan: CallPlan, error: GreenroomError, now: datetime) -> CallPlan:
    """The planned session as a text chat that says why it has no avatar."""
    session = replace(
        plan.session,
        created_at=now,
        live_at=now,
        reason=error.message,
        reason_code=error.code,
        reason_hint=error.advice,
    )
    return replace(plan, session=session)


def _within(asked_s: int | None, most_s: int) -> int:
    """An agent's own timer, never above the installation's: that may have been lowered since."""
    return most_s if asked_s is None else min(asked_s, most_s)
