"""The list of agents: found by typing, filtered by state, persona and replica, as cards or as a table, by pages.

Draws what one page holds, whatever the length of the list, and returns what was clicked: start, rehearse, edit,
duplicate, delete or compare.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import streamlit as st

from lib.models import Agent, Persona, Replica
from lib.services.agents.readiness import Known, Missing
from lib.services.agents.service import Standing, standing
from lib.ui.call import strips
from lib.ui.kit import lists, parts
from lib.ui.kit import table as kit_table
from lib.ui.kit.context import Services
from lib.ui.kit.lists import Clicked
from lib.ui.kit.text import ago, plain, span
from lib.ui.replicas import picker
from lib.ui.shell import streamlit_private

CARDS, ROWS = 12, 50
VIEWS = ("Cards", "Table")
STATES = ("All", "Ready", "To mend")
CHIPS: dict[Standing, tuple[str, str]] = {
    "ready": ("Ready", "green"),
    "look": ("Check", "orange"),
    "blocked": ("Missing", "red"),
    "unknown": ("Not checked", "gray"),
}
"""Where an agent stands -> its word and colour in the table."""

PAGE = "agents_page"


REHEARSE = "Rehearse in text, free"


class AgentCard(NamedTuple):
    """All that a card shows. `start` is the word on its Start button, "" where it can't start."""

    agent_id: str
    face: str
    name: str
    who: str
    note: str
    warn: str
    start: str
    text_only: bool
    others: bool


@dataclass(frozen=True)
class Listed:
    """All agents with what Tavus has of them and what each lacks, by its id."""

    services: Services
    agents: Sequence[Agent]
    known: Known
    lacks: Mapping[str, Sequence[Missing]]

    def persona(self, agent: Agent) -> Persona | None:
        return self.known.personas.find(agent.persona_id) if self.known.personas else None

    def replica_id(self, agent: Agent) -> str:
        return self.services.agents.replica_of(agent, self.persona(agent))

    def replica(self, agent: Agent) -> Replica | None:
        return self.known.replicas.find(self.replica_id(agent)) if self.known.replicas else None

    def standing(self, agent: Agent) -> Standing:
        return standing(self.lacks[agent.id], self.known)

    def limit(self, agent: Agent) -> str:
        return span(agent.call.longest_s(self.services.agents.most.call_s))


def filter_agents(listed: Listed) -> tuple[list[Agent], str]:
    """The row of filters; the agents that it lets through, and the view."""
    count = Counter(listed.standing(agent) for agent in listed.agents)
    counts = {"All": len(listed.agents), "Ready": count["ready"], "To mend": count["look"] + count["blocked"]}
    # The table can be linked to; which of the two a person last chose is kept for the visit.
    st.session_state.setdefault("agents_view", "Table" if st.query_params.get("view") == "table" else "Cards")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters-agents"):
        query = lists.search("Search by name, persona, replica", "agents_search")
        state = st.segmented_control(
            "State",
            STATES,
            default="All",
            required=True,
            format_func=lambda name: f"{name} :small[:gray[{counts[name]}]]",
            label_visibility="collapsed",
            key="agents_state",
            persist_state="page",
        )
        persona_id, replica_id = _worn_filters(listed)
        with st.container(horizontal=True, horizontal_alignment="right", width="stretch"):
            view = st.segmented_control(
                "View",
                VIEWS,
                required=True,
                label_visibility="collapsed",
                key="agents_view",
                persist_state="page",
            )
    wanted = {"Ready": ("ready",), "To mend": ("look", "blocked")}.get(str(state))
    found = [
        agent
        for agent in listed.agents
        if wanted is None or listed.standing(agent) in wanted
        if not persona_id or agent.persona_id == persona_id
        if not replica_id or listed.replica_id(agent) == replica_id
        if not query or query == agent.id or lists.matches(query, agent.name, *_names(listed, agent))
    ]
    return found, view or "Cards"


def draw_agent_cards(listed: Listed, shown: Sequence[Agent]) -> Clicked[Agent] | None:
    """A page of cards."""
    clicked = None
    grid = st.grid("auto", min_column_width=270, gap="small")
    for agent in lists.one_page(shown, CARDS, PAGE):
        act = streamlit_private.draw_again(grid, _card, _shown(listed, agent))
        clicked = Clicked(act, agent) if act else clicked
    lists.pager(len(shown), CARDS, PAGE, "agents")
    return clicked


def draw_agent_table(listed: Listed, shown: Sequence[Agent]) -> Clicked[Agent] | None:
    """The agents as rows, fifty a page. What says most comes first, for a narrow window."""
    page = lists.one_page(shown, ROWS, PAGE)
    column = st.column_config
    columns = {
        "name": column.TextColumn("Name", width=180),
        "state": kit_table.chips("State", dict(CHIPS.values())),
        "lacks": column.TextColumn("What it lacks", width=260),
        "persona": column.TextColumn("Persona", width=170),
        "replica": column.TextColumn("Replica", width=90),
        "language": column.TextColumn("Language", width=100),
        "limit": column.TextColumn("Limit", alignment="right", width=80),
        "used": column.TextColumn("Last used", width=110),
    }
    ids = [agent.id for agent in page]
    wanted = kit_table.open_by_button("agents", ids, _rows(listed, page), columns, alt="Agents, one a row")
    with st.container(horizontal=True, vertical_alignment="center"):
        rows = range(len(page))
        picked = kit_table.open_by_name(
            "an agent", rows, lambda row: plain(page[row].name, 100), key="agents_named", width=260
        )
        with st.container(width="stretch"):
            lists.pager(len(shown), ROWS, PAGE, "agents")
    if wanted is None:
        return Clicked("edit", page[picked]) if picked is not None and picked < len(page) else None
    agent = next((agent for agent in shown if agent.id == wanted), None)
    return Clicked("edit", agent) if agent is not None else None


