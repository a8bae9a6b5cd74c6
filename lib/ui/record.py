"""What a session looks like: how long it has lasted, its transcript, its timeline, in words a person uses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from lib.models import Mode, Session, SessionEvent, Status, Turn
from lib.services import words
from lib.services.export import shown
from lib.services.plain import length_s
from lib.ui.text import clock, html, local
from lib.wiring import Services

READING_S = 90.0
"""How long after its end a call's transcript may still be on its way, in seconds; then it is said to be missing."""

AGENTS_FAULT = ("rejected", "not_found")
"""Codes of a refusal for which the agent's own persona, replica or call settings are the first place to look."""

LISTED = "history_listed"

_COLOURS = {
    "start": "good",
    "replica_joined": "good",
    "transcript": "good",
    "checking": "warning",
    "refused": "warning",
    "unsafe_room": "warning",
}


def remember_list() -> None:
    """Keep what History shows now, so that the way back from a record leads there."""
    query = st.query_params
    st.session_state[LISTED] = [(name, value) for name in query for value in query.get_all(name)]


def listed() -> list[tuple[str, str]]:
    """The address of the list that History showed last."""
    found: list[tuple[str, str]] = st.session_state.get(LISTED, [])
    return found


def elapsed_s(session: Session, now: datetime | None = None) -> float:
    """How long it has lasted so far, or lasted in all, in seconds."""
    if session.ended_at is not None:
        return length_s(session)
    begun = session.created_at if session.mode is Mode.TEXT else session.waiting_at
    return max(0.0, ((now or datetime.now(UTC)) - begun).total_seconds()) if begun else 0.0


def why(session: Session) -> str:
    """Why it ended or never began, as a short sentence without a full stop; "" while it is open."""
    if session.status.open:
        return ""
    return session.end_reason or session.reason.rstrip(".") or "Ended"


def speaker(services: Services, session: Session) -> str:
    """Who answers: the replica's name where it is known, else the persona's or the agent's. Asks nobody."""
    listing = services.catalogue.replica_shelf.peek()
    replica = listing.find(session.replica_id) if listing else None
    return (replica.name if replica else session.persona_name or session.agent_name)[:40]


def stand_in(services: Services, session: Session) -> str:
    """Who answers in text chat. A persona that Tavus no longer has, and had not at the start, is not promised."""
    listing = services.catalogue.persona_shelf.peek()
    gone = not session.persona_name and listing is not None and listing.find(session.persona_id) is None
    return "a stand-in without its persona (it was deleted)" if gone else "a stand-in with the same persona"


def transcript_pending(session: Session, now: datetime | None = None) -> bool:
    """A call that ended a moment ago and whose transcript has not been read yet."""
    if session.mode is Mode.TEXT or session.status is not Status.ENDED or session.transcript_at is not None:
        return False
    if session.ended_at is None or not session.conversation_id:
        return False
    return ((now or datetime.now(UTC)) - session.ended_at).total_seconds() < READING_S


def transcript(session: Session, turns: Sequence[Turn], speaker: str, *, height: int = 460) -> None:
    """Who said what and when: the call, then the text chat beside it. A long one scrolls within `height` pixels."""
    read = shown(turns)
    long = len(read) > 9 or sum(len(turn.content) for turn in read) > 1_000
    with st.container(border=True, height=height if long else "content", key="transcript"):
        for source in ("tavus", "chat"):
            said = [turn for turn in read if turn.source == source]
            if said and source == "chat" and session.mode is not Mode.TEXT:
                st.caption("Text chat with a stand-in, beside the call")
            if said:
                st.html(f'<div class="gr-tr">{"".join(_turn(turn, speaker) for turn in said)}</div>')
        if not read:
            st.caption(_no_transcript(session))


def _no_transcript(session: Session) -> str:
    if session.status.open:
        return "The transcript appears after the call."
    if transcript_pending(session):
        return "The transcript is being read. Reload in a few seconds."
    if session.mode is Mode.TEXT:
        return "Nothing was written."
    if session.transcript_at is not None or not session.conversation_id:
        return "Nobody spoke in this call."
    return "Tavus has not given a transcript of this call. If it does later, it appears here."


def bubbles(turns: Sequence[Turn], speaker: str, pending: str = "", so_far: str = "…") -> str:
    """A chat as HTML: `pending` is what was just sent, `so_far` what has come of its answer."""
    rows = [_bubble(turn.role, turn.content, speaker) for turn in turns if turn.role in ("user", "assistant")]
    if pending:
        rows.append(_bubble("user", pending, speaker))
        rows.append(_bubble("assistant", so_far, speaker))
    return f'<div class="gr-chat" role="log" aria-label="Text chat">{"".join(rows)}</div>'


def timeline(events: Sequence[SessionEvent], turns: Sequence[Turn]) -> None:
    """What happened when, as one element. A transcript's entries are counted as they are shown."""
    count = sum(turn.source == "tavus" for turn in shown(turns))
    told = {"transcript": f"{count} entr{'y' if count == 1 else 'ies'}" if count else "Nobody spoke"}
    last = len(events) - 1
    rows = (_event(event, told.get(event.kind, event.detail), i == last) for i, event in enumerate(events))
    st.html(f'<div class="gr-tl">{"".join(rows)}</div>')


def _turn(turn: Turn, speaker: str) -> str:
    at = "" if turn.seconds is None else f"{int(turn.seconds) // 60}:{int(turn.seconds) % 60:02d}"
    who, kind = ("You", "you") if turn.role == "user" else (speaker, "")
    if turn.role == "tool":
        who = "Tool"
    return f'<time>{at}</time><b class="{kind}">{html(who)}</b><p dir="auto">{html(turn.content)}</p>'


def _bubble(role: str, content: str, speaker: str) -> str:
    mine = role == "user"
    icon, who = ("person", "You") if mine else ("adjust", speaker)
    return (
        f'<div class="gr-say{" you" if mine else ""}"><i aria-hidden="true">{icon}</i>'
        f'<p dir="auto" aria-label="{html(who)}: {html(content)}">{html(content)}</p></div>'
    )


def _event(event: SessionEvent, detail: str, last: bool) -> str:
    what = words.event(event.kind)
    more = f"<span>{html(detail)}</span>" if detail not in ("", what) else ""
    mark = f"gr-{_COLOURS.get(event.kind, 'neutral')}{' last' if last else ''}"
    return f'<time>{local(event.at):%H:%M:%S}</time><i class="{mark}"></i><p>{html(what)}{more}</p>'


def spoken(turns: Sequence[Turn], role: str) -> tuple[int, int]:
    """How many entries of this role, and how many words in them."""
    said = [turn.content for turn in turns if turn.role == role]
    return len(said), sum(len(content.split()) for content in said)


def length(session: Session) -> str:
    """ "03:42", or a dash where it never began."""
    seconds = elapsed_s(session)
    return clock(seconds) if seconds else clock(None)
