"""History: find a session, open its record, see what the days came to, take everything with you."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any, Literal

import streamlit as st

from lib.errors import StoreSlow
from lib.models import Agent
from lib.services.calls.sessions import SessionPage
from lib.services.records.archive import LIST_LIMIT, RECORD_LIMIT
from lib.services.wording import words
from lib.ui.kit import charts, context, feedback, notes, pager, parts, places
from lib.ui.kit.context import Services
from lib.ui.kit.text import day, local, md, stamp
from lib.ui.records import record, session_table

PAGE = 25
DATES = "Dates"
RANGES = {"7 days": 7, "30 days": 30, "90 days": 90, "All": 0, DATES: 0}
STATES: dict[str, tuple[str, ...]] = {
    "Any state": (),
    "Open": ("starting", "unknown", "waiting", "live", "ending"),
    "Ended": ("ended",),
    "Failed": ("failed",),
}
HELD = ("Calls and chats", "Video calls", "Text chats")
ANY_AGENT = "All agents"
TEXT_LIMIT = 200
REFUSED = 3


def draw_session_filters(services: Services) -> dict[str, Any]:
    """What to look for, kept in the page's address."""
    agents = agents_by_name(services.agents.all())
    found: dict[str, Any] = {}
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters-history"):
        range_ = st.segmented_control(
            "Range", list(RANGES), default="7 days", required=True, label_visibility="collapsed", key="range",
            bind="query-params", on_change=pager.first_page,
        )  # fmt: skip
        if range_ == DATES:
            found |= between()
        agent = choice("Agent", [ANY_AGENT, *agents], 160)
        found["statuses"] = STATES.get(choice("State", list(STATES), 130), ())
        found["modes"] = modes_of(services, choice("Mode", list(HELD), 160))
        text = st.text_input(
            "Search", placeholder="Search agents, words", label_visibility="collapsed",
            icon=":material/search:", width="stretch", key="search", bind="query-params", on_change=pager.first_page,
        )  # fmt: skip
    if agent in agents:
        found["agent_id"] = agents[agent]
    if text:
        found["text"] = text[:TEXT_LIMIT]
    if RANGES.get(str(range_)):
        # Whole days, so that the pages of all tabs ask for the same list.
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        found["since"] = today - timedelta(days=RANGES[str(range_)] - 1)
    return {name: value for name, value in found.items() if value}


def choice(label: str, options: list[str], width: int) -> str:
    chosen = st.selectbox(
        label, options, label_visibility="collapsed", width=width, key=label.lower(), bind="query-params",
        on_change=pager.first_page,
    )  # fmt: skip
    return str(chosen)


def between() -> dict[str, Any]:
    """Two days of the viewer's own choice, both included, as days are where the viewer is."""
    here = local(datetime.now(UTC))
    today = here.date()
    chosen = st.date_input(
        "Dates", (today - timedelta(days=29), today), label_visibility="collapsed", width=230, key="dates",
        bind="query-params", on_change=pager.first_page,
    )  # fmt: skip
    first, last = (chosen[0], chosen[-1]) if isinstance(chosen, Sequence) and chosen else (today, today)
    midnight = time(tzinfo=here.tzinfo)
    return {
        "since": datetime.combine(first, midnight).astimezone(UTC),
        "until": datetime.combine(last + timedelta(days=1), midnight).astimezone(UTC),
    }


def agents_by_name(agents: list[Agent]) -> dict[str, str]:
    """Agents' ids by the words that tell them apart, which is what the page's address holds."""
    names = [agent.name for agent in agents]
    return {f"{agent.name} ({agent.id})" if names.count(agent.name) > 1 else agent.name: agent.id for agent in agents}


def draw_list_exports(services: Services, wanted: dict[str, Any]) -> None:
    """Everything that fits the filters, as a file."""
    forms: tuple[tuple[str, Literal["csv", "json", "md"], str], ...] = (
        ("The list, for a sheet", "csv", "text/csv"),
        ("Records, to read", "md", "text/markdown"),
        ("Records, for a program", "json", "application/json"),
    )
    # The files are offered once it is open: each run of a list that many look at would pay for them.
    box = st.popover("Export", icon=":material/download:", key="history_exports", on_change="rerun")
    if not box.open:
        return
    with box:
        st.caption(
            f"All that fits the filters, newest first.  \nThe list has up to {LIST_LIMIT:,} sessions,  \n"
            f"records with what was said up to {RECORD_LIMIT:,}."
        )
        for label, form, mime in forms:
            st.download_button(
                label,
                lambda form=form: services.archive.export(form, partial(record.speaker, services), **wanted),  # type: ignore[misc]
                f"greenroom-sessions.{form}",
                mime,
                key=f"history_{form}",
                on_click="ignore",
                width="stretch",
            )


