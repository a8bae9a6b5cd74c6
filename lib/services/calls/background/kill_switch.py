"""Ends every call of this database, without the dashboard: whatever its sessions say, and whatever Tavus still runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lib.errors import NotFound, UpstreamError
from lib.models import Conversation, Session, Status
from lib.services.calls.background.reconciler import Reconciler
from lib.services.calls.monitor import Monitor
from lib.services.calls.stopwatch import Stopwatch
from lib.services.ledger.ledger import OPEN, Ledger, is_sought
from lib.services.ledger.one_of_many import one_of_many
from lib.services.modes.phoenix import PhoenixRest

AGAIN_S = 1.0


@dataclass(frozen=True)
class Left:
    """What could not be ended: `still` runs as far as Tavus says, `unclear` may have been made. `trouble`: why."""

    ended: tuple[Session, ...]
    still: tuple[str, ...]
    unclear: tuple[Session, ...]
    trouble: str = ""

    @property
    def clean(self) -> bool:
        return not (self.still or self.unclear or self.trouble)


class KillSwitch:
    """Nobody else's call is touched. What a row is missing for gets one first, as in every sweep."""

    def __init__(
        self,
        ledger: Ledger,
        phoenix: PhoenixRest,
        reconciler: Reconciler,
        monitor: Monitor,
        stopwatch: Stopwatch,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ledger = ledger
        self._phoenix = phoenix
        self._reconciler = reconciler
        self._monitor = monitor
        self._stopwatch = stopwatch
        self._sleep = sleep

    def running(self) -> tuple[list[Conversation], int]:
        """Our conversations that run at Tavus, and how many others do. Raises UpstreamError, StoreRefused."""
        found = self._phoenix.running()
        ours = [one for one in found if self._ledger.id_in(one.name)]
        return ours, len(found) - len(ours)

    def calls(self) -> list[Session]:
        """The open calls of this database, chats apart. Raises StoreRefused."""
        return [session for session in self._ledger.open() if session.in_room]

    def end_all(self, within_s: float, *, actor: str = "") -> Left:
        """End them, and look until Tavus shows none any more, `within_s` at most. Raises StoreRefused."""
        begun = self.calls()
        before = [status for status in OPEN if status is not Status.ENDING]
        for session in begun:
            with one_of_many(f"session {session.id}"):
                self._ledger.advance(session.id, "ending", "All calls", from_statuses=before, status=Status.ENDING)
        known = {session.id for session in begun}
        give_up = time.monotonic() + within_s
        while True:
            trouble, still = self._round()
            calls = self.calls()
            known |= {session.id for session in calls}
            if (not calls and not still and not trouble) or time.monotonic() >= give_up:
                break
            self._sleep(AGAIN_S)
        ended = tuple(one for one in map(self._ledger.get, sorted(known)) if not one.status.open)
        return Left(ended, tuple(still), tuple(one for one in calls if not one.conversation_id), trouble)

    def _round(self) -> tuple[str, list[str]]:
        """Why Tavus could not be asked, "" if it could; and what it still runs of ours."""
        self._stopwatch.tick()
        trouble = ""
        try:
            self._reconciler.look([session for session in self.calls() if is_sought(session)])
        except UpstreamError as error:
            trouble = error.message
        for session in self.calls():
            if session.conversation_id:
                trouble = self._looked_at(session) or trouble
        try:
            return trouble, [conversation.id for conversation in self.running()[0]]
        except UpstreamError as error:
            return error.message, []

    def _looked_at(self, session: Session) -> str:
        """End it at Tavus and see that it has ended. Why that could not be, "" if it was."""
        with one_of_many(f"session {session.id}"):
            try:
                self._monitor.check(session.id)
                self._monitor.check(session.id)
            except (UpstreamError, NotFound) as error:
                return error.message
        return ""
