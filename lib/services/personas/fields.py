"""The fields of a persona as data, so that the form is drawn from a list and not written by hand.

Fields that are not listed here travel untouched: see `form`. The layers' own fields are in `layers`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lib.services.personas.field import CREATE, DOCS, NEWER_CREATE, NEWER_DOCS, FieldKind, Group, PersonaField
from lib.services.personas.layers import SIX

__all__ = [
    "BY_KEY",
    "CREATE",
    "DOCS",
    "ESSENTIALS",
    "FIELDS",
    "LAYERS",
    "READ_ONLY",
    "FieldKind",
    "Group",
    "PersonaField",
    "title",
]

# One field a paragraph reads better than one argument a line.
# fmt: off
NAME = PersonaField(
    ("persona_name",), "Name", "What the persona is called, here and when it joins a call.",
    limit=200, aliases=(("pal_name",),), needed="It can't be empty.",
)
PROMPT = PersonaField(
    ("system_prompt",), "System prompt", "Who the persona is and how it behaves, written to it as instructions.",
    FieldKind.LONG, limit=120_000, doc=DOCS + "overview", needed="Echo and speech to speech take none; full needs one.",
)
CONTEXT = PersonaField(
    ("context",), "Context", "Background for every call of this persona.",
    FieldKind.LONG, "nothing is added", limit=120_000,
    deprecated="Deprecated at Tavus since February 2026, still read. Better: put it into the system prompt.",
)
GREETING = PersonaField(
    ("greeting",), "Greeting", "The first thing that it says, which a caller can't interrupt.",
    FieldKind.LONG, "it opens in its own words", NEWER_CREATE, limit=5_000,
)
REPLICA = PersonaField(
    ("default_replica_id",), "Default replica", "The face and voice that it wears unless an agent names another.",
    default="each agent names its own", aliases=(("default_face_id",),),
)
MODE = PersonaField(
    ("pipeline_mode",), "Pipeline", "Whether it converses by itself, or only speaks what it is sent.",
    FieldKind.CHOICE, "full", DOCS + "overview", ("full", "echo", "speech-to-speech"),
    (("full", "Full: hears, thinks, speaks"), ("echo", "Echo: speaks what it is sent"),
     ("speech-to-speech", "Speech to speech")),
)
LANGUAGES = PersonaField(
    ("languages",), "Languages", "The languages that it speaks, such as English or German, one a line.",
    FieldKind.LINES, "the agent's, or English",
    "https://docs.tavus.io/sections/conversational-video-interface/language-support",
)

ESSENTIALS = (NAME, PROMPT, CONTEXT, GREETING, REPLICA, MODE, LANGUAGES)


def _knowledge() -> Iterator[PersonaField]:
    for name, label, text, limit in (
        ("document_ids", "Documents", "Ids of documents that it knows, one a line.", 0),
        ("document_tags", "Documents by tag", "Every document with one of these tags, one a line.", 0),
        ("guardrail_ids", "Guardrails", "Ids of rules that it must keep to, one a line, at most 50.", 50),
        ("guardrail_tags", "Guardrails by tag", "Every rule with one of these tags, one a line, at most 50.", 50),
        ("tool_ids", "Tools", "Ids of tools from Tavus's registry, one a line, at most 50.", 50),
    ):
        doc = NEWER_CREATE if name == "tool_ids" else CREATE
        yield PersonaField((name,), label, text, FieldKind.LINES, "none", doc, limit=limit)
    yield PersonaField(
        ("objectives_id",), "Objectives", "Id of the goals that it works towards.", default="none", limit=200
    )
    yield PersonaField(
        ("guardrails_id",), "Guardrail set", "Id of an older set of rules; new ones go under Guardrails.",
        default="none", limit=200,
    )


def _disclosure() -> Iterator[PersonaField]:
    yield PersonaField(
        ("disclosure_type",), "Says that it is an AI", "Whether callers are told that they talk with an AI.",
        FieldKind.CHOICE, "auto", NEWER_CREATE, ("always", "auto", "off"),
        (("always", "Always"), ("auto", "Auto"), ("off", "Off")),
    )
    yield PersonaField(
        ("verbal_disclosure",), "What it says", "The sentence by which it tells callers.",
        FieldKind.LONG, "Tavus's own words", NEWER_CREATE, limit=1_000,
    )
    yield PersonaField(
        ("visual_disclosure",), "What is shown", "The line that is shown to callers.",
        FieldKind.LONG, "Tavus's own words", NEWER_CREATE, limit=1_000,
    )


def _more() -> Iterator[PersonaField]:
    yield PersonaField(
        ("memories",), "Memories", "What it remembers in every call, one a line.",
        FieldKind.LINES, "none", NEWER_CREATE,
    )
    yield PersonaField(
        ("is_template",), "Template", "Marks it as one to make others from.", FieldKind.BOOL, "off", NEWER_CREATE,
    )
    for name, label, text, default, doc in (
        ("conferencing", "Meetings",
         "How it is invited to meetings: username, allowlist, whitelabel, as a JSON object; needs a default replica.",
         "it joins no meetings", NEWER_DOCS + "meetings"),
        ("sts", "Speech to speech", "Settings of the pipeline Speech to speech, as a JSON object.",
         "the pipeline's own", NEWER_CREATE),
        ("capabilities", "Capabilities", "What it may do besides talking, such as search_enabled, as a JSON object.",
         "none", NEWER_CREATE),
        ("knowledge_base", "Looking up documents",
         "How its documents are searched, such as rag_n_chunks, as a JSON object.", "Tavus's own", NEWER_CREATE),
    ):
        yield PersonaField(("layers", name), label, text, FieldKind.JSON, default, doc, shape=dict)


# fmt: on
LAYERS = (
    *SIX,
    Group("knowledge", "Knowledge and rules", "Knowledge", "menu_book", tuple(_knowledge())),
    Group("disclosure", "Telling that it is an AI", "Disclosure", "campaign", tuple(_disclosure())),
    Group("more", "Memory, meetings, newer layers", "More", "extension", tuple(_more())),
)
FIELDS = (*ESSENTIALS, *(field for group in LAYERS for field in group.fields))
BY_KEY = {field.key: field for field in FIELDS}

READ_ONLY = frozenset(
    (
        *("persona_id", "pal_id", "persona_type", "pal_type", "created_at", "updated_at", "conferencing_email"),
        *("uuid", "owner_id", "session_id", "registration_id", "pal_settings_id", "source_template_id"),
        *("is_draft", "is_published"),
    )
)
"""Keys that Tavus writes itself: shown, never sent."""

_WORDS = {field.key: group.word for group in LAYERS for field in group.fields}


def title(field: PersonaField) -> str:
    """The field's name with its group's, as a list of changes needs it: "Voice, engine"."""
    word = _WORDS.get(field.key)
    return f"{word}, {field.label[0].lower()}{field.label[1:]}" if word else field.label
