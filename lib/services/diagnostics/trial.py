"""Trying an agent's start: free by Tavus's test mode, or for real, briefly, through the ledger like any call."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from lib.doctor.report import CheckId, CheckResult, HealthCheck
from lib.errors import GreenroomError
from lib.models import Session, Status
from lib.services.agents.service import Agents
from lib.services.calls.planning import Planner
from lib.services.calls.sessions import Sessions
from lib.services.diagnostics.upstream import failed
from lib.services.modes.phoenix import PhoenixRest

TRIAL_NAME = "Greenroom check, test mode"
LIVE_WITHIN_S = 60.0
OVER_WITHIN_S = 30.0


class Trial:
    """Both ways to try an agent. Every outcome is a check; neither raises a GreenroomError."""

    def __init__(
        self,
        *,
        agents: Agents,
        planner: Planner,
        phoenix: PhoenixRest,
        sessions: Sessions,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._agents = agents
        self._planner = planner
        self._phoenix = phoenix
        self._sessions = sessions
        self._sleep = sleep

    def free(self, agent_id: str, *, actor: str = "") -> HealthCheck:
        """Send this agent's real payload with `test_mode`: no replica joins, nothing is billed, no slot is taken.

        https://docs.tavus.io/api-reference/conversations/create-conversation
        """
        try:
            agent = self._agents.get(agent_id)
            plan = self._planner.plan_for(agent, self._phoenix)
            conversation = self._phoenix.try_out(replace(plan, name=TRIAL_NAME))
        except GreenroomError as error:
            return failed(CheckId.START_FREE, error)
        if conversation.active:
            # Test mode was not heeded, so this one is billed.
            self._phoenix.end_by_id(conversation.id)
            told = f"{agent.name}: a conversation began although only a test was asked for; it was ended at once."
            return HealthCheck(CheckId.START_FREE, CheckResult.LOOK, told, "Look at the account's open conversations.")
        return HealthCheck(
            CheckId.START_FREE,
            CheckResult.PASS,
            f"{agent.name}: key, persona, replica and settings were accepted. Not billed.",
        )

    def paid(self, agent_id: str, *, actor: str = "") -> HealthCheck:
        """Start a call, wait until the avatar is in the room, end it, and see that it has ended. Billed for that time.

        Guard, ledger and sweeper count it like any call, so that a failure in between leaves nothing running. Ctrl-C
        ends it first.
        """
        begun, session = time.monotonic(), None
        try:
            session = self._sessions.start(agent_id, token=f"check-{secrets.token_hex(8)}", actor=actor)
            session = self._wait(session, (Status.LIVE, Status.ENDED, Status.FAILED), LIVE_WITHIN_S)
            joined_s, came = time.monotonic() - begun, session.status is Status.LIVE
            if not session.in_room:
                self._sessions.end(session.id, actor=actor)
                return HealthCheck(CheckId.START_PAID, CheckResult.FAIL, session.reason, session.reason_hint)
            self._sessions.end(session.id, actor=actor)
            over = self._wait(session, (Status.ENDED, Status.FAILED), OVER_WITHIN_S)
        except GreenroomError as error:
            return failed(CheckId.START_PAID, error)
        except KeyboardInterrupt:
            if session is not None:
                self._wait(self._sessions.end(session.id, actor=actor), (Status.ENDED, Status.FAILED), OVER_WITHIN_S)
            raise
        length = f"{(over.ended_at - over.created_at).total_seconds():.0f} s" if over.ended_at else "not known yet"
        if over.status not in (Status.ENDED, Status.FAILED):
            told = f"Tavus has not confirmed the end of session {session.id} yet; Greenroom goes on asking."
            return HealthCheck(CheckId.START_PAID, CheckResult.LOOK, told, "Look at it on Home until it is gone.")
        if not came:
            told = f"The avatar was not in the room within {LIVE_WITHIN_S:.0f} s. {over.reason or over.end_reason}"
            return HealthCheck(
                CheckId.START_PAID,
                CheckResult.FAIL,
                told.strip(),
                f"Give Tavus this conversation: {over.conversation_id}.",
            )
        return HealthCheck(
            CheckId.START_PAID,
            CheckResult.PASS,
            f"The avatar was in the room after {joined_s:.1f} s; the call took {length}.",
        )

    def _wait(self, session: Session, for_status: tuple[Status, ...], within_s: float) -> Session:
        until = time.monotonic() + within_s
        while session.status not in for_status and time.monotonic() < until:
            self._sleep(0.2)
            session = self._sessions.get(session.id)
        return session
