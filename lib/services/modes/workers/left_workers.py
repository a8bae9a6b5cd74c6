"""Finds workers of a cluster that nobody needs or hears any more, and ends them.

A process of this machine dies with the dashboard that started it; a Job does not. So whoever leads looks at all Jobs of
its database: one whose session does not run is ended at once, one that no dashboard hears after a grace, whether its
room is watched or not: nobody writes down what is said in it, and nobody would hear of its failure.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from lib.errors import GreenroomError, NotFound, UpstreamError
from lib.models import Mode, Status
from lib.services.ledger.ledger import Ledger
from lib.services.ledger.one_of_many import one_of_many
from lib.services.modes.workers.launcher import Launcher, WorkerState
from lib.store import sessions as rows

log = logging.getLogger(__name__)

EVERY_S = 30.0
UNHEARD_S = 90.0
RUNNING = (Status.STARTING, Status.WAITING, Status.LIVE)


class LeftWorkers:
    """`end_room` closes the room of a session; `on_broken` ends a session and keeps why."""

    def __init__(
        self,
        launcher: Launcher,
        ledger: Ledger,
        *,
        end_room: Callable[[str], None],
        on_broken: Callable[[str, GreenroomError], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._launcher = launcher
        self._ledger = ledger
        self._end_room = end_room
        self._on_broken = on_broken
        self._monotonic = monotonic
        self._next = 0.0
        self._looking = threading.Lock()

    def tend(self) -> None:
        """Called often by the process that sweeps; looks now and then, in a thread of its own."""
        if self._monotonic() < self._next or self._looking.locked():
            return
        self._next = self._monotonic() + EVERY_S
        threading.Thread(target=self._try_to_look, name="greenroom-left-workers", daemon=True).start()

    def look(self) -> None:
        """One look at all of them. Raises GreenroomError; what could not be asked is left as it is."""
        with self._looking:
            for state in self._launcher.list():
                if state.running and not state.stopping:
                    with one_of_many(f"the worker of session {state.session_id}"):
                        self._see(state)

    def _try_to_look(self) -> None:
        try:
            self.look()
        except GreenroomError as error:
            log.warning("the workers of the cluster could not be looked at: %s", error.message)
        except Exception:
            log.exception("the workers of the cluster could not be looked at")

    def _see(self, state: WorkerState) -> None:
        session_id = state.session_id
        with self._ledger.store.reading() as connection:
            account = rows.account_of(connection, session_id)
        if account not in (None, self._ledger.account):
            return
        if not self._runs(session_id):
            log.warning("the worker of session %s is left over and is ended", session_id)
            self._launcher.stop(session_id)
            self._end_room(session_id)
        elif state.silent_s >= UNHEARD_S:
            told = "The dashboard that heard this call is gone."
            hint = "The call was ended, since nothing of it could be written down. Start again."
            self._on_broken(session_id, UpstreamError(told, code="worker_unheard", hint=hint))
            self._launcher.stop(session_id)
            self._end_room(session_id)

    def _runs(self, session_id: str) -> bool:
        try:
            session = self._ledger.get(session_id)
        except NotFound:
            return False
        return session.mode is Mode.PIPECAT_DAILY and session.status in RUNNING
