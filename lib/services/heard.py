"""What a worker tells of its call, written down while the call goes on."""

from __future__ import annotations

from lib.errors import GreenroomError
from lib.models import Status, Turn
from lib.services.chat import Responder
from lib.services.ledger import OPEN, Ledger
from lib.store import sessions as rows

SPOKEN = ("user", "assistant")
CALL = "tavus"


class Heard:
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
        """The call can't go on: it is ended, and the session keeps the cause."""
        self._ledger.advance(
            session_id,
            "broken",
            error.message,
            from_statuses=[status for status in OPEN if status is not Status.ENDING],
            status=Status.ENDING,
            reason=error.message,
            reason_code=error.code,
            reason_hint=error.hint,
        )

    def answer(self, session_id: str, turns: list[tuple[str, str]]) -> str:
        """What the persona says next. Raises UpstreamError."""
        part = self.part(session_id)
        return self._responder.reply(part, part.get("call_context", ""), turns)
