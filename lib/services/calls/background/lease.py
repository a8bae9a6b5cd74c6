"""One leader among the processes that share a database: whoever holds the lease sweeps, the others stand by.

The holder adds to the lease's beat; who sees the same beat for as long as the lease lasts, by its own watch, takes
it over. No process compares its clock with another's. All that a leader writes is by comparison anyway, so that two
who both believe to lead for a moment do no harm.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable

from lib.errors import StoreRefused
from lib.services.calls.stopwatch import Stopwatch
from lib.store import leases
from lib.store.database import Store
from lib.store.leases import LeaseRow

RELEASE_WITHIN_S = 2.0
_ours: set[str] = set()


def new_owner() -> str:
    """This process: its machine, its number there, and something of its own."""
    owner = f"{socket.gethostname()[:60]}/{os.getpid()}/{secrets.token_hex(4)}"
    _ours.add(owner)
    return owner


class Lease:
    """The lease called `name`. `hold` is called often and costs a read or a commit that does not wait for the disk.

    `alive`: another process holds it and gave a sign of life. `epoch` is that of our own term, `before` who held it
    before us, "" if nobody did.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        owner: str,
        stopwatch: Stopwatch,
        *,
        lasts_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._name = name
        self._owner = owner
        self._stopwatch = stopwatch
        self._lasts_s = lasts_s
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._renewed_at: float | None = None
        self._seen: LeaseRow | None = None
        self._seen_since = 0.0
        self.epoch = 0
        self.before = ""
        self.alive = False

    @property
    def leads(self) -> bool:
        """True while it is certain that no other process has taken over."""
        return self._renewed_at is not None and self._monotonic() - self._renewed_at < self._lasts_s

    def hold(self) -> bool:
        """Keep the lease, or take it if it is free. Raises StoreRefused; what was held then lapses by itself."""
        with self._lock:
            at = self._monotonic()
            if self._renewed_at is not None:
                if at - self._renewed_at < self._lasts_s / 3:
                    return True
                if self._renew():
                    self._renewed_at = at
                    return True
                self._renewed_at = None
            if self._take():
                self._renewed_at = at
            return self._renewed_at is not None

    def release(self) -> None:
        """Leave it to the next process, which then need not wait. Raises StoreRefused.

        Where `hold` is stuck in the database in another thread this waits for a moment only: it lapses by itself then.
        """
        if self._renewed_at is None:
            return
        if not self._lock.acquire(timeout=RELEASE_WITHIN_S):
            raise StoreRefused("The database does not answer.")
        try:
            if self._renewed_at is None:
                return
            self._renewed_at = None
            with self._store.writing(durable=False) as connection:
                leases.let_go(connection, self._name, self._owner, self.epoch)
        finally:
            self._lock.release()

    def _renew(self) -> bool:
        with self._store.writing(durable=False) as connection:
            return leases.renew(connection, self._name, self._owner, self.epoch)

    def _take(self) -> bool:
        with self._store.reading() as connection:
            seen = leases.read(connection, self._name)
        if seen is None:
            return self._make()
        if not self._lapsed(seen):
            return False
        with self._store.writing(durable=False) as connection:
            if not leases.take(connection, self._name, self._owner, seen):
                return False
        self.epoch, self.before, self.alive = seen.epoch + 1, seen.owner, False
        return True

    def _make(self) -> bool:
        with self._store.writing(durable=False) as connection:
            made = leases.make(connection, self._name, self._owner)
        self.epoch = 1 if made else self.epoch
        return made

    def _lapsed(self, seen: LeaseRow) -> bool:
        first = self._seen is None and self.epoch == 0
        if seen != self._seen:
            self.alive = seen.held and (not first or runs_here(seen.owner) is True)
            self._seen, self._seen_since = seen, self._stopwatch.now
        if not seen.held or (first and runs_here(seen.owner) is False):
            return True
        return self._stopwatch.now - self._seen_since >= self._lasts_s


def runs_here(owner: str) -> bool | None:
    """Whether a process of this machine still runs; None where that can't be told."""
    host, _, rest = owner.partition("/")
    number = rest.partition("/")[0]
    if host != socket.gethostname()[:60] or not number.isdecimal() or os.name == "nt":
        return None
    if int(number) == os.getpid():
        # A container's processes have the same numbers after each restart.
        return owner in _ours
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return None
    return True
