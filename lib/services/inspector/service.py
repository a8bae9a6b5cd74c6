"""The inspector: requests to Tavus and callbacks from it, looked at. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from lib.errors import NotFound
from lib.models import Exchange
from lib.redaction import Redaction
from lib.services.inspector import commands
from lib.services.inspector.commands import Commands
from lib.services.inspector.journal import Journal
from lib.store import exchanges
from lib.store.cursor import cursor_of, place_of
from lib.store.database import Store
from lib.store.statement_timeout import StatementTimeout

LIST_S = 2.0
TEXT_LIMIT = 200


@dataclass(frozen=True)
class ExchangePage:
    """Some exchanges, newest first. `next` and `previous` are the cursors of the pages around it, None at the ends."""

    items: tuple[Exchange, ...]
    next: str | None
    previous: str | None


class Inspector:
    """The requests and callbacks of one account, for as long as they are kept. `base_url` is where requests go."""

    def __init__(
        self,
        store: Store,
        account: str,
        journal: Journal,
        redaction: Redaction,
        *,
        base_url: Callable[[], str] = lambda: "",
        sandbox: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._account = account
        self._journal = journal
        self._redaction = redaction
        self._base_url = base_url
        self._sandbox = sandbox
        self._clock = clock

    @property
    def dropped(self) -> int:
        """Requests of this process that were not kept, because the database did not take them."""
        return self._journal.dropped

    @property
    def kept_days(self) -> int:
        """How long anything is kept, in days."""
        return self._journal.keep_days

    def page(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        newer: bool = False,
        kind: str = "",
        statuses: tuple[int, int] | None = None,
        session_id: str = "",
        text: str = "",
    ) -> ExchangePage:
        """Exchanges, newest first: those after `cursor`, or with `newer` those before it.

        `text` is looked for as it stands in routes, ids, errors and bodies. Raises BadInput (cursor), StoreSlow.
        """
        self._journal.flush()
        filters = exchanges.ExchangeFilters(kind, statuses, session_id, text.strip()[:TEXT_LIMIT])
        place = place_of(cursor, int)
        with self._store.reading() as connection:
            timeout = StatementTimeout(connection, LIST_S)
            found = exchanges.page(timeout, self._account, filters, limit=limit, place=place, newer=newer)
        return ExchangePage(found.exchanges, cursor_of(found.older), cursor_of(found.newer))

    def get(self, number: int) -> Exchange:
        """One with its body. Raises NotFound."""
        with self._store.reading() as connection:
            found = exchanges.one(connection, self._account, number)
        if found is None:
            raise NotFound("This request or callback is not kept any more.")
        return found

    def address(self, request: Exchange) -> str:
        """Where a request went."""
        return self._base_url() + request.target

    def commands(self, request: Exchange) -> Commands:
        """A request, with its body, as commands that send it again."""
        return commands.commands(request, self._base_url(), sandbox=self._sandbox)

    def callbacks_of(self, session_id: str) -> list[Exchange]:
        """A session's callbacks that are still kept, oldest first, without their bodies."""
        with self._store.reading() as connection:
            return exchanges.callbacks_of(connection, session_id)
