"""What every long list needs: find by typing, one page at a time, and the word that it is not fresh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import streamlit as st

from lib.services.catalogue.catalogue import Listing
from lib.ui.kit import context, feedback, parts
from lib.ui.kit.text import ago

T = TypeVar("T")


class Clicked(NamedTuple, Generic[T]):
    """What was clicked in a list: `act` is a word such as edit or delete, `what` the item or its id."""

    act: str
    what: T


def matches(query: str, *texts: str) -> bool:
    """True where each word of `query` is in one of `texts`, in any case."""
    sought = query.casefold().split()
    if not sought:
        return True  # before the texts are touched: prompts are long and there may be 500
    lowered = [text.casefold() for text in texts]
    return all(any(word in text for text in lowered) for word in sought)


def one_page(items: Sequence[T], size: int, key: str) -> Sequence[T]:
    """The items of the page that `pager` with the same `key` shows."""
    asked = st.session_state.get(key, 1)
    at = min(asked if isinstance(asked, int) else 1, max(1, -(-len(items) // size))) - 1
    return items[at * size : (at + 1) * size]


def pager(count: int, size: int, key: str, noun: str) -> None:
    """The way to the other pages, where there are any. `noun` names the items: "personas"."""
    pages = -(-count // size)
    if pages < 2:
        return
    # Without a width of its own it measures the row before it is laid out, and shows one page only.
    width = 72 + 38 * min(pages, 7)
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        st.caption(f"{count} {noun}", width="stretch")
        st.pagination(pages, key=key, persist_state="page", width=width)


def search(label: str, key: str) -> str:
    """A field that finds while one types."""
    found = st.text_input(
        label,
        placeholder=label,
        label_visibility="collapsed",
        icon=":material/search:",
        width=280,
        live=True,
        key=key,
        persist_state="page",
    )
    return (found or "").strip()


def stale(listing: Listing[Any] | None, noun: str) -> None:
    """Says that a list could not be read anew and how old what is shown is."""
    if listing is None or listing.error is None:
        return
    error = listing.error
    rest = f"The {noun} are shown as read {ago(listing.read_at)}. {error.hint}"
    with parts.banner("warn", feedback.sentence(error.message), rest, key=f"stale-{noun}", stacked=True):
        st.button("Retry", icon=":material/refresh:", key=f"lists_retry_{noun}", on_click=context.reopen)
