"""The button in each row of a table: its column, and the row that was clicked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import streamlit as st

Id = TypeVar("Id", bound=str | int)


def column(key: str) -> Any:
    """The column of buttons that say what the table's cells hold. `key` is unique on the page."""
    return st.column_config.ButtonColumn("", width=64, pinned=True, type="secondary", on_click=_noted, key=key)


def clicked(key: str, ids: Sequence[Id]) -> Id | None:
    """The id of the row whose button was clicked, None if none was. `ids` are those of the rows that are drawn now.

    A click counts the rows of the table as it was drawn before, and the run that it makes may have newer ones above.
    Call it once on each run that draws the table, before it is drawn: a click may come as soon as it is.
    """
    shown: list[Id] = st.session_state.get(f"{key}_shown", [])
    st.session_state[f"{key}_shown"] = list(ids)
    click = st.session_state.get(key)
    return shown[click["row"]] if click and 0 <= click["row"] < len(shown) else None


def _noted() -> None:
    """A callback is what makes a click a run; the click itself is read from the session's state."""
