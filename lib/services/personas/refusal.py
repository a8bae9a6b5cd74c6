"""Which field Tavus's words of refusal speak of, where that can be told."""

from __future__ import annotations

import re

from lib.services.personas.fields import FIELDS, REPLICA

_SPOKEN = {"replica_uuid": REPLICA.key, "replica_id": REPLICA.key, "face_id": REPLICA.key}
"""Names by which Tavus speaks of a field in an error, and nowhere else."""


def field_of(said: str) -> str:
    """The key of the field that Tavus's words name, "" if it names none, or more than one alike.

    A path (`layers.tts.tts_engine`, `/layers/tts/tts_engine`) counts more than a bare name, which has to be the name of
    one field only.
    """
    text = said.replace("/", ".")
    paths = {".".join(path): field.key for field in FIELDS for path in field.names if len(path) > 1}
    named = [name for name in paths if _stands(name, text)]
    if named:
        return paths[max(named, key=len)]
    if first := _first_word(text):
        return first
    bare: dict[str, set[str]] = {}
    for field in FIELDS:
        for path in field.names:
            bare.setdefault(path[-1], set()).add(field.key)
    found = {name: keys for name, keys in bare.items() if "_" in name and _stands(name, text)}
    found |= {name: {key} for name, key in _SPOKEN.items() if _stands(name, text)}
    keys = set().union(*found.values()) if found else set()
    return keys.pop() if len(keys) == 1 else ""


def _first_word(text: str) -> str:
    """The field of the row itself whose name the refusal begins with: "greeting must be a string."."""
    word = re.match(r"[\"'`]?(\w+)", text)
    return next((field.key for field in FIELDS if word and (word[1],) in field.names), "")


def _stands(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", text) is not None
