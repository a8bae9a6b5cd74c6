"""Lists of Tavus, read whole: how pages are asked for, counted and put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from lib.clients.transport import Transport
from lib.errors import Ambiguous, BadInput, UpstreamRejected

PAGE_ROWS = 100
MOST_PAGES = 500
WHOLE_LIST_S = 120.0
"""No page is asked for any more after that: each has its own limit, and together they would hold up their reader."""


class _Row(Protocol):
    @property
    def id(self) -> str: ...


RowT = TypeVar("RowT", bound=_Row)


class Swept(list[RowT]):
    """The rows of a whole list. `complete`: there are as many as the list says that it has."""

    complete = False


def sweep(
    transport: Transport,
    route: str,
    parse: Callable[[Any], RowT],
    query: Mapping[str, Any] | None = None,
    *,
    first: int = 1,
) -> Swept[RowT]:
    """All rows of a list, each once, in the list's order. A page that fails fails the whole sweep.

    `first` is the number of the first page. Most lists count from 1; for some that is not documented and they count
    from 0, and rows move between pages while they are read. So where fewer rows came than `total_count` promises, the
    pages are read once more from 0. A row that moves past us in both readings is missing: what is absent from one
    sweep may still exist.
    """
    asked = query or {}
    found: dict[str, RowT] = {}
    until = time.monotonic() + WHOLE_LIST_S
    total = _pages(transport, route, parse, asked, found, first=first, until=until)
    if len(found) < total or (total < 0 and not found):
        total = _pages(transport, route, parse, asked, found, first=0, until=until)
    rows = Swept(found.values())
    rows.complete = 0 <= total <= len(found)
    return rows


def newest(
    transport: Transport,
    route: str,
    parse: Callable[[Any], RowT],
    query: Mapping[str, Any],
    *,
    more: Callable[[Sequence[RowT]], bool] = lambda _: False,
) -> list[RowT]:
    """The first page of a list, and the next ones as long as `more` says so of the page before; each row once."""
    found: dict[str, RowT] = {}
    until = time.monotonic() + WHOLE_LIST_S
    for page in range(1, MOST_PAGES):
        _in_time(transport, until)
        asked = {"limit": PAGE_ROWS, "page": page, **query}
        rows, total = transport.request("GET", route, lambda success: _page(success.body, parse), query=asked)
        known = len(found)
        found |= {row.id: row for row in rows}
        if len(found) in (known, total) or not more(rows):
            break
    return list(found.values())


def count(transport: Transport, route: str, parse: Callable[[Any], RowT]) -> int:
    """How many rows a list has, by one small request; -1 where the answer does not say."""
    asked = {"limit": 1, "page": 1}
    return transport.request("GET", route, lambda success: _page(success.body, parse), query=asked)[1]


def _pages(
    transport: Transport,
    route: str,
    parse: Callable[[Any], RowT],
    query: Mapping[str, Any],
    found: dict[str, RowT],
    *,
    first: int,
    until: float,
) -> int:
    """Add the rows of every page from `first` on to `found`; the last `total_count`, -1 where there is none."""
    seen: set[str] = set()
    for page in range(first, first + MOST_PAGES):
        _in_time(transport, until)
        asked = {"limit": PAGE_ROWS, "page": page, **query}
        try:
            rows, total = transport.request("GET", route, lambda success: _page(success.body, parse), query=asked)
        except (UpstreamRejected, BadInput):
            if page == 0:
                continue
            raise
        for row in rows:
            found.setdefault(row.id, row)
        new = {row.id for row in rows} - seen
        seen |= new
        # Page 1 may repeat page 0, where both mean the first.
        if 0 <= total <= len(found) or (page >= 1 and not rows) or (page >= 2 and not new):
            return total
    raise Ambiguous(f"{transport.vendor.name}'s list does not end.", hint="Try again in a moment.")


def _in_time(transport: Transport, until: float) -> None:
    if time.monotonic() >= until:
        told = f"{transport.vendor.name}'s list could not be read to its end within {WHOLE_LIST_S:g} s."
        raise Ambiguous(told, code="no_answer", hint="Try again in a moment.")


def _page(body: Any, parse: Callable[[Any], RowT]) -> tuple[list[RowT], int]:
    rows = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(rows, list):
        raise ValueError("no list")
    total = body.get("total_count")
    return [parse(row) for row in rows], total if isinstance(total, int) and not isinstance(total, bool) else -1
