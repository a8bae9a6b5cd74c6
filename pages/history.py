"""History: find a session, open its record, take the list with you."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from lib.models import Agent, Mode, Session
from lib.services.sessions import SessionPage
from lib.ui import context, feedback, parts, places, record
from lib.ui.context import Services
from lib.ui.text import local, stamp

PAGE = 25
RANGES = {"7 days": 7, "30 days": 30, "All": 0}
OPEN = ("starting", "unknown", "waiting", "live", "ending")
STATES: dict[str, dict[str, Any]] = {
    "Any state": {},
    "Open": {"statuses": OPEN},
    "Ended": {"statuses": ("ended",)},
    "Failed": {"statuses": ("failed",)},
    "Text chats": {"mode": Mode.TEXT.value},
}
CHIPS = {"Open": "green", "Ended": "gray", "Failed": "red", "Text only": "blue"}
ANY_AGENT = "All agents"
OPENED = "history_opened"


def filters(services: Services) -> dict[str, Any]:
    """What to look for, kept in the page's address."""
    agents = named(services.agents.all())
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters-history"):
        days = st.segmented_control(
            "Range",
            list(RANGES),
            default="7 days",
            required=True,
            label_visibility="collapsed",
            key="range",
            bind="query-params",
        )
        agent = st.selectbox(
            "Agent",
            [ANY_AGENT, *agents],
            label_visibility="collapsed",
            width=170,
            key="agent",
            bind="query-params",
        )
        state = st.selectbox(
            "State", list(STATES), label_visibility="collapsed", width=150, key="state", bind="query-params"
        )
        text = st.text_input(
            "Search",
            placeholder="Search agents and transcripts",
            label_visibility="collapsed",
            icon=":material/search:",
            width="stretch",
            key="search",
            bind="query-params",
        )
    found: dict[str, Any] = dict(STATES.get(str(state), {}))
    if agent in agents:
        found["agent_id"] = agents[str(agent)]
    if text:
        found["text"] = text
    if RANGES.get(str(days)):
        # By the minute, so that the pages of all tabs ask for the same list.
        found["since"] = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=RANGES[str(days)])
    return found


def named(agents: list[Agent]) -> dict[str, str]:
    """Agents' ids by the words that tell them apart, which is what the page's address holds."""
    names = [agent.name for agent in agents]
    return {f"{agent.name} ({agent.id})" if names.count(agent.name) > 1 else agent.name: agent.id for agent in agents}


def page_of(services: Services, wanted: dict[str, Any], number: int) -> SessionPage:
    """The page `number` of the list, from 1; the pages before it are walked through."""
    page = services.sessions.page(limit=PAGE, **wanted)
    for _ in range(number - 1):
        if page.next is None:
            break
        page = services.sessions.page(limit=PAGE, cursor=page.next, **wanted)
    return page


def table(sessions: tuple[Session, ...]) -> Session | None:
    """The list; returns the session that is to be opened. What says most comes first, for a narrow window."""
    column = st.column_config
    st.dataframe(
        rows(sessions),
        hide_index=True,
        row_height=38,
        height="content",
        key="history_table",
        column_config={
            "open": column.ButtonColumn("", width=64, pinned=True, type="secondary", on_click=noted, key=OPENED),
            "started": column.DatetimeColumn("Started", format="D MMM, HH:mm", width=104),
            "agent": column.TextColumn("Agent", width=104),
            "state": column.MultiselectColumn("State", options=list(CHIPS), color=list(CHIPS.values()), width=86),
            "why": column.TextColumn("Why it ended", width=240),
            "length": column.TextColumn("Length", alignment="right", width=80),
            "mode": column.TextColumn("Mode", width=80),
        },
    )
    clicked = st.session_state.get(OPENED)
    row = clicked["row"] if clicked else len(sessions)
    return sessions[row] if 0 <= row < len(sessions) else None


def named_record(sessions: tuple[Session, ...]) -> Session | None:
    """The same by name: a table's buttons can't be reached from the keyboard."""
    picked = st.selectbox(
        "Open a record",
        range(len(sessions)),
        index=None,
        format_func=lambda row: f"{stamp(sessions[row].created_at)} · {sessions[row].agent_name}",
        placeholder="Open a record by name",
        label_visibility="collapsed",
        width=240,
        key="history_record",
    )
    return sessions[picked] if picked is not None else None


def noted() -> None:
    """A callback is what makes a click a run; the click itself is read from the session's state."""


def rows(sessions: tuple[Session, ...]) -> Any:
    """The list as an Arrow table, which spares the import of pandas."""
    import pyarrow  # type: ignore[import-untyped]

    return pyarrow.table(
        {
            "open": ["Open"] * len(sessions),
            "started": [local(session.created_at).replace(tzinfo=None) for session in sessions],
            "agent": [session.agent_name for session in sessions],
            "state": [[state(session)] for session in sessions],
            "why": [record.why(session) or "–" for session in sessions],
            "length": [record.length(session) for session in sessions],
            "mode": ["Text" if session.mode is Mode.TEXT else "Video" for session in sessions],
        }
    )


def state(session: Session) -> str:
    if not session.status.open:
        return session.status.value.capitalize()
    return "Text only" if session.mode is Mode.TEXT else "Open"


def export(services: Services, wanted: dict[str, Any]) -> str:
    """Every session of the list as CSV."""
    found: list[Session] = []
    cursor = None
    while True:
        page = services.sessions.page(limit=500, cursor=cursor, **wanted)
        found += page.items
        cursor = page.next
        if cursor is None:
            return str(services.export.sessions_csv(found))


def nothing(wanted: dict[str, Any], any_at_all: bool) -> None:
    """No session: none yet, or none that fits."""
    if any_at_all:
        with parts.empty("Nothing fits", "No session fits these filters.", key="history"):
            if st.button("Show all", key="history_all"):
                st.switch_page(places.HISTORY, query_params={"range": "All"})
        return
    text = "Start an agent, and its record appears here: transcript, timeline and why it ended."
    with parts.empty("No sessions yet", text, key="history"):
        if st.button("Go to agents", type="primary", key="history_home"):
            st.switch_page(places.HOME)


def main() -> None:
    actions = parts.header("History", "Every session this console started, and why it ended", "history")

    # fetch
    with feedback.required("read the sessions"):
        services = context.services()
        wanted = filters(services)
        number = st.session_state.get("page", 1)
        page = page_of(services, wanted, number if isinstance(number, int) else 1)

    # render
    if not page.items:
        with feedback.required("read the sessions"):
            any_at_all = services.sessions.page(limit=1).total > 0
        nothing(wanted, any_at_all)
        return
    with actions:
        st.download_button(
            "Export",
            lambda: export(services, wanted),
            "greenroom-sessions.csv",
            "text/csv",
            icon=":material/download:",
            key="history_export",
            on_click="ignore",
        )
    chosen = table(page.items)
    pages = -(-page.total // PAGE)
    with st.container(horizontal=True, vertical_alignment="center"):
        count = f"{page.total} session{'s' if page.total > 1 else ''}"
        shown = f"{len(page.items)} of {count}" if pages > 1 else count
        st.caption(f"{shown}. Open shows what was said and why it ended.", width="stretch")
        chosen = named_record(page.items) or chosen
        if pages > 1:
            st.pagination(pages, key="page", bind="query-params")

    # act
    if chosen is not None:
        st.switch_page(places.SESSION, query_params={"session": chosen.id})


main()
