"""Home: start an agent with one click, go back to a live session or end it, see what today has used."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.models import Agent, Persona, Replica
from lib.services.catalogue import Listing
from lib.services.guard import Allowance
from lib.ui import context, feedback, parts, places, strips
from lib.ui.context import Services
from lib.ui.text import ago, md, span

PAGE = 12
NOBODY_JOINED = "participant_absent_timeout"


def configured(
    services: Services, allowance: Allowance, personas: Listing[Persona] | None, replicas: Listing[Replica] | None
) -> str:
    """What a Start works with, in one line."""
    known = ((personas, "personas"), (replicas, "replicas"))
    where = "Sandbox" if services.sandbox else "Tavus"
    has = (f"{len(listing.items)} {word}" for listing, word in known if listing)
    limits = (
        f"up to {span(allowance.max_call_s)} a call, {allowance.max_calls} at once, {allowance.minutes_max} min a day"
    )
    return " · ".join((where, *has, limits))


def first_agent(services: Services) -> None:
    """No agent yet: what to do next."""
    text = "An agent is a persona with a face. It is what you start."
    with parts.empty("No agents yet", text, key="home"):
        if st.button("New agent", type="primary", icon=":material/add:", key="home_new"):
            st.switch_page(places.AGENTS, query_params={"agent": "new"})
        if services.sandbox and st.button("Add the two samples", key="home_samples"):
            with feedback.section("add the sample agents"):
                services.agents.add_samples()
                st.rerun()


def gallery(
    services: Services,
    agents: list[Agent],
    allowance: Allowance,
    personas: Listing[Persona] | None,
    replicas: Listing[Replica] | None,
) -> tuple[str, bool] | None:
    """A page of cards; returns the id of the agent to start and whether with its avatar."""
    chosen = None
    pages = -(-len(agents) // PAGE)
    number = st.session_state.get("home_page", 1)
    at = min(number if isinstance(number, int) else 1, pages) - 1
    grid = st.grid("auto", min_column_width=250, gap="small")
    for agent in agents[at * PAGE : (at + 1) * PAGE]:
        with grid.container(border=True, key=f"card-home-{agent.id}", gap="small", height="stretch"):
            chosen = card(services, agent, allowance, personas, replicas) or chosen
    if at + 1 == pages:
        new_card(grid)
    if pages > 1:
        with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            st.caption(f"{len(agents)} agents", width="stretch")
            st.pagination(pages, key="home_page")
    return chosen


def card(
    services: Services,
    agent: Agent,
    allowance: Allowance,
    personas: Listing[Persona] | None,
    replicas: Listing[Replica] | None,
) -> tuple[str, bool] | None:
    persona = personas.find(agent.persona_id) if personas else None
    replica = replicas.find(services.agents.replica_of(agent, persona)) if replicas else None
    who = " · ".join(name for name in (replica.name if replica else "", persona.name if persona else "") if name)
    lacking = services.agents.missing(agent, personas, replicas)
    used = f"Used {ago(agent.last_used_at)}" if agent.last_used_at else "Not used yet"
    note = " · ".join(filter(None, (agent.call.language, used)))
    face = context.own_path(replica.thumbnail_image_url) if replica else ""
    parts.card(face, agent.name, who, note, warn=lacking[0].message if lacking else "")
    # The stylesheet puts both buttons on one line: a container for them in each card would cost more than they do.
    if lacking and lacking[0].blocks:
        if st.button("Mend", key=f"home_mend_{agent.id}", icon=":material/build:", width="stretch"):
            st.switch_page(places.AGENTS, query_params={"agent": agent.id})
        return None
    limit = span(agent.call.max_call_s or allowance.max_call_s)
    if st.button(f"Start, up to {limit}", key=f"start-{agent.id}", icon=":material/play_arrow:", width="stretch"):
        return agent.id, True
    if st.button("", key=f"home_chat_{agent.id}", icon=":material/chat:", help="Rehearse in text, free"):
        return agent.id, False
    return None


def new_card(grid: DeltaGenerator) -> None:
    with grid.container(
        border=True,
        key="card-new",
        height="stretch",
        horizontal_alignment="center",
        vertical_alignment="center",
        gap="xsmall",
    ):
        st.caption("A persona with a face", width="content")
        if st.button("New agent", icon=":material/add:", key="home_new"):
            st.switch_page(places.AGENTS, query_params={"agent": "new"})


def today(services: Services, allowance: Allowance) -> None:
    """What the day (UTC, as the limits count it) has used."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    page = services.sessions.page(limit=200, since=midnight)
    still_open = sum(session.status.open for session in page.items)
    failed = sum(session.status == "failed" for session in page.items)
    absent = sum(session.end_code.startswith(NOBODY_JOINED) for session in page.items)
    left = max(0.0, allowance.minutes_max - allowance.minutes_used)
    counts = ((len(page.items) - still_open - failed, "ended"), (still_open, "open"), (failed, "failed"))
    ended = ", ".join(f"{count} {word}" for count, word in counts if count or word == "ended")
    st.header("Today", anchor=False)
    grid = st.grid(4, min_column_width=150, gap="small")
    for label, value, detail in (
        ("Minutes used", f"{allowance.minutes_used:.0f} min", f"{left:.0f} min left of {allowance.minutes_max}"),
        ("Sessions", f"{page.total}", ended),
        ("Calls open", f"{allowance.open_calls}", f"{allowance.max_calls} at once at most"),
        ("Nobody joined", f"{absent}", "Rooms left empty"),
    ):
        grid.metric(label, value, delta=detail, delta_color="primary", delta_arrow="off", border=True)


def main() -> None:
    parts.header("Home", "Start opens the room with the meter capped. Join inside the frame.", "home")
    notice = st.container()

    # fetch
    with feedback.required("read the agents"):
        services = context.services()
        agents = services.agents.all()
        allowance = services.sessions.allowance()
    personas: Listing[Persona] | None = None
    replicas: Listing[Replica] | None = None
    with notice, feedback.section("read personas and replicas"):
        personas = services.catalogue.personas(max_age_s=context.freshness())
        replicas = services.catalogue.replicas(max_age_s=context.freshness())

    # render
    strips.open_sessions("home")
    st.header("Agents", anchor=False)
    st.caption(md(configured(services, allowance, personas, replicas)))
    chosen = None
    if agents:
        chosen = gallery(services, agents, allowance, personas, replicas)
    else:
        first_agent(services)
    today(services, allowance)

    # act
    if chosen is not None:
        agent_id, avatar = chosen
        with notice, feedback.section("start the session", retry=False):
            strips.start(agent_id, enable_avatar=avatar)


main()
