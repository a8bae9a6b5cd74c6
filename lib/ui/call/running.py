"""Live session with a call: header and strip above the frame, text chat below it, the persona at its right.

Nothing here asks Tavus: the strip reads one row a second, and when the status changes the whole page is drawn once.
"""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from lib.models import Session, Status, Watch
from lib.services.ledger import outcome
from lib.ui.call import chat, strips, unavailable
from lib.ui.call.embed import Slots
from lib.ui.kit import context, feedback, parts, places
from lib.ui.kit.text import clock, gist, html, local, md, span, stamp
from lib.ui.records import record

BESIDE = "Text chat, outside the call"


def draw_call(slots: Slots) -> None:
    session = slots.session
    text = not session.in_room
    with slots.head:
        draw_call_head(session)
        if text and session.reason and session.status.open:
            unavailable.refused(session)
        elif unavailable.broke_off(session):
            unavailable.broken(session)
        elif not session.status.open:
            over(session)
        beside = st.container()
        if session.status.open:
            ticking(session, slots.left)
    with slots.below:
        if session.status.open and text:
            st.header("Chat", anchor=False)
            chat.draw_chat(session, in_call=False)
        elif session.status.open:
            if context.services().modes.of(session).told_as_said:
                heard(session)
            # The room has a field of its own, in which the avatar is written to: this one is folded away from it.
            fold = st.expander(BESIDE, icon=":material/chat:", key="live_beside", on_change="rerun")
            if fold.open:
                with fold:
                    chat.draw_chat(session, in_call=True)
        else:
            draw_transcript(session)
    with slots.side:
        draw_call_side(session, slots.left)
        if session.status.open and not text:
            with beside:
                unavailable.browser(slots.below)


def draw_call_head(session: Session) -> None:
    sub = " · ".join(filter(None, (session.persona_name, f"session {session.id}")))
    with parts.header(session.agent_name, sub, "live"):
        if not session.status.open:
            parts.chip(parts.session_state(session) if session.status is Status.FAILED else "ended")
            return
        # A private room's address holds its key, which belongs in the frame and not in an address bar.
        if session.in_room and not session.private_room:
            url = context.own_path(context.services().sessions.room_url(session))
            if url:
                note = "Greenroom sees a call in another tab, but not what happens in it. Leave this frame first."
                st.link_button(
                    "Open in new tab",
                    url,
                    icon=":material/open_in_new:",
                    help=note,
                    key="live_new_tab",
                    on_click=context.services().sessions.detach,
                    args=(session.id,),
                )


def ticking(session: Session, left: bool) -> None:
    """The strip, drawn anew every second by itself; sooner while the room is made, which takes less than that.

    `left`: the person has left the room, and what goes on now is a call without them.
    """
    every_s = 0.4 if session.status is Status.STARTING else 1.0
    st.fragment(_strip, run_every=every_s)(session.id, _mark(session), left, [session])


def _strip(session_id: str, seen: tuple[str, ...], left: bool, known: list[Session]) -> None:
    """`known` holds the session for the first drawing, which comes right after it was read."""
    services = context.services()
    session = known.pop() if known else services.sessions.recent(session_id)
    text = not session.in_room
    used = "Text chat is not billed" if text else strips.calls_in_use(services, services.sessions.open())
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key="strip-live-call"):
        st.html(_state(session, used, left=left, billed=not services.sandbox), width="stretch")
        with feedback.section("end the session"):
            strips.end_button(services, session, "end", main=left)
    strips.trouble(services, session, "live")
    # After the button and not before it: a click that meets a change of status would be lost.
    if _mark(session) != seen:
        st.rerun()


def _state(session: Session, used: str, *, left: bool, billed: bool) -> str:
    """State, time, share of the limit and calls in use, as HTML for one element; and what leaving does not do."""
    elapsed = record.elapsed_s(session)
    words = {
        Status.STARTING: "The room is being made",
        Status.UNKNOWN: _being_checked(session),
        Status.WAITING: "The avatar is coming",
        Status.LIVE: "" if not session.in_room or left else "The avatar is in the room",
        Status.ENDING: "Tavus is asked to close the room",
    }.get(session.status, "")
    # On a phone, where each line above the room counts, the chip is enough for these two.
    spare = ' class="gr-spare"' if session.status in (Status.WAITING, Status.LIVE) else ""
    cells = [parts.chip_html(parts.session_state(session)), f"<span{spare}>{words}</span>" if words else ""]
    if not session.in_room:
        cells.append(f"<span><b>{clock(elapsed)}</b></span>")
    else:
        cells.append(f"<span><b>{clock(elapsed)}</b> of {clock(session.max_call_s)}</span>")
        cells.append(parts.bar_html(elapsed / session.max_call_s))
    cells.append(f'<span class="gr-used">{html(used)}</span>')
    if session.in_room and session.status in (Status.WAITING, Status.LIVE):
        told = _leaving(left, billed)
        cells.append(f'<span class="gr-line">{told}</span>' if told else "")
    return f'<div class="gr-state">{"".join(cells)}</div>'


