"""What a worker tells of its call, written down while the call goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lib.errors import GreenroomError
from lib.models import Status, Turn
from lib.services.chat.responder import Responder
from lib.services.ledger import outcome
from lib.services.ledger.ledger import OPEN, Ledger
from lib.store import sessions as rows

SPOKEN = ("user", "assistant")
CALL = "tavus"


class WorkerEvents:
    """Turns as they are said, failures as they happen, and what the stand-in answers in the persona's role."""

    def __init__(self, ledger: Ledger, responder: Responder) -> None:
        self._ledger = ledger
        self._responder = responder

    def part(self, session_id: str) -> dict[str, str]:
        """The persona as it was at the start: name, prompt, context, greeting."""
        with self._ledger.store.reading() as connection:
            return rows.persona_of(connection, session_id)

    def turn(self, session_id: str, role: str, text: str) -> None:
        """One entry of the transcript. What is empty, or of nobody who speaks, is left out."""
        if role not in SPOKEN or not text.strip():
            return
        session = self._ledger.get(session_id)
        seconds = max(0.0, (self._ledger.clock() - session.created_at).total_seconds())
        with self._ledger.store.writing() as connection:
            rows.append_turns(connection, session_id, CALL, [Turn(0, role, text.strip(), seconds, source=CALL)])

    def broken(self, session_id: str, error: GreenroomError) -> None:
        """The call can't go on: it is ended, and the session keeps the cause.

        The worker ends its conversation by itself, and Tavus may show that before the worker's own word is here: then
        the cause is added to a session that nobody else ended.
        """
        running = [status for status in OPEN if status is not Status.ENDING]
        if self._broke_off(session_id, error, running, status=Status.ENDING):
            return
        session = self._ledger.get(session_id)
        with self._ledger.store.reading() as connection:
            asked_for = any(event.kind == "ending" for event in rows.timeline(connection, session_id))
        unexplained = session.status is Status.ENDED and not session.reason_code and not asked_for
        if unexplained and outcome.unexplained(session.end_code):
            self._broke_off(session_id, error, [Status.ENDED])

    def _broke_off(self, session_id: str, error: GreenroomError, statuses: Sequence[Status], **values: Any) -> bool:
        return self._ledger.advance(
            session_id,
            "broken",
            error.message,
            from_statuses=statuses,
            reason=error.message,
            reason_code=error.code,
            reason_hint=error.hint,
            **values,
        )

    def answer(self, session_id: str, turns: list[tuple[str, str]]) -> str:
        """What the persona says next. Raises UpstreamError."""
        part = self.part(session_id)
        return self._responder.reply(part, part.get("call_context", ""), turns)
