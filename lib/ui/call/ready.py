"""Live session before a call: which agent, whether it is ready, what Start commits. Looking costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import streamlit as st

from lib.models import Agent, Document, Persona, Replica, Session
from lib.services.agents.readiness import Known
from lib.services.calls.limits import Allowance
from lib.services.catalogue.catalogue import Listing
from lib.ui.call import presence, strips
from lib.ui.kit import context, feedback, parts, places
from lib.ui.kit.text import gist, html, md, span
from lib.wiring import Services

VIDEO, TEXT = "Video call", "Text only, free"


@dataclass(frozen=True)
class StartCheck:
    """One line of the readiness list. `state` is `pass`, `look`, `fail` or `skip`."""

    name: str
    state: str
    evidence: str


@dataclass(frozen=True)
class Choice:
    """An agent with what Tavus has of it, None where that is not known."""

    agent: Agent
    persona: Persona | None
    replica: Replica | None


def draw_ready(unknown: str = "") -> None:
    """The page without a session. `unknown`: a session that the address names and that is not there."""
    parts.header("Live session", "Choose an agent, see that it is ready, start.", "live")
    notice = st.container()
    if unknown:
        with notice:
            cause = f"There is no session {unknown[:60]} here."
            parts.banner("warn", cause, "It may belong to another account or database.", key="live-unknown")

    # fetch
    with feedback.required("read the agents"):
        services = context.services()
        agents = services.agents.all()
        allowance = services.sessions.allowance(presence.person())
    personas: Listing[Persona] | None = None
    replicas: Listing[Replica] | None = None
    with notice, feedback.section("read personas and replicas"):
        services.catalogue.read_both(max_age_s=context.freshness())
        personas = services.catalogue.personas(max_age_s=context.freshness())
        replicas = services.catalogue.replicas(max_age_s=context.freshness())

    # render
    sessions = strips.open_sessions("live")
    if not agents:
        with parts.empty("No agents yet", "An agent is a persona with a face. Make one, then start it.", key="live"):
            if st.button("New agent", type="primary", icon=":material/add:", key="live_new"):
                st.switch_page(places.AGENTS, query_params={"agent": "new"})
        return
    left, right = st.columns([5, 8], gap="medium")
    with left:
        choice = choose_agent(services, agents, personas, replicas)
    documents: Listing[Document] | None = None
    if choice.agent.call.document_ids:
        with notice, feedback.section("read the documents"):
            documents = services.library.documents.all(max_age_s=context.freshness())
    known = Known(personas, replicas, documents)
    with right:
        started = draw_start(services, choice, allowance, sessions, known)

    # act
    if started is not None:
        with notice, feedback.section("start the session", retry=False):
            strips.start_session(choice.agent.id, enable_avatar=started == VIDEO)


def choose_agent(
    services: Services, agents: list[Agent], personas: Listing[Persona] | None, replicas: Listing[Replica] | None
) -> Choice:
    """Pick an agent; the address may name one (`?agent=`)."""
    names = {agent.id: agent.name for agent in agents}
    wanted = st.query_params.get("agent", "")
    index = list(names).index(wanted) if wanted in names else 0
    with st.container(border=True, key="card-choose", gap="small"):
        picked = st.selectbox("Agent", list(names), index=index, format_func=names.__getitem__, key="live_agent")
        agent = next(agent for agent in agents if agent.id == picked)
        persona = personas.find(agent.persona_id) if personas else None
        replica = replicas.find(services.agents.replica_of(agent, persona)) if replicas else None
        parts.card(
            context.own_path(replica.thumbnail_image_url) if replica else "",
            agent.name,
            " · ".join(item.name for item in (replica, persona) if item),
            gist(persona.system_prompt, 220) if persona else "",
        )
    return Choice(agent, persona, replica)


def draw_start(
    services: Services,
    choice: Choice,
    allowance: Allowance,
    sessions: list[Session],
    known: Known,
) -> str | None:
    """The checks, the mode and the Start. Returns the mode to start in, or None."""
    found = [
        key_check(services, known.personas, known.replicas),
        *piece_checks(services, choice, known),
        *limit_checks(allowance, choice.agent),
        browser_check(),
    ]
    blocked = any(check.state == "fail" for check in found)
    held = [item for item in sessions if item.agent_id == choice.agent.id and item.in_room]
    with st.container(border=True, key="side-ready", gap="small"):
        st.header("Ready?", anchor=False)
        st.html(_rows(found))
        mode = st.segmented_control("How", [VIDEO, TEXT], default=VIDEO, required=True, key="live_mode")
        st.markdown(f":small[:gray[{md(commits(services, choice.agent, allowance, str(mode)))}]]")
        with st.container(horizontal=True, gap="xsmall"):
            limit = span(call_s(choice.agent, allowance))
            word = f"Start, up to {limit}" if mode == VIDEO else "Start in text"
            off = blocked and mode == VIDEO
            if held and st.button("Return to room", type="primary", icon=":material/arrow_forward:", key="live_back"):
                st.switch_page(places.LIVE, query_params={"session": held[0].id})
            kind: Literal["primary", "secondary"] = "secondary" if held else "primary"
            if st.button(word, type=kind, icon=":material/play_arrow:", key="live_start", disabled=off):
                return str(mode)
            if st.button("Open the agent", key="live_edit", type="tertiary"):
                st.switch_page(places.AGENTS, query_params={"agent": choice.agent.id})
    return None


def call_s(agent: Agent, allowance: Allowance) -> int:
    return agent.call.longest_s(allowance.max_call_s)


def commits(services: Services, agent: Agent, allowance: Allowance, mode: str) -> str:
    """What one click on Start binds, in one sentence."""
    if mode == TEXT:
        return "Text chat with a stand-in for the persona. It takes no call and is not billed."
    limit = span(call_s(agent, allowance))
    if allowance.open_calls >= allowance.max_calls:
        return (
            f"{allowance.open_calls} of {allowance.max_calls} calls are in use: until one ends, only text chat starts."
        )
    binds = f"Takes up to {limit} and 1 of {allowance.max_calls} calls."
    if services.sandbox:
        return f"{binds} Nothing is billed on the sandbox."
    absent = span(services.loaded.settings.absent_timeout_s)
    return f"{binds} Tavus bills a call from Start until it ends; if nobody joins, that is after {absent}."


def key_check(services: Services, personas: Listing[Persona] | None, replicas: Listing[Replica] | None) -> StartCheck:
    error = next((listing.error for listing in (personas, replicas) if listing and listing.error), None)
    if services.loaded.problems:
        names = ", ".join(sorted({problem.name for problem in services.loaded.problems}))
        return StartCheck("Settings", "fail", f"To mend: {names}. Diagnostics says how.")
    if personas is None or replicas is None or error is not None:
        return StartCheck("Tavus", "look", error.message if error else "It did not answer; see above.")
    if services.sandbox:
        return StartCheck("Sandbox", "pass", "No key is needed, nothing is billed.")
    return StartCheck("Tavus key", "pass", "Tavus answers with this key.")


def piece_checks(services: Services, choice: Choice, known: Known) -> list[StartCheck]:
    """Persona and replica where they are well, and all that the agent lacks."""
    found = []
    lacking = services.agents.missing(choice.agent, known.personas, known.replicas, known.documents)
    if choice.persona is not None:
        found.append(StartCheck("Persona", "pass", choice.persona.name))
    if choice.replica is not None and choice.replica.ready:
        found.append(StartCheck("Replica", "pass", f"{choice.replica.name} is ready."))
    return found + [
        StartCheck(item.piece.value, "fail" if item.blocks else "look", f"{item.message}. {item.hint}")
        for item in lacking
    ]


def limit_checks(allowance: Allowance, agent: Agent) -> list[StartCheck]:
    free = allowance.max_calls - allowance.open_calls
    left = allowance.minutes_left
    reserved = f", {allowance.minutes_reserved:.0f} reserved by open calls" if allowance.minutes_reserved else ""
    need = call_s(agent, allowance) / 60
    calls = f"{allowance.open_calls} of {allowance.max_calls} are open."
    minutes = f"{left:.0f} of {allowance.minutes_max} left{reserved}; this call may take {need:.0f}."
    checks = [
        StartCheck("Calls", "pass", calls)
        if free > 0
        else StartCheck("Calls", "fail", f"{calls} End one above, or wait."),
        StartCheck("Minutes today", "pass", minutes)
        if left >= need
        else StartCheck("Minutes today", "fail", f"{minutes} They count anew at midnight UTC."),
    ]
    if allowance.recent_starts >= allowance.max_starts_per_minute:
        told = f"You started {allowance.recent_starts} within the last minute, the most for one person. Wait a minute."
        checks.append(StartCheck("Starts", "fail", told))
    return checks


def browser_check() -> StartCheck:
    """A browser gives camera and microphone only to https and to this machine itself."""
    parts_of_url = urlsplit(st.context.url or "")
    if parts_of_url.scheme == "https" or parts_of_url.hostname in ("localhost", "127.0.0.1", "::1", None):
        return StartCheck("Camera, microphone", "skip", "Your browser asks inside the frame.")
    return StartCheck("Camera, microphone", "look", "Browsers allow them only over https. Open this page by https.")


def _rows(found: list[StartCheck]) -> str:
    rows = "".join(
        f"<b>{html(check.name)}</b>{parts.chip_html(check.state)}<span>{html(check.evidence)}</span>" for check in found
    )
    return f'<div class="gr-checks">{rows}</div>'
