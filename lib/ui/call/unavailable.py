"""Avatar unavailable: its cause in one sentence, what still works, what to do, Retry and Diagnostics.

Three times at which it can be: the start was refused, the call broke off, or the browser can't take part in it.
"""

from __future__ import annotations

from contextlib import nullcontext

import streamlit as st

from lib.models import Session, Status
from lib.services.diagnostics.service import CheckId, CheckResult
from lib.services.ledger import outcome
from lib.ui.call import browser_check, strips
from lib.ui.kit import context, feedback, parts, places
from lib.ui.kit.text import span
from lib.ui.records import record

TITLE = "Avatar unavailable."
ROOM_WORKS = "The avatar can be seen, heard and written to in its room, and text chat works."
CHAT_WORKS = "Text chat works as it is."

_ASKED = "live_browser_asked"


def broke_off(session: Session) -> bool:
    """True for a call that ended, or never was, for a reason that is a failure."""
    over = session.status is Status.FAILED or bool(session.reason and session.in_room)
    return over and session.status in (Status.ENDING, Status.ENDED, Status.FAILED)


def refused(session: Session) -> None:
    """The start was refused and the session goes on as text."""
    plays = record.stand_in(context.services(), session)
    works = f"Nothing was created and nothing is billed. Text chat below works with a stand-in: {plays}."
    rest = " ".join(filter(None, (works, session.reason_hint)))
    mend = outcome.agents_fault(session)
    settings = bool(context.services().loaded.problems)
    cause = f"{TITLE} {feedback.sentence(session.reason)}"
    with parts.banner("warn", cause, rest, key="live-refused", icon="videocam_off", stacked=True):
        if mend:
            open_agent(session)
        if settings:
            # Settings are read once, so that only a restart can make another try succeed.
            _diagnostics("live_diagnostics", primary=True)
        elif _retry(session, "live_again", primary=not mend):
            with feedback.section("start the session", retry=False):
                context.services().sessions.end(session.id)
                strips.start_session(session.agent_id, after=session.id)
        if not settings:
            _diagnostics("live_diagnostics")
    if outcome.frees(session) and not strips.open_calls("refused"):
        st.caption("No call of this console is open: what uses the account up was started elsewhere.")


def broken(session: Session) -> None:
    """The call broke off after it had begun, or Tavus never said that it began."""
    over = not session.status.open
    cause = f"{TITLE} {feedback.sentence(session.reason or record.why(session))}"
    lasted = f"It lasted {record.length(session)}." if session.status is Status.ENDED else ""
    works = "Text chat and what was said so far are still there." if over else "The call is being ended."
    rest = " ".join(filter(None, (lasted, works, session.reason_hint)))
    kind: parts.Kind = "bad" if session.status is Status.FAILED else "warn"
    mend = outcome.agents_fault(session)
    with parts.banner(kind, cause, rest, key="live-over", icon="videocam_off", stacked=True):
        if over:
            if mend:
                open_agent(session)
            if _retry(session, "live_restart", primary=not mend):
                with feedback.section("start the session", retry=False):
                    strips.start_session(session.agent_id, after=session.id)
            if st.button("Go on in writing", key="live_write", icon=":material/chat:"):
                with feedback.section("start the session", retry=False):
                    strips.start_session(session.agent_id, enable_avatar=False, after=session.id)
            if st.button("Open the record", key="live_record", icon=":material/history:"):
                st.switch_page(places.SESSION, query_params={"session": session.id})
        _diagnostics("live_diagnostics")


def browser(under: st.delta_generator.DeltaGenerator) -> None:
    """What this browser says of itself, where that keeps its person out of the call. Call it where it takes no room.

    A microphone that was refused is told `under` the room: the room says it as well, and stays in sight on a phone.
    """
    asked = int(st.session_state.get(_ASKED, 0))
    told = browser_check.ask(f"unseen-browser-live-{asked}")
    if told is None:
        return
    for check in browser_check.checks(told):
        deaf = check.id is CheckId.MICROPHONE and told.get("microphone") == "denied"
        if check.result is not CheckResult.FAIL and not deaf:
            continue
        cause, works = (f"{TITLE} {check.evidence}", CHAT_WORKS) if not deaf else (
            f"The avatar can't hear you. {check.evidence}", ROOM_WORKS
        )  # fmt: skip
        place = under if deaf else nullcontext()
        with (
            place,
            parts.banner("warn", cause, f"{works} {check.fix}", key="live-browser", icon="mic_off", stacked=True),
        ):
            if st.button("Retry", type="primary", icon=":material/refresh:", key="live_ask_browser"):
                # Another key is another component, which asks the browser again.
                st.session_state[_ASKED] = asked + 1
                st.rerun()
            _diagnostics("live_browser_diagnostics")


def open_agent(session: Session) -> None:
    if st.button("Open the agent", type="primary", icon=":material/build:", key="live_agent_of"):
        st.switch_page(places.AGENTS, query_params={"agent": session.agent_id})


def _retry(session: Session, key: str, *, primary: bool) -> bool:
    note = f"Starts the call again, of up to {span(session.max_call_s)}."
    return st.button("Retry", type="primary" if primary else "secondary", icon=":material/refresh:", key=key, help=note)


def _diagnostics(key: str, *, primary: bool = False) -> None:
    if st.button("Diagnostics", type="primary" if primary else "tertiary", key=key):
        st.switch_page(places.DIAGNOSTICS)
