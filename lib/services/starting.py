"""The paid part of a start, in a thread of its own: no page's script stands between the POST and its record."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress

from lib.errors import Ambiguous, GreenroomError, NotFound, NotSent, StoreRefused, UpstreamError
from lib.models import Conversation, Session, Status
from lib.services.breaker import Breaker
from lib.services.claims import Claims
from lib.services.ledger import Ledger
from lib.services.modes.choice import AvatarMode
from lib.services.modes.phoenix_rest import Plan
from lib.services.watching import Watching

log = logging.getLogger(__name__)

SEND_WITHIN_S = 40.0
"""A start that was held up for longer is not sent any more: other processes soon take this one for dead."""


class Starting:
    """Sends each plan once and writes what came of it, whatever happens to whoever asked.

    What can't be written, because the database is locked or its disk full, is kept and written later. `permit` raises
    UpstreamError where nothing may be sent now; `on_created` is told of each conversation before anybody else.
    """

    def __init__(
        self,
        ledger: Ledger,
        modes: AvatarMode,
        claims: Claims,
        watching: Watching,
        breaker: Breaker,
        *,
        on_created: Callable[[str, Conversation], None],
        pool: Executor | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.permit: Callable[[], None] = lambda: None
        self._ledger = ledger
        self._modes = modes
        self._claims = claims
        self._watching = watching
        self._breaker = breaker
        self._on_created = on_created
        self._pool = pool or ThreadPoolExecutor(max_workers=8, thread_name_prefix="greenroom-start")
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._unwritten: dict[str, Callable[[], object]] = {}

    def submit(self, plan: Plan) -> Future[None]:
        """Send it in the background; the future ends when the row says how it went."""
        with self._lock:
            self._running.add(plan.session.id)
        return self._pool.submit(self._launch, plan, self._monotonic())

    def background(self, job: Callable[[], None]) -> Future[None]:
        """Run what a page need not wait for."""
        return self._pool.submit(job)

    def busy(self, session_id: str) -> bool:
        """True while this process sends the session's start, or has its outcome still to write."""
        with self._lock:
            return session_id in self._running or session_id in self._unwritten

    def write_down(self) -> None:
        """Write what could not be written before. Raises StoreRefused if it still can't."""
        with self._lock:
            waiting = list(self._unwritten.items())
        for session_id, write in waiting:
            try:
                write()
            except StoreRefused:
                raise
            except Exception:
                # A mistake of ours must not keep the others waiting: Tavus's list will tell what became of this one.
                log.exception("the outcome of session %s could not be written", session_id)
            with self._lock:
                self._unwritten.pop(session_id, None)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=False)

    def _launch(self, plan: Plan, since: float) -> None:
        try:
            self._send(plan, since)
        finally:
            with self._lock:
                self._running.discard(plan.session.id)

    def _send(self, plan: Plan, since: float) -> None:
        session = plan.session
        try:
            self.permit()
            status = self._ledger.get(session.id).status
            if self._monotonic() - since > SEND_WITHIN_S or status not in (Status.STARTING, Status.ENDING):
                raise NotSent("The start was held up for too long, so it was not sent.", hint="Start again.")
        except GreenroomError as error:
            self._not_made(session, error)
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
            self._on_created(session.id, conversation)
            self._write(session, lambda: self._made(session, conversation))

    def _made(self, session: Session, conversation: Conversation) -> None:
        holder = self._claims.made(session, conversation)
        if holder and self._ledger.get(holder).status is Status.ENDING:
            # Where it can't be ended yet the sweeper goes on with it.
            with suppress(UpstreamError, NotFound):
                self._watching.check(holder)

    def _not_made(self, session: Session, error: GreenroomError) -> None:
        """Nothing was created: the session goes on as text, unless its end was asked for meanwhile."""
        self._write(session, lambda: self._ledger.refused(session, error) or self._ledger.never_made(session))

    def _unclear(self, session: Session, cause: str, error: GreenroomError) -> None:
        self._write(session, lambda: self._ledger.unclear(session.id, cause, error))

    def _write(self, session: Session, write: Callable[[], object]) -> None:
        try:
            write()
        except StoreRefused:
            log.error("the outcome of session %s can't be written yet", session.id)
            with self._lock:
                self._unwritten[session.id] = write
