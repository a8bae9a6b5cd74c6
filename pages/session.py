"""Session: the record of one session. What was said, what happened when, why it ended; to read or to take along."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib.models import Mode, Session, SessionEvent, Turn
from lib.ui import context, feedback, parts, places, record, strips
from lib.ui.context import Services
from lib.ui.text import html, span, stamp


def head(services: Services, session: Session, turns: Sequence[Turn], events: Sequence[SessionEvent]) -> bool:
    """Title and actions; returns whether to start the agent again."""
    sub = " · ".join(filter(None, (stamp(session.created_at), session.persona_name, session.id)))
    with parts.header(session.agent_name, sub, "session"):
        parts.chip(parts.session_state(session))
        with st.popover("Export", icon=":material/download:"):
            exports(services, session, turns, events)
        if session.status.open:
            if st.button("Return to room", type="primary", icon=":material/arrow_forward:", key="session_back"):
                st.switch_page(places.LIVE, query_params={"session": session.id})
            return False
        word = f"Start again, up to {span(session.max_call_s)}" if with_avatar(session) else "Start again"
        return st.button(word, type="primary", icon=":material/replay:", key="session_again")


def with_avatar(session: Session) -> bool:
    """Whether this session was meant to have an avatar, even if it was refused one."""
    return session.mode is not Mode.TEXT or bool(session.reason)


def exports(services: Services, session: Session, turns: Sequence[Turn], events: Sequence[SessionEvent]) -> None:
    export = services.export
    for word, suffix, mime, make in (
        ("Markdown, to read", "md", "text/markdown", lambda: export.markdown(session, turns, events)),
        ("CSV, for a sheet", "csv", "text/csv", lambda: export.turns_csv(turns)),
        ("JSON, for a program", "json", "application/json", lambda: export.as_json(session, turns, events)),
    ):
        st.download_button(
            word, make, f"{session.id}.{suffix}", mime, key=f"session_{suffix}", on_click="ignore", width="stretch"
        )


def metrics(session: Session, turns: Sequence[Turn]) -> None:
    yours, your_words = record.spoken(turns, "user")
    theirs, their_words = record.spoken(turns, "assistant")
    asked = sum(turn.content.count("?") > 0 for turn in turns if turn.role == "user")
    limit = "Text chat, no limit" if session.mode is Mode.TEXT else f"of {span(session.max_call_s)} at most"
    parts.metrics(
        (
            ("Length", record.length(session), limit),
            ("You spoke", times(yours), f"{your_words} words"),
            ("The avatar spoke", times(theirs), f"{their_words} words"),
            ("Questions you asked", f"{asked}", "with a question mark"),
        )
    )


def times(count: int) -> str:
    return f"{count} time{'' if count == 1 else 's'}"


def story(session: Session, turns: Sequence[Turn], events: Sequence[SessionEvent]) -> None:
    st.header("Timeline", anchor=False)
    with st.container(border=True, height=460 if len(events) > 10 else "content", key="timeline"):
        record.timeline(events, turns)
    if session.perception:
        with st.expander("Perception: the model’s impression", icon=":material/visibility:"):
            st.caption("An impression by a model, not a measurement.")
            st.html(f'<div class="gr-pre" dir="auto">{html(session.perception)}</div>')


def outcome(session: Session) -> None:
    """Why it ended or why there was no avatar, where there is something to say."""
    if session.status.open:
        return
    kind: parts.Kind = "bad" if session.status == "failed" else "info"
    rest = " ".join(filter(None, (session.reason, session.reason_hint))) if session.end_reason else session.reason_hint
    with parts.banner(kind, f"{record.why(session)}.", rest, key="session-why"):
        if session.reason_code in record.AGENTS_FAULT and st.button("Open the agent", key="session_agent"):
            st.switch_page(places.AGENTS, query_params={"agent": session.agent_id})


def main() -> None:
    session_id = st.query_params.get("session", "")
    st.page_link(places.HISTORY, label="History", icon=":material/arrow_back:", query_params=record.listed())
    if not session_id:
        with parts.empty("No session chosen", "Choose one in History.", key="session"):
            if st.button("Open History", type="primary", key="session_history"):
                st.switch_page(places.HISTORY)
        return

    # fetch
    with feedback.required("read the session"):
        services = context.services()
        session = services.sessions.get(session_id)
        turns = services.sessions.turns(session_id)
        events = services.sessions.timeline(session_id)

    # render
    again = head(services, session, turns, events)
    notice = st.container()
    outcome(session)
    metrics(session, turns)
    left, right = st.columns([8, 4], gap="medium")
    with left:
        st.header("Transcript", anchor=False)
        record.transcript(session, turns, record.speaker(services, session))
    with right:
        story(session, turns, events)

    # act
    if again:
        with notice, feedback.section("start the session", retry=False):
            strips.start(session.agent_id, enable_avatar=with_avatar(session))


main()
