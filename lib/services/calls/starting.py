"""The paid part of a start, in a thread of its own: no page's script stands between the POST and its record."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from lib.errors import Ambiguous, GreenroomError, NotFound, NotSent, StoreRefused, StoreUnfit, UpstreamError
from lib.models import Conversation, Session, Status
from lib.services.calls.breaker import Breaker
from lib.services.calls.claims import Claims
from lib.services.calls.gate import Gate
from lib.services.calls.monitor import Monitor
from lib.services.ledger.ledger import Ledger
from lib.services.modes.mode import CallPlan, Modes

log = logging.getLogger(__name__)

SEND_WITHIN_S = 40.0
"""A start that was held up for longer is not sent any more: other processes soon take this one for dead."""


@dataclass
class _Unwritten:
    """What came of a start and could not be written. `odd`: nothing else is refused, so waiting may never help."""

    write: Callable[[], object]
    odd: bool = False


class Starting:
    """Sends each plan once and writes what came of it, whatever happens to whoever asked.

    What can't be written, whatever the reason, is kept and written later. `on_created` is told of each conversation
    before anybody else.
    """

    def __init__(
        self,
        ledger: Ledger,
        modes: Modes,
        claims: Claims,
        monitor: Monitor,
        breaker: Breaker,
        gate: Gate,
        *,
        on_created: Callable[[str, Conversation], None],
        pool: Executor | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._modes = modes
        self._claims = claims
        self._monitor = monitor
        self._breaker = breaker
        self._gate = gate
        self._on_created = on_created
        self._pool = pool or ThreadPoolExecutor(max_workers=8, thread_name_prefix="greenroom-start")
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._unwritten: dict[str, _Unwritten] = {}

    def submit(self, plan: CallPlan) -> Future[None]:
        """Send it in the background; the future ends when the row says how it went."""
        with self._lock:
            self._running.add(plan.session.id)
        try:
            return self._pool.submit(self._launch, plan, self._monotonic())
        except RuntimeError:
            # The program ends: the next one finds that it was not sent.
            with self._lock:
                self._running.discard(plan.session.id)
            raise

    def background(self, job: Callable[[], None]) -> Future[None]:
        """Run what a page need not wait for."""
        return self._pool.submit(job)

    def busy(self, session_id: str) -> bool:
        """True while this process sends the session's start, or has its outcome still to write.

        False where that outcome is refused by itself: then Tavus's list may tell what became of it.
        """
        with self._lock:
            kept = self._unwritten.get(session_id)
            return session_id in self._running or (kept is not None and not kept.odd)

    def write_down(self) -> None:
        """Write what could not be written before. What still can't be waits behind the others.

        Called before each look at Tavus's list, which holds less than the answer: a private room's key is not in it.
        """
        with self._lock:
            waiting = list(self._unwritten.items())
        for session_id, kept in waiting:
            if not self._written(session_id, kept) and not kept.odd:
                # The database itself: the next one would wait for it as long.
                return

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=False)

    def _launch(self, plan: CallPlan, since: float) -> None:
        try:
            self._send(plan, since)
        finally:
            with self._lock:
                self._running.discard(plan.session.id)

    def _send(self, plan: CallPlan, since: float) -> None:
        session = plan.session
        try:
            status = self._to_be_sent(session, since)
        except GreenroomError as error:
            self._not_made(session, error)
            return
        except Exception:
            log.exception("the start of session %s broke before it was sent", session.id)
            self._not_made(session, NotSent("Greenroom failed before the call was asked for: it was not sent."))
            return
        if status is Status.ENDING:
            self._write(session, lambda: self._ledger.never_made(session))
            return
        try:
            conversation = self._modes.start(plan)
        except Ambiguous as error:
            self._breaker.failed(error)
            self._unclear(session, error.message, error)
        except GreenroomError as error:
            if isinstance(error, UpstreamError):
                self._breaker.failed(error)
            self._not_made(session, error)
        except Exception:
            log.exception("the start of session %s broke", session.id)
            self._unclear(session, "Greenroom failed while it started the call.", Ambiguous(""))
        else:
            self._breaker.answered()
            holders: list[str] = []
            self._write(session, lambda: holders.append(self._made(session, conversation)))
            for holder in filter(None, holders):
                self._end_if_asked(holder)

    def _to_be_sent(self, session: Session, since: float) -> Status:
        """Where the session stands now: ENDING if its end was asked for. Raises NotSent, and what the gate raises."""
        self._gate.check()
        status = self._ledger.get(session.id).status
        if self._monotonic() - since > SEND_WITHIN_S or status not in (Status.STARTING, Status.ENDING):
            raise NotSent("The start was held up for too long, so it was not sent.", hint="Start again.")
        return status

    def _made(self, session: Session, conversation: Conversation) -> str:
        self._on_created(session.id, conversation)
        return self._claims.made(session, conversation)

    def _end_if_asked(self, holder: str) -> None:
        """Here and not in what is written, which the pulse may have to do later, and that never waits for Tavus.

        Where it can't be ended yet the sweeper goes on with it.
        """
        with suppress(UpstreamError, NotFound):
            if self._ledger.get(holder).status is Status.ENDING:
                self._monitor.check(holder)

    def _not_made(self, session: Session, error: GreenroomError) -> None:
        """Nothing was created: the session goes on as text, unless its end was asked for meanwhile."""
        self._write(session, lambda: self._ledger.refused(session, error) or self._ledger.never_made(session))

    def _unclear(self, session: Session, cause: str, error: GreenroomError) -> None:
        self._write(session, lambda: self._ledger.unclear(session.id, cause, error))

    def _write(self, session: Session, write: Callable[[], object]) -> None:
        self._written(session.id, _Unwritten(write))

    def _written(self, session_id: str, kept: _Unwritten) -> bool:
        """Try to write it; False if it could not be, and is kept as the last of those that wait."""
        try:
            kept.write()
        except StoreRefused as error:
            log.error("the outcome of session %s can't be written yet", session_id)
            self._keep(session_id, kept, odd=isinstance(error, StoreUnfit))
            return False
        except Exception:
            log.exception("the outcome of session %s can't be written yet", session_id)
            self._keep(session_id, kept, odd=True)
            return False
        with self._lock:
            self._unwritten.pop(session_id, None)
        return True

    def _keep(self, session_id: str, kept: _Unwritten, *, odd: bool) -> None:
        kept.odd = odd
        with self._lock:
            self._unwritten.pop(session_id, None)
            self._unwritten[session_id] = kept
