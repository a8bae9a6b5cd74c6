"""The library: read once and kept, made, changed by the smallest change, deleted. Nothing here is billed."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from lib.clients.tavus import Tavus
from lib.errors import Conflict, GreenroomError, RateLimited, UpstreamRejected
from lib.models import Document, Guardrail, GuardrailSet, JsonObject, ObjectiveSet, objects
from lib.services.catalogue.catalogue import Listing, Named, Shelf
from lib.services.library import documents, patches
from lib.services.library.using import LibraryKind


class LibraryItem(Named, Protocol):
    """What every kind of the library has."""

    @property
    def raw(self) -> JsonObject: ...


N = TypeVar("N", bound=LibraryItem)
WATCH_S, WATCH_AFTER_FAILURE_S = 4.0, 20.0
MOST_SINGLE_READS = 4


@dataclass(frozen=True)
class ItemSaved(Generic[N]):
    """What a save came to: the item as it is now. `changed` is False where Tavus says that nothing changed (304)."""

    item: N
    changed: bool


class LibraryShelf(ABC, Generic[N]):
    """One kind: its list, and single items read fresh, which keep the list in step."""

    def __init__(self, sweep: Callable[[], list[N]], read: Callable[[str], N], clock: Callable[[], datetime]) -> None:
        self._read = read
        self._singles: dict[str, N] = {}
        self.shelf: Shelf[N] = Shelf(sweep, clock)

    def all(self, *, max_age_s: float | None = None) -> Listing[N]:
        """All of the kind; see `Shelf.read`. Raises GreenroomError if they were never read."""
        return self.shelf.read(max_age_s)

    def get(self, item_id: str) -> N:
        """One request. Raises NotFound, UpstreamError."""
        return self._noted(self._read(item_id))

    @abstractmethod
    def create(self, body: JsonObject, *, actor: str = "") -> N:
        """Make one. Raises UpstreamError; Ambiguous: it may have been made."""

    @abstractmethod
    def save(self, before: N, after: JsonObject, *, actor: str = "") -> ItemSaved[N]:
        """Send what differs. Raises Conflict, NotFound, UpstreamError."""

    @abstractmethod
    def delete(self, item_id: str, *, actor: str = "") -> None:
        """Raises NotFound, UpstreamError."""

    def known(self, item_id: str) -> N | None:
        """The item as it was read last, alone or in the list; asks nobody."""
        listing = self.shelf.peek()
        return listing.find(item_id) if listing is not None else self._singles.get(item_id)

    def dropped(self, item_id: str) -> None:
        """It is gone at Tavus."""
        self.shelf.drop(item_id)
        self._singles.pop(item_id, None)

    def _noted(self, item: N) -> N:
        self.shelf.put(item)
        if self.shelf.peek() is None:
            self._singles[item.id] = item
        else:
            self._singles.clear()
        return item

    def after_making(self, item: N) -> N:
        """The item as it is read back; as it was sent where reading fails, for it is made all the same."""
        try:
            return self.get(item.id)
        except GreenroomError:
            self.shelf.forget()
            return self._noted(item)

    def patched(self, before: N, after: JsonObject, send: Callable[[list[dict[str, object]]], bool]) -> ItemSaved[N]:
        """Send the guarded patch from `before`, as it was read, to `after`, and read back what is there then.

        Raises Conflict where it was changed at Tavus since it was read: nothing is written over.
        """
        operations = patches.guarded(before.raw, after)
        if not operations:
            return ItemSaved(before, changed=False)
        try:
            changed = send(operations)
        except UpstreamRejected as error:
            if not patches.same(before.raw, self.get(before.id).raw):
                raise Conflict(
                    "It was changed at Tavus after it was opened here. Nothing was sent over it.",
                    status=error.status,
                    code="changed_meanwhile",
                    hint="Keep your edits on top of what is there now, or discard them.",
                ) from error
            # Nobody changed it, so it is the guard that is not taken, or the change itself: without the guard we know.
            bare = [step for step in operations if step["op"] != "test"]
            if error.status not in (400, 422) or len(bare) == len(operations):
                raise
            changed = send(bare)
        return ItemSaved(self.get(before.id), changed)


class ObjectiveSets(LibraryShelf[ObjectiveSet]):
    def __init__(self, tavus: Tavus, clock: Callable[[], datetime]) -> None:
        super().__init__(tavus.objectives.all, lambda item_id: tavus.objectives.get(objectives_id=item_id), clock)
        self._client = tavus.objectives

    def create(self, body: JsonObject, *, actor: str = "") -> ObjectiveSet:
        """Make a set of `{name, data, allow_loops}`. Raises UpstreamError; Ambiguous: it may have been made."""
        made = self._client.create(body)
        steps = objects(body.get("data"))
        return self.after_making(
            ObjectiveSet(made, str(body.get("name") or ""), steps, {**body, "objectives_id": made})
        )

    def save(self, before: ObjectiveSet, after: JsonObject, *, actor: str = "") -> ItemSaved[ObjectiveSet]:
        """Raises Conflict, NotFound, UpstreamError."""
        return self.patched(before, after, lambda steps: self._client.patch(objectives_id=before.id, operations=steps))

    def delete(self, item_id: str, *, actor: str = "") -> None:
        """Raises NotFound, UpstreamError."""
        self._client.delete(objectives_id=item_id)
        self.dropped(item_id)


class GuardrailRules(LibraryShelf[Guardrail]):
    def __init__(self, tavus: Tavus, clock: Callable[[], datetime]) -> None:
        super().__init__(tavus.guardrails.all, lambda item_id: tavus.guardrails.get(guardrail_id=item_id), clock)
        self._client = tavus.guardrails
        self.set_shelf: Shelf[GuardrailSet] = Shelf(tavus.guardrails.sets, clock)

    def sets(self, *, max_age_s: float | None = None) -> Listing[GuardrailSet]:
        """The older sets of rules. Raises GreenroomError if they were never read."""
        return self.set_shelf.read(max_age_s)

    def create(self, body: JsonObject, *, actor: str = "") -> Guardrail:
        """Make a rule. Raises UpstreamError; Ambiguous: it may have been made."""
        return self.after_making(self._client.create(body))

    def save(self, before: Guardrail, after: JsonObject, *, actor: str = "") -> ItemSaved[Guardrail]:
        """Raises Conflict, NotFound, UpstreamError."""
        return self.patched(before, after, lambda steps: self._client.patch(guardrail_id=before.id, operations=steps))

    def delete(self, item_id: str, *, actor: str = "") -> None:
        """Raises NotFound, UpstreamError. An older set that holds the rule is read anew next time."""
        self._client.delete(guardrail_id=item_id)
        self.dropped(item_id)
        self.set_shelf.forget()


class DocumentFiles(LibraryShelf[Document]):
    def __init__(self, tavus: Tavus, clock: Callable[[], datetime]) -> None:
        super().__init__(tavus.documents.all, lambda item_id: tavus.documents.get(document_id=item_id), clock)
        self._client = tavus.documents
        self._clock = clock
        self._monitor = threading.Lock()
        self._watched_at: datetime | None = None
        self._watch_error: GreenroomError | None = None

    def create(self, body: JsonObject, *, actor: str = "") -> Document:
        """Have an address read. Raises RateLimited (crawls used up), UpstreamError; Ambiguous: it may be there."""
        return self._noted(self._client.create(body))

    def save(self, before: Document, after: JsonObject, *, actor: str = "") -> ItemSaved[Document]:
        """Send name and tags where they differ, after a look at whether they are still those of `before`.

        Raises Conflict, NotFound, UpstreamError.
        """
        fields = documents.fields_to_send(before.raw, after)
        if not fields:
            return ItemSaved(before, changed=False)
        now = self.get(before.id)
        if any(now.raw.get(field.key) != before.raw.get(field.key) for field in documents.FIELDS):
            raise Conflict(
                "It was changed at Tavus after it was opened here. Nothing was sent over it.",
                code="changed_meanwhile",
                hint="Keep your edits on top of what is there now, or discard them.",
            )
        told = self._client.update(document_id=before.id, fields=fields)
        if told is None:
            return ItemSaved(now, changed=False)
        return ItemSaved(self.after_making(told), changed=True)

    def recrawl(self, document: Document, crawl: Mapping[str, int] | None = None, *, actor: str = "") -> Document:
        """Have a web site read again, with its own limits or with `crawl`.

        Raises Conflict (409: it is being read right now), RateLimited (429, with what Tavus said), UpstreamRejected,
        NotFound; Ambiguous: it may have begun.
        """
        try:
            begun = self._client.recrawl(document_id=document.id, crawl=crawl)
        except UpstreamRejected as error:
            if error.status != 409:
                raise
            raise Conflict(
                "It is being read right now, so it can't be read again yet.",
                status=409,
                code="not_ready",
                hint="Wait until it is ready. Its state is shown here and changes by itself.",
            ) from error
        except RateLimited as error:
            at = documents.can_crawl_at(document, error, self._clock())
            wait_s = (at - self._clock()).total_seconds() if at else None
            raise RateLimited(error.message, status=429, code=error.code, retry_after_s=wait_s) from error
        return self._noted(begun)

    def delete(self, item_id: str, *, actor: str = "") -> None:
        """Raises NotFound, UpstreamError."""
        self._client.delete(document_id=item_id)
        self.dropped(item_id)

    def busy(self) -> tuple[Document, ...]:
        """Those that are being read, as far as is known; asks nobody."""
        kept = self.shelf.peek()
        items = kept.items if kept is not None else tuple(self._singles.values())
        return tuple(item for item in items if item.busy)

    def watch(self) -> GreenroomError | None:
        """Look how far the reading is: at most every 4 s whoever asks, and not at all while nothing is being read.

        What was found is in the list. Returns why the last look failed, after which the next one waits 20 s.
        """
        waiting = self.busy()
        if not waiting or not self._monitor.acquire(blocking=False):
            return self._watch_error
        try:
            pause_s = WATCH_AFTER_FAILURE_S if self._watch_error else WATCH_S
            now = self._clock()
            if self._watched_at is not None and (now - self._watched_at).total_seconds() < pause_s:
                return self._watch_error
            self._watched_at = now
            self._watch_error = self._look(waiting)
        finally:
            self._monitor.release()
        return self._watch_error

    def _look(self, waiting: tuple[Document, ...]) -> GreenroomError | None:
        if len(waiting) > MOST_SINGLE_READS:
            try:
                return self.shelf.read(0).error
            except GreenroomError as error:
                return error
        for item in waiting:
            try:
                self.get(item.id)
            except GreenroomError as error:
                if error.code != "not_found":
                    return error
                self.dropped(item.id)
        return None


class Library:
    """Objectives, guardrails and documents of the account."""

    def __init__(self, tavus: Tavus, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.objectives = ObjectiveSets(tavus, clock)
        self.guardrails = GuardrailRules(tavus, clock)
        self.documents = DocumentFiles(tavus, clock)

    def of(self, kind: LibraryKind) -> LibraryShelf[Any]:
        """What keeps the items of this kind; the older sets of guardrails have only a list."""
        kept: dict[LibraryKind, LibraryShelf[Any]] = {
            LibraryKind.OBJECTIVES: self.objectives,
            LibraryKind.GUARDRAILS: self.guardrails,
            LibraryKind.DOCUMENTS: self.documents,
        }
        return kept[kind]

    def forget(self) -> None:
        """The next reads ask anew; what is known stays, for the case that asking fails."""
        for shelf in (self.objectives.shelf, self.guardrails.shelf, self.guardrails.set_shelf, self.documents.shelf):
            shelf.forget()
