"""Home: start an agent with one click, go back to a live session or end it, see what today has used."""

from __future__ import annotations

import streamlit as st

from lib.models import Agent, Persona, Replica, Session
from lib.services.catalogue.catalogue import Listing
from lib.ui.call import strips
from lib.ui.home import cards, today
from lib.ui.kit import context, feedback, parts, places
from lib.ui.kit.context import Services
from lib.ui.kit.text import ago, md, span

# Cards on a page besides the one for a new agent: twelve fill whole rows of two, three and four.
PAGE = 11


def configured(services: Services, personas: Listing[Persona] | None, replicas: Listing[Replica] | None) -> str:
    """What a Start works with, in one line."""
    settings = services.loaded.settings
    known = ((personas, "personas"), (replicas, "replicas"))
    where = "Sandbox" if services.sandbox else "Tavus"
    has = (f"{len(listing.items)} {word}" for listing, word in known if listing)
    at_once, daily = settings.max_concurrent_calls, settings.daily_minutes
    limits = f"up to {span(settings.max_call_s)} a call, {at_once} at once, {daily} min a day"
    billed = () if services.sandbox else ("Tavus bills a call from Start, up to its limit",)
    return " · ".join((where, *has, limits, *billed))


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


def draw_home(
    services: Services,
    agents: list[Agent],
    calls: dict[str, Session],
    personas: Listing[Persona] | None,
    replicas: Listing[Replica] | None,
) -> tuple[cards.Act, str] | None:
    """A page of cards; returns what was clicked on which agent. `calls`: the open calls by their agent."""
    pages = -(-len(agents) // PAGE)
    number = st.session_state.get("home_page", 1)
    at = min(number if isinstance(number, int) else 1, pages) - 1
    listed = agents[at * PAGE : (at + 1) * PAGE]
    shown = [agent_card(services, agent, agent.id in calls, personas, replicas) for agent in listed]
    clicked = cards.draw_home_cards(shown, add=at + 1 == pages, key="home_cards")
    if pages > 1:
        with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            st.caption(f"{len(agents)} agents", width="stretch")
            st.pagination(pages, key="home_page")
    return clicked


def agent_card(
    services: Services,
    agent: Agent,
    called: bool,
    personas: Listing[Persona] | None,
    replicas: Listing[Replica] | None,
) -> cards.Card:
    persona = personas.find(agent.persona_id) if personas else None
    replica = replicas.find(services.agents.replica_of(agent, persona)) if replicas else None
    lacking = services.agents.missing(agent, personas, replicas)
    blocked = bool(lacking) and lacking[0].blocks
    used = f"Used {ago(agent.last_used_at)}" if agent.last_used_at else "Not used yet"
    lines = (
        " · ".join(item.name for item in (replica, persona) if item and item.name),
        " · ".join(filter(None, (agent.call.language, used))),
    )
    word, text_only = strips.start_word(services, span(agent.call.longest_s(services.loaded.settings.max_call_s)))
    return cards.Card(
        agent=agent.id,
        name=agent.name,
        face=cards.card_face(context.own_path(replica.thumbnail_image_url) if replica else "", agent.name),
        lines=tuple(line for line in lines if line),
        start="" if blocked else word,
        lacks=lacking[0].message if lacking else "",
        back=called,
        text_only=text_only,
    )


def follow_card(clicked: tuple[cards.Act, str], calls: dict[str, Session]) -> None:
    """Do what was clicked on a card."""
    act, agent_id = clicked
    if act == "back":
        st.switch_page(places.LIVE, query_params={"session": calls[agent_id].id} if agent_id in calls else {})
    if act == "new":
        st.switch_page(places.AGENTS, query_params={"agent": "new"})
    if act == "mend":
        st.switch_page(places.AGENTS, query_params={"agent": agent_id})
    strips.start_session(agent_id, enable_avatar=act == "start")


def main() -> None:
    parts.header("Home", "Start an agent: the room opens with a time limit. Join inside the frame.", "home")
    notice = st.container()

    # fetch
    with feedback.required("read the agents"):
        services = context.services()
        agents = services.agents.all()
    personas: Listing[Persona] | None = None
    replicas: Listing[Replica] | None = None
    with notice, feedback.section("read personas and replicas"):
        services.catalogue.read_both(max_age_s=context.freshness())
        personas = services.catalogue.personas(max_age_s=context.freshness())
        replicas = services.catalogue.replicas(max_age_s=context.freshness())

    # render
    sessions = strips.open_sessions("home")
    calls = {session.agent_id: session for session in reversed(sessions) if session.in_room}
    figures = today.read_today(services, sessions)
    st.header("Agents", anchor=False)
    st.caption(md(configured(services, personas, replicas)))
    full = figures.full(services.loaded.settings.max_call_s)
    if agents and full:
        parts.banner("warn", full, "End an open session to start with an avatar.", key="full")
    clicked = None
    if agents:
        clicked = draw_home(services, agents, calls, personas, replicas)
    else:
        first_agent(services)
    today.draw_today(figures)

    # act
    if clicked is not None:
        with notice, feedback.section("start the session", retry=False):
            follow_card(clicked, calls)


main()
