"""Replicas: see each face move, whether it can be worn and by whom it is, put one on an agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from lib.models import Agent, Persona, Replica
from lib.services.catalogue.catalogue import Listing
from lib.services.catalogue.replicas import Worn, condition, wearers
from lib.ui.kit import context, feedback, lists, parts, places
from lib.ui.kit.context import Services
from lib.ui.kit.text import day, md
from lib.ui.replicas import film, picker
from lib.ui.replicas.film import Film

CARDS = 24
KINDS = ("All", "Yours", "Stock")
STANDS = {"Any state": "", "Ready": "ready", "In training": "training", "Failed": "error"}
ANY_MODEL = "Any model"


def draw_replicas(services: Services) -> None:
    parts.header("Replicas", "The face and voice of an agent. Tavus also calls them Faces.", "replicas")
    notice = st.container()

    # fetch
    with notice, feedback.required("read the replicas"):
        replicas = services.catalogue.replicas(max_age_s=context.freshness())
        agents = services.agents.all()
    personas = read_personas(services, notice)
    with notice:
        lists.stale(replicas, "replicas")
    worn = wearers(agents, personas, services.agents.replica_of)

    # render
    if not replicas.items:
        text = "Train one in Tavus’s own portal: it appears here while it is being made."
        parts.empty("No replicas in this account", text, key="replicas")
        return
    shown = filter_replicas(replicas.items)
    clicked = None
    if not shown:
        parts.empty("Nothing found", "No replica fits the words and filters above.", key="replicas-none")
    else:
        page = lists.one_page(shown, CARDS, "replicas_page")
        clicked = film.draw_films([replica_film(replica, worn) for replica in page], key="replicas_gallery")
        lists.pager(len(shown), CARDS, "replicas_page", "replicas")

    # act
    if clicked is not None:
        act, replica_id = clicked
        if act == "wear":
            st.switch_page(places.AGENTS, query_params={"agent": "new", "replica": replica_id})
        go_to_replica(replica_id)


def filter_replicas(replicas: Sequence[Replica]) -> list[Replica]:
    """The row of filters, and the replicas that they let through: one's own first."""
    models = sorted({replica.model_name for replica in replicas if replica.model_name}, reverse=True)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters-replicas"):
        query = lists.search("Search by name, tag or id", "replicas_search")
        kind = st.segmented_control(
            "Whose", KINDS, default="All", required=True, label_visibility="collapsed", key="replicas_kind",
            persist_state="page",
        )  # fmt: skip
        model = _select("Model", (ANY_MODEL, *models), "replicas_model")
        state = _select("State", tuple(STANDS), "replicas_state")
    wanted = STANDS.get(state, "")
    found = [
        replica
        for replica in replicas
        if kind in (None, "All") or replica.stock == (kind == "Stock")
        if model == ANY_MODEL or replica.model_name == model
        if not wanted or condition(replica).state == wanted
        if lists.matches(query, replica.name, replica.id, *replica.tags)
    ]
    return sorted(found, key=lambda replica: replica.stock)


def replica_film(replica: Replica, worn: Mapping[str, Worn]) -> Film:
    stands = condition(replica)
    return Film(
        replica=replica.id,
        name=replica.name or replica.id,
        face=parts.face_source(picker.url(replica), replica.name),
        film=film_of(replica),
        lines=tuple(filter(None, (whose(replica), worn[replica.id].said if replica.id in worn else ""))),
        chip=None if stands.wearable else film.replica_chip(stands),
        lacks=stands.words if stands.state in ("error", "unknown") else "",
        wearable=stands.wearable,
    )


