"""The open sessions as live strips, and the one way in which a page starts a session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import streamlit as st

from lib.models import Session, Status
from lib.services.ledger import outcome
from lib.ui.call import presence
from lib.ui.kit import context, feedback, parts, places
from lib.ui.kit.text import clock, local, span
from lib.ui.records import record
from lib.wiring import Services

ENDS_WITHIN = timedelta(seconds=5)
_DOUBLE_CLICK = timedelta(seconds=5)
_TOKENS = "start_tokens"
IN_ROOM = "the avatar is in the room"
_GLANCE_S = 0.4  # a quick answer is drawn at once; a slower one is waited for in sight, on the next page


def start_session(agent_id: str, *, enable_avatar: bool = True, after: str = "") -> None:
    """Start this agent and go to its session. A failure is raised and the page stays.

    The click has a name that a second click on the same button shares, so that a double click is one start, even
    when the second one arrives after the first has left the page. `after` is a session that is over and that the
    button starts anew: a button of its own.
    """
    sessions = context.services().sessions
    key = f"{agent_id}:{enable_avatar}:{after}"
    tokens: dict[str, tuple[str, datetime]] = st.session_state.setdefault(_TOKENS, {})
    now = datetime.now(UTC)
    token, used_at = tokens.get(key, ("", now))
    again = bool(token) and now - used_at <= _DOUBLE_CLICK
    tokens[key] = (token if again else uuid4().hex, now)
    how: dict[str, Any] = {"enable_avatar": enable_avatar, "actor": presence.person()}
    session = sessions.start_and_wait(agent_id, token=tokens[key][0], timeout_s=_GLANCE_S, **how)
    if again and _was_ended(session):
        tokens[key] = (uuid4().hex, now)
        session = sessions.start_and_wait(agent_id, token=tokens[key][0], timeout_s=_GLANCE_S, **how)
    st.switch_page(places.LIVE, query_params={"session": session.id})


def _was_ended(session: Session) -> bool:
    """Whether what the click before started was ended since, and did not just fail: that is shown, not paid again."""
    if session.status.open and session.status is not Status.ENDING:
        return False
    if not session.in_room or not session.reason_code:
        return True
    return any(event.kind == "ending" for event in context.services().sessions.timeline(session.id))


def start_word(services: Services, limit: str) -> tuple[str, bool]:
    """What a Start button says, and whether it starts a text chat: no avatar starts while a setting is wrong."""
    if services.loaded.problems:
        return "Start in text", True
    return f"Start, up to {limit}", False


def again_word(services: Services, session: Session, avatar: bool) -> str:
    """What the Start button of a session that is over says. `avatar`: it was meant to have one."""
    if not avatar:
        return "Start again"
    return "Start again in text" if services.loaded.problems else f"Start again, up to {span(session.max_call_s)}"


def open_sessions(place: str) -> list[Session]:
    """Draw each open session with its way back in and its end; gives them back."""
    sessions = context.services().sessions.open()
    if sessions:
        _strips(place, marks(sessions), [sessions])
    return sessions


def open_calls(place: str) -> bool:
    """Draw each open call, text chats apart: what could be ended to make room. False if there is none."""
    calls = [session for session in context.services().sessions.open() if session.in_room]
    if calls:
        _strips(place, marks(calls), [calls], calls_only=True)
    return bool(calls)


def marks(sessions: list[Session]) -> tuple[tuple[str, str], ...]:
    """What changes when one of these sessions moves on."""
    return tuple((session.id, session.status.value) for session in sessions)


def trouble(services: Services, session: Session, place: str) -> None:
    """A banner while Tavus can't be asked about this session: since when, what it may cost, what is done about it."""
    found = services.sessions.trouble(session.id) if session.status.open else None
    if found is None:
        return
    ending = session.status is Status.ENDING
    cause = f"{feedback.sentence(found.message)} Since {local(found.since):%H:%M:%S}."
    cost = "" if services.sandbox else f"The call may still be billed, until its limit of {span(session.max_call_s)}."
    goes_on = "The room may still be open." if ending else "A call in its room may go on meanwhile."
    again = "Greenroom tries again by itself until Tavus answers"
    again += ", and at once if you press Try again." if ending else "."
    rest = " ".join(filter(None, (goes_on, cost, again, found.hint)))
    with parts.banner("bad" if ending else "warn", cause, rest, key=f"trouble-{place}", stacked=True):
        if st.button("Open Diagnostics", key=f"{place}_trouble_diagnostics"):
            st.switch_page(places.DIAGNOSTICS)


