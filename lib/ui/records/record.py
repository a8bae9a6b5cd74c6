"""What a session looks like: how long it has lasted, its transcript, its timeline, in words a person uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import streamlit as st

from lib.models import Session, SessionEvent, Status, Turn
from lib.services.calls.reading import SPOKEN, counted
from lib.services.ledger import outcome
from lib.services.wording.plain import length_s
from lib.ui.kit import parts
from lib.ui.kit.text import clock, html, local
from lib.wiring import Services

READING_S = 90.0
"""How long after its end a call's transcript may still be on its way, in seconds; then it is said to be missing."""

LISTED = "history_listed"

Found = Callable[[str], list[tuple[str, bool]]]
"""Takes a text apart into pieces that make it up again; True for a piece that was searched for."""


def remember_list() -> None:
    """Keep what History shows now, so that the way back from a record leads there."""
    query = st.query_params
    st.session_state[LISTED] = [(name, value) for name in query for value in query.get_all(name)]


def listed() -> list[tuple[str, str]]:
    """The address of the list that History showed last."""
    found: list[tuple[str, str]] = st.session_state.get(LISTED, [])
    return found


def searched() -> str:
    """What History was searched for when it was shown last."""
    return dict(listed()).get("search", "")


def elapsed_s(session: Session, now: datetime | None = None) -> float:
    """How long it has lasted so far, or lasted in all, in seconds."""
    if session.ended_at is not None:
        return length_s(session)
    begun = session.begun_at
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
    if gone:
        return "it has no persona, as that was deleted"
    if services.responder.scripted:
        return "it is scripted, and takes name, role and plain statements from the prompt"
    return f"it is {services.responder.label}, with the same persona"


def transcript_pending(session: Session, now: datetime | None = None) -> bool:
    """A call that ended a moment ago and whose transcript has not been read yet."""
    if not session.in_room or session.status is not Status.ENDED or session.transcript_at is not None:
        return False
    if session.ended_at is None or not session.conversation_id:
        return False
    return ((now or datetime.now(UTC)) - session.ended_at).total_seconds() < READING_S


def transcript(
    session: Session, turns: Sequence[Turn], speaker: str, *, height: int = 460, found: Found | None = None
) -> None:
    """Who said what and when: the call, then the text chat beside it. A long one scrolls within `height` pixels.

    `found` takes what was said apart into pieces, of which those are marked that were searched for.
    """
    read = [turn for turn in turns if turn.role in SPOKEN]
    long = len(read) > 9 or sum(len(turn.content) for turn in read) > 1_000
    with st.container(border=True, height=height if long else "content", key="transcript"):
        for source in ("tavus", "chat"):
            said = [turn for turn in read if turn.source == source]
            if said and source == "chat" and session.in_room:
                st.caption("Text chat with a stand-in, beside the call")
            if said:
                st.html(f'<div class="gr-tr">{"".join(_turn(turn, speaker, found) for turn in said)}</div>')
        if not read:
            st.caption(_no_transcript(session))


def beside(turns: Sequence[Turn]) -> None:
    """What is in the transcript and nobody said: what the model was told, and the tools that it used."""
    for role, icon, title, said in (
        ("tool", "build", "Tools that the model used", "What the model asked of its tools and what they answered."),
        ("system", "psychology", "What the model was told", "Tavus’s transcript holds the prompt too. Nobody said it."),
    ):
        entries = [turn for turn in turns if turn.role == role]
        if entries:
            with st.expander(f"{title}: {len(entries)}", icon=f":material/{icon}:", key=f"session_{role}"):
                st.caption(said)
                st.html(f'<div class="gr-tr gr-code">{"".join(_entry(turn) for turn in entries)}</div>')


def impression(session: Session) -> None:
    if session.perception:
        with st.expander("A model’s impression", icon=":material/visibility:", key="session_impression"):
            st.caption("What a model made of the caller’s looks and voice. An impression, not a measurement.")
            st.html(f'<div class="gr-pre" dir="auto">{html(session.perception)}</div>')