def details(services: Services, replica_id: str) -> None:
    top, notice = st.container(), st.container()

    # fetch
    replica: Replica | None = None
    agents: list[Agent] = []
    with notice, feedback.section("read the replica"):
        replica = services.catalogue.replicas(max_age_s=context.freshness()).find(replica_id)
        agents = services.agents.all()
        if replica is None:
            cause = f"There is no replica {replica_id[:60]} in this account."
            parts.banner("warn", cause, "It may have been deleted. Look for another.", key="replica-gone")
    personas = read_personas(services, notice) if replica else None
    stands = condition(replica) if replica else None

    # render
    with top, parts.header(replica.name or replica.id if replica else "Replica", "", "replica"):
        back = st.button("All replicas", icon=":material/arrow_back:", key="replicas_back")
        wear = (
            stands is not None
            and stands.wearable
            and st.button("Put on a new agent", type="primary", icon=":material/add:", key="replicas_wear")
        )
    if back:
        go_to_replica("")
    if replica is None or stands is None:
        return
    if not stands.wearable:
        kind: parts.Kind = "info" if stands.state == "training" else "bad"
        rest = f"It can’t be put on an agent. {stands.hint}"
        with notice, parts.banner(kind, f"{stands.words}.", rest, key="replica-state", stacked=True):
            if stands.progress is not None:
                parts.bar(stands.progress / 100)
            st.button("Look again", icon=":material/refresh:", key="replicas_again", on_click=context.reopen)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        film.one(replica_film(replica, {}), key=f"replicas_film_{replica.id}")
        if not replica.thumbnail_video_url:
            st.caption("Tavus gives no film of this one.")
    with right:
        draw_replica_facts(replica)
        put_on = wearing(services, replica, agents, personas, wearable=stands.wearable)

    # act
    if wear:
        st.switch_page(places.AGENTS, query_params={"agent": "new", "replica": replica.id})
    if put_on:
        st.switch_page(places.AGENTS, query_params={"agent": put_on, "replica": replica.id})


def draw_replica_facts(replica: Replica) -> None:
    with st.container(border=True, key="side-replica-facts", gap="small"):
        st.header("About it", anchor=False)
        rows = [
            ("Whose", "Tavus’s stock" if replica.stock else "This account’s"),
            ("Model", replica.model_name or "not told"),
            ("State", film.replica_chip(condition(replica))[0]),
            ("Made", day(replica.created_at) if replica.created_at else ""),
            ("Tags", ", ".join(replica.tags)),
        ]
        parts.facts((word, value) for word, value in rows if value)
        st.code(replica.id, language=None)


def wearing(
    services: Services, replica: Replica, agents: list[Agent], personas: Listing[Persona] | None, *, wearable: bool
) -> str:
    """Which agents and personas wear it; returns the agent that it shall be put on."""
    worn = wearers(agents, personas, services.agents.replica_of).get(replica.id, Worn())
    with st.container(border=True, key="side-replica-worn", gap="small"):
        st.header("Worn by", anchor=False)
        if not worn.agents and not worn.personas:
            st.markdown(":gray[No agent and no persona.]" if personas else ":gray[No agent. Personas were not read.]")
        for agent in worn.agents[:12]:
            st.page_link(places.AGENTS, label=md(agent.name, 80), icon=":material/smart_display:",
                         query_params={"agent": agent.id})  # fmt: skip
        for persona in worn.personas[:12]:
            st.page_link(places.PERSONAS, label=md(persona.name, 80), icon=":material/person_edit:",
                         query_params={"persona": persona.id})  # fmt: skip
        more = max(0, len(worn.agents) - 12) + max(0, len(worn.personas) - 12)
        if more:
            st.caption(f"and {more} more")
        others = {agent.id: agent.name for agent in agents if agent.replica_id != replica.id}
        if not wearable or not others:
            return ""
        with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
            picked = st.selectbox(
                "Put it on", list(others), index=None, format_func=others.__getitem__,
                placeholder="Choose an agent", key="replicas_agent",
            )  # fmt: skip
            if st.button("Put on", key="replicas_put_on", disabled=picked is None) and picked:
                return str(picked)
    return ""


def read_personas(services: Services, notice: st.delta_generator.DeltaGenerator) -> Listing[Persona] | None:
    """The personas; the page goes on without them."""
    with notice, feedback.section("read the personas"):
        return services.catalogue.personas(max_age_s=context.freshness())
    return None


def whose(replica: Replica) -> str:
    return " · ".join(filter(None, ("Stock" if replica.stock else "Yours", replica.model_name)))


def film_of(replica: Replica) -> str:
    return context.own_path(replica.thumbnail_video_url)


def go_to_replica(replica_id: str) -> None:
    """Show this replica, or the gallery for ""."""
    if replica_id:
        st.query_params["replica"] = replica_id
    else:
        st.query_params.pop("replica", None)
    st.rerun()


def _select(label: str, options: tuple[str, ...], key: str) -> str:
    picked = st.selectbox(label, options, label_visibility="collapsed", width=150, key=key, persist_state="page")
    return str(picked)


def main() -> None:
    with feedback.required("reach the replicas"):
        services = context.services()
    wanted = st.query_params.get("replica", "")
    if wanted:
        details(services, wanted)
    else:
        draw_replicas(services)


main()
