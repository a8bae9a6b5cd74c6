"""A word said on the next run, after a rerun or another address took this one's place."""

from __future__ import annotations

import streamlit as st

_KEY = "notes_later"


def later(text: str) -> None:
    """Say it where the next run begins. Markdown: escape what is not yours."""
    st.session_state[_KEY] = text


def unchanged() -> None:
    """What a press of Save says where nothing is to be saved.

    Such a button is never disabled: it would still be while a field is typed in, and the first click only end that.
    """
    st.toast("Nothing has changed.", icon=":material/info:")


def draw_note() -> None:
    text = st.session_state.pop(_KEY, "")
    if text:
        st.toast(text, icon=":material/check:")
