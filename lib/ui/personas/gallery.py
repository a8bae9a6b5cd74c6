"""The list of personas: as cards or as a table, a page at a time.

Draws, and returns what was clicked, with the id: edit, copy, delete, agent (make one), history, compare, drift (see
what changed), accept or again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import streamlit as st

from lib.models import Agent, Persona, Replica
from lib.services.catalogue.catalogue import Listing
from lib.services.personas.fields import MODE
from lib.services.personas.history import Drift
from lib.ui.kit import lists, parts
from lib.ui.kit import table as kit_table
from lib.ui.kit.lists import Clicked
from lib.ui.kit.text import ago, html, plain
from lib.ui.replicas import picker
from lib.ui.shell import streamlit_private

CARDS = 12
ROWS = 50
KINDS = ("All", "Yours", "Stock", "Local edits", "Changed at Tavus")
STATE_OF = {"Local edits": "local", "Changed at Tavus": "remote"}
DRIFTS = {Drift.IN_SYNC: "in_sync", Drift.CHANGED: "remote"}

States = Mapping[str, str]
"""How a persona stands, by its id: `in_sync`, `local` or `remote`."""


CHIPS = {parts.STATES[state][0]: parts.STATES[state][1] for state in ("in_sync", "local", "remote", "stock")}


class PersonaCard(NamedTuple):
    """All that a card shows. `foot` is its last line."""

    persona_id: str
    stock: bool
    state: str
    face: str
    name: str
    line: str
    foot: str


def states(drift: Mapping[str, Drift], edited: Collection[str]) -> dict[str, str]:
    """`edited` are the ids with edits that were not saved: they come before what was changed at Tavus."""
    found = {persona_id: DRIFTS[how] for persona_id, how in drift.items() if how in DRIFTS}
    return found | dict.fromkeys(edited, "local")


def counted(personas: Sequence[Persona], standing: States) -> Counter[str]:
    """How many personas each filter lets through."""
    count: Counter[str] = Counter()
    for persona in personas:
        count.update(kind for kind in KINDS if _of_kind(persona, kind, standing))
    return count


def draw_persona_filters(count: Counter[str]) -> tuple[str, str, str]:
    """The row above the list; returns what is searched for, which kind is shown, and the view."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters-personas"):
        query = lists.search("Search by name or prompt", "personas_search")
        kind = st.pills(
            "Which",
            KINDS,
            default="All",
            required=True,
            wrap=True,
            format_func=lambda name: f"{name} :small[:gray[{count[name]}]]",
            label_visibility="collapsed",
            key="personas_kind",
            persist_state="page",
        )
        with st.container(horizontal=True, horizontal_alignment="right", width="stretch"):
            view = st.segmented_control(
                "View",
                ("Cards", "Table"),
                default="Cards",
                required=True,
                label_visibility="collapsed",
                key="personas_view",
                persist_state="page",
            )
    return query, kind or "All", view or "Cards"


def filter_personas(personas: Sequence[Persona], query: str, kind: str, standing: States) -> list[Persona]:
    """Those that the filters let through, the account's own first."""
    found = [
        persona
        for persona in personas
        if _of_kind(persona, kind, standing)
        if lists.matches(query, persona.name, persona.system_prompt, persona.id)
    ]
    return sorted(found, key=lambda persona: persona.stock)


def draw_persona_cards(
    personas: Sequence[Persona], replicas: Listing[Replica] | None, agents: Sequence[Agent], standing: States
) -> Clicked[str] | None:
    """A page of cards."""
    used = Counter(agent.persona_id for agent in agents)
    clicked = None
    grid = st.grid("auto", min_column_width=300, gap="small")
    for persona in lists.one_page(personas, CARDS, "personas_page"):
        shown = _shown(persona, replicas, used[persona.id], standing.get(persona.id, ""))
        clicked = streamlit_private.draw_again(grid, _card, shown) or clicked
    lists.pager(len(personas), CARDS, "personas_page", "personas")
    return clicked


def draw_persona_table(
    personas: Sequence[Persona], replicas: Listing[Replica] | None, agents: Sequence[Agent], standing: States
) -> Clicked[str] | None:
    """The personas as rows; a selected row gets its buttons below."""
    used = Counter(agent.persona_id for agent in agents)
    shown = lists.one_page(personas, ROWS, "personas_page")
    rows = kit_table.arrow(
        {
            "Name": [plain(persona.name, 200) for persona in shown],
            "State": [_chip_word(persona, standing) for persona in shown],
            "Speaks": [speaks(persona) for persona in shown],
            "Default replica": [_face_name(persona, replicas) for persona in shown],
            "Agents": [used[persona.id] for persona in shown],
            "Prompt, characters": [len(persona.system_prompt) for persona in shown],
            "Changed": [updated(persona) for persona in shown],
        }
    )
    columns = {
        "Name": st.column_config.TextColumn(width="medium"),
        "State": kit_table.chips("State", CHIPS),
        "Changed": st.column_config.DatetimeColumn(format="distance"),
    }
    selected = kit_table.select_row("personas", rows, columns, alt="Personas, one a row")
    lists.pager(len(personas), ROWS, "personas_page", "personas")
    if selected is None:
        st.caption("Select a row to open it.")
        return None
    persona = shown[selected]
    with parts.banner("info", plain(persona.name, 120), key="personas-row", icon="person_edit"):
        state = standing.get(persona.id, "")
        return _buttons(persona.id, persona.stock, state) or _menu(persona.id, persona.stock, state, "row")


