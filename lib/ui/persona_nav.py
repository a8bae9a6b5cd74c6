"""The address of each view of the persona page."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st


def go(item_id: str, view: str = "", **query: str) -> NoReturn:
    """Show this persona, or the list for ""; `view` is "" (its form), `history` or `compare`."""
    wanted = {"persona": item_id, "view": view, **query}
    st.query_params.from_dict({name: value for name, value in wanted.items() if value})
    st.rerun()
