"""A guardrail as a form: its fields and what is wrong with them, found before anything is sent.

https://docs.tavus.io/api-reference/guardrails/create-guardrails
"""

from __future__ import annotations

import re

from lib.models import texts
from lib.services.library.forms import LibraryField, Values, address_problem, read, tag_problem

NAME_LIMIT, PROMPT_LIMIT = 100, 1_000

MODALITIES = {"verbal": "What is said", "visual": "What is seen", "audio": "How it sounds"}
"""The wire's words; `audio` is newer than the documents and only kept where it is set."""


DOC = "https://docs.tavus.io/api-reference/guardrails/create-guardrails"
NAME = LibraryField("guardrail_name", "Name", "Letters, digits and underscores, such as no_medical_advice.", doc=DOC)
PROMPT = LibraryField(
    "guardrail_prompt", "Rule", "What must never happen, or always: short and direct, it is kept best.", doc=DOC
)
MODALITY = LibraryField(
    "modality",
    "Watches",
    "Whether the rule is about what is said or about what the camera sees.",
    "verbal",
    "what is said",
    DOC,
)
TAGS = LibraryField(
    "tags", "Tags", "Words to find rules by; a persona can take every rule with a tag.", (), "none", DOC
)
MESSAGE = LibraryField(
    "app_message", "Tell the room", "Sends an event into the call when the rule is broken.", True, "on", DOC
)
CALLBACK = LibraryField(
    "callback_url", "Callback", "An address of yours that is told when the rule is broken.", "", "nobody is told", DOC
)
FIELDS = (NAME, PROMPT, MODALITY, TAGS, MESSAGE, CALLBACK)


def problems(values: Values, base: Values | None = None) -> dict[str, str]:
    """What keeps it from being sent, by field. What stands as in `base`, as it was read, Tavus has taken already."""
    found: dict[str, str] = {}
    name, prompt = str(values[NAME.key]).strip(), str(values[PROMPT.key]).strip()
    if not name:
        found[NAME.key] = "Give the rule a name, such as no_medical_advice."
    elif not re.fullmatch(r"[A-Za-z0-9_]+", name):
        found[NAME.key] = "Use letters, digits and underscores only: no spaces or accents."
    elif len(name) > NAME_LIMIT:
        found[NAME.key] = f"{len(name)} characters; {NAME_LIMIT} is the most."
    if not prompt:
        found[PROMPT.key] = "Write the rule in a sentence or two."
    elif len(prompt) > PROMPT_LIMIT:
        found[PROMPT.key] = f"{len(prompt):,} characters; {PROMPT_LIMIT:,} is the most."
    found[TAGS.key] = tag_problem(texts(values[TAGS.key]))
    found[CALLBACK.key] = address_problem(str(values[CALLBACK.key]))
    return {key: wrong for key, wrong in found.items() if wrong and (base is None or values[key] != base[key])}


def fields_of(values: Values) -> dict[str, object]:
    """The body that makes it: what is empty or says the default is left out."""
    plain = {key: value.strip() if isinstance(value, str) else value for key, value in values.items()}
    defaults = read({}, FIELDS)
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in plain.items()
        if value != defaults[key]
    }
