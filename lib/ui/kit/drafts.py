"""What a person is editing: the row as it was read, and the widgets' keys. One draft an item, kept for the visit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NotRequired, TypedDict

import streamlit as st


class Draft(TypedDict):
    """`raw` is the row as it was read, the base of all edits. `rev` counts how often the form began anew.

    `made` is the id of what was created of it, from the moment that it exists. `restores`: its edits bring an earlier
    state back. `reason` is why they are made, as far as it was typed. `contested`: a save found that someone else
    changed the same.
    """

    id: str
    raw: dict[str, Any]
    read_at: datetime
    rev: int
    made: NotRequired[str]
    restores: NotRequired[bool]
    reason: NotRequired[str]
    contested: NotRequired[bool]


class Drafts:
    """The drafts of one page, in the session's state under `place`."""

    def __init__(self, place: str) -> None:
        self._place = place

    def get(self, item_id: str) -> Draft | None:
        return self._all().get(item_id)

    def ids(self) -> list[str]:
        return list(self._all())

    def begin(self, item_id: str, raw: dict[str, Any]) -> Draft:
        """A form on `raw` with nothing typed: also what Save and Discard end with."""
        rev = self._forget(item_id)
        draft: Draft = {"id": item_id, "raw": raw, "read_at": datetime.now(UTC), "rev": rev + 1}
        self._all()[item_id] = draft
        return draft

    def drop(self, item_id: str) -> None:
        self._forget(item_id)
        self._all().pop(item_id, None)

    def prefix(self, draft: Draft) -> str:
        """What the keys of this form's widgets begin with."""
        return f"{self._place}_{draft['id']}_{draft['rev']}_"

    def _forget(self, item_id: str) -> int:
        old = self._all().get(item_id)
        if old is None:
            return 0
        prefix = self.prefix(old)
        for key in [key for key in st.session_state if str(key).startswith(prefix)]:
            del st.session_state[key]
        return old["rev"]

    def _all(self) -> dict[str, Draft]:
        found: dict[str, Draft] = st.session_state.setdefault(f"{self._place}_drafts", {})
        return found
