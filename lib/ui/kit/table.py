"""A table whose rows can be opened: by the button in each, by name from the keyboard, or one that is selected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

Id = TypeVar("Id", bound=str | int)
ROW_HEIGHT = 38


def arrow(cells: Mapping[str, Sequence[Any]]) -> Any:
    """Columns by their names as an Arrow table, which spares the import of pandas."""
    import pyarrow  # type: ignore[import-untyped]

    return pyarrow.table(dict(cells))


def chips(label: str, colours: Mapping[str, str], width: int | None = None) -> Any:
    """A column of coloured words."""
    return st.column_config.MultiselectColumn(label, options=list(colours), color=list(colours.values()), width=width)


def open_by_button(
    key: str, ids: Sequence[Id], rows: Any, columns: Mapping[str, Any], *, order: Sequence[str] = (), alt: str = ""
) -> Id | None:
    """Draw the table with a button in each row; the id of the row whose button was clicked, None if none was.

    `ids` are those of `rows`, an Arrow table; `columns` are its columns' configurations, `order` names those that are
    shown, where that is not all as they stand. A click counts the rows of the table as it was drawn before, and the run
    that it makes may have newer ones above.
    """
    shown: list[Id] = st.session_state.get(f"{key}_opened_shown", [])
    # Kept before the table is drawn: a click may come as soon as it is.
    st.session_state[f"{key}_opened_shown"] = list(ids)
    click = st.session_state.get(f"{key}_opened")
    button = st.column_config.ButtonColumn(
        "", width=64, pinned=True, type="secondary", on_click=_noted, key=f"{key}_opened"
    )
    st.dataframe(
        rows.add_column(0, "open", [["Open"] * len(ids)]),
        hide_index=True,
        row_height=ROW_HEIGHT,
        height="content",
        key=f"{key}_table",
        column_order=["open", *order] if order else None,
        column_config={"open": button, **columns},
        alt=alt or None,
    )
    return shown[click["row"]] if click and 0 <= click["row"] < len(shown) else None


def select_row(key: str, rows: Any, columns: Mapping[str, Any], *, alt: str) -> int | None:
    """Draw the table; the number of the row that is selected, None if none is."""
    picked = st.dataframe(
        rows,
        hide_index=True,
        row_height=ROW_HEIGHT,
        height="content",
        key=f"{key}_table",
        on_select="rerun",
        selection_mode="single-row",
        column_config=columns,
        alt=alt,
    )
    # A selection may be of a longer table, which was drawn before.
    return next((row for row in picked["selection"]["rows"] if row < rows.num_rows), None)


def open_by_name(what: str, options: Sequence[Id], named: Callable[[Id], str], *, key: str, width: int) -> Id | None:
    """The rows by name: buttons in a table can't be reached from the keyboard. `what` is one of them: "a record"."""
    st.selectbox(
        f"Open {what}",
        options,
        index=None,
        format_func=named,
        placeholder=f"Open {what} by name",
        label_visibility="collapsed",
        width=width,
        key=key,
        on_change=_picked,
        args=(key,),
    )
    chosen: Id | None = st.session_state.pop(f"{key}_chosen", None)
    return chosen


def _picked(key: str) -> None:
    """A choice opens it once: the next run finds nothing chosen."""
    st.session_state[f"{key}_chosen"] = st.session_state[key]
    st.session_state[key] = None


def _noted() -> None:
    """A callback is what makes a click a run; the click itself is read from the session's state."""
