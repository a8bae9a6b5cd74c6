"""Editing the items of one page: their drafts, what is wrong once it was sent, what a dialog asks for, what is unsaved.

A draft is the row as it was read, with what was typed on it in the widgets' keys. One an item, kept for the visit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

import streamlit as st

from lib.errors import Ambiguous, GreenroomError
from lib.ui.kit import context, parts
from lib.ui.kit.text import series

UNSAVED = "It may have been saved. Saving again sends the same change once more and harms nothing."


class Draft(TypedDict):
    """`raw` is the row as it was read, the base of all edits. `rev` counts how often the form began anew.

    The keys of its widgets begin with `prefix`. `start` is what its form shows at first, where that is not `raw`.
    `made` is the id of what was created of it, from the moment that it exists. `restores`: its edits bring an earlier
    state back. `reason` is why they are made, as far as it was typed. `contested`: a save found that someone else
    changed the same.
    """

    id: str
    raw: dict[str, Any]
    read_at: datetime
    rev: int
    prefix: str
    start: NotRequired[object]
    made: NotRequired[str]
    restores: NotRequired[bool]
    reason: NotRequired[str]
    contested: NotRequired[bool]


class Asked(NamedTuple):
    """What a dialog wants done: `act`, of which item, and whatever else it takes."""

    act: str
    item_id: str
    detail: Any


class Editor:
    """What one page edits, in the session's state under `place`. `edits` says what of a draft was not saved."""

    def __init__(self, place: str, edits: Callable[[Draft], Sequence[str]]) -> None:
        self._place = place
        self._edits = edits
        self._todo, self._tried, self._failed = f"{place}_todo", f"{place}_tried", f"{place}_failed"

    def get(self, item_id: str) -> Draft | None:
        return self._drafts().get(item_id)

    def begin(self, item_id: str, raw: Mapping[str, Any], typed: Mapping[str, Any] | None = None) -> Draft:
        """A form on `raw` that holds what is `typed`, by its widgets' names: also what Save and Discard end with."""
        rev = self._forget(item_id) + 1
        prefix = f"{self._place}_{item_id}_{rev}_"
        draft: Draft = {"id": item_id, "raw": dict(raw), "read_at": datetime.now(UTC), "rev": rev, "prefix": prefix}
        self._drafts()[item_id] = draft
        for name, value in (typed or {}).items():
            st.session_state[prefix + name] = value
        return draft

    def drop(self, item_id: str) -> None:
        self._forget(item_id)
        self._drafts().pop(item_id, None)

    def opened(
        self, item_id: str, read: Callable[[], Mapping[str, Any]], *, older: bool | None = None, unknown: bool = False
    ) -> Draft:
        """The draft of this item, begun on what `read` gives when its page is opened: nothing is read on a rerun.

        `older`: the row is another one by now, so that it is read anew; None: where the page is opened anew. What was
        typed stays. `unknown`: it is read in any case. A failure is kept and raised again until the page is opened
        anew or Retry is pressed.
        """
        draft, fresh = self.get(item_id), context.freshness() is not None
        stays = draft is not None and (not (fresh if older is None else older) or self.edited(item_id))
        if draft is not None and stays and not unknown:
            return draft
        failed: tuple[str, GreenroomError] | None = st.session_state.get(self._failed)
        if failed is not None and failed[0] == item_id and not fresh:
            raise failed[1].with_traceback(None)
        try:
            raw = read()
        except GreenroomError as error:
            st.session_state[self._failed] = (item_id, error)
            raise
        st.session_state.pop(self._failed, None)
        return draft if draft is not None and stays else self.begin(item_id, raw)

    def edits(self, draft: Draft) -> Sequence[str]:
        """What differs from the row, as labels."""
        return self._edits(draft)

    def edited(self, item_id: str) -> bool:
        """True where something is typed that was not saved."""
        draft = self.get(item_id)
        return draft is not None and bool(self._edits(draft))

    def all_edited(self) -> set[str]:
        """The ids of all items with edits that were not saved."""
        return {item_id for item_id in self._drafts() if self.edited(item_id)}

    def attempted(self, draft: Draft, *, now: bool) -> bool:
        """True once it was tried to send the form, `now` or in an earlier run: from then on it says what is wrong."""
        if now:
            st.session_state[self._tried] = draft["prefix"]
        return bool(st.session_state.get(self._tried) == draft["prefix"])

    def ask(self, act: str, item_id: str, detail: Any = None) -> None:
        """What a dialog's button wants done: the page does it at the start of its next run."""
        st.session_state[self._todo] = Asked(act, item_id, detail)

    def asked(self, item_id: str = "") -> Asked | None:
        """Take what was asked for, of this item or ("") of any."""
        todo = st.session_state.get(self._todo)
        if todo is None or (item_id and todo[1] != item_id):
            return None
        del st.session_state[self._todo]
        return Asked(*todo)

    def _forget(self, item_id: str) -> int:
        """Drop what was typed; returns the draft's `rev`."""
        old = self.get(item_id)
        if old is None:
            return 0
        for key in [key for key in st.session_state if str(key).startswith(old["prefix"])]:
            del st.session_state[key]
        return old["rev"]

    def _drafts(self) -> dict[str, Draft]:
        found: dict[str, Draft] = st.session_state.setdefault(f"{self._place}_drafts", {})
        return found


def unsaved(edits: Sequence[str], place: str, *, banner: str, key: str) -> bool:
    """Says what was typed and not saved; True when Discard was clicked. `place`: who is sent it, "" for nobody."""
    if not edits:
        return False
    count = f"{len(edits)} {'local ' if place else ''}edit{'' if len(edits) == 1 else 's'}"
    rest = f"in {series(edits, 6, last=' and ')}.{f' Nothing has been sent to {place}.' if place else ''}"
    with parts.banner("info", count if place else f"{count} not saved", rest, key=banner, icon="edit"):
        return st.button("Discard edits", key=key)


def confirm(
    keep: tuple[str, str],
    act: tuple[str, str] | None,
    do: Callable[..., None],
    *args: Any,
    primary: bool = False,
    disabled: bool = False,
) -> None:
    """The end of a dialog: the way out and, where it can be done, the button that does it; each a label and a key."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        if st.button(keep[0], key=keep[1]):
            st.rerun()
        kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
        if act and st.button(act[0], type=kind, key=act[1], disabled=disabled, on_click=do, args=args):
            st.rerun()


@contextmanager
def unsure(hint: str) -> Iterator[None]:
    """Where it can't be known whether Tavus did it, the hint says what that means here."""
    try:
        yield
    except Ambiguous as error:
        raise Ambiguous(error.message, status=error.status, code=error.code, hint=hint) from error
