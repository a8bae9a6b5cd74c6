"""Inspector: what went to Tavus and what came from it, newest first; open one, send it again, look by session."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lib.errors import NotFound
from lib.models import Exchange, Traffic
from lib.ui.kit import context, feedback, pager, parts, places, table
from lib.ui.kit.context import Services
from lib.ui.kit.text import local, stamp
from lib.ui.records import exchange

PAGE = 50
KINDS: dict[str, dict[str, Any]] = {
    "All": {},
    "Requests": {"kind": Traffic.REQUEST.value},
    "Callbacks": {"kind": Traffic.CALLBACK.value},
}
OUTCOMES: dict[str, dict[str, Any]] = {
    "Any outcome": {},
    "Done": {"statuses": (200, 399)},
    "Declined, 4xx": {"statuses": (400, 499)},
    "Failed, 5xx": {"statuses": (500, 599)},
    "No answer": {"statuses": (0, 0)},
}
STATES = ("done", "declined", "broken", "no_answer", "callback")
OF = "of"
TEXT_LIMIT = 200


def draw_exchange_filters() -> dict[str, Any]:
    """What to look for, kept in the page's address."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters-inspector"):
        kind = st.segmented_control(
            "Kind", list(KINDS), default="All", required=True, label_visibility="collapsed", key="kind",
            bind="query-params", on_change=pager.first_page,
        )  # fmt: skip
        outcome = st.selectbox(
            "Outcome", list(OUTCOMES), label_visibility="collapsed", width=150, key="outcome", bind="query-params",
            on_change=pager.first_page,
        )  # fmt: skip
        text = st.text_input(
            "Search", placeholder="Search routes, ids, errors and bodies", label_visibility="collapsed",
            icon=":material/search:", width="stretch", key="search", bind="query-params", on_change=pager.first_page,
        )  # fmt: skip
    wanted = {**OUTCOMES.get(str(outcome), {}), **KINDS.get(str(kind), {})}
    wanted |= {"text": (text or "").strip()[:TEXT_LIMIT], "session_id": st.query_params.get(OF, "")}
    return {name: value for name, value in wanted.items() if value}


def of_all() -> None:
    """Take the session's filter away."""
    pager.first_page()
    st.query_params.pop(OF, None)


def show_all_exchanges() -> None:
    """Take every filter away. What is bound to the address keeps its value until it is given another one."""
    of_all()
    st.session_state.update(kind="All", outcome="Any outcome", search="")


def of_session(services: Services, session_id: str) -> None:
    """Says that only one session's are shown, and leads away from that."""
    try:
        session = services.sessions.get(session_id)
        told = f"{session.agent_name}, {stamp(session.created_at)}"
    except NotFound:
        told = f"{session_id[:60]}, which is not kept any more"
    with parts.banner("info", "Only of one session:", told, key="inspector-of", icon="filter_alt"):
        st.button("Show all sessions", key="inspector_all", on_click=of_all)


def draw_exchange_table(items: tuple[Exchange, ...]) -> int | None:
    """The list; returns the id of the one that is to be opened."""
    column = st.column_config
    words = {word: colour for word, colour, _ in (parts.STATES[state] for state in STATES)}
    columns = {
        "at": column.DatetimeColumn("When", format="D MMM, HH:mm:ss", width=118),
        "what": column.TextColumn("What", width=290),
        "outcome": table.chips("Outcome", words, 96),
        "status": column.TextColumn("Status", alignment="right", width=64),
        "took": column.TextColumn("Took, ms", alignment="right", width=76),
        "about": column.TextColumn("About", width=150),
        "told": column.TextColumn("What went wrong", width=320),
    }
    cells: dict[str, list[Any]] = {
        "at": [local(one.at).replace(tzinfo=None) for one in items],
        "what": [exchange.what(one) for one in items],
        "outcome": [[parts.STATES[exchange.outcome(one)][0]] for one in items],
        "status": ["–" if one.status is None else str(one.status) for one in items],
        "took": [exchange.took(one) for one in items],
        "about": [one.about or "–" for one in items],
        "told": [one.error or "–" for one in items],
    }
    return table.open_by_button("inspector", [one.id for one in items], table.arrow(cells), columns)


def choose_exchange(items: tuple[Exchange, ...]) -> int | None:
    by_id = {one.id: one for one in items}

    def named(number: int) -> str:
        return f"{local(by_id[number].at):%H:%M:%S} {exchange.what(by_id[number])}"

    return table.open_by_name("one", list(by_id), named, key="inspector_pick", width=220)


def draw_no_exchanges(services: Services, wanted: dict[str, Any], any_at_all: bool) -> None:
    """None: none yet, none that fits, or none that could have come."""
    if any_at_all and wanted.get("kind") == Traffic.CALLBACK.value and set(wanted) == {"kind"}:
        parts.empty("No callbacks yet", expected(services), key="inspector")
    elif any_at_all:
        with parts.empty("Nothing fits", "No request and no callback fits these filters.", key="inspector"):
            st.button("Show all", key="inspector_everything", on_click=show_all_exchanges)
    else:
        text = "Whatever this console asks Tavus, and whatever Tavus calls back, appears here."
        with parts.empty("No requests yet", text, key="inspector"):
            if st.button("Go to agents", type="primary", key="inspector_home"):
                st.switch_page(places.HOME)


def expected(services: Services) -> str:
    """How callbacks would come, or why none can."""
    settings = services.loaded.settings
    if settings.public_url:
        return f"Tavus is told to call {settings.public_url}, which must lead to this console."
    if services.sandbox:
        return "They come as soon as a call runs."
    told = f"open calls are asked about every {settings.sweep_interval_s:g} s instead, which works too."
    return f"PUBLIC_URL is not set, so Tavus can’t call this console: {told}"


def main() -> None:
    sub = "Requests to Tavus and callbacks from it. Keys, tokens and passwords are taken out before anything is kept"
    with parts.header("Inspector", sub, "inspector"):
        st.button("Refresh", icon=":material/refresh:", key="inspector_refresh")

    # fetch
    with feedback.required("read the requests"):
        services = context.services()
        wanted = draw_exchange_filters()
        if OF in st.query_params:
            of_session(services, st.query_params[OF])
        page = pager.page(services.inspector.page, limit=PAGE, **wanted)

    # render
    if services.inspector.dropped:
        told = f"{services.inspector.dropped:,} requests of this process were not kept."
        parts.banner("warn", told, "The database was too slow or away.", key="inspector-dropped")
    if not page.items:
        with feedback.required("read the requests"):
            draw_no_exchanges(services, wanted, bool(services.inspector.page(limit=1).items))
        pager.ways(page.previous, page.next, "inspector")
        return
    number = draw_exchange_table(page.items)
    parts.by_keyboard("Open one by name")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Newest first, kept for {services.inspector.kept_days} days", width="stretch")
        number = choose_exchange(page.items) or number
        pager.ways(page.previous, page.next, "inspector")

    # act
    if number is not None:
        with feedback.section("open it", retry=False):
            exchange.open_exchange(number)


main()
