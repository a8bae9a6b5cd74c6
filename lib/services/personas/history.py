"""The history of the account's own personas: each state that was read or written, and what happened to it since.

Personas are compared by the hash of their content, and the newest hash of each is kept in memory: a sweep that brings
nothing new costs no write and no query. Stock personas have no history, as nobody can change them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from lib.errors import Conflict, GreenroomError, NotFound
from lib.models import JsonObject, Origin, Persona, Snapshot
from lib.services.catalogue.catalogue import Listing
from lib.services.personas.content import Content, content_of
from lib.store import snapshots as rows
from lib.store.cache import TtlCache
from lib.store.database import Store
from lib.store.snapshots import Standing

log = logging.getLogger(__name__)

PAGE_ROWS = 50
ID_LIMIT = 100
_READ = (Origin.FOUND, Origin.TAVUS)


class Drift(StrEnum):
    """How a persona at Tavus stands to the last state that was meant: written here, first seen, or accepted."""

    IN_SYNC = "in sync"
    CHANGED = "changed at Tavus"
    DELETED = "deleted at Tavus"


@dataclass(frozen=True)
class _Known:
    """What the database says of the account, as it was at one moment."""

    head: int
    standings: Mapping[str, Standing]
    previous: Mapping[str, str]
    following: Mapping[str, str] = field(default_factory=dict)


class PersonaHistory:
    """Snapshots of one account's personas. Every method may raise StoreRefused but `saw` and `swept`."""

    def __init__(self, store: Store, *, account: str) -> None:
        self._store = store
        self._account = account
        self._heads: TtlCache[int] = TtlCache(store)
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._hashes: dict[str, tuple[JsonObject, str]] = {}
        self._equal: set[tuple[str, str]] = set()
        self._own: frozenset[str] = frozenset()
        self._writing: dict[str, int] = {}
        self._written: dict[str, datetime] = {}
        self._drift: tuple[object, object, dict[str, Drift]] | None = None

    # What was read

    def swept(self, listing: Listing[Persona], begun: datetime) -> None:
        """Keep what is new in a list that was just read whole, in one transaction. A failure is logged, not raised."""
        self._own = frozenset(persona.id for persona in listing.items if not persona.stock)
        self._keep(listing.items, begun)

    def saw(self, persona: Persona, asked_at: datetime) -> None:
        """Keep this state if it is new; it was asked for at `asked_at`. A failure is logged, not raised.

        A persona that no list has named and whose row does not say whose it is may be one of Tavus's own: it is not
        kept before it is written.
        """
        if {"persona_type", "pal_type"} & persona.raw.keys() or persona.id in self._own:
            self._keep([persona], asked_at)

    # What was done here

    @contextmanager
    def writing(self, persona_id: str) -> Iterator[None]:
        """While this persona is being written, what others read of it is not taken for a change at Tavus."""
        with self._lock:
            self._writing[persona_id] = self._writing.get(persona_id, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._written[persona_id] = datetime.now(UTC)
                self._writing[persona_id] -= 1
                if not self._writing[persona_id]:
                    del self._writing[persona_id]

    def wrote(
        self,
        persona: Persona,
        before: Persona | None = None,
        *,
        actor: str = "",
        reason: str = "",
        origin: Origin = Origin.GREENROOM,
        previous_id: str = "",
    ) -> None:
        """Keep a state that Greenroom wrote, and `before`, the state that it was written over, if that is new.

        `previous_id` is the persona that this one was created anew for.
        """
        with self._store.writing() as connection:
            self._store.lock_snapshots(connection)
            last = rows.newest_of(connection, self._account, [persona.id]).get(persona.id)
            item = self._snapshot(persona, origin, actor=actor, reason=reason, previous_id=previous_id)
            # Another console may have read what was written here before it could be kept.
            raced = last is not None and last.hash == item.hash and last.origin in _READ
            found = self._found(before, last) if before is not None and not raced else None
            last = found or last
            known = last is not None and last.hash == item.hash and last.origin not in (*_READ, Origin.DELETED)
            rows.add(connection, self._account, [one for one in (found, None if known else item) if one])
            self._hashes[persona.id] = (persona.raw, item.hash)

    def deleted_here(self, persona: Persona, *, actor: str = "", reason: str = "") -> None:
        """Note that it was deleted here, as it was last: its history stays, and creating it anew undoes it."""
        with self._store.writing() as connection:
            self._store.lock_snapshots(connection)
            last = rows.newest_of(connection, self._account, [persona.id]).get(persona.id)
            found = self._found(persona, last)
            gone = self._snapshot(persona, Origin.DELETED, actor=actor, reason=reason)
            rows.add(connection, self._account, [one for one in (found, gone) if one])

    def accept(self, persona_id: str, *, seen: int | None = None, actor: str = "", reason: str = "") -> None:
        """Take what was changed at Tavus for right: the persona is in sync again.

        `seen` is the number of the snapshot that the person looked at. Raises NotFound, and Conflict if that is not
        the newest any more.
        """
        with self._store.writing() as connection:
            self._store.lock_snapshots(connection)
            last = rows.newest_of(connection, self._account, [persona_id]).get(persona_id)
            if last is None:
                raise NotFound("This persona has no history.")
            if seen is not None and last.id != seen:
                raise Conflict("It was changed again since you looked at it.", code="changed_meanwhile")
            if last.origin is Origin.TAVUS:
                now = replace(last, at=datetime.now(UTC), origin=Origin.ACCEPTED, actor=actor, reason=reason)
                rows.add(connection, self._account, [now])

    # What is known

    def of(self, persona_id: str, *, limit: int = PAGE_ROWS, before: int | None = None) -> list[Snapshot]:
        """Its snapshots, newest first, without contents, those of the personas that it succeeds too.

        `before` is the id of the last one seen.
        """
        chain = self.chain(persona_id)
        with self._store.reading() as connection:
            return rows.page(connection, self._account, chain, limit=limit, before=before)

    def snapshot(self, snapshot_id: int) -> Snapshot:
        """With its content. Raises NotFound."""
        with self._store.reading() as connection:
            found = rows.one(connection, self._account, snapshot_id)
        if found is None:
            raise NotFound(f"There is no snapshot {snapshot_id}.")
        return found

    def content(self, snapshot_id: int) -> Content:
        """What the persona said then. Raises NotFound."""
        return kept_content(self.snapshot(snapshot_id))

    def newest(self, persona_id: str) -> Snapshot | None:
        """Its newest snapshot, without content; None if it has no history."""
        standing = self._now().standings.get(persona_id)
        return standing.newest if standing else None

    def last_name(self, persona_id: str) -> str:
        """What it was called when it was last seen, its id if that was nothing; "" if it has no history."""
        newest = self.newest(persona_id)
        return (newest.name or persona_id) if newest else ""

    def chain(self, persona_id: str) -> tuple[str, ...]:
        """This id and those that the persona had before it was created anew, the newest first."""
        return _walk(persona_id, self._now().previous)

    def successor(self, persona_id: str) -> str:
        """The id that the persona has today, if it was created anew since; else its own."""
        return _walk(persona_id, self._now().following)[-1]

    def drift(self, listing: Listing[Persona]) -> Mapping[str, Drift]:
        """How each of the account's own personas stands, by its id; those of `deleted` too.

        Costs nothing as long as neither the list nor the history changes.
        """
        known = self._now()
        if self._drift is not None and self._drift[0] is listing.items and self._drift[1] is known:
            return self._drift[2]
        found = {}
        for persona in listing.items:
            standing = known.standings.get(persona.id)
            if not persona.stock and standing is not None:
                # What was written after the list was read, by another process perhaps, the list can't know.
                newer = standing.newest.at > listing.read_at and standing.newest.hash == standing.base_hash
                same = newer or self._same(standing.base_hash, self._hash(persona))
                found[persona.id] = Drift.IN_SYNC if same else Drift.CHANGED
        found.update({gone.persona_id: Drift.DELETED for gone in self.deleted(listing)})
        self._drift = (listing.items, known, found)
        return found

    def deleted(self, listing: Listing[Persona]) -> tuple[Snapshot, ...]:
        """The last snapshots of the personas that somebody deleted at Tavus, the latest first.

        A list that is incomplete or could not be read anew concludes nothing.
        """
        if listing.error is not None or not listing.complete:
            return ()
        return self._gone(frozenset(persona.id for persona in listing.items), here=False)

    def removed(self) -> tuple[Snapshot, ...]:
        """The last snapshots of the personas that were deleted here and not created anew, the latest first."""
        return self._gone(frozenset(), here=True)

    def _gone(self, there: frozenset[str], *, here: bool) -> tuple[Snapshot, ...]:
        known = self._now()
        found = [
            standing.newest
            for persona_id, standing in known.standings.items()
            if persona_id not in there
            and persona_id not in known.following
            and (standing.newest.origin is Origin.DELETED) == here
        ]
        return tuple(sorted(found, key=lambda snapshot: -snapshot.id))

    def _keep(self, personas: Sequence[Persona], asked_at: datetime) -> None:
        try:
            known = self._now()
            new = [persona for persona in personas if self._is_new(persona, known, asked_at)]
            if new:
                self._add(new)
        except GreenroomError as error:
            log.warning("the history of %d personas could not be kept: %s", len(personas), error.message)

    def _is_new(self, persona: Persona, known: _Known, asked_at: datetime) -> bool:
        if persona.stock or persona.id in self._writing or len(persona.id) > ID_LIMIT:
            return False
        written = self._written.get(persona.id)
        if written is not None and asked_at <= written:
            return False
        standing = known.standings.get(persona.id)
        if standing is None or standing.newest.origin is Origin.DELETED:
            return True
        return not self._same(standing.newest.hash, self._hash(persona))

    def _add(self, personas: Sequence[Persona]) -> None:
        with self._store.writing() as connection:
            self._store.lock_snapshots(connection)
            newest = rows.newest_of(connection, self._account, [persona.id for persona in personas])
            found = [self._found(persona, newest.get(persona.id)) for persona in personas]
            rows.add(connection, self._account, [one for one in found if one])

    def _found(self, persona: Persona, last: Snapshot | None) -> Snapshot | None:
        """The snapshot of a state that was read; None if it is that of `last`."""
        if last is None or last.origin is Origin.DELETED:
            return self._snapshot(persona, Origin.FOUND)
        return None if self._kept_as(last, self._hash(persona)) else self._snapshot(persona, Origin.TAVUS)

    def _kept_as(self, last: Snapshot, live: str) -> bool:
        """True if `last` says the same. An earlier Greenroom may have kept it under another hash."""
        if last.hash != live and kept_content(last).hash != live:
            return False
        self._equal.add((last.hash, live))
        return True

    def _same(self, kept: str, live: str) -> bool:
        return kept == live or (kept, live) in self._equal

    def _snapshot(
        self, persona: Persona, origin: Origin, *, actor: str = "", reason: str = "", previous_id: str = ""
    ) -> Snapshot:
        content = content_of(persona.raw)
        self._hashes[persona.id] = (persona.raw, content.hash)
        return Snapshot(
            id=0,
            persona_id=persona.id,
            name=persona.name,
            hash=content.hash,
            at=datetime.now(UTC),
            origin=origin,
            actor=actor,
            reason=reason,
            previous_id=previous_id,
            fields=content.fields,
            secrets=content.secrets,
        )

    def _hash(self, persona: Persona) -> str:
        """Of the content; not computed again for a row that reads as it did the last time."""
        last = self._hashes.get(persona.id)
        if last is not None and (last[0] is persona.raw or last[0] == persona.raw):
            return last[1]
        computed = content_of(persona.raw).hash
        self._hashes[persona.id] = (persona.raw, computed)
        return computed

    def _now(self) -> _Known:
        """What the database holds, read again only if a snapshot was added, by this process or by another."""
        head = self._heads.get("head", self._head)
        known = self._known
        if known is not None and known.head == head:
            return known
        with self._lock, self._store.reading() as connection:
            if self._known is None or self._known.head != head:
                previous = rows.links(connection, self._account)
                following = {old: new for new, old in previous.items()}
                self._known = _Known(head, rows.standings(connection, self._account), previous, following)
            return self._known

    def _head(self) -> int:
        with self._store.reading() as connection:
            return rows.head(connection)


def kept_content(snapshot: Snapshot) -> Content:
    """The content of a snapshot that was read with its content, in the words of today."""
    fields = content_of(snapshot.fields or {}).fields
    return Content(fields, tuple(snapshot.secrets or ()))


def _walk(persona_id: str, links: Mapping[str, str]) -> tuple[str, ...]:
    """The ids that follow from link to link; each once, should two ever point at each other."""
    walked = [persona_id]
    while (after := links.get(walked[-1])) and after not in walked:
        walked.append(after)
    return tuple(walked)
