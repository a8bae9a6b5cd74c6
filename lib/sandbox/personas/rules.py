"""What a persona may look like (https://docs.tavus.io/openapi.yaml, `POST /v2/personas`, and what newer rows hold)."""

from __future__ import annotations

from typing import Any

from lib.sandbox.state import Row
from lib.sandbox.wire import fields
from lib.sandbox.wire.responses import Refusal

PROMPTLESS_MODES = ("echo", "speech-to-speech")
MODES = ("full", *PROMPTLESS_MODES)
TEXTS = (
    "persona_name", "system_prompt", "context", "greeting", "default_replica_id", "objectives_id", "guardrails_id",
)  # fmt: skip
TEXT_LISTS = {"document_ids": None, "document_tags": None, "guardrail_ids": 50, "guardrail_tags": 50, "tool_ids": 50}
SENSITIVITY = ("low", "medium", "high")
CHOICES = {
    ("perception", "perception_model"): ("raven-1", "raven-0", "off"),
    ("stt", "stt_engine"): (
        "tavus-auto", "tavus-parakeet", "tavus-soniox", "tavus-whisper", "tavus-deepgram-medical", "tavus-advanced",
    ),
    ("conversational_flow", "turn_detection_model"): ("sparrow-2", "sparrow-1", "sparrow-0", "timebased"),
    ("conversational_flow", "turn_taking_patience"): SENSITIVITY,
    ("conversational_flow", "replica_interruptibility"): SENSITIVITY,
    ("conversational_flow", "voice_isolation"): ("near", "off"),
    ("conversational_flow", "idle_engagement"): ("off", "patient", "eager"),
    ("tts", "tts_engine"): ("cartesia", "elevenlabs", "azure"),
}  # fmt: skip
"""Choices of the six layers: the spec's, and those seen or documented since. The model of `llm` is free text."""


def check(row: Row) -> None:
    """Raises `Refusal` (400) with the first thing that is wrong. Fields that nobody knows are fine."""
    fields.texts(row, TEXTS)
    if row["pipeline_mode"] not in MODES:
        raise Refusal(f"pipeline_mode must be one of {', '.join(MODES)}.")
    if row["pipeline_mode"] not in PROMPTLESS_MODES and not row["system_prompt"].strip():
        raise Refusal("system_prompt is required unless pipeline_mode is echo.")
    for name, most in TEXT_LISTS.items():
        fields.text_list(row, name, most=most)
    _check_layers(row["layers"])


def _check_layers(layers: Any) -> None:
    if not isinstance(layers, dict):
        raise Refusal("layers must be an object.")
    for name, layer in layers.items():
        if not isinstance(layer, dict | None):
            raise Refusal(f"layers.{name} must be an object.")
    for (layer_name, field), choices in CHOICES.items():
        layer = layers.get(layer_name) or {}
        if layer.get(field) is not None and layer[field] not in choices:
            raise Refusal(f"layers.{layer_name}.{field} must be one of {', '.join(choices)}.")