def figures(services: Services, wanted: dict[str, Any]) -> None:
    """What the days came to. A search is about words, not about days."""
    if "text" in wanted:
        return
    with st.container(key="last-on-phone-history"):
        try:
            charts.history(services.archive.figures(**wanted))
        except StoreSlow:
            st.caption("Too many sessions to add up within a second. Choose a shorter time for the charts.")


def draw_search_notes(page: SessionPage) -> None:
    """What is particular about the result of a search."""
    if page.searched_to is not None:
        rest = f"What was said before {day(page.searched_to)} has not been searched yet. Older goes on there."
        parts.banner("info", "The search stopped after a second.", rest, key="history-stopped", icon="timer")
    if page.loosened and page.items:
        st.caption("Nobody said it in just these words. Shown is where words begin like them.")


def still_at_tavus(services: Services) -> None:
    """A record that is gone here and not yet there is not forgotten."""
    waiting = services.retention.waiting()
    if waiting:
        noun, are = ("conversation", "is") if waiting == 1 else ("conversations", "are")
        where = words.at(services.sandbox)
        st.caption(f"{waiting:,} deleted {noun} {are} still to be deleted {where}. It is tried again by itself.")
    refused = services.retention.refused()
    for one in refused[:REFUSED]:
        tried = "once" if one.tries == 1 else f"{one.tries} times"
        again = f", again on {stamp(one.again_at)}" if one.again_at else ""
        st.caption(f"{md(one.conversation_id)}: {md(feedback.sentence(one.reason))} Tried {tried}{again}.")
    if (more := len(refused) - REFUSED) > 0:
        st.caption(f"{more} more {'was' if more == 1 else 'were'} refused.")


def count(page: SessionPage) -> str:
    """How many are shown, of how many, and from when to when."""
    total = f"more than {page.total:,} sessions" if page.capped else f"{page.total:,} session{'s'[: page.total != 1]}"
    first, last = day(page.items[-1].created_at), day(page.items[0].created_at)
    days = last if first == last else f"{first} to {last}"
    whole = page.next is None and page.previous is None
    return f"{total}, {days}" if whole else f"{len(page.items)} of {total}, {days}"


def draw_no_sessions(page: SessionPage, any_at_all: bool) -> None:
    """No session: none yet, or none that fits."""
    if page.wordless:
        parts.empty("Nothing to look for", "A search needs a letter, a digit or an emoji.", key="history")
    elif any_at_all:
        with parts.empty("Nothing fits", "No session fits these filters.", key="history"):
            st.button("Show all", key="history_all", on_click=show_all_sessions)
    else:
        text = "Start an agent, and its record appears here: transcript, timeline and why it ended."
        with parts.empty("No sessions yet", text, key="history"):
            if st.button("Go to agents", type="primary", key="history_home"):
                st.switch_page(places.HOME)


def modes_of(services: Services, held: str) -> tuple[str, ...]:
    """The modes that a choice of HELD stands for; () for any."""
    if held not in HELD[1:]:
        return ()
    return tuple(mode.name for mode in services.modes if mode.in_room is (held == HELD[1]))


def show_all_sessions() -> None:
    """Take every filter away. What is bound to the address keeps its value until it is given another one."""
    pager.first_page()
    first = {"agent": ANY_AGENT, "state": next(iter(STATES)), "mode": HELD[0]}
    st.session_state.update(range="All", search="", **first)


def main() -> None:
    if "session" in st.query_params:
        # The browser's Back from a record brings the record's address along.
        st.switch_page(places.HISTORY, query_params=record.listed())
    record.remember_list()
    notes.draw_note()
    actions = parts.header("History", "Every session this console started, and why it ended", "history")

    # fetch
    with feedback.required("read the sessions"):
        services = context.services()
        wanted = draw_session_filters(services)
        page = pager.page(services.sessions.page, limit=PAGE, **wanted)

    # render
    draw_search_notes(page)
    still_at_tavus(services)
    if not page.items:
        if page.searched_to is None:
            with feedback.required("read the sessions"):
                any_at_all = services.sessions.page(limit=1).total > 0
            draw_no_sessions(page, any_at_all)
        pager.ways(page.previous, page.next, "history")
        return
    with actions:
        draw_list_exports(services, wanted)
    with feedback.section("add the days up"):
        figures(services, wanted)
    chosen = session_table.draw_session_table(services, page.items, wanted.get("text", ""))
    parts.by_keyboard("Open a record by name")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(count(page), width="stretch")
        chosen = session_table.choose_session(page.items) or chosen
        pager.ways(page.previous, page.next, "history")

    # act
    if chosen is not None:
        st.switch_page(places.SESSION, query_params={"session": chosen})


main()
