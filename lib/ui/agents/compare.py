"""Two agents side by side: persona, replica and each setting of the call; what differs is marked by word and icon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from lib.models import Agent, CallSettings
from lib.services.agents.call_settings import LABELS
from lib.services.agents.languages import MULTILINGUAL
from lib.services.agents.readiness import Missing
from lib.ui.agents.form import PLACES, PROVIDERS
from lib.ui.agents.gallery import Listed, lacks_told
from lib.ui.kit import parts
from lib.ui.kit.text import html, plain, span
from lib.ui.replicas import picker


class CompareRow(NamedTuple):
    """One thing of both agents, in words."""

    label: str
    left: str
    right: str

    @property
    def same(self) -> bool:
        return self.left == self.right


def compared_rows(listed: Listed, left: Agent, right: Agent) -> list[CompareRow]:
    """All that two agents can differ in, in the order of the form."""
    who = [
        CompareRow("Persona", _persona(listed, left), _persona(listed, right)),
        CompareRow("Replica", _replica(listed, left), _replica(listed, right)),
        CompareRow("State", _state(listed.lacks[left.id]), _state(listed.lacks[right.id])),
    ]
    ours, theirs = _call(listed, left), _call(listed, right)
    return who + [CompareRow(label, ours[name], theirs[name]) for name, label in LABELS.items()]


def draw_agents_compared(listed: Listed, left: Agent, right: Agent) -> tuple[str, str, str]:
    """The comparison. Returns the ids that are chosen, and of which agent the form shall be opened ("" of none)."""
    names = {agent.id: agent.name for agent in listed.agents}
    opened = ""
    picked = []
    for place, agent, side in zip(st.columns(2, gap="small"), (left, right), ("left", "right"), strict=True):
        with place, st.container(border=True, key=f"card-compare-{side}", gap="small"):
            parts.card(picker.url(listed.replica(agent)), agent.name, lacks_told(listed.lacks[agent.id]), small=True)
            with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
                choice = st.selectbox(
                    "First agent" if side == "left" else "Second agent",
                    list(names),
                    index=list(names).index(agent.id),
                    format_func=lambda item: plain(names[item], 80),
                    label_visibility="collapsed",
                    key=f"agents_compare_{side}_{agent.id}",
                )
                picked.append(str(choice))
                if st.button("Edit", icon=":material/edit:", key=f"agents_compare_edit_{side}"):
                    opened = agent.id
    found = compared_rows(listed, left, right)
    differing = [row for row in found if not row.same]
    with st.container(horizontal=True, vertical_alignment="center"):
        told = f"{len(differing)} of {len(found)} differ" if differing else "They differ in name only"
        st.markdown(f"**{told}**", width="stretch")
        only = st.toggle("Only what differs", key="agents_compare_only", persist_state="page")
    shown = differing if only else found
    if shown:
        st.html(_grid(shown, left.name, right.name))
    return picked[0], picked[1], opened


def _grid(shown: Sequence[CompareRow], left: str, right: str) -> str:
    lines = "".join(_line(row) for row in shown)
    head = "".join(f'<p role="columnheader" dir="auto">{html(name)}</p>' for name in (left, right))
    return (
        '<div class="gr-side" role="table" aria-label="Two agents compared"><div class="gr-compare gr-head" role="row">'
        f'<b role="columnheader"></b>{head}<span role="columnheader"></span></div>{lines}</div>'
    )


def _line(row: CompareRow) -> str:
    values = "".join(f'<p role="cell" dir="auto">{html(value)}</p>' for value in (row.left, row.right))
    kind = "gr-compare" if row.same else "gr-compare gr-differs"
    return f'<div class="{kind}" role="row"><b role="rowheader">{html(row.label)}</b>{values}{_mark(row)}</div>'


def _mark(row: CompareRow) -> str:
    word, colour, icon = ("Same", "gray", "check") if row.same else ("Differs", "orange", "difference")
    return f'<span role="cell"><span class="gr-chip gr-{colour}"><i aria-hidden="true">{icon}</i>{word}</span></span>'


def _persona(listed: Listed, agent: Agent) -> str:
    persona = listed.persona(agent)
    if persona is None:
        return agent.persona_id or "None"
    return f"{persona.name}\n{persona.id}"


def _replica(listed: Listed, agent: Agent) -> str:
    replica_id, replica = listed.replica_id(agent), listed.replica(agent)
    if not replica_id:
        return "None"
    name = f"{replica.name}\n{replica_id}" if replica else replica_id
    return name if agent.replica_id else f"{name}\nnot its own: the persona’s or the default"


def _state(lacks: Sequence[Missing]) -> str:
    return "\n".join(item.message for item in lacks) or "Nothing is missing"


def _call(listed: Listed, agent: Agent) -> dict[str, str]:
    """Each setting in words, by its name in CallSettings."""
    call, most, documents = agent.call, listed.services.agents.most, listed.known.documents
    persona = listed.persona(agent)
    greeting = call.greeting or (f"{persona.greeting}\nthe persona’s" if persona and persona.greeting else "")
    known = {document.id: document.name for document in documents.items} if documents else {}
    language = "Multilingual: follows the caller" if call.language == MULTILINGUAL else call.language
    strategy = call.document_retrieval_strategy
    return {
        "language": language or "The persona’s",
        "max_call_s": _limit(call.max_call_s, most.call_s),
        "absent_s": _limit(call.absent_s, most.absent_s),
        "left_s": _limit(call.left_s, most.left_s),
        "greeting": greeting or "The persona’s",
        "context": call.context or "None",
        "document_ids": "\n".join(known.get(item) or item for item in call.document_ids) or "None of its own",
        "document_tags": ", ".join(call.document_tags) or "None",
        "document_retrieval_strategy": strategy.capitalize() or "Tavus’s own",
        "recording": _on(call.recording),
        "recording_storage": _storage(call),
        "captions": _on(call.captions),
        "greenscreen": _on(call.greenscreen),
        "audio_only": _on(call.audio_only),
        "private_room": _on(call.private_room),
    }


def _storage(call: CallSettings) -> str:
    storage = call.recording_storage
    if not storage:
        return "None"
    provider = storage.get("provider", "")
    lines = [f"{PLACES[name][0]}: {value}" for name, value in storage.items() if name in PLACES and value]
    return "\n".join((PROVIDERS.get(provider, provider), *lines))


def _limit(asked: int | None, most: int) -> str:
    return f"{span(most)}, the most" if asked is None else span(min(asked, most))


def _on(value: bool) -> str:
    return "On" if value else "Off"
