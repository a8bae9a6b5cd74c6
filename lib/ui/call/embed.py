"""The call: an iframe that lives in the entry script, so that no rerun, timer or page switch reloads it.

A reloaded frame would drop the person out of the room. So the frame and the places around it (head, below, side) are
made on every run, on every page, at the same spot; elsewhere than on Live session the stylesheet hides them. The
page fills the places and never touches the frame. Streamlit's own iframe refuses screen sharing, hence our component.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import streamlit as st

from lib.errors import GreenroomError
from lib.models import Session, Status
from lib.ui.call import presence
from lib.ui.kit import context
from lib.ui.kit.text import local
from lib.wiring import Services

_FOLLOWED, _MOUNTED = "call_followed", "call_mounted"

_HTML = '<div class="call"><p></p></div>'
_CSS = """
.call { display: grid; min-height: 602px; border-radius: .5rem; overflow: hidden; box-sizing: border-box;
        border: 1px solid var(--st-border-color); background: var(--st-secondary-background-color); }
.call > * { grid-area: 1 / 1; }
.call p { margin: auto; padding: 1.5rem; max-width: 44ch; text-align: center; line-height: 1.5; }
.call iframe { border: 0; width: 100%; height: 100%; min-height: 600px; display: block; }
/* On a phone the room's own controls, at its bottom, must be in sight, below menu, name and strip. */
@media (max-width: 640px) {
  .call { min-height: 0; height: clamp(360px, calc(100dvh - 13.5rem), 602px); }
  .call iframe { min-height: 0; }
}
"""
# An open call keeps its frame when the address is gone (a token is kept in memory only): who is inside stays inside.
_JS = """
export default function ({ parentElement, data, setStateValue }) {
  const box = parentElement.querySelector(".call");
  box.tell = setStateValue;
  if (!box.heard) {
    box.heard = true;
    addEventListener("message", ({ source, data: said }) => {
      const inside = box.querySelector("iframe");
      if (!inside || source !== inside.contentWindow || !["left", "joined"].includes(said?.greenroom)) return;
      // Nobody has to be told of the first time: nothing is drawn for it.
      if (said.greenroom === "joined" && !box.left) return;
      box.left = said.greenroom === "left";
      box.tell("left", box.left ? inside.dataset.session : "");
    });
  }
  let frame = box.querySelector("iframe");
  if (frame && (frame.dataset.session !== data.session || (data.url && frame.dataset.url !== data.url))) {
    frame.remove();
    frame = null;
  }
  box.querySelector("p").textContent = frame ? "" : data.note;
  if (frame || !data.url) return;
  frame = document.createElement("iframe");
  frame.title = data.title;
  frame.allow = "camera; microphone; fullscreen; display-capture; autoplay";
  frame.referrerPolicy = "no-referrer";
  frame.dataset.session = data.session;
  frame.dataset.url = data.url;
  frame.src = data.url;
  box.append(frame);
}
"""


@dataclass(frozen=True)
class Slots:
    """The session this tab follows, and where the Live page may draw: above the frame, below it, at its right.

    `left`: the person in front of this tab has left its room. Only the sandbox's room tells; Tavus's tells nobody.
    """

    session: Session
    head: st.delta_generator.DeltaGenerator
    below: st.delta_generator.DeltaGenerator
    side: st.delta_generator.DeltaGenerator
    left: bool = False


_slots: ContextVar[Slots | None] = ContextVar("slots", default=None)


def slots() -> Slots | None:
    """The places around the call, for the page that runs now; None where no session is followed."""
    return _slots.get()


def draw_call_frame(services: Services | None, on_live: bool) -> None:
    """Make the area of the call, with its frame while the call is open. Called by the entry script on every run."""
    area = st.container(key="call-area")
    session = _followed(services, on_live) if services is not None else None
    _slots.set(None)
    if services is None:
        return
    presence.tell(services, session)
    if session is None:
        return
    with area:
        head = st.container(key="call-head")
        wide, narrow = st.columns([13, 5], gap="small")
        left = False
        if session.in_room and session.status.open:
            with wide:
                left = _mount(services, session, on_live)
        # Nothing is drawn there on another page, and no place comes after them that could move.
        below = wide.container(key="call-below") if on_live else wide
        side = narrow.container(key="call-side") if on_live else narrow
        if session.status.open:
            # Last, as it is a block of the page too: before the frame it would move it.
            presence.beat(services, session.id, [session])
    _slots.set(Slots(session, head, below, side, left))


def _followed(services: Services, on_live: bool) -> Session | None:
    """The session in the page's address, else the one this tab follows while it is open."""
    state = st.session_state
    asked = st.query_params.get("session", "") if on_live else ""
    session_id = asked or state.get(_FOLLOWED, "")
    if not session_id:
        return None
    try:
        session = services.sessions.recent(session_id)
    except GreenroomError:
        state.pop(_FOLLOWED, None)
        return None
    if session.status.open:
        state[_FOLLOWED] = session.id
    else:
        state.pop(_FOLLOWED, None)
        if not asked:
            return None
    if on_live and not asked:
        st.query_params["session"] = session.id
    return session


def _mount(services: Services, session: Session, on_live: bool) -> bool:
    """The frame itself; returns whether its room has told that the person in it has left."""
    url = ""
    # First drawn where it is seen: a hidden room would ask for the camera out of nowhere.
    if session.conversation_url and (on_live or st.session_state.get(_MOUNTED) == session.id):
        url = context.own_path(services.sessions.room_url(session))
    if url:
        st.session_state[_MOUNTED] = session.id
    data: dict[str, Any] = {
        "url": url,
        "session": session.id,
        "title": f"Call with {session.agent_name}",
        "note": _note(session),
    }
    room = st.components.v2.component("greenroom_call", html=_HTML, css=_CSS, js=_JS)
    told = room(key="call-frame", data=data, on_left_change=lambda: None)
    return isinstance(told, Mapping) and told.get("left") == session.id


def _note(session: Session) -> str:
    """What stands where the room would be."""
    if session.status is Status.STARTING:
        return "The room is being made. This takes a moment."
    if session.status is Status.UNKNOWN:
        until = f" until {local(session.checking_until):%H:%M:%S}" if session.checking_until else ""
        asks = f"Greenroom asks{until} whether the room was made."
        return f"Tavus gave no clear answer to the start. {asks} Nothing is sent twice."
    if session.status is Status.ENDING:
        return "The room is closing."
    if not session.private_room:
        return "The room’s address is being asked for."
    return "This room can’t be joined again from here: its key was kept in memory only and is gone."
