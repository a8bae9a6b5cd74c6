"""An agent as a form: name, persona, replica, and how its calls are held. `Values` is what the widgets hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import streamlit as st

from lib.models import Agent, CallSettings, Persona, Replica
from lib.services.agents import NAME_LIMIT, TEXT_LIMIT, Missing
from lib.services.catalogue import Listing
from lib.ui import parts, replica_picker
from lib.ui.text import html, md, plain, span

Values = Mapping[str, Any]

LANGUAGES = (
    "English", "Arabic", "Bengali", "Bulgarian", "Chinese", "Croatian", "Czech", "Danish", "Dutch", "Finnish", "French",
    "Georgian", "German", "Greek", "Gujarati", "Hebrew", "Hindi", "Hungarian", "Indonesian", "Italian", "Japanese",
    "Kannada", "Korean", "Malay", "Malayalam", "Marathi", "Norwegian", "Polish", "Portuguese", "Punjabi", "Romanian",
    "Russian", "Slovak", "Spanish", "Swedish", "Tagalog", "Tamil", "Telugu", "Thai", "Turkish", "Ukrainian",
    "Vietnamese",
)  # fmt: skip
"""Full English names as Tavus wants them (https://docs.tavus.io, language support)."""

MULTILINGUAL = "multilingual"
SHORTEST_S = 30

LABELS = {
    "name": "Name",
    "persona_id": "Persona",
    "replica_id": "Replica",
    "language": "Language",
    "minutes": "Limit",
    "greeting": "Greeting",
    "context": "Context for the call",
    "audio_only": "Audio only",
    "private_room": "Private room",
}


def read(agent: Agent | None, persona_id: str = "") -> dict[str, Any]:
    """What the form shows for this agent, or for a new one with this persona."""
    if agent is None:
        agent = blank(persona_id)
    call = agent.call
    return {
        "name": agent.name,
        "persona_id": agent.persona_id,
        "replica_id": agent.replica_id,
        "language": call.language,
        "minutes": None if call.max_call_s is None else call.max_call_s / 60,
        "greeting": call.greeting,
        "context": call.context,
        "audio_only": call.audio_only,
        "private_room": call.private_room,
    }


def write(agent: Agent | None, values: Values) -> Agent:
    """The agent as the form would save it; a limit in minutes becomes whole seconds."""
    minutes = values["minutes"]
    call = CallSettings(
        language=str(values["language"]).strip(),
        max_call_s=None if minutes is None else round(float(minutes) * 60),
        greeting=str(values["greeting"]).strip(),
        context=str(values["context"]).strip(),
        audio_only=bool(values["audio_only"]),
        private_room=bool(values["private_room"]),
    )
    return replace(
        agent or blank(),
        name=str(values["name"]).strip(),
        persona_id=str(values["persona_id"]),
        replica_id=str(values["replica_id"]),
        call=call,
    )


def edits(base: Values, values: Values) -> tuple[str, ...]:
    return tuple(label for key, label in LABELS.items() if values[key] != base[key])


def problems(values: Values, max_call_s: int) -> dict[str, str]:
    """What keeps the form from being saved, by field."""
    found = {}
    name = str(values["name"]).strip()
    if not name:
        found["name"] = "Give the agent a name."
    elif len(name) > NAME_LIMIT:
        found["name"] = f"{len(name)} characters; {NAME_LIMIT} is the most."
    if values["minutes"] is not None and not SHORTEST_S <= round(values["minutes"] * 60) <= max_call_s:
        found["minutes"] = f"A call can last from {span(SHORTEST_S)} to {span(max_call_s)}; MAX_CALL_S sets the most."
    for key in ("greeting", "context"):
        if len(str(values[key])) > TEXT_LIMIT:
            found[key] = f"{len(str(values[key])):,} characters; {TEXT_LIMIT:,} is the most."
    return found


def blank(persona_id: str = "") -> Agent:
    now = datetime.now(UTC)
    return Agent("", "", persona_id, "", CallSettings(), now, now)


class Inherited(NamedTuple):
    """The replica of an agent that names none: its id, `word` for a button, and `whose` as a phrase."""

    replica_id: str
    word: str
    whose: str


class Form:
    """The widgets of one agent under one prefix of keys. What is typed is kept while other pages are looked at."""

    def __init__(self, base: Values, prefix: str) -> None:
        self.base = base
        self.prefix = prefix
        self.wrong: Mapping[str, str] = {}

    def key(self, name: str) -> str:
        return self.prefix + name

    def values(self) -> dict[str, Any]:
        held = {name: st.session_state.get(self.key(name), shown) for name, shown in self.base.items()}
        for name in ("persona_id", "language"):
            held[name] = held[name] or ""
        return held

    def who(
        self, personas: Listing[Persona] | None, replicas: Listing[Replica] | None, inherited: Inherited | None
    ) -> None:
        """Name, persona with the beginning of its prompt, and the replicas to choose from."""
        st.text_input(
            "Name",
            self.base["name"],
            placeholder="Product demo",
            help="What the card on Home says. Only you see it.",
            **self._kept("name"),
        )
        self._complaint("name")
        self._persona(personas)
        chosen = self.values()["replica_id"]
        self._chosen(chosen, replicas, inherited)
        if replicas is not None:
            replica_picker.grid(replicas, self.key("replica_id"), chosen, size=8)

    def call(self, max_call_s: int) -> None:
        """How a call of this agent is held."""
        language = self.base["language"]
        options = [MULTILINGUAL, *LANGUAGES]
        options += [language] if language and language not in options else []
        st.selectbox(
            "Language",
            options,
            index=options.index(language) if language else None,
            format_func=lambda name: "Multilingual: follows the caller" if name == MULTILINGUAL else plain(name, 60),
            placeholder="The persona’s",
            help="What the avatar hears and speaks. Empty: the persona’s own, English by default.",
            **self._kept("language"),
        )
        st.number_input(
            "Limit, minutes",
            min_value=SHORTEST_S / 60,
            # A stored limit may be above one that was lowered since: it is shown, and complained about.
            max_value=max(max_call_s / 60, self.base["minutes"] or 0.0),
            value=self.base["minutes"],
            step=0.5,
            format="%g",
            placeholder=f"{max_call_s / 60:g}, the most",
            help=f"The call ends by itself after this. Empty: {span(max_call_s)}, the limit of this installation.",
            **self._kept("minutes"),
        )
        self._complaint("minutes")
        st.text_area(
            "Greeting",
            self.base["greeting"],
            height=80,
            placeholder="The persona’s own",
            help="Said first, in place of the persona’s greeting. A caller can’t interrupt it.",
            **self._kept("greeting"),
        )
        self._complaint("greeting")
        st.text_area(
            "Context for the call",
            self.base["context"],
            height=110,
            placeholder="Who is calling, what it is about",
            help="Told to the persona at the start of each call of this agent, besides its prompt.",
            **self._kept("context"),
        )
        self._complaint("context")
        st.toggle(
            "Audio only",
            self.base["audio_only"],
            help="The avatar is heard and not seen. Off by default.",
            **self._kept("audio_only"),
        )
        st.toggle(
            "Private room",
            self.base["private_room"],
            help="Only this console can open the room, with a key that is kept in memory: after a restart it can’t be "
            "joined again. Off by default.",
            **self._kept("private_room"),
        )

    def _persona(self, personas: Listing[Persona] | None) -> None:
        chosen = self.values()["persona_id"]
        known = sorted(personas.items, key=lambda persona: persona.stock) if personas else []
        names = {persona.id: persona for persona in known}
        options = [*names, *([chosen] if chosen and chosen not in names else [])]
        base = self.base["persona_id"]
        if base and base not in options:
            options.append(base)
        st.selectbox(
            "Persona",
            options,
            index=options.index(base) if base else None,
            format_func=lambda item: _persona_name(item, names.get(item)),
            placeholder="Choose a persona: type to search",
            help="What the agent knows and how it behaves.",
            **self._kept("persona_id"),
        )
        persona = names.get(chosen)
        if persona is not None:
            prompt = plain(persona.system_prompt, 260) or "It has no prompt."
            st.html(f'<div class="gr-lines"><span>{html(prompt)}</span></div>')
        elif chosen and personas is not None:
            st.markdown(
                ":small[:orange[:material/warning: Not among the account’s personas any more: choose another.]]"
            )

    def _chosen(self, chosen: str, replicas: Listing[Replica] | None, inherited: Inherited | None) -> None:
        """Which replica a call would show, and whose choice that is."""
        shown = chosen or (inherited.replica_id if inherited else "")
        replica = replicas.find(shown) if replicas and shown else None
        name = plain(replica.name if replica else shown, 60)
        whose = f" :gray[{md(inherited.whose)}]" if inherited and not chosen else ""
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            if shown:
                parts.avatar(replica_picker.url(replica), name)
            st.markdown(
                f"Replica: **{md(name)}**{whose}" if shown else "Replica: :gray[none chosen yet]",
                width="content",
                help="The face and voice of the call; Tavus also calls it a Face. Without one of its own, an agent "
                "wears its persona’s.",
            )
            if chosen:
                st.button(
                    f"Use {inherited.word}" if inherited else "Clear",
                    key=f"{self.key('replica_id')}_clear",
                    type="tertiary",
                    on_click=replica_picker.choose,
                    args=(self.key("replica_id"), ""),
                )

    def _kept(self, name: str) -> dict[str, Any]:
        return {"key": self.key(name), "persist_state": "session"}

    def _complaint(self, name: str) -> None:
        if name in self.wrong:
            st.markdown(f":small[:red[:material/error: {md(self.wrong[name])}]]")


def inherited(persona: Persona | None, default_replica_id: str) -> Inherited | None:
    """What an agent without a replica of its own shows: `default_replica_id` is what a call of it would get then."""
    if not default_replica_id:
        return None
    if persona is not None and persona.default_replica_id == default_replica_id:
        return Inherited(default_replica_id, "the persona’s", "the persona’s, since the agent has none of its own")
    return Inherited(default_replica_id, "the default", "the default for all agents (TAVUS_DEFAULT_REPLICA_ID)")


def readiness(
    agent: Agent, found: Sequence[Missing], wrong: Mapping[str, str], max_call_s: int, *, unread: bool, where: str
) -> None:
    """What stands between the form as it is and a call, and what Start would commit.

    `found` is what the agent lacks, `wrong` which fields can't be saved. `where` names who could not be read.
    """
    for key, message in wrong.items():
        st.markdown(f"{parts.chip_md('missing')} **{md(LABELS[key])}**  \n:small[:gray[{md(message)}]]")
    for item in found:
        state = "missing" if item.blocks else "look"
        st.markdown(f"{parts.chip_md(state)} **{md(item.message)}**  \n:small[:gray[{md(item.hint)}]]")
    if not found and not wrong:
        limit = span(max_call_s if agent.call.max_call_s is None else agent.call.max_call_s)
        words = f"Not checked: {where} could not be read." if unread else f"A call lasts up to {limit}."
        st.markdown(f"{parts.chip_md('look' if unread else 'ready')} {words}")


def _persona_name(item: str, persona: Persona | None) -> str:
    if persona is None:
        return item
    return plain(persona.name, 100) + (" · stock" if persona.stock else "")
