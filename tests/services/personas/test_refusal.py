"""Tavus's words of refusal stand beside the field that they name, and at no other."""

from __future__ import annotations

import pytest

from lib.services.personas.refusal import field_of


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("layers.tts.tts_engine must be one of cartesia, elevenlabs.", "layers.tts.tts_engine"),
        ("Invalid value at /layers/llm/extra_body/temperature", "layers.llm.extra_body.temperature"),
        ("perception_tools must be a list", "layers.perception.visual_tools"),
        ("Invalid replica_uuid", "default_replica_id"),
        ("default_face_id is required.", "default_replica_id"),
        ("system_prompt is required unless pipeline_mode is echo.", "system_prompt"),
        ("Wrong: system_prompt and pipeline_mode", ""),
        ("greeting must be a string.", "greeting"),
        ("the greeting is fine, the weather is not", ""),
        ("api_key is wrong", ""),
        ("Invalid JSON patch format", ""),
        ("", ""),
    ],
)
def test_the_field_is_told_where_the_words_name_one(said: str, key: str) -> None:
    assert field_of(said) == key
