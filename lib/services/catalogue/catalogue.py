"""What Tavus has, read once and kept: all personas, all replicas.

A page asks for what is already here and so costs no request on a rerun; on opening it says how old it may be. One
sweep at a time: who asks meanwhile gets what is here, and waits only where nothing ever was. A failed sweep is
remembered like a good one: it is raised again, not tried again, until someone asks for something fresher.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from lib.clients.tavus import Tavus
from lib.errors import Ambiguous, GreenroomError, NotFound
from lib.models import Persona, Replica


class Named(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T")
N = TypeVar("N", bound=Named)
WAIT_S = 12.0
"""How long a reader waits for another one's sweep: about what a single request may take."""


@dataclass(frozen=True)
class Listing(Generic[T]):
    """All of a kind. `error` says why the last sweep failed; `items` are then those of the last good one.

    `complete` is False where the list was read but holds fewer rows than it says: what is not in it may still exist.
    """

    items: tuple[T, ...]
    read_at: datetime
    error: GreenroomError | None = None
    complete: bool = True

    @cached_property
    def _by_id(self) -> dict[str, T]:
        return {getattr(item, "id", ""): item for item in reversed(self.items)}

    def find(self, item_id: str) -> T | None:
        return self._by_id.get(item_id)


class Shelf(Generic[N]):
    """One list with its one sweep at a time."""

    def __init__(
        self,
        sweep: Callable[[], list[N]],
        clock: Callable[[], datetime],
        swept: Callable[[Listing[N], datetime], None] = lambda listing, begun: None,
    ) -> None:
        """`swept` is told of each good sweep and of when it began, before anyone gets its result."""
        self._sweep = sweep
        self._clock = clock
        self._sweeping = threading.Lock()
        self._kept: Listing[N] | None = None
        self._error: GreenroomError | None = None
        self._tried_at: datetime | None = None
        self._forgotten = 0
        self._newer: dict[str, N | None] = {}
        self._swept = swept

    def read(self, max_age_s: float | None) -> Listing[N]:
        """What is kept, if it was tried for within `max_age_s` (None: at any time) or is being read; else a sweep.

        Raises the GreenroomError of the last sweep where there never was a good one, and Ambiguous where the first
        is not done within `WAIT_S`.
        """
        wanted = self._clock()
        if not self._fresh(max_age_s, wanted) and self._sweeping.acquire(timeout=WAIT_S if self._nothing else 0):
            try:
                if not self._fresh(max_age_s, wanted):
                    self._refresh()
            finally:
                self._sweeping.release()
        kept, error = self._kept, self._error
        if kept is None:
            raise error.with_traceback(None) if error else _still_reading()
        if kept.error is not error:
            # Kept as well, so that who asks again is given the same one, which knows its items by id already.
            kept = self._kept = replace(kept, error=error)
        return kept

    def peek(self) -> Listing[N] | None:
        """What is kept, without ever asking."""
        return self._kept

    def put(self, item: N) -> None:
        """One item as it was just read: takes its place in the list, or the first place if it is new."""
        self._newer[item.id] = item
        if self._kept is not None:
            self._kept = replace(self._kept, items=_renewed(self._kept.items, {item.id: item}))

    def drop(self, item_id: str) -> None:
        self._newer[item_id] = None
        if self._kept is not None:
            self._kept = replace(self._kept, items=_renewed(self._kept.items, {item_id: None}))

    def forget(self) -> None:
        """The next read asks anew; what is known stays, for the case that asking fails."""
        self._forgotten += 1
        self._tried_at = None

    @property
    def _nothing(self) -> bool:
        """True until the first sweep is done, be it by failing."""
        return self._kept is None and self._error is None

    def _fresh(self, max_age_s: float | None, wanted: datetime) -> bool:
        if self._tried_at is None:
            return False
        return max_age_s is None or (wanted - self._tried_at).total_seconds() <= max_age_s

    def _refresh(self) -> None:
        begun, forgotten = self._clock(), self._forgotten
        # What is put or dropped while the sweep is on its way is newer than what the sweep brings.
        self._newer = {}
        try:
            rows = self._sweep()
            complete = getattr(rows, "complete", True)
            self._kept = Listing(_renewed(rows, self._newer), self._clock(), complete=complete)
            self._error = None
            self._swept(self._kept, begun)
        except GreenroomError as error:
            self._error = error
        if forgotten == self._forgotten:
            self._tried_at = self._clock()


def _renewed(items: Iterable[N], newer: Mapping[str, N | None]) -> tuple[N, ...]:
    """The items with these in their places, new ones first, and without those that are None now."""
    kept = [newer.get(item.id, item) for item in items]
    known = {item.id for item in kept if item is not None}
    added = [item for item_id, item in newer.items() if item is not None and item_id not in known]
    return tuple(item for item in (*reversed(added), *kept) if item is not None)


def _still_reading() -> Ambiguous:
    return Ambiguous("The list is still being read from Tavus.", code="no_answer", hint="Try again in a moment.")


class Catalogue:
    """The personas and replicas of the account."""

    def __init__(
        self,
        tavus: Tavus,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        personas_read: Callable[[Listing[Persona], datetime], None] = lambda listing, begun: None,
    ) -> None:
        """`personas_read` is told of each good reading of all personas, and of when it began."""
        self._tavus = tavus
        self.persona_shelf: Shelf[Persona] = Shelf(tavus.personas.all, clock, personas_read)
        self.replica_shelf: Shelf[Replica] = Shelf(tavus.replicas.all, clock)

    def read_both(self, *, max_age_s: float | None) -> None:
        """Have both lists swept side by side where they are older than that; None asks for nothing.

        For a page that needs both and would wait for one after the other. What fails is raised to who asks for it.
        """
        if max_age_s is None:
            return

        def replicas() -> None:
            with suppress(GreenroomError):
                self.replica_shelf.read(max_age_s)

        beside = threading.Thread(target=replicas, name="greenroom-replicas", daemon=True)
        beside.start()
        with suppress(GreenroomError):
            self.persona_shelf.read(max_age_s)
        beside.join()

    def personas(self, *, max_age_s: float | None = None) -> Listing[Persona]:
        """All personas, the account's own and Tavus's stock. Raises GreenroomError if they were never read."""
        return self.persona_shelf.read(max_age_s)

    def persona(self, persona_id: str, *, ask: bool = True) -> Persona | None:
        """One persona as it is in memory, else as Tavus gives it. None where Tavus does not have it, or is not asked.

        Raises UpstreamError.
        """
        listing = self.persona_shelf.peek()
        known = listing.find(persona_id) if listing else None
        if known is not None or not ask:
            return known
        try:
            return self._tavus.personas.get(persona_id=persona_id)
        except NotFound:
            return None

    def replicas(self, *, max_age_s: float | None = None) -> Listing[Replica]:
        """All replicas, the account's own and Tavus's stock. Raises GreenroomError if they were never read."""
        return self.replica_shelf.read(max_age_s)

    def forget(self) -> None:
        self.persona_shelf.forget()
        self.replica_shelf.forget()
