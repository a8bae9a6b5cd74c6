"""The open sessions as live strips, and the one way in which a page starts a session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import streamlit as st

from lib.models import Mode, Session, Status
from lib.ui import context, feedback, parts, places, record
from lib.ui.text import clock, md

_DOUBLE_CLICK = timedelta(seconds=5)
_TOKENS = "start_tokens"
_GLANCE_S = 0.4  # a quick answer is drawn at once; a slower one is waited for in sight, on the next page


def start(agent_id: str, *, enable_avatar: bool = True) -> None:
    """Start this agent and go to its session. A failure is raised and the page stays.

    The click has a name that a second click on the same button shares, so that a double click is one start, even
    when the second one arrives after the first has left the page.
    """
    sessions = context.services().sessions
    key = f"{agent_id}:{enable_avatar}"
    tokens: dict[str, tuple[str, datetime]] = st.session_state.setdefault(_TOKENS, {})
    now = datetime.now(UTC)
    token, used_at = tokens.get(key, ("", now))
    if not token or now - used_at > _DOUBLE_CLICK:
        token = uuid4().hex
    tokens[key] = (token, now)
    session = sessions.start_and_wait(agent_id, token=token, enable_avatar=enable_avatar, timeout_s=_GLANCE_S)
    if not session.status.open:
        tokens[key] = (uuid4().hex, now)
        session = sessions.start(agent_id, token=tokens[key][0], enable_avatar=enable_avatar)
    st.switch_page(places.LIVE, query_params={"session": session.id})


def open_sessions(place: str) -> int:
    """Draw each open session with its way back in and its end; returns how many there are."""
    sessions = context.services().sessions.open()
    if sessions:
        _strips(place, tuple(_mark(session) for session in sessions))
    return len(sessions)


@st.fragment(run_every=2.0)
def _strips(place: str, seen: tuple[tuple[str, str], ...]) -> None:
    services = context.services()
    sessions = services.sessions.open()
    if tuple(_mark(session) for session in sessions) != seen:
        st.rerun()
    allowance = services.sessions.allowance()
    used = f"{allowance.open_calls} of {allowance.max_calls} calls in use"
    for session in sessions:
        _strip(place, session, used)


def _strip(place: str, session: Session, used: str) -> None:
    key = f"{place}-{session.id}"
    persona = f" with {md(session.persona_name, 60)}" if session.persona_name else ""
    text = session.mode is Mode.TEXT
    time = clock(record.elapsed_s(session)) + ("" if text else f" of {clock(session.max_call_s)}")
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"strip-live-home-{key}"
    ):
        listing = context.services().catalogue.replica_shelf.peek()
        replica = listing.find(session.replica_id) if listing else None
        parts.avatar(context.own_path(replica.thumbnail_image_url) if replica else "", session.agent_name)
        st.markdown(
            f"**{md(session.agent_name, 80)}**{persona} {parts.chip_md(parts.session_state(session))}  \n"
            f":small[:gray[{md(time)} · {'nothing is billed' if text else used}]]",
            width="stretch",
        )
        with st.container(horizontal=True, width="content", gap="xsmall"):
            word = "Return to chat" if text else "Return to room"
            arrow = ":material/arrow_forward:"
            if st.button(word, type="primary", icon=arrow, icon_position="right", key=f"{key}_back"):
                st.switch_page(places.LIVE, query_params={"session": session.id})
            if st.button("End session", key=f"danger-{key}", disabled=session.status is Status.ENDING):
                with feedback.section("end the session"):
                    services = context.services()
                    services.sessions.end(session.id)
                    st.rerun()


def _mark(session: Session) -> tuple[str, str]:
    return session.id, session.status.value
