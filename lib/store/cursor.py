"""A place in a long list as text, which an address or a client holds: the moment of a row and its id."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from lib.errors import BadInput
from lib.store.search import moment_of, number_of

Id = TypeVar("Id", str, int)
MOST_ID = 2**63 - 1  # what a database takes for a number


def cursor_of(place: tuple[datetime, str | int] | None) -> str | None:
    return f"{number_of(place[0])}~{place[1]}" if place else None


def place_of(cursor: str | None, id_of: Callable[[str], Id]) -> tuple[datetime, Id] | None:
    """The place that `cursor` names, None where there is none. Raises BadInput for what is no cursor."""
    if not cursor:
        return None
    number, _, row_id = cursor.partition("~")
    try:
        place = moment_of(int(number)), id_of(row_id)
        if isinstance(place[1], int) and abs(place[1]) > MOST_ID:
            raise OverflowError
        return place
    except (ValueError, OverflowError):
        raise BadInput("That is not a cursor of this list.", hint="Begin at the first page.") from None
