"""What an earlier process may have left: starts without an outcome, calls without a session. Looked for once a lead."""

from __future__ import annotations

import threading

from lib.models import Status
from lib.services.calls.background.lease import Lease
from lib.services.calls.background.reconciler import Reconciler
from lib.services.calls.watchdog import go_on, held
from lib.services.ledger.ledger import Ledger, is_sought
from lib.services.ledger.one_of_many import one_of_many
from lib.store import sessions as rows

WITHIN_S = 30.0


class Recovery:
    """`done` for as long as this process leads without a break."""

    def __init__(self, ledger: Ledger, lease: Lease, reconciler: Reconciler) -> None:
        self._ledger = ledger
        self._lease = lease
        self._reconciler = reconciler
        self._lock = threading.Lock()
        self._done_in = 0

    @property
    def done(self) -> bool:
        return self._done_in == self._lease.epoch

    def make_sure(self) -> None:
        """Have it done where this process leads. Raises UpstreamError, StoreRefused."""
        if self._lease.leads and not self.done:
            self.run()

    def run(self) -> None:
        """Do it, unless it is done; one thread at a time. Raises UpstreamError, StoreRefused."""
        with held(self._lock, "Greenroom still looks for what an earlier process left.", WITHIN_S):
            if self.done:
                return
            epoch = self._lease.epoch
            self._left_over(self._lease.before)
            self._reconciler.look([session for session in self._ledger.open() if is_sought(session)])
            self._done_in = epoch

    def _left_over(self, owner: str) -> None:
        """Starts of a process that has died: whether they were sent is not known, so Tavus is asked."""
        with self._ledger.store.reading() as connection:
            found = rows.open_calls(connection, self._ledger.account)
        for one in found:
            go_on()
            if one.session.status is Status.STARTING and one.owner in ("", owner):
                with one_of_many(f"session {one.session.id}"):
                    self._ledger.interrupted(one.session.id)
