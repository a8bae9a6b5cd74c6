"""What a conversation may be asked to be (https://docs.tavus.io/api-reference/conversations/create-conversation)."""

from __future__ import annotations

from lib.sandbox.conversations.limits import LONGEST_CALL_S
from lib.sandbox.state import Row
from lib.sandbox.wire import fields
from lib.sandbox.wire.responses import Refusal

DEFAULTS_S = {"max_call_duration": 3600, "participant_left_timeout": 0, "participant_absent_timeout": 300}
TEXTS = (
    "replica_id", "persona_id", "callback_url", "conversation_name", "conversational_context", "custom_greeting",
    "document_retrieval_strategy",
)  # fmt: skip
FLAGS = ("audio_only", "test_mode", "require_auth", "chat")
TEXT_LISTS = ("memory_stores", "document_ids", "document_tags")
PROPERTY_FLAGS = ("enable_recording", "enable_closed_captions", "apply_greenscreen")
STRATEGIES = ("speed", "quality", "balanced")
STORAGE_PROVIDERS = ("s3", "gcs", "azure_blob")


def check(body: Row) -> None:
    """Raises `Refusal` (400) with the first thing that is wrong. Null counts as not given; unknown fields are fine."""
    fields.texts(body, TEXTS)
    fields.switches(body, FLAGS)
    for name in TEXT_LISTS:
        fields.text_list(body, name)
    fields.choice(body, "document_retrieval_strategy", STRATEGIES)
    participants = body.get("max_participants")
    if participants is not None and (type(participants) is not int or participants < 2):
        raise Refusal("max_participants must be a whole number, at least 2.")
    fields.objects(body, ("properties",))
    _check_properties(body.get("properties") or {})


def seconds(properties: Row, name: str) -> float:
    """A timer's length. The longest call is cut to what a plan allows, one hour, as Tavus does."""
    value = properties.get(name)
    length = DEFAULTS_S[name] if value is None else value
    return float(min(length, LONGEST_CALL_S) if name == "max_call_duration" else length)


def _check_properties(properties: Row) -> None:
    for name in DEFAULTS_S:
        value = properties.get(name)
        least = 1 if name == "max_call_duration" else 0
        if value is not None and (type(value) is not int or value < least):
            raise Refusal(f"{name} must be a whole number of seconds, at least {least}.")
        if value is not None and value > 10**9:
            raise Refusal(f"{name} is too long.")
    fields.switches(properties, PROPERTY_FLAGS)
    fields.texts(properties, ("language",))
    storage = properties.get("recording_storage")
    if storage is not None and not (isinstance(storage, dict) and storage.get("provider") in STORAGE_PROVIDERS):
        raise Refusal(f"recording_storage needs a provider: {', '.join(STORAGE_PROVIDERS)}.")
