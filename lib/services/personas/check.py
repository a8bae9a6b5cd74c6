"""What is wrong with a persona's form, found before anything is sent.

Rules of https://docs.tavus.io/api-reference/personas/create-persona and of the layers' guides. Limits of length are
asked of what was changed only: a persona that Tavus has taken can still be edited elsewhere in the form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from lib.models import JsonObject
from lib.services.personas.fields import (
    BY_KEY,
    CONTEXT,
    FIELDS,
    MODE,
    NAME,
    PROMPT,
    READ_ONLY,
    REPLICA,
    FieldKind,
    PersonaField,
    title,
)
from lib.services.personas.form import OTHER, Value, Values, alien, kind, read, same
from lib.services.personas.rows import ABSENT, get

PROMPTLESS = ("echo", "speech-to-speech")
_PERCEPTION = "layers.perception."
_AUDIO = tuple(_PERCEPTION + name for name in ("audio_awareness_queries", "audio_tool_prompt", "audio_tools"))
_ENGINE, _SPEED, _VOICE_MODEL = (
    f"layers.tts.{name}" for name in ("tts_engine", "voice_settings.speed", "tts_model_name")
)
_MODEL, _ENDPOINT, _MEETINGS = "layers.llm.model", "layers.llm.base_url", "layers.conferencing"
ELEVENLABS_SPEED = (0.7, 1.2)


@dataclass(frozen=True)
class FieldProblem:
    """`key` is the field's (or OTHER), `label` its name on the page, `message` what to do about it."""

    key: str
    label: str
    message: str


def problems(row: JsonObject, values: Values) -> tuple[FieldProblem, ...]:
    """All that keeps `values` from being sent, in the order of the form. `row` is what they were read from."""
    base, locked = read(row), alien(row)
    held = {**base, **values}
    changed = {key for key in held if not same(held[key], base.get(key))}
    found = [*_essentials(held, changed)]
    for field in FIELDS:
        new = held[field.key]
        if field.key not in locked and field.key in changed and not _blank(new):
            found += (
                FieldProblem(field.key, title(field), message) for message in _field(kind(row, field), field, new)
            )
    found += _together(held, changed)
    if OTHER in changed:
        found += (FieldProblem(OTHER, "Other fields", message) for message in _other(row, str(held[OTHER] or "")))
    return tuple(found)


def _essentials(held: Values, changed: set[str]) -> Iterator[FieldProblem]:
    if _blank(held[NAME.key]):
        yield FieldProblem(NAME.key, NAME.label, "Give the persona a name.")
    mode = held[MODE.key] or "full"
    if mode not in PROMPTLESS and _blank(held[PROMPT.key]):
        yield FieldProblem(
            PROMPT.key,
            PROMPT.label,
            "Write who the persona is and how it behaves. Only echo and speech to speech work without.",
        )
    for field, word in ((PROMPT, "prompt"), (CONTEXT, "context")):
        if mode in PROMPTLESS and not _blank(held[field.key]) and {field.key, MODE.key} & changed:
            yield FieldProblem(
                field.key,
                field.label,
                f"The pipeline “{MODE.say(str(mode))}” takes no {word}: empty it, or choose Full.",
            )


def _field(of: FieldKind, field: PersonaField, new: Value) -> Iterator[str]:
    text = new if isinstance(new, str) else ""
    if of in (FieldKind.JSON, FieldKind.SECRETS):
        yield from _json(text, field.shape)
    elif of is FieldKind.CHOICE and not field.free and text not in field.choices:
        yield f"Choose one of {', '.join(field.choices)}."
    elif of is FieldKind.LINES:
        entries = [line for line in text.split("\n") if line.strip()]
        if field.limit and len(entries) > field.limit:
            yield f"{len(entries)} entries; Tavus takes {field.limit} at most."
    elif field.limit and len(text) > field.limit:
        yield f"{len(text):,} characters; {field.limit:,} is the most."
    low, high = field.low, field.high
    if isinstance(new, int | float) and low is not None and high is not None and not low <= new <= high:
        yield f"Choose a number from {low:g} to {high:g}."
    if field is BY_KEY["layers.llm.base_url"]:
        yield from _address(text.strip())


def _address(url: str) -> Iterator[str]:
    if not url.startswith(("https://", "http://")):
        yield "Begin the address with https://."
    if url.rstrip("/").endswith("/chat/completions"):
        yield "Leave /chat/completions away: Tavus adds it."


def _json(text: str, shape: type) -> Iterator[str]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        yield f"This is not JSON yet: line {error.lineno}, column {error.colno}: {error.msg[0].lower()}{error.msg[1:]}."
        return
    except (RecursionError, ValueError):
        yield "This is nested too deeply, or holds a number that is too long."
        return
    if not isinstance(value, shape):
        yield "Write a list: [ … ]." if shape is list else "Write an object: { … }."


def _together(held: Values, changed: set[str]) -> Iterator[FieldProblem]:
    """What is wrong with one field because of another. Only where one of the two was changed."""
    for key, because, message in _clashes(held):
        if {key, because} & changed:
            yield FieldProblem(key, title(BY_KEY[key]), message)


def _clashes(held: Values) -> Iterator[tuple[str, str, str]]:
    model = held[_PERCEPTION + "perception_model"]
    for key in _AUDIO:
        if model not in ("", "raven-1") and not _blank(held[key]):
            yield (
                key,
                _PERCEPTION + "perception_model",
                f"Listening needs the perception model raven-1, not {model}: choose raven-1, or empty this.",
            )
    if not _blank(held[_ENDPOINT]) and _blank(held[_MODEL]):
        yield _MODEL, _ENDPOINT, "Name the model of your own endpoint, or empty its address."
    engine, speed = held[_ENGINE], held[_SPEED]
    low, high = ELEVENLABS_SPEED
    if engine == "elevenlabs" and isinstance(speed, int | float) and not low <= speed <= high:
        yield _SPEED, _ENGINE, f"Choose a number from {low:g} to {high:g}: ElevenLabs takes no other."
    if engine == "azure" and not _blank(held[_VOICE_MODEL]):
        yield _VOICE_MODEL, _ENGINE, "Azure takes no voice model: empty this, or choose another engine."
    if not _blank(held[_MEETINGS]) and _blank(held[REPLICA.key]):
        yield _MEETINGS, REPLICA.key, "To be invited to meetings it needs a default replica: choose one."


def _other(row: JsonObject, text: str) -> Iterator[str]:
    if not text.strip():
        return
    wrong = list(_json(text, dict))
    yield from wrong
    if wrong:
        return
    value, locked = json.loads(text), alien(row)
    for name in sorted(READ_ONLY & value.keys()):
        yield f"{name} is written by Tavus: take it out."
    for field in FIELDS:
        if field.key not in locked and any(get(value, path) is not ABSENT for path in (field.path, *field.aliases)):
            yield f"{field.key} has a field of its own: “{title(field)}”."


def _blank(value: Value) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
