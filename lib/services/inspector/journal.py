"""Writes down what goes to Tavus and what comes from it, in a thread of its own and many at a time.

A callback is on the disk before it is answered. Those that come while the disk is busy with one wait for each other
and go together, so that a burst costs as many commits as the disk can do and not one for each. Requests are no timeout
and may cost those who send them nothing: they are written half a second later, without waiting for the disk, so that a
crash of the process loses the last half second and a power cut a little more.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from lib.clients.transport import SentRequest
from lib.errors import BadInput, GreenroomError, StoreRefused, StoreUnfit
from lib.models import Exchange, Traffic
from lib.redaction import Redaction
from lib.services.inspector.callback import Callback, as_kept, load
from lib.store import exchanges
from lib.store.database import Store

log = logging.getLogger(__name__)

LAG_S = 0.5
TOGETHER = 500
MOST_WAITING = 5_000
KEPT_DAYS, KEPT_ROWS = 14, 100_000
FORGET_EVERY_S = 600.0
CLOSE_WITHIN_S = 2.0
CONVERSATIONS = "/conversations"
TAKEN = 204
"""What a callback that is kept was answered with."""


@dataclass(frozen=True)
class Arrival:
    """What the database knows of a callback: its session's account ("": there is no such session) and conversation
    ("": none yet), and whether the same one was kept `before`.
    """

    account: str = ""
    conversation_id: str = ""
    before: bool = False


@dataclass(frozen=True, eq=False)
class _Waiting:
    callback: Callback
    wanted: Callable[[Arrival], bool]
    answer: Future[Arrival] = field(default_factory=Future)


_Item = SentRequest | _Waiting | threading.Event | None


class Journal:
    """One for a process. Nothing is kept longer than `keep_days` (0: no limit of that kind) and KEPT_DAYS.

    `dropped` counts the requests that could not be kept.
    """

    def __init__(
        self,
        store: Store,
        account: str,
        redaction: Redaction,
        *,
        keep_days: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.dropped = 0
        self._store = store
        self._account = account
        self._redaction = redaction
        self.keep_days = min(keep_days or KEPT_DAYS, KEPT_DAYS)
        self._clock = clock
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._late: deque[SentRequest] = deque(maxlen=MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._closing = False
        self._forget_at = 0.0

    def open(self) -> None:
        self._thread = threading.Thread(target=self._run, name="greenroom-journal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits. Where no thread was ever started (a command), here and now."""
        thread, self._thread = self._thread, None
        self._closing = True
        if thread is not None:
            self._queue.put(None)
            thread.join(CLOSE_WITHIN_S)
        else:
            self._write(self._waiting_now())

    def record(self, call: SentRequest) -> None:
        """A request was sent. Costs its sender a few microseconds; where too many wait it is counted and left out."""
        if self._queue.qsize() >= MOST_WAITING:
            self.dropped += 1
        else:
            self._queue.put(call)

    def take(self, callback: Callback, *, wanted: Callable[[Arrival], bool]) -> Future[Arrival]:
        """A callback came, which is kept if it is `wanted`; the future ends when it is on the disk.

        One that can't be written by itself ends alike, and is in the log. StoreRefused where nothing can be.
        """
        waiting = _Waiting(callback, wanted)
        if self._thread is None or self._queue.qsize() >= MOST_WAITING:
            waiting.answer.set_exception(StoreRefused("Greenroom can't take callbacks now.", hint="Send it again."))
        else:
            self._queue.put(waiting)
        return waiting.answer

    def flush(self, within_s: float = 1.0) -> None:
        """Wait until all that was recorded so far is written, or can't be."""
        if self._thread is not None:
            written = threading.Event()
            self._queue.put(written)
            written.wait(within_s)

    def _run(self) -> None:
        while True:
            items = self._collected()
            self._write(items)
            if None in items:
                # What came at the last moment is answered too.
                self._write(self._waiting_now())
                return
            if time.monotonic() >= self._forget_at:
                self._forget_at = time.monotonic() + FORGET_EVERY_S
                self._forget()

    def _collected(self) -> list[_Item]:
        """What goes into one transaction: requests gather for a while, anything else goes with what is there."""
        items: list[_Item] = []
        wait_s, until = FORGET_EVERY_S, 0.0
        while len(items) < TOGETHER:
            try:
                item = self._queue.get(timeout=wait_s)
            except queue.Empty:
                break
            if not isinstance(item, SentRequest):
                until = -1.0
            elif not items:
                until = time.monotonic() + LAG_S
            items.append(item)
            wait_s = max(0.0, until - time.monotonic())
        return items

    def _waiting_now(self) -> list[_Item]:
        items: list[_Item] = []
        with suppress(queue.Empty):
            while True:
                items.append(self._queue.get_nowait())
        return items

    def _write(self, items: Sequence[_Item]) -> None:
        """One transaction. Never raises: who waits is told, and requests that could not be written are kept."""
        waiting = [item for item in items if isinstance(item, _Waiting)]
        calls = [*self._late, *(item for item in items if isinstance(item, SentRequest))]
        self._late.clear()
        self._write_these(waiting, calls)
        for item in items:
            if isinstance(item, threading.Event):
                item.set()

    def _write_these(self, waiting: Sequence[_Waiting], calls: Sequence[SentRequest]) -> None:
        """All together; halves where one of them can't be written, down to that one."""
        try:
            if waiting or calls:
                with self._store.writing(durable=bool(waiting), listed=False) as connection:
                    arrivals = self._added(connection, waiting, calls)
                for one, known in zip(waiting, arrivals, strict=True):
                    _end(one.answer, known)
        except StoreRefused as error:
            if isinstance(error, StoreUnfit):
                self._apart(waiting, calls, error)
                return
            for one in waiting:
                _end(one.answer, error)
            self.dropped += max(0, len(self._late) + len(calls) - MOST_WAITING)
            self._late.extend(calls)
        except Exception as error:
            log.exception("requests and callbacks could not be written")
            self._apart(waiting, calls, error)

    def _apart(self, waiting: Sequence[_Waiting], calls: Sequence[SentRequest], error: Exception) -> None:
        """Find the one that holds up the others: it is left out, and a request is counted then."""
        if len(waiting) + len(calls) == 1:
            self.dropped += len(calls)
            for one in waiting:
                _end(one.answer, self._unkept(one, error))
            return
        if waiting and calls:
            self._write_these(waiting, ())
            self._write_these((), calls)
            return
        for some in (slice(None, len(waiting or calls) // 2), slice(len(waiting or calls) // 2, None)):
            self._write_these(waiting[some], calls[some])

    def _added(
        self, connection: Connection, waiting: Sequence[_Waiting], calls: Sequence[SentRequest]
    ) -> list[Arrival]:
        """Write what is wanted and new; what is known of each callback."""
        arrivals = _known(connection, waiting)
        fresh = [one for one, known in zip(waiting, arrivals, strict=True) if one.wanted(known)]
        accounts = {one.callback.session_id: known.account for one, known in zip(waiting, arrivals, strict=True)}
        entries = [
            exchanges.Entry(accounts[one.callback.session_id], _exchange_of(one.callback), one.callback.digest)
            for one in fresh
        ]
        entries += self._requests(connection, calls) if calls else []
        entries.sort(key=lambda entry: entry.exchange.at)
        added = exchanges.add(connection, entries) if entries else set()
        for n, one in enumerate(waiting):
            if one in fresh:
                arrivals[n] = replace(arrivals[n], before=one.callback.digest not in added)
                # Of two alike that came together only the first is new.
                added.discard(one.callback.digest)
        return arrivals

    def _unkept(self, one: _Waiting, error: Exception) -> Arrival | Exception:
        """A callback whose row can't be written counts all the same; where nobody can be asked whose it is, `error`."""
        try:
            with self._store.reading() as connection:
                (known,) = _known(connection, [one])
        except Exception:  # noqa: BLE001 - whatever it is, the one that is told of came first
            return error
        log.warning("a callback could not be kept for the Inspector: %s", type(error).__name__)
        return known

    def _requests(self, connection: Connection, calls: Sequence[SentRequest]) -> list[exchanges.Entry]:
        bodies = [self._body(call) for call in calls]
        words = [_words(call, body) for call, (body, _) in zip(calls, bodies, strict=True)]
        sought = {word for some in words for word in some}
        found = exchanges.sessions_named(connection, sought) if sought else {}
        return [
            exchanges.Entry(
                self._account,
                Exchange(
                    id=0,
                    kind=Traffic.REQUEST,
                    at=call.at,
                    name=call.route,
                    number=call.number,
                    session_id=next((found[word] for word in some if word in found), ""),
                    about=self._redaction.text(call.about),
                    method=call.method,
                    target=self._redaction.text(call.target),
                    status=call.status,
                    ms=call.ms,
                    code=call.error_code,
                    error=self._redaction.text(call.error),
                    size=len(call.body or b""),
                    body=text,
                ),
            )
            for call, some, (_, text) in zip(calls, words, bodies, strict=True)
        ]

    def _body(self, call: SentRequest) -> tuple[object, str]:
        """The body without its secrets, as a value and as it is kept."""
        if call.body is None:
            return None, ""
        try:
            value = load(call.body)
            self._redaction.learn(value)
            clean = self._redaction.value(value)
        except BadInput:
            return None, ""
        return clean, as_kept(clean)

    def _forget(self) -> None:
        """Delete what is too old or too much, in small steps between which others may write."""
        try:
            while not self._closing:
                with self._store.writing(durable=False) as connection:
                    if not exchanges.forget(connection, self._clock() - timedelta(days=self.keep_days), most=KEPT_ROWS):
                        return
        except GreenroomError:
            log.warning("old requests and callbacks could not be deleted; it is tried again later")
        except Exception:
            log.exception("old requests and callbacks could not be deleted; it is tried again later")


def _known(connection: Connection, waiting: Sequence[_Waiting]) -> list[Arrival]:
    """Whose each callback is."""
    owners = exchanges.owners(connection, {one.callback.session_id for one in waiting}) if waiting else {}
    return [Arrival(*owners.get(one.callback.session_id, ("", ""))) for one in waiting]


def _exchange_of(one: Callback) -> Exchange:
    return Exchange(
        id=0,
        kind=Traffic.CALLBACK,
        at=one.at,
        name=one.event_type,
        session_id=one.session_id,
        about=one.conversation_id,
        status=TAKEN,
        size=one.size,
        body=one.body,
    )


def _words(call: SentRequest, body: object) -> tuple[str, ...]:
    """By which the session of a request may be known: its conversation's id, or the name of the one it asked for."""
    if not call.route.startswith(CONVERSATIONS):
        return ()
    name = body.get("conversation_name") if isinstance(body, dict) else None
    return tuple(word for word in (call.about, name) if isinstance(word, str) and word)


def _end(answer: Future[Arrival], outcome: Arrival | Exception) -> None:
    """Whoever waited may have gone away meanwhile."""
    with suppress(InvalidStateError):
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
