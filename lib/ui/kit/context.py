"""What a run of a page is given: the services, and whether this run is the one that opened the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import streamlit as st

from lib import wiring
from lib.errors import GreenroomError
from lib.ui.shell import streamlit_private

Services = wiring.Services
"""What `services()` gives, under the name by which a page may say so: pages do not know the wiring."""

_FRESH_S = 60.0
_OPENED, _VISIT = "context_opened", "context_visit"


def services() -> wiring.Services:
    """The services of this process. Raises the GreenroomError that kept them from being built."""
    return wiring.current()


@contextmanager
def visit(place: str) -> Iterator[None]:
    """One run of the page `place` (its name and whatever else makes it another page).

    The mark of a fresh visit is taken away when the run ends, because a fragment runs later, without the entry
    script, and must not read again. A run that was cut short by a newer one leaves it to that one.
    """
    state = st.session_state
    if state.get(_VISIT) != place:
        state[_VISIT] = place
        state[_OPENED] = True
    try:
        yield
    except BaseException as error:
        if not streamlit_private.cut_short(error):
            state[_OPENED] = False
        raise
    state[_OPENED] = False


def freshness() -> float | None:
    """How old a list from Tavus may be, in seconds: 60 in the run that opened the page, None (any age) after it."""
    return _FRESH_S if st.session_state.get(_OPENED) else None


def reopen() -> None:
    """Forget what was read, and let the next run read again: what Retry does."""
    with suppress(GreenroomError):
        services().catalogue.forget()
        services().library.forget()
    st.session_state[_VISIT] = None


def own_path(url: str) -> str:
    """A URL of the embedded sandbox as a path of this server; any other URL as it is.

    The sandbox names itself by the loopback address, which a viewer on `localhost` or behind a tunnel can't reach.
    """
    base = services().sandbox_base
    if not base or not url.startswith(base + "/"):
        return url
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def actor() -> str:
    """Who is signed in, where a login is set up; else ""."""
    return str(st.user.get("name") or st.user.get("email") or "") if st.user.get("is_logged_in") else ""
