"""What a guardrail may look like (https://docs.tavus.io/api-reference/guardrails/create-guardrails)."""

from __future__ import annotations

from typing import Any

from lib.sandbox.state import Row
from lib.sandbox.wire import fields
from lib.sandbox.wire.responses import Refusal

MAX_PROMPT, MAX_TAGS, MAX_TAG, MAX_ITEMS = 1000, 32, 64, 50
DEFAULTS: Row = {"modality": "verbal", "callback_url": "", "tags": [], "app_message": True}


def checked(given: Row) -> Row:
    """The guardrail with its defaults. Raises `Refusal` (400) with the first thing that is wrong."""
    row = fields.filled(given, DEFAULTS)
    fields.plain_name(row, "guardrail_name")
    fields.needed(row, "guardrail_prompt", most=MAX_PROMPT)
    fields.choice(row, "modality", fields.MODALITIES)
    fields.texts(row, ("callback_url",), most=fields.MAX_URL)
    fields.text_list(row, "tags", most=MAX_TAGS, longest=MAX_TAG)
    fields.switches(row, ("app_message",))
    fields.objects(row, ("tool_call",))
    return {name: value for name, value in row.items() if name != "tool_call" or value}


def checked_items(data: Any) -> list[Row]:
    """The guardrails of an older set."""
    if not isinstance(data, list) or not data or not all(isinstance(item, dict) for item in data):
        raise Refusal("data must be a list of at least one guardrail.")
    if len(data) > MAX_ITEMS:
        raise Refusal(f"data may hold at most {MAX_ITEMS} guardrails.")
    return [checked(item) for item in data]