def _leaving(left: bool, billed: bool) -> str:
    """That a call goes on without the person, which costs money where it is billed; "" where nothing is to be said."""
    if left:
        return f"You left; the call {'is billed' if billed else 'goes on'} until it closes. End it now."
    return "Leaving the room does not end the billing. End session does." if billed else ""


def _being_checked(session: Session) -> str:
    """What is being asked, and until when; after that nobody knows, as Tavus must answer first."""
    if session.checking_until is None or session.checking_until < datetime.now(UTC):
        return "Tavus is asked whether the room was made, until it answers"
    return f"Tavus is asked until {local(session.checking_until):%H:%M:%S} whether the room was made"


def over(session: Session) -> None:
    """After the end: why it ended, and what comes next."""
    refused = f"There was no avatar: {session.reason}" if session.reason else ""
    rest = " ".join(filter(None, (f"It lasted {record.length(session)}.", refused)))
    mend = outcome.agents_fault(session)
    with parts.banner("info", f"{record.why(session)}.", rest, key="live-over"):
        if st.button("Open the record", key="live_record", icon=":material/history:"):
            st.switch_page(places.SESSION, query_params={"session": session.id})
        avatar = session.in_room or bool(session.reason)
        services = context.services()
        word = strips.again_word(services, session, avatar)
        if mend:
            unavailable.open_agent(session)
        if st.button(word, type="secondary" if mend else "primary", icon=":material/replay:", key="live_restart"):
            with feedback.section("start the session", retry=False):
                wanted = avatar and not services.loaded.problems
                strips.start_session(session.agent_id, enable_avatar=wanted, after=session.id)


def draw_transcript(session: Session) -> None:
    """What was said, once the call is over; while Tavus still writes it, that is said instead."""
    st.header("Transcript", anchor=False)
    if record.transcript_pending(session):
        _reading(session.id)
        return
    services = context.services()
    record.transcript(session, services.sessions.turns(session.id), record.speaker(services, session))


def heard(session: Session) -> None:
    """What is said, while it is said: the worker tells each turn."""
    st.header("Transcript", anchor=False)
    st.fragment(_heard, run_every=1.0)(session)


def _heard(session: Session) -> None:
    services = context.services()
    turns = [turn for turn in services.sessions.turns(session.id) if turn.source != "chat"]
    if turns:
        record.transcript(session, turns, record.speaker(services, session), height=220)
    else:
        st.caption("What is said appears here while the call goes on.")


@st.fragment(run_every=1.0)
def _reading(session_id: str) -> None:
    session = context.services().sessions.get(session_id)
    if not record.transcript_pending(session):
        st.rerun()
    with st.container(border=True, key="transcript"):
        st.markdown(":gray[:material/progress_activity: The transcript is being read. This takes a few seconds.]")
        st.skeleton(height=120)


def draw_call_side(session: Session, left: bool) -> None:
    """The persona's gist, and what happens next."""
    listing = context.services().catalogue.persona_shelf.peek()
    persona = listing.find(session.persona_id) if listing else None
    about = gist(persona.system_prompt, 240) if persona else ""
    facts: list[tuple[str, str]] = [("Started", stamp(session.created_at))]
    if session.in_room:
        facts.append(("Limit", span(session.max_call_s)))
        sandbox = context.services().sandbox
        facts.append(("Billing", "None: this is the sandbox" if sandbox else "By Tavus, from Start to the end"))
    if session.conversation_id:
        facts.append(("Conversation", session.conversation_id))
    st.html(
        f'<div class="gr-side"><h2>Persona</h2>'
        f"{parts.lines_html(session.persona_name or 'No persona', about)}</div>"
        f'<div class="gr-side"><h2>This session</h2>{parts.facts_html(facts)}'
        f'<p class="gr-quiet gr-phone">Session {html(session.id)}</p></div>'
    )
    if session.status.open and session.in_room:
        settings = context.services().loaded.settings
        there = session.status is Status.LIVE and not left
        here = "The avatar is in the room. It closes" if there else "The room closes"
        waits = record.elapsed_s(session) < settings.absent_timeout_s
        absent = f"{span(settings.absent_timeout_s)} after the start if nobody has joined by then, " if waits else ""
        left_s = span(settings.left_timeout_s)
        hint = f"{here} {absent}{left_s} after everyone left. The transcript appears after the call."
        st.caption(f":material/info: {md(hint)}")
        st.caption(f":material/visibility: {md(watched(session, settings.watch_grace_s))}")


def watched(session: Session, grace_s: float) -> str:
    """What becomes of the call when nobody looks."""
    grace = span(round(grace_s))
    return {
        Watch.PAGE: f"Greenroom ends the call once no page has shown it for {grace}.",
        Watch.DETACHED: "Its room was opened in a tab of its own, so it goes on when this page is closed.",
        Watch.API: f"Started by the API: Greenroom ends it once nobody has asked about it for {grace}.",
        Watch.NOBODY: "Started by the API: it goes on when this page is closed.",
    }[session.watch]


def _mark(session: Session) -> tuple[str, ...]:
    return session.status.value, str(session.mode), session.conversation_url, str(session.checking_until)
