"""Where a document stands, and the look at it that goes on while Tavus reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from lib.models import Document
from lib.services.library import documents
from lib.ui.kit import context, feedback, parts
from lib.ui.kit.text import ago, html, md, plain, stamp

TICK_S = 2.0
HOLDING = "library_dialog"
"""Set while a dialog is open, which a run of the whole page would close."""

_KNOWN = {"started": "waiting_to_read", "processing": "reading", "recrawling": "reading_again", "error": "unreadable"}


def document_chip(document: Document) -> str:
    """Its state as HTML, with how far it is; a state that is not known, by its own word."""
    state = _KNOWN.get(document.status, document.status)
    if state not in parts.STATES:
        return f'<span class="gr-chip gr-gray">{html(plain(document.status, 24) or "State not known")}</span>'
    word, colour, icon = parts.STATES[state]
    share = f" {document.progress} %" if document.busy and document.progress is not None else ""
    return f'<span class="gr-chip gr-{colour}"><i aria-hidden="true">{icon}</i>{word}{share}</span>'


def word(document: Document) -> str:
    """Its state in a word or two."""
    state = _KNOWN.get(document.status, document.status)
    return parts.STATES[state][0] if state in parts.STATES else plain(document.status, 24) or "State not known"


def watch(only: Document | None = None) -> None:
    """Look on while something is being read, and draw the page anew when it changes; nothing at all otherwise.

    `only` is the one document that the page shows, None for all.
    """
    busy = context.services().library.documents.busy() if only is None else (only,) if only.busy else ()
    if busy:
        _monitor(tuple(item.id for item in busy), _marks(busy), only is not None)


def _marks(items: Sequence[Document | None]) -> tuple[tuple[str, int | None] | None, ...]:
    """What a change of makes a page worth drawing anew."""
    return tuple((item.status, item.progress) if item is not None else None for item in items)


@st.fragment(run_every=TICK_S)
def _monitor(ids: tuple[str, ...], seen: tuple[tuple[str, int | None] | None, ...], alone: bool) -> None:
    kept = context.services().library.documents
    error = kept.watch()
    now = [kept.known(item_id) for item_id in ids]
    busy = sum(item is not None and item.busy for item in now)
    if error is not None:
        told = f"{feedback.sentence(error.message)} What is shown is as it was; it is looked at again in a while."
        st.markdown(f":small[:orange[:material/warning: {md(told)}]]")
    elif busy:
        what = "It is" if alone else "1 document is" if busy == 1 else f"{busy} documents are"
        st.markdown(f":small[:gray[:material/sync: {what} being read. This page follows by itself.]]")
    if _marks(now) != seen and not st.session_state.get(HOLDING):
        st.rerun()


def about(document: Document) -> None:
    """State, reason of a failure, what was read and when, for the document's own page."""
    bar = parts.bar_html((document.progress or 0) / 100) if document.busy else ""
    st.html(f'<div class="gr-state">{document_chip(document)}{bar}</div>')
    why = documents.why(document)
    if why:
        with parts.banner("bad", "It could not be read.", why, key="document-error", stacked=True):
            pass
    rows = [("Address", documents.shown_url(document.url))]
    crawl = document.crawl
    if crawl:
        rows.append(
            ("Follows links", f"{crawl.get('depth', '?')} levels deep, {crawl.get('max_pages', '?')} pages at most")
        )
    if document.last_crawled_at is not None:
        count = document.raw.get("crawl_count")
        times = f", {count} times in all" if isinstance(count, int) and count > 1 else ""
        rows.append(("Last read", f"{ago(document.last_crawled_at)}{times}"))
    parts.facts(rows)
    pages = document.raw.get("crawled_urls")
    if isinstance(pages, list) and pages:
        with st.expander(f"{len(pages)} page{'s' if len(pages) != 1 else ''} read", icon=":material/list:"):
            shown = "".join(f"<li>{html(documents.shown_url(str(page)))}</li>" for page in pages[:100])
            st.html(f'<ul class="gr-pages">{shown}</ul>')


def next_crawl(document: Document) -> str:
    """When Tavus takes the next crawl, as a quiet line; "" where it takes it now."""
    at = documents.can_crawl_at(document, None, datetime.now(UTC))
    return f"Tavus takes one crawl an hour: the next one from {stamp(at)} on." if at else ""
