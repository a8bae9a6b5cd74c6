"""What a worker tells of its call, written down while the call goes on.

Nobody says it twice: what can't be written now is kept and written later, in the order in which it was said.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from lib.errors import GreenroomError, NotFound, StoreRefused, StoreUnfit
from lib.models import PersonaPart, Status, Turn
from lib.services.chat.responder import Responder
from lib.services.ledger import outcome
from lib.services.ledger.ledger import OPEN, Ledger
from lib.store import sessions as rows

log = logging.getLogger(__name__)

SPOKEN = ("user", "assistant")
CALL = "tavus"
MOST_WAITING = 1_000
"""Entries of one session that are kept while the database can't be written: hours of talk."""
AGAIN_S, SELDOM_S, CLOSE_WITHIN_S = 0.5, 8.0, 2.0
LOST = "turns_lost"


@dataclass
class _Unsaid:
    """What one session still has to be told of, oldest first, and how many entries can't be any more."""

    entries: deque[Callable[[], None]] = field(default_factory=deque)
    lost: int = 0


class WorkerEvents:
    """Turns as they are said, failures as they happen, and what the stand-in answers in the persona's role.

    Thread-safe. Of those that can't be written as many are kept as may; then the session says that some are lost.
    """

    def __init__(self, ledger: Ledger, responder: Responder) -> None:
        self._ledger = ledger
        self._responder = responder
        self._unsaid: dict[str, _Unsaid] = {}
        self._door = threading.Lock()
        self._writing = threading.Lock()
        self._again: threading.Thread | None = None
        self._closing = threading.Event()

    def written(self, session_id: str) -> bool:
        """False while something that was heard of this session waits to be written."""
        with self._door:
            return session_id not in self._unsaid

    def close(self) -> None:
        """Try once more to write what waits, for two seconds at most."""
        self._closing.set()
        with self._door:
            waiting = bool(self._unsaid)
        if waiting:
            last = threading.Thread(target=self._write_all, name="greenroom-heard-last", daemon=True)
            last.start()
            last.join(CLOSE_WITHIN_S)
        with self._door:
            for session_id in self._unsaid:
                log.error("what was said last in session %s could not be written", session_id)

    def part(self, session_id: str) -> PersonaPart:
        """The persona as it was at the start: name, prompt, context, greeting."""
        with self._ledger.store.reading() as connection:
            return rows.persona_of(connection, session_id)

    def turn(self, session_id: str, role: str, text: str) -> None:
        """One entry of the transcript. What is empty, or of nobody who speaks, is left out."""
        if role in SPOKEN and text.strip():
            said = partial(self._add, session_id, role, text.strip(), self._ledger.clock())
            self._take(session_id, said, most=MOST_WAITING)

    def broken(self, session_id: str, error: GreenroomError) -> None:
        """The call can't go on: it is ended, and the session keeps the cause."""
        self._take(session_id, partial(self._break, session_id, error), most=MOST_WAITING + 1)

    def _take(self, session_id: str, entry: Callable[[], None], *, most: int) -> None:
        with self._door:
            unsaid = self._unsaid.setdefault(session_id, _Unsaid())
            if len(unsaid.entries) >= most:
                unsaid.lost += 1
            else:
                unsaid.entries.append(entry)
            late = self._again is not None
        # Who waits for a locked database hears nothing meanwhile: only the first does.
        if not late and not self._write(session_id):
            self._go_on_later()

    def _go_on_later(self) -> None:
        with self._door:
            if self._again is None and not self._closing.is_set():
                self._again = threading.Thread(target=self._write_later, name="greenroom-heard", daemon=True)
                self._again.start()

    def _write_later(self) -> None:
        wait_s = AGAIN_S
        while not self._closing.wait(wait_s):
            wait_s = min(SELDOM_S, 2 * wait_s)
            self._write_all()
            with self._door:
                if not self._unsaid:
                    self._again = None
                    return

    def _write_all(self) -> None:
        with self._door:
            waiting = list(self._unsaid)
        for session_id in waiting:
            self._write(session_id)

    def _write(self, session_id: str) -> bool:
        """Write what waits of one session, in order. False where the database can't be written now."""
        with self._writing:
            while True:
                with self._door:
                    unsaid = self._unsaid.get(session_id)
                    if unsaid is None:
                        return True
                    if not unsaid.entries and not unsaid.lost:
                        del self._unsaid[session_id]
                        return True
                    first, lost = (unsaid.entries[0] if unsaid.entries else None), unsaid.lost
                try:
                    missed = self._missed(session_id, first or partial(self._lose, session_id, lost))
                except StoreRefused:
                    return False
                if missed and first is None:
                    return False
                with self._door:
                    unsaid.lost += missed if first is not None else -lost
                    if first is not None:
                        unsaid.entries.popleft()

    def _missed(self, session_id: str, entry: Callable[[], None]) -> bool:
        """True if it can never be written, so that the next has its turn. Raises StoreRefused where it can later."""
        try:
            entry()
        except NotFound:
            log.warning("something was said in session %s, which was deleted", session_id)
        except StoreUnfit:
            return True
        except StoreRefused:
            raise
        except Exception:
            log.exception("something that was said in session %s could not be written", session_id)
            return True
        return False

    def _add(self, session_id: str, role: str, text: str, at: datetime) -> None:
        seconds = max(0.0, (at - self._ledger.get(session_id).created_at).total_seconds())
        with self._ledger.store.writing() as connection:
            rows.append_turns(connection, session_id, CALL, [Turn(0, role, text, seconds, source=CALL)])

    def _lose(self, session_id: str, count: int) -> None:
        """Its transcript is not whole, whoever called it so meanwhile."""
        with self._ledger.store.writing() as connection:
            rows.advance(connection, session_id, transcript_at=None)
            rows.note(connection, session_id, self._ledger.clock(), LOST, f"{count} entries")

    def _break(self, session_id: str, error: GreenroomError) -> None:
        """End it with this cause.

        The worker ends its conversation by itself, and Tavus may show that before the worker's own word is here: then
        the cause is added to a session that nobody else ended.
        """
        running = [status for status in OPEN if status is not Status.ENDING]
        if self._broke_off(session_id, error, running, Status.ENDING):
            return
        session = self._ledger.get(session_id)
        with self._ledger.store.reading() as connection:
            asked_for = any(event.kind == "ending" for event in rows.timeline(connection, session_id))
        unexplained = session.status is Status.ENDED and not session.reason_code and not asked_for
        if unexplained and outcome.unexplained(session.end_code):
            self._broke_off(session_id, error, [Status.ENDED], Status.ENDED)

    def _broke_off(self, session_id: str, error: GreenroomError, statuses: Sequence[Status], status: Status) -> bool:
        return self._ledger.advance(
            session_id,
            "broken",
            error.message,
            from_statuses=statuses,
            reason=error.message,
            reason_code=error.code,
            reason_hint=error.advice,
            status=status,
        )

    def answer(self, session_id: str, turns: list[tuple[str, str]]) -> str:
        """What the persona says next. Raises UpstreamError."""
        part = self.part(session_id)
        return self._responder.reply(part, part.get("call_context", ""), turns)