def lacks_told(lacks: Sequence[Missing]) -> str:
    """What an agent lacks, in one line: the two worst, and how many more."""
    told = "; ".join(item.message for item in lacks[:2])
    return told + (f"; and {len(lacks) - 2} more" if len(lacks) > 2 else "")


def last_used(agent: Agent) -> str:
    return ago(agent.last_used_at)


def _shown(listed: Listed, agent: Agent) -> AgentCard:
    lacks = listed.lacks[agent.id]
    note = " · ".join((agent.call.language or "Persona’s language", last_used(agent)))
    label, text_only = strips.start_word(listed.services, listed.limit(agent))
    return AgentCard(
        agent.id,
        picker.url(listed.replica(agent)),
        agent.name,
        who=" · ".join(filter(None, reversed(_names(listed, agent)))),
        note="" if lacks else note,
        warn=lacks_told(lacks),
        start="" if lacks and lacks[0].blocks else label,
        text_only=text_only,
        others=len(listed.agents) > 1,
    )


def _card(grid: st.delta_generator.DeltaGenerator, shown: AgentCard) -> str | None:
    """One agent, and what is to be done with it; its menu holds what is not needed daily."""
    act = None
    with parts.tile(grid, f"agent-{shown.agent_id}"):
        parts.card(shown.face, shown.name, shown.who, shown.note, warn=shown.warn)
        if not shown.start:
            if st.button("Fix", icon=":material/build:", key=f"agents_fix_{shown.agent_id}", width="stretch"):
                act = "edit"
        else:
            icon = ":material/chat:" if shown.text_only else ":material/play_arrow:"
            if st.button(shown.start, icon=icon, key=f"start-agents-{shown.agent_id}", width="stretch"):
                act = "rehearse" if shown.text_only else "start"
        if st.button("", icon=":material/edit:", key=f"agents_edit_{shown.agent_id}", help="Edit"):
            act = "edit"
        options = [REHEARSE, *(["Compare"] if shown.others else []), "Duplicate", "Delete"]
        key = f"menu-agent-{shown.agent_id}"
        word = st.menu_button("", options, icon=":material/more_horiz:", key=key, help="More")
    return "rehearse" if word == REHEARSE else word.lower() if word else act


def _worn_filters(listed: Listed) -> tuple[str, str]:
    """Which persona and which replica; drawn only while the filters are open, since both can be long."""
    keys = ("agents_persona", "agents_replica")
    held = [str(st.session_state.get(key) or "") for key in keys]
    count = sum(map(bool, held))
    popover = st.popover(
        f"Filters :small[:gray[{count}]]" if count else "Filters",
        icon=":material/filter_list:",
        key="agents_filters",
        on_change="rerun",
    )
    if popover.open:
        personas = {agent.persona_id: listed.persona(agent) for agent in listed.agents if agent.persona_id}
        replicas = {listed.replica_id(agent): listed.replica(agent) for agent in listed.agents}
        replicas.pop("", None)
        with popover:
            held = [
                _worn("Persona", {key: item.name if item else key for key, item in personas.items()}, keys[0]),
                _worn("Replica", {key: item.name if item else key for key, item in replicas.items()}, keys[1]),
            ]
    return held[0], held[1]


def _worn(label: str, names: Mapping[str, str], key: str) -> str:
    held = st.session_state.get(key)
    if held and held not in names:
        st.session_state[key] = None
    ordered = sorted(names, key=lambda item: names[item].casefold())
    picked = st.selectbox(
        label,
        ordered,
        index=None,
        format_func=lambda item: plain(names[item], 80),
        placeholder="Any: type to search",
        key=key,
        persist_state="page",
    )
    return str(picked or "")


def _names(listed: Listed, agent: Agent) -> tuple[str, str]:
    """Of the persona and of the replica, "" where they are not known."""
    persona, replica = listed.persona(agent), listed.replica(agent)
    return persona.name if persona else "", replica.name if replica else ""


def _rows(listed: Listed, page: Sequence[Agent]) -> Any:
    names = [_names(listed, agent) for agent in page]
    return kit_table.arrow(
        {
            "name": [plain(agent.name, 200) for agent in page],
            "state": [[CHIPS[listed.standing(agent)][0]] for agent in page],
            "lacks": [lacks_told(listed.lacks[agent.id]) or "–" for agent in page],
            "persona": [
                plain(persona or agent.persona_id, 100) for agent, (persona, _) in zip(page, names, strict=True)
            ],
            "replica": [plain(replica, 60) for _, replica in names],
            "language": [agent.call.language or "Persona’s" for agent in page],
            "limit": [listed.limit(agent) for agent in page],
            "used": [last_used(agent) for agent in page],
        }
    )
