"""Text chat with a stand-in for the persona: its greeting, answers as they come, a stop button.

What could not be sent, or is too long, stays in the field.
"""

from __future__ import annotations

from typing import Literal

import streamlit as st

from lib.errors import GreenroomError
from lib.models import Session, Turn
from lib.services.chat.sessions import ChatAnswer
from lib.ui.kit import context, feedback, parts
from lib.ui.kit.text import html
from lib.ui.records import record

LOOK_EVERY_S = 0.25
AT_ONCE_S = 0.15
"""The script answers sooner than this: its answer is drawn in the same run."""

FEW = 3
"""So many entries need no box of a fixed height."""

UNSENT = "live_unsent"


def draw_chat(session: Session, in_call: bool) -> None:
    """The chat of a session. `in_call`: beside a call, which hears nothing of it."""
    every_s = LOOK_EVERY_S if context.services().chats.answering(session.id) else None
    st.fragment(_chat, run_every=every_s)(session, in_call, ticking=every_s is not None)


def _chat(session: Session, in_call: bool, *, ticking: bool) -> None:
    talking = context.services().chats
    answer = talking.answering(session.id)
    if answer is not None and answer.done.is_set():
        # Only a run that comes before the field is drawn can put words into it.
        talking.forget(session.id)
        if answer.failure is not None or answer.unheard:
            st.session_state[UNSENT] = ("" if answer.text.strip() else answer.said, answer.failure)
        answer = None
    if ticking and answer is None:
        st.rerun()
    _bubbles(session, answer, in_call)
    _unsent()
    if answer is not None and st.button("Stop", icon=":material/stop_circle:", key="live_stop"):
        talking.stop(session.id)
        st.rerun()
    name = record.speaker(context.services(), session)
    # No `max_chars`: the browser would cut what is pasted to it, without a word.
    field = f"Text chat with {name}, outside the call" if in_call else f"Write to {name}"
    written = st.chat_input(field, key="live_say", disabled=answer is not None)
    if written:
        _send(session, written)


def _send(session: Session, written: str) -> None:
    """Ask, and draw the page anew: with the answer, or with looking for it again and again."""
    try:
        context.services().chats.ask(session.id, written).done.wait(AT_ONCE_S)
    except GreenroomError as error:
        st.session_state[UNSENT] = (written, error)
    st.rerun()


def _bubbles(session: Session, answer: ChatAnswer | None, in_call: bool) -> None:
    services = context.services()
    name, turns = record.speaker(services, session), chat_turns(session)
    height: Literal["content"] | int = (260 if in_call else 420) if len(turns) > FEW else "content"
    note = " ".join(map(feedback.sentence, (services.responder.note, record.stand_in(services, session))))
    note = " ".join(filter(None, (note, services.chats.unread(session))))
    note += " The call does not hear it." if in_call else ""
    drawn = ""
    if turns or answer is not None:
        pending, so_far = (answer.said, answer.text or "…") if answer else ("", "")
        drawn = record.bubbles(turns, name, pending=pending, so_far=so_far)
    with st.container(border=True, height=height, key="chat-box", autoscroll=True):
        st.html(f'{drawn}<p class="gr-quiet">{html(note)}</p>')


def _unsent() -> None:
    """What was typed and has no answer is put back into the field; with the reason, unless it was stopped."""
    unsent: tuple[str, GreenroomError | None] | None = st.session_state.pop(UNSENT, None)
    if unsent is None:
        return
    text, error = unsent
    st.session_state["live_say"] = text
    if error is not None:
        parts.banner("warn", feedback.sentence(error.message), error.hint, key="live-unsent")


def chat_turns(session: Session) -> list[Turn]:
    """What was chatted. The persona's greeting stands first, also before anything was written."""
    services = context.services()
    turns = [turn for turn in services.sessions.turns(session.id) if turn.source == "chat"]
    if not turns and (greeting := services.chats.greeting(session)):
        return [Turn(0, "assistant", greeting, 0.0, source="chat")]
    return turns
