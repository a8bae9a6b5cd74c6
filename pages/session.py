"""Session: the record of one session. What was said, what happened when, why it ended; to read, take along, delete."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from lib.models import Session, SessionEvent, Turn
from lib.services.ledger import outcome
from lib.services.wording import words
from lib.services.wording.plain import cost
from lib.ui.call import strips
from lib.ui.kit import context, editing, feedback, notes, parts, places
from lib.ui.kit.context import Services
from lib.ui.kit.text import local, md, span, stamp
from lib.ui.records import record

DOOMED = "session_doomed"


def draw_record_head(
    services: Services, session: Session, turns: Sequence[Turn], events: Sequence[SessionEvent]
) -> bool:
    """Title and actions; returns whether to start the agent again."""
    sub = " · ".join(filter(None, (stamp(session.created_at), session.persona_name, session.id)))
    with parts.header(session.agent_name, sub, "session"):
        parts.chip(parts.session_state(session))
        if not session.status.open and st.button("Delete", icon=":material/delete:", key="session_delete"):
            confirm_delete_record(session, len(turns), words.at(services.sandbox))
        with st.popover("Export", icon=":material/download:"):
            draw_record_exports(services, session, turns, events)
        if session.status.open:
            if st.button("Return to room", type="primary", icon=":material/arrow_forward:", key="session_back"):
                st.switch_page(places.LIVE, query_params={"session": session.id})
            return False
        word = strips.again_word(services, session, with_avatar(session))
        return st.button(word, type="primary", icon=":material/replay:", key="session_again")


@st.dialog("Delete this record?", icon=":material/delete:")
def confirm_delete_record(session: Session, entries: int, where: str) -> None:
    """Asks once and says what is lost, and what is not."""
    st.markdown(f"**{md(session.agent_name, 120)}**, {md(stamp(session.created_at))}")
    said = f"{entries} entr{'y' if entries == 1 else 'ies'} of transcript and chat, " if entries else ""
    st.markdown(
        f"Lost for ever: {said}its timeline, impression and callbacks. It is taken out of lists, search and database."
    )
    st.markdown(":gray[The minutes it used stay counted. Recordings in your own storage stay.]")
    at_tavus = False
    if session.conversation_id:
        at_tavus = st.checkbox(f"Also delete the conversation {where}", key="session_delete_there")
    act = ("Delete record", "danger-session-delete")
    editing.confirm(("Keep it", "session_keep"), act, ask_delete, session.id, at_tavus)


def ask_delete(session_id: str, at_tavus: bool) -> None:
    st.session_state[DOOMED] = (session_id, at_tavus)


def delete_record(services: Services, session_id: str, at_tavus: bool) -> None:
    """Delete it and go to the list it was in; a failure stays here."""
    services.retention.delete(session_id, at_tavus=at_tavus)
    notes.later("Record deleted.")
    st.switch_page(places.HISTORY, query_params=record.listed())


def with_avatar(session: Session) -> bool:
    """Whether this session was meant to have an avatar, even if it was refused one."""
    return session.in_room or bool(session.reason)


def draw_record_exports(
    services: Services, session: Session, turns: Sequence[Turn], events: Sequence[SessionEvent]
) -> None:
    export = services.export
    speaker, name = record.speaker(services, session), export.file_name(session, local(session.created_at))
    for word, suffix, mime, make in (
        ("Markdown, to read", "md", "text/markdown", lambda: export.markdown(session, turns, events, speaker)),
        ("CSV, for a sheet", "csv", "text/csv", lambda: export.turns_csv(turns)),
        ("JSON, for a program", "json", "application/json", lambda: export.as_json(session, turns, events)),
    ):
        st.download_button(
            word, make, f"{name}.{suffix}", mime, key=f"session_{suffix}", on_click="ignore", width="stretch"
        )


def draw_record_metrics(session: Session, turns: Sequence[Turn], price: float) -> None:
    yours, your_words = record.spoken(turns, "user")
    theirs, their_words = record.spoken(turns, "assistant")
    asked = sum(turn.content.count("?") > 0 for turn in turns if turn.role == "user")
    limit = "Text chat, no limit" if not session.in_room else f"of {span(session.max_call_s)} at most"
    last = ("Questions you asked", f"{asked}", "with a question mark")
    estimate = cost(session, price)
    if estimate is not None:
        last = ("Estimated cost", f"{estimate:,.2f}", f"at {price:g} a minute")
    parts.metrics(
        (
            ("Length", record.length(session), limit),
            ("You spoke", times(yours), f"{your_words} words"),
            ("The avatar spoke", times(theirs), f"{their_words} words"),
            last,
        )
    )


def times(count: int) -> str:
    return f"{count} time{'' if count == 1 else 's'}"


def ending(session: Session) -> None:
    """Why it ended or why there was no avatar, where there is something to say."""
    if session.status.open:
        return
    kind: parts.Kind = "bad" if session.status == "failed" else "info"
    rest = " ".join(filter(None, (session.reason, session.reason_hint))) if session.end_reason else session.reason_hint
    with parts.banner(kind, f"{record.why(session)}.", rest, key="session-why"):
        if outcome.agents_fault(session) and st.button("Open the agent", key="session_agent"):
            st.switch_page(places.AGENTS, query_params={"agent": session.agent_id})


def main() -> None:
    session_id = st.query_params.get("session", "")
    st.page_link(places.HISTORY, label="History", icon=":material/arrow_back:", query_params=record.listed())
    if not session_id:
        with parts.empty("No session chosen", "Choose one in History.", key="session"):
            if st.button("Open History", type="primary", key="session_history"):
                st.switch_page(places.HISTORY)
        return

    # act on what the dialog of the last run asked for
    doomed = st.session_state.pop(DOOMED, None)
    if doomed:
        with feedback.section("delete the record", retry=False):
            delete_record(context.services(), *doomed)

    # fetch
    with feedback.required("read the session"):
        services = context.services()
        session = services.sessions.get(session_id)
        turns = services.sessions.turns(session_id)
        events = services.archive.story(session, turns)

    # render
    again = draw_record_head(services, session, turns, events)
    notice = st.container()
    ending(session)
    draw_record_metrics(session, turns, services.archive.price_per_minute)
    left, right = st.columns([8, 4], gap="medium")
    with left:
        st.header("Transcript", anchor=False)
        text = record.searched()
        found = partial(services.archive.marked, text=text) if text else None
        record.transcript(session, turns, record.speaker(services, session), found=found)
        record.impression(session)
        record.recordings(session)
        record.beside(turns)
    with right:
        st.header("Timeline", anchor=False)
        with st.container(border=True, height=620 if len(events) > 16 else "content", key="timeline"):
            record.timeline(events, turns)
        st.page_link(
            places.INSPECTOR,
            label="Requests and callbacks of this session",
            icon=":material/swap_vert:",
            query_params={"of": session.id},
        )

    # act
    if again:
        with notice, feedback.section("start the session", retry=False):
            wanted = with_avatar(session) and not services.loaded.problems
            strips.start_session(session.agent_id, enable_avatar=wanted, after=session.id)


main()
