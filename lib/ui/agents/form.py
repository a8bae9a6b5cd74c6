"""An agent as a form: name, persona, replica, and how its calls are held. `Values` is what the widgets hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import streamlit as st

from lib.models import Agent, CallLimits, CallSettings, Document, Persona, Replica
from lib.services.agents import call_settings, languages
from lib.services.agents.call_settings import OPTIONAL, RETRIEVAL, STORAGES
from lib.services.agents.languages import LANGUAGES, MULTILINGUAL
from lib.services.agents.readiness import Missing
from lib.services.agents.service import NAME_LIMIT
from lib.services.catalogue.catalogue import Listing
from lib.ui.kit import parts
from lib.ui.kit.text import html, md, plain, span
from lib.ui.replicas import picker

Values = Mapping[str, Any]

MINUTES, STORAGE = "minutes", "storage"
"""Keys of the form for `max_call_s` and the provider of `recording_storage`; its other fields are `storage.<name>`."""

_SHOWN_AS = {"max_call_s": MINUTES, "recording_storage": STORAGE}
LABELS = {
    "name": "Name",
    "persona_id": "Persona",
    "replica_id": "Replica",
    **{_SHOWN_AS.get(name, name): label for name, label in call_settings.LABELS.items()},
}
PROVIDERS = {"s3": "Amazon S3", "gcs": "Google Cloud Storage", "azure_blob": "Azure Blob Storage"}
PLACES = {
    "bucket_name": ("Bucket", "conversation-recordings"),
    "bucket_region": ("Region", "eu-north-1"),
    "assume_role_arn": ("Role that Tavus assumes", "arn:aws:iam::123456789012:role/TavusRecordingWriter"),
    "external_id": ("External id, if the role asks for one", ""),
    "project_id": ("Project", "my-gcp-project"),
    "workload_identity_provider": ("Workload identity provider", "projects/…/providers/…"),
    "service_account_email": ("Service account", "writer@my-gcp-project.iam.gserviceaccount.com"),
    "storage_account": ("Storage account", "myrecordings"),
    "container": ("Container", "conversation-recordings"),
    "tenant_id": ("Tenant", ""),
    "client_id": ("App registration (client id)", ""),
}
"""Field of `recording_storage` -> its label and an example."""


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
        MINUTES: None if call.max_call_s is None else call.max_call_s / 60,
        "absent_s": call.absent_s,
        "left_s": call.left_s,
        "greeting": call.greeting,
        "context": call.context,
        "document_ids": list(call.document_ids),
        "document_tags": list(call.document_tags),
        "document_retrieval_strategy": call.document_retrieval_strategy,
        "recording": call.recording,
        STORAGE: call.recording_storage.get("provider", ""),
        **{f"{STORAGE}.{name}": call.recording_storage.get(name, "") for name in PLACES},
        "captions": call.captions,
        "greenscreen": call.greenscreen,
        "audio_only": call.audio_only,
        "private_room": call.private_room,
    }


def write(agent: Agent | None, values: Values) -> Agent:
    """The agent as the form would save it; a limit in minutes becomes whole seconds. What it does not show stays."""
    agent = agent or blank()
    minutes, provider = values[MINUTES], str(values[STORAGE] or "")
    places = {name: str(values[f"{STORAGE}.{name}"] or "") for name in STORAGES.get(provider, ())}
    call = replace(
        agent.call,
        language=str(values["language"] or ""),
        max_call_s=None if minutes is None else round(float(minutes) * 60),
        absent_s=values["absent_s"],
        left_s=values["left_s"],
        greeting=str(values["greeting"]),
        context=str(values["context"]),
        document_ids=tuple(values["document_ids"]),
        document_tags=tuple(values["document_tags"]),
        document_retrieval_strategy=str(values["document_retrieval_strategy"] or ""),
        recording=bool(values["recording"]),
        recording_storage={"provider": provider, **places} if provider else {},
        captions=bool(values["captions"]),
        greenscreen=bool(values["greenscreen"]),
        audio_only=bool(values["audio_only"]),
        private_room=bool(values["private_room"]),
    )
    return replace(
        agent,
        name=str(values["name"]).strip(),
        persona_id=str(values["persona_id"] or ""),
        replica_id=str(values["replica_id"] or ""),
        call=call_settings.tidied(call),
    )


def edits(base: Values, values: Values) -> tuple[str, ...]:
    """Labels of what differs, each once."""
    changed = (name.partition(".")[0] for name in base if values[name] != base[name])
    return tuple(dict.fromkeys(LABELS[name] for name in changed))


def problems(values: Values, most: CallLimits) -> dict[str, str]:
    """What keeps the form from being saved, by field."""
    found = {}
    name = str(values["name"]).strip()
    if not name:
        found["name"] = "Give the agent a name."
    elif len(name) > NAME_LIMIT:
        found["name"] = f"{len(name)} characters; {NAME_LIMIT} is the most."
    for wrong in call_settings.wrong(write(None, values).call, most):
        found.setdefault(_SHOWN_AS.get(wrong.field, wrong.field), f"{wrong.message} {wrong.hint}".strip())
    return found


def blank(persona_id: str = "") -> Agent:
    now = datetime.now(UTC)
    return Agent("", "", persona_id, "", CallSettings(), now, now)


_PARTS: dict[str, tuple[str, ...]] = {
    "waiting": ("absent_s", "left_s"),
    "documents": ("document_ids", "document_tags", "document_retrieval_strategy"),
    "recording": ("recording", STORAGE),
}
"""Parts of the form that are folded, and what they hold."""


class Inherited(NamedTuple):
    """The replica of an agent that names none: its id, `word` for a button, and `whose` as a phrase."""

    replica_id: str
    word: str
    whose: str


class AgentForm:
    """The widgets of one agent under one prefix of keys. What is typed is kept while other pages are looked at."""

    def __init__(self, base: Values, prefix: str) -> None:
        self.base = base
        self.prefix = prefix
        self.wrong: Mapping[str, str] = {}

    def key(self, name: str) -> str:
        return self.prefix + name

    def values(self) -> dict[str, Any]:
        held = {name: st.session_state.get(self.key(name), shown) for name, shown in self.base.items()}
        # A choice that was taken back is None in its widget.
        for name in ("persona_id", "language", "document_retrieval_strategy", STORAGE):
            held[name] = held[name] or ""
        return held

    @property
    def wants_documents(self) -> bool:
        """True where the list of documents is needed: some are named, or their part of the form is open."""
        part = self.key("open.documents")
        return bool(self.values()["document_ids"] or self.base["document_tags"] or st.session_state.get(part))

    def mark(self, wrong: Mapping[str, str]) -> None:
        """Show this below its fields. Call it before they are drawn."""
        self.wrong = wrong

    def unfold(self) -> None:
        """Open the parts in which something is wrong. Call it before they are drawn."""
        for part, names in _PARTS.items():
            if any(name in self.wrong for name in names):
                st.session_state[self.key(f"open.{part}")] = True

    def who(
        self, personas: Listing[Persona] | None, replicas: Listing[Replica] | None, inherited: Inherited | None
    ) -> None:
        """Name, persona with the beginning of its prompt, and the replicas to choose from."""
        st.text_input(
            "Name",
            self.base["name"],
            placeholder="For example: Spring demo for buyers",
            help="What the card on Home says. Only you see it.",
            **self._kept("name"),
        )
        self._complaint("name")
        self._persona(personas)
        chosen = self.values()["replica_id"]
        self._chosen(chosen, replicas, inherited)
        if replicas is not None:
            picker.grid(replicas, self.key("replica_id"), chosen, size=8)

    def call(self, most: CallLimits, persona: Persona | None, documents: Listing[Document] | None) -> None:
        """How a call of this agent is held."""
        self._language(persona)
        self._number(
            MINUTES, most.call_s / 60, 0.5,
            f"The call ends by itself after this. Empty: {span(most.call_s)}, the limit of this installation.",
        )  # fmt: skip
        self._long("greeting", 80, "The persona’s own",
                   "Said first, in place of the persona’s greeting. A caller can’t interrupt it.")  # fmt: skip
        self._long("context", 110, "Who is calling, what it is about",
                   "Told to the persona at the start of each call of this agent, besides its prompt.")  # fmt: skip
        with st.container(gap="xsmall"):
            self._toggle("captions", "The caller can switch on subtitles. Off by default.")
            self._toggle("audio_only", "The avatar is heard and not seen. Off by default.")
            self._toggle(
                "private_room",
                "Only this console can open the room, with a key that is kept in memory: after a restart it can’t be "
                "joined again. Off by default.",
            )
            self._toggle(
                "greenscreen",
                "The background is one green, RGB 0, 255, 155, for a page that cuts it out. Off by default.",
            )
        with st.container(gap="xsmall"):
            self._part("waiting", "Waiting", "timer", lambda: self._waiting(most))
            self._part("documents", "Documents", "description", lambda: self._documents(documents))
            self._part("recording", "Recording", "radio_button_checked", self._recording)

    def _part(self, name: str, label: str, icon: str, draw: Callable[[], None]) -> None:
        """A part that is folded unless something in it is set. Folded, it is not drawn, and what it holds stays."""
        place = st.expander(
            label,
            icon=f":material/{icon}:",
            expanded=any(self.base[key] not in (None, "", False, []) for key in _PARTS[name]),
            key=self.key(f"open.{name}"),
            on_change="rerun",
        )
        if place.open:
            with place:
                draw()

    def _waiting(self, most: CallLimits) -> None:
        self._number(
            "absent_s", most.absent_s, 5,
            f"The room closes if nobody joins within so many seconds. Empty: {most.absent_s}, the most.",
        )  # fmt: skip
        self._number(
            "left_s", most.left_s, 5,
            f"The room closes so many seconds after the last caller left. Empty: {most.left_s}, the most.",
        )  # fmt: skip

    def _documents(self, documents: Listing[Document] | None) -> None:
        known = {document.id: document for document in documents.items} if documents else {}
        base = self.base
        st.multiselect(
            LABELS["document_ids"],
            list(dict.fromkeys((*known, *base["document_ids"], *self.values()["document_ids"]))),
            base["document_ids"],
            format_func=lambda item: _document_name(item, known.get(item)),
            placeholder="Choose, or paste an id",
            accept_new_options=True,
            help="What the persona can look things up in during this agent’s calls, besides its own documents.",
            **self._kept("document_ids"),
        )
        self._complaint("document_ids")
        tags = dict.fromkeys(tag for document in known.values() for tag in document.tags)
        st.multiselect(
            LABELS["document_tags"],
            list(dict.fromkeys((*tags, *base["document_tags"], *self.values()["document_tags"]))),
            base["document_tags"],
            placeholder="Choose, or type a tag",
            accept_new_options=True,
            help="Every document with one of these tags, those added later too.",
            **self._kept("document_tags"),
        )
        self._complaint("document_tags")
        st.segmented_control(
            LABELS["document_retrieval_strategy"],
            RETRIEVAL,
            default=base["document_retrieval_strategy"] or None,
            format_func=str.capitalize,
            help="Speed answers sooner, quality searches more. None chosen: Tavus’s own, balanced.",
            **self._kept("document_retrieval_strategy"),
        )

    def _recording(self) -> None:
        self._toggle("recording", "The caller can record the call. Tell callers before. Off by default.")
        base = self.base[STORAGE]
        provider = st.selectbox(
            LABELS[STORAGE],
            PROVIDERS,
            index=list(PROVIDERS).index(base) if base in PROVIDERS else None,
            format_func=PROVIDERS.__getitem__,
            placeholder="Where recordings go",
            help="A storage of your own that trusts Tavus. Tavus takes names of it, never a key or password. "
            "[Tavus’s page](https://docs.tavus.io/sections/conversational-video-interface/quickstart/"
            "conversation-recordings)",
            **self._kept(STORAGE),
        )
        self._complaint(STORAGE)
        for name in STORAGES.get(provider or "", ()):
            label, example = PLACES[name]
            st.text_input(
                label,
                self.base[f"{STORAGE}.{name}"],
                placeholder=example,
                help="Optional." if name in OPTIONAL else None,
                **self._kept(f"{STORAGE}.{name}"),
            )

    def _language(self, persona: Persona | None) -> None:
        base, chosen = self.base["language"], self.values()["language"]
        options = list(dict.fromkeys((MULTILINGUAL, *LANGUAGES, *filter(None, (base,)))))
        st.selectbox(
            LABELS["language"],
            options,
            index=options.index(base) if base else None,
            format_func=lambda name: "Multilingual: follows the caller" if name == MULTILINGUAL else plain(name, 60),
            placeholder="The persona’s",
            help="What the avatar hears and speaks. Empty: the persona’s own, English by default.",
            **self._kept("language"),
        )
        self._complaint("language")
        if languages.unsure(chosen, persona):
            what = "several languages" if chosen == MULTILINGUAL else plain(chosen, 60)
            told = f"The persona has a voice of its own. Whether it speaks {what} can’t be known here: listen once."
            st.markdown(f":small[:gray[{md(told)}]]")

    def _number(self, name: str, most: float, step: float, text: str) -> None:
        base = self.base[name]
        kind = float if name == MINUTES else int
        st.number_input(
            LABELS[name] + (", minutes" if name == MINUTES else ", seconds"),
            # Without limits of its own: the browser would keep a number beyond them to itself, and nobody be told.
            value=base,
            step=kind(step),
            format="%g" if kind is float else "%d",
            placeholder=f"{most:g}, the most",
            help=text,
            **self._kept(name),
        )
        self._complaint(name)

    def _long(self, name: str, height: int, placeholder: str, text: str) -> None:
        st.text_area(
            LABELS[name], self.base[name], height=height, placeholder=placeholder, help=text, **self._kept(name)
        )
        self._complaint(name)

    def _toggle(self, name: str, text: str) -> None:
        label = "Record calls" if name == "recording" else LABELS[name]
        st.toggle(label, self.base[name], help=text, **self._kept(name))

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
                parts.avatar(picker.url(replica), name)
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
                    on_click=picker.choose_replica,
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
    agent: Agent, found: Sequence[Missing], wrong: Mapping[str, str], most: CallLimits, *, unread: bool, where: str
) -> None:
    """What stands between the form as it is and a call, and what Start would commit.

    `found` is what the agent lacks, `wrong` which fields can't be saved. `where` names who could not be read.
    """
    for key, message in wrong.items():
        st.markdown(f"{parts.chip_md('missing')} **{md(LABELS[key])}**  \n:small[:gray[{md(message)}]]")
    limits_wrong = any(key in wrong for key in (MINUTES, *_PARTS["waiting"]))
    for item in found:
        if item.code == "limit_lowered" and limits_wrong:
            continue
        state = "missing" if item.blocks else "look"
        st.markdown(f"{parts.chip_md(state)} **{md(item.message)}**  \n:small[:gray[{md(item.hint)}]]")
    if not found and not wrong:
        limit = span(agent.call.longest_s(most.call_s))
        words = f"Not checked: {where} could not be read." if unread else f"A call lasts up to {limit}."
        st.markdown(f"{parts.chip_md('look' if unread else 'ready')} {words}")


def _document_name(item: str, document: Document | None) -> str:
    if document is None:
        return plain(item, 60)
    state = "" if document.status == "ready" else f" · {plain(document.status, 20)}"
    return plain(document.name or item, 60) + state


def _persona_name(item: str, persona: Persona | None) -> str:
    if persona is None:
        return item
    return plain(persona.name, 100) + (" · stock" if persona.stock else "")