def recordings(session: Session) -> None:
    """Where the recordings lie. They are in one's own storage: nothing is played here."""
    if session.recordings is None and session.status.open:
        return
    if session.recordings is None:
        st.caption("A recording was asked for. If the caller made one, where it lies appears here.")
    for number, one in enumerate(session.recordings or ()):
        title = "The recording could not be stored" if one.problem else "Recording"
        icon = "error" if one.problem else "radio_button_checked"
        with st.expander(title, icon=f":material/{icon}:", key=f"session_recording_{number}"):
            rows = (
                ("Why", one.problem),
                ("Length", clock(one.duration_s) if one.duration_s is not None else ""),
                ("Storage", one.provider),
                ("Bucket", one.bucket),
                ("File", one.key),
                ("Address", one.uri),
            )
            parts.facts([(word, value) for word, value in rows if value])


def _no_transcript(session: Session) -> str:
    if session.status.open:
        return "The transcript appears after the call."
    if transcript_pending(session):
        return "The transcript is being read. Reload in a few seconds."
    if not session.in_room:
        return "Nothing was written."
    if session.transcript_at is not None or not session.conversation_id:
        return "Nobody spoke in this call."
    return "Tavus has not given a transcript of this call. If it does later, it appears here."


def bubbles(turns: Sequence[Turn], speaker: str, pending: str = "", so_far: str = "…") -> str:
    """A chat as HTML: `pending` is what was just sent, `so_far` what has come of its answer."""
    rows = [_bubble(turn.role, turn.content, speaker) for turn in turns if turn.role in SPOKEN]
    if pending:
        rows.append(_bubble("user", pending, speaker))
        rows.append(_bubble("assistant", so_far, speaker))
    return f'<div class="gr-chat" role="log" aria-label="Text chat">{"".join(rows)}</div>'


def timeline(events: Sequence[SessionEvent], turns: Sequence[Turn]) -> None:
    """What happened when, as one element. A transcript's entries are counted as they are shown."""
    last = len(events) - 1
    rows = (_event(event, i == last) for i, event in enumerate(counted(events, turns)))
    st.html(f'<div class="gr-tl">{"".join(rows)}</div>')


def _turn(turn: Turn, speaker: str, found: Found | None) -> str:
    who, kind = ("You", "you") if turn.role == "user" else (speaker, "")
    pieces = found(turn.content) if found else [(turn.content, False)]
    said = "".join(f"<mark>{html(piece)}</mark>" if sought else html(piece) for piece, sought in pieces)
    return f'<time>{_at(turn)}</time><b class="{kind}">{html(who)}</b><p dir="auto">{said}</p>'


def _entry(turn: Turn) -> str:
    return f'<time>{_at(turn)}</time><p dir="auto">{html(turn.content)}</p>'


def _at(turn: Turn) -> str:
    return "" if turn.seconds is None else f"{int(turn.seconds) // 60}:{int(turn.seconds) % 60:02d}"


def _bubble(role: str, content: str, speaker: str) -> str:
    mine = role == "user"
    icon, who = ("person", "You") if mine else ("adjust", speaker)
    return (
        f'<div class="gr-say{" you" if mine else ""}"><i aria-hidden="true">{icon}</i>'
        f'<p dir="auto" aria-label="{html(who)}: {html(content)}">{html(content)}</p></div>'
    )


def _event(event: SessionEvent, last: bool) -> str:
    what = outcome.event(event.kind)
    more = f"<span>{html(event.detail)}</span>" if event.detail not in ("", what) else ""
    mark = f"gr-{outcome.tone(event.kind)}{' last' if last else ''}"
    return f'<time>{local(event.at):%H:%M:%S}</time><i class="{mark}"></i><p>{html(what)}{more}</p>'


def spoken(turns: Sequence[Turn], role: str) -> tuple[int, int]:
    """How many entries of this role, and how many words in them."""
    said = [turn.content for turn in turns if turn.role == role]
    return len(said), sum(len(content.split()) for content in said)


def length(session: Session) -> str:
    """ "03:42", or a dash where it never began."""
    seconds = elapsed_s(session)
    return clock(seconds) if seconds else clock(None)