def stock_tiles(personas: Sequence[Persona], replicas: Listing[Replica] | None) -> Clicked[str] | None:
    """Nothing of one's own yet: three of Tavus's to begin with."""
    clicked = None
    grid = st.grid("auto", min_column_width=260, gap="small")
    for persona in personas[:3]:
        with grid.container(border=True, key=f"card-stock-{persona.id}", gap="small", height="stretch"):
            parts.card(_face(persona, replicas), persona.name, plain(persona.system_prompt, 110), small=True)
            if st.button("Start from this", key=f"personas_from_{persona.id}", width="stretch"):
                clicked = Clicked("copy", persona.id)
    return clicked


def speaks(persona: Persona) -> str:
    """Its languages where it names some, else what kind of pipeline it has."""
    languages = persona.raw.get("languages")
    if isinstance(languages, list) and languages and all(isinstance(name, str) for name in languages):
        return ", ".join(languages)
    words = {"full": "Full pipeline", "echo": "Echo", "speech-to-speech": "Speech to speech"}
    return words.get(persona.pipeline_mode, MODE.say(persona.pipeline_mode))


def updated(persona: Persona) -> datetime | None:
    """When Tavus says that it was last changed."""
    for name in ("updated_at", "created_at"):
        value = persona.raw.get(name)
        try:
            at = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            at = None
        if at is not None and at.tzinfo is not None:
            return at
    return None


def use(count: int) -> str:
    return f"Used by {count} agent{'s' if count > 1 else ''}" if count else "Not used"


def _shown(persona: Persona, replicas: Listing[Replica] | None, used: int, state: str) -> PersonaCard:
    at = updated(persona)
    line = " · ".join(filter(None, (_face_name(persona, replicas), speaks(persona))))
    foot = use(used) + (f" · changed {ago(at)}" if at and not persona.stock else "")
    return PersonaCard(persona.id, persona.stock, state, _face(persona, replicas), persona.name, line, foot)


def _card(grid: st.delta_generator.DeltaGenerator, shown: PersonaCard) -> Clicked[str] | None:
    persona_id, stock, state, *_ = shown
    chip = parts.chip_html("stock") if stock else parts.chip_html(state) if state else ""
    with parts.tile(grid, f"persona-{persona_id}"):
        # One element for all that is only read: each element more costs every rerun of a page of twelve cards.
        st.html(
            f'<div class="gr-card gr-small">{parts.face_html(shown.face, shown.name)}'
            f"{parts.lines_html(shown.name, shown.line)}</div>"
            f'<div class="gr-foot">{chip}<span>{html(shown.foot)}</span></div>'
        )
        clicked = _menu(persona_id, stock, state)
        return _buttons(persona_id, stock, state) or clicked


def _buttons(persona_id: str, stock: bool, state: str) -> Clicked[str] | None:
    clicked = None
    if st.button("View" if stock else "Edit", key=f"personas_edit_{persona_id}", width="stretch"):
        clicked = Clicked("edit", persona_id)
    if stock:
        if st.button("Copy", icon=":material/content_copy:", key=f"personas_copy_{persona_id}", width="stretch"):
            clicked = Clicked("copy", persona_id)
    elif state == "remote":
        if st.button("See what changed", key=f"personas_drift_{persona_id}", width="stretch"):
            clicked = Clicked("drift", persona_id)
    elif st.button("Make agent", icon=":material/smart_display:", key=f"personas_agent_{persona_id}", width="stretch"):
        clicked = Clicked("agent", persona_id)
    return clicked


def _menu(persona_id: str, stock: bool, state: str, place: str = "card") -> Clicked[str] | None:
    acts = {"Make agent": "agent", "Compare": "compare"}
    if not stock:
        more = {"Accept what changed": "accept", "Make agent": "agent"} if state == "remote" else {}
        acts = {**more, "Duplicate": "copy", "History": "history", "Compare": "compare", "Delete": "delete"}
    word = st.menu_button(
        "",
        list(acts),
        icon=":material/more_horiz:",
        key=f"menu-persona-{place}-{persona_id}",
        type="tertiary",
        help="More",
    )
    return Clicked(acts[word], persona_id) if word in acts else None


def _of_kind(persona: Persona, kind: str, standing: States) -> bool:
    if kind in STATE_OF:
        return standing.get(persona.id) == STATE_OF[kind]
    return kind == "All" or persona.stock == (kind == "Stock")


def _chip_word(persona: Persona, standing: States) -> list[str]:
    state = "stock" if persona.stock else standing.get(persona.id, "")
    return [parts.STATES[state][0]] if state else []


def _face(persona: Persona, replicas: Listing[Replica] | None) -> str:
    return picker.url(replicas.find(persona.default_replica_id) if replicas else None)


def _face_name(persona: Persona, replicas: Listing[Replica] | None) -> str:
    replica = replicas.find(persona.default_replica_id) if replicas else None
    return plain(replica.name if replica else persona.default_replica_id, 80)
