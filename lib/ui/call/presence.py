"""Who sits in front of this tab, and that the tab is there: a call that no tab shows is ended after a while."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import streamlit as st

from lib.errors import GreenroomError
from lib.models import Session
from lib.ui.shell import streamlit_private
from lib.wiring import Services

BEAT_S = 10.0
SLOWEST_BEAT_S = 75.0
"""How long a hidden tab may be silent: browsers let its timers run once a minute."""


def tell(services: Services, session: Session | None) -> None:
    """This tab shows that session from now on, as long as its connection is open; None: it shows none any more.

    The connection says it, not the beat: the timers of a hidden tab slow down to one a minute, a closed one is gone at
    once. The beat is for a connection that was lost and came back. Neither costs a commit.
    """
    tab = streamlit_private.tab()
    if session is None or not session.status.open:
        services.sessions.leave(tab)
    else:
        told_at = time.monotonic()
        services.sessions.follow(tab, session.id, lambda: connected(tab, told_at))


def person() -> str:
    """Who starts a call here, for the limit on one person's starts: the name of a login, else the machine."""
    return person_name(st.user.to_dict(), st.context.ip_address)


def person_name(user: Mapping[str, Any], address: str | None) -> str:
    name = user.get("email") if user.get("is_logged_in") else None
    return str(name or address or "")[:200]


@st.fragment(run_every=BEAT_S)
def beat(services: Services, session_id: str, told: list[Session]) -> None:
    """Tells it anew every ten seconds, on every page while the tab is in a call.

    `told` holds the session for the run of the page itself, which has just told it.
    """
    if told:
        told.clear()
        return
    with suppress(GreenroomError):
        tell(services, services.sessions.recent(session_id))


def connected(tab: str, told_at: float) -> bool:
    """Whether the browser's connection of this tab is open. Can be asked from any thread.

    Where Streamlit does not say it, the beat must do: `told_at` is the last one, in seconds of `time.monotonic`.
    """
    known = streamlit_private.connected(tab)
    return time.monotonic() - told_at < SLOWEST_BEAT_S if known is None else known
