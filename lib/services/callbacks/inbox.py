"""The way in of Tavus's callbacks: whose each is, whether it is new, and what is done about it.

They are unsigned (https://docs.tavus.io/sections/webhooks-and-callbacks), so an address that only we can make proves
whose one is, and what it says only makes Greenroom ask Tavus. The Inspector shows them; what it can't keep counts too.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum

from lib.redaction import Redaction
from lib.services.callbacks.address import secret_of
from lib.services.callbacks.token_bucket import TokenBucket
from lib.services.inspector import callback
from lib.services.inspector.callback import Callback
from lib.services.inspector.journal import Arrival, Journal
from lib.store.database import Store

REMEMBERED = 10_000


class Taken(StrEnum):
    """What became of a callback."""

    NEW = "new"
    AGAIN = "again"  # it came before, and nothing was written
    NO_SESSION = "no_session"  # there is no such session (any more)
    OTHER_CALL = "other_conversation"  # it names another conversation than its session has


class CallbackInbox:
    """One for a process. `hint` has Tavus asked about a session."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        redaction: Redaction,
        *,
        hint: Callable[[str], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._journal = journal
        self._redaction = redaction
        self._store = store
        self._hint = hint
        self._clock = clock
        self._looks = TokenBucket()
        self._seen: OrderedDict[str, None] = OrderedDict()

    def secret_of(self, session_id: str) -> str:
        """The last part of this session's address. Raises StoreRefused."""
        return secret_of(self._store, session_id)

    def session_of(self, secret: str) -> str | None:
        """The session that an address with this last part was made for, if we made it. Raises StoreRefused."""
        session_id = secret.partition(".")[0]
        expected = self.secret_of(session_id)
        return session_id if hmac.compare_digest(secret.encode(), expected.encode()) else None

    def receive(self, session_id: str, raw: bytes) -> Future[Taken]:
        """A callback to this session's address; the future ends when it is on the disk, or can be of no use to keep.

        Raises BadInput; the future StoreRefused, while the database can't be asked whose it is.
        """
        one = callback.read(session_id, raw, self._clock(), self._redaction)
        taken: Future[Taken] = Future()
        taken.set_running_or_notify_cancel()
        arrived = self._journal.take(one, wanted=lambda arrival: _judged(one, arrival) is Taken.NEW)
        arrived.add_done_callback(lambda done: self._settle(one, done, taken))
        return taken

    def _settle(self, one: Callback, arrived: Future[Arrival], taken: Future[Taken]) -> None:
        if error := arrived.exception():
            taken.set_exception(error)
            return
        what = _judged(one, arrived.result())
        if what is Taken.NEW and one.digest in self._seen:
            what = Taken.AGAIN
        if what is Taken.NEW:
            self._remember(one.digest)
            if self._looks.allows(one.session_id):
                self._hint(one.session_id)
        taken.set_result(what)

    def _remember(self, digest: str) -> None:
        self._seen[digest] = None
        while len(self._seen) > REMEMBERED:
            with suppress(KeyError):
                self._seen.popitem(last=False)


def _judged(one: Callback, arrival: Arrival) -> Taken:
    """What it is by its session's conversation, and by whether it was kept before."""
    if not arrival.account:
        return Taken.NO_SESSION
    if arrival.conversation_id and one.conversation_id not in ("", arrival.conversation_id):
        return Taken.OTHER_CALL
    return Taken.AGAIN if arrival.before else Taken.NEW
