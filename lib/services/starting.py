"""The paid part of a start, in a thread of its own: no page's script stands between the POST and its record."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from lib.clients.rooms import safe_room_url
from lib.errors import Ambiguous, BadInput, GreenroomError, NotSent
from lib.models import Conversation, Session, Status
from lib.services.ledger import Ledger
from lib.services.modes.phoenix_rest import PhoenixRest, Plan
from lib.services.watching import Watching

log = logging.getLogger(__name__)

READY_WITHIN_S = 30.0


class Starting:
    """Sends each plan once and writes what came of it, whatever happens to whoever asked."""

    def __init__(
        self,
        ledger: Ledger,
        phoenix: PhoenixRest,
        watching: Watching,
        *,
        ready: threading.Event,
        on_created: Callable[[str, Conversation], None],
        room_hosts: Callable[[], tuple[str, ...]],
    ) -> None:
        self._ledger = ledger
        self._phoenix = phoenix
        self._watching = watching
        self._ready = ready
        self._on_created = on_created
        self._room_hosts = room_hosts
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="greenroom-start")

    def submit(self, plan: Plan) -> Future[None]:
        """Send it in the background; the future ends when the row says how it went."""
        return self._pool.submit(self._launch, plan)

    def background(self, job: Callable[[], None]) -> Future[None]:
        """Run what a page need not wait for."""
        return self._pool.submit(job)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=False)

    def _launch(self, plan: Plan) -> None:
        session = plan.session
        try:
            if not self._ready.wait(READY_WITHIN_S):
                raise NotSent("Greenroom has not finished starting up.", hint="Try again in a moment.")
            if self._ledger.get(session.id).status is not Status.STARTING:
                self._ledger.ended(session, "ended_here")
                return
            conversation = self._phoenix.start(plan)
        except Ambiguous as error:
            self._unclear(plan, error.message)
        except GreenroomError as error:
            if not self._ledger.refused(session, error):
                self._ledger.ended(session, "ended_here")
        except Exception:
            log.exception("the start of session %s broke", session.id)
            self._unclear(plan, "Greenroom failed while it started the call.")
        else:
            self._created(session, conversation)

    def _created(self, session: Session, conversation: Conversation) -> None:
        """Keep it; but a room that no frame may show is ended again at once, since nobody could use what it costs."""
        self._on_created(session.id, conversation)
        try:
            safe_room_url(conversation.url, self._room_hosts())
        except BadInput as error:
            self._watching.created(session, replace(conversation, url=""))
            self._ledger.advance(
                session.id,
                "unsafe_room",
                from_statuses=(Status.WAITING, Status.LIVE),
                status=Status.ENDING,
                reason=error.message,
                reason_code=error.code,
                reason_hint=error.hint,
            )
        else:
            self._watching.created(session, conversation)

    def _unclear(self, plan: Plan, cause: str) -> None:
        self._ledger.advance(
            plan.session.id,
            "checking",
            cause,
            from_statuses=(Status.STARTING,),
            status=Status.UNKNOWN,
            reason=cause,
            reason_code="ambiguous",
            reason_hint=Ambiguous.hint,
        )
