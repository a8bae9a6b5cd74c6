"""The way through a long list whose place stands in the page's address: newer, older, back to the newest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from lib.errors import BadInput

P = TypeVar("P")
OLDER, NEWER = "older", "newer"


def first_page() -> None:
    """Another list begins at its beginning."""
    for name in (OLDER, NEWER):
        st.query_params.pop(name, None)


def page(read: Callable[..., P], *, limit: int, **wanted: Any) -> P:
    """The page of a list that the address names, its first one where the address names none that there is.

    `read` takes what is `wanted`, a `limit`, a `cursor`, and whether what is `newer` than that is meant; it raises
    BadInput for a cursor that is none.
    """
    newer = st.query_params.get(NEWER)
    try:
        return read(limit=limit, cursor=newer or st.query_params.get(OLDER) or None, newer=newer is not None, **wanted)
    except BadInput:
        first_page()
        return read(limit=limit, **wanted)


def ways(previous: str | None, following: str | None, key: str) -> None:
    """The way to the pages around this one, by their cursors; nothing for a list of one page."""
    if previous is None and following is None:
        return
    for word, icon, name, cursor in (
        ("Newest", "first_page", "", previous),
        ("Newer", "chevron_left", NEWER, previous),
        ("Older", "chevron_right", OLDER, following),
    ):
        st.button(
            word,
            icon=f":material/{icon}:",
            icon_position="right" if name == OLDER else "left",
            disabled=cursor is None,
            key=f"{key}_{word.lower()}",
            on_click=_turn,
            args=(name, cursor),
        )


def _turn(name: str, cursor: str | None) -> None:
    first_page()
    if name and cursor:
        st.query_params[name] = cursor
