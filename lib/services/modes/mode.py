"""The mode of a session, behind the methods that all modes have."""

from __future__ import annotations

from typing import Protocol

from lib.models import Conversation, Mode, Session
from lib.services.modes.phoenix import CallPlan


class AvatarMode(Protocol):
    """What a mode does to a call. `start` is billed; the errors are those of PhoenixRest."""

    def start(self, plan: CallPlan) -> Conversation: ...

    def look(self, session: Session) -> Conversation: ...

    def end(self, session: Session) -> None: ...


class Modes:
    """Each session's own mode. A session keeps the mode that it was started in."""

    def __init__(self, phoenix: AvatarMode, pipecat: AvatarMode) -> None:
        self._phoenix = phoenix
        self._pipecat = pipecat

    def start(self, plan: CallPlan) -> Conversation:
        return self._of(plan.session).start(plan)

    def look(self, session: Session) -> Conversation:
        return self._of(session).look(session)

    def end(self, session: Session) -> None:
        self._of(session).end(session)

    def _of(self, session: Session) -> AvatarMode:
        return self._pipecat if session.mode is Mode.PIPECAT_DAILY else self._phoenix