def end_button(services: Services, session: Session, key: str, *, main: bool = False) -> None:
    """End session; while it ends and that takes long, the same place asks Tavus again. `main`: it is what to do now."""
    if session.status is not Status.ENDING:
        kind: Literal["primary", "secondary"] = "primary" if main else "secondary"
        place = key if main else f"danger-{key}"
        if st.button("End session", key=place, icon=":material/call_end:", type=kind):
            services.sessions.end(session.id)
            st.rerun()
        return
    if not ends_slowly(services, session):
        st.button("Ending", key=f"ending-{key}", icon=":material/hourglass_bottom:", disabled=True)
    elif st.button("Try again", key=f"again-{key}", icon=":material/refresh:"):
        services.sessions.end(session.id)
        st.toast("Tavus is asked again to end the room.", icon=":material/refresh:")


def ends_slowly(services: Services, session: Session, now: datetime | None = None) -> bool:
    """Whether its end was asked for a while ago, or Tavus can't be asked at all."""
    if services.sessions.trouble(session.id) is not None:
        return True
    asked = [event.at for event in services.sessions.timeline(session.id) if outcome.asks_for_the_end(event.kind)]
    return bool(asked) and (now or datetime.now(UTC)) - asked[0] > ENDS_WITHIN


def calls_in_use(services: Services, sessions: list[Session]) -> str:
    used = sum(session.in_room for session in sessions)
    return f"{used} of {services.loaded.settings.max_concurrent_calls} calls in use"


@st.fragment(run_every=2.0)
def _strips(
    place: str, seen: tuple[tuple[str, str], ...], known: list[list[Session]], calls_only: bool = False
) -> None:
    """`known` holds the sessions for the first drawing, which comes right after they were read."""
    services = context.services()
    sessions = known.pop() if known else services.sessions.open()
    if calls_only:
        sessions = [session for session in sessions if session.in_room]
    used = calls_in_use(services, sessions)
    for session in sessions:
        _strip(place, session, used)
    # After the buttons and not before them: a click that meets a change of status would be lost.
    if marks(sessions) != seen:
        st.rerun()


def _strip(place: str, session: Session, used: str) -> None:
    key = f"{place}-{session.id}"
    text = not session.in_room
    live = session.status is Status.LIVE and not text
    listing = context.services().catalogue.replica_shelf.peek()
    replica = listing.find(session.replica_id) if listing else None
    face = context.own_path(replica.thumbnail_image_url) if replica else ""
    time = clock(record.elapsed_s(session)) + ("" if text else f" of {clock(session.max_call_s)}")
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"strip-live-home-{key}"
    ):
        parts.strip_head(
            face,
            session.agent_name,
            f"with {session.persona_name}" if session.persona_name else "",
            parts.session_state(session),
            " · ".join(filter(None, (time, IN_ROOM if live else "", "nothing is billed" if text else used))),
        )
        with st.container(horizontal=True, width="content", gap="xsmall"):
            word = "Return to chat" if text else "Return to room"
            arrow = ":material/arrow_forward:"
            if st.button(word, type="primary", icon=arrow, icon_position="right", key=f"{key}_back"):
                st.switch_page(places.LIVE, query_params={"session": session.id})
            with feedback.section("end the session"):
                end_button(context.services(), session, key)
    trouble(context.services(), session, key)
