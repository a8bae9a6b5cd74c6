"""What is wrong with a persona's form is named at its field, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from lib.services.personas import check as persona_check
from lib.services.personas import form as persona_form

PROMPT_RULES = [
    ({}, "Only echo and speech to speech work without"),
    ({"pipeline_mode": "echo", "system_prompt": "You are"}, "takes no prompt"),
    ({"pipeline_mode": "speech-to-speech", "system_prompt": "You are"}, "takes no prompt"),
    ({"pipeline_mode": "echo"}, ""),
    ({"system_prompt": "You are"}, ""),
]


@pytest.mark.parametrize(("values", "said"), PROMPT_RULES)
def test_the_prompt_is_needed_by_full_and_refused_by_echo(values: dict[str, Any], said: str) -> None:
    found = persona_check.problems({}, {"persona_name": "A", **values})
    assert bool(found) == bool(said)
    assert all(said in problem.message for problem in found)


def test_a_stored_echo_with_a_prompt_can_be_edited_elsewhere() -> None:
    row = {"persona_name": "A", "pipeline_mode": "echo", "system_prompt": "old"}
    assert persona_check.problems(row, {**persona_form.read(row), "persona_name": "B"}) == ()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("persona_name", "  ", "Give the persona a name"),
        ("persona_name", "x" * 201, "200 is the most"),
        ("guardrail_ids", "\n".join(f"g{n}" for n in range(51)), "50 at most"),
        ("layers.llm.tools", "{not json", "not JSON yet: line 1"),
        ("layers.llm.tools", '{"a": 1}', "Write a list"),
        ("layers.sts", "[]", "Write an object"),
        ("layers.llm.headers", "Bearer x", "not JSON yet"),
        ("layers.llm.extra_body.temperature", 2.5, "from 0 to 2"),
        ("layers.tts.voice_settings.stability", 1.1, "from 0 to 1"),
        ("layers.conversational_flow.turn_commitment", "iron", "Choose one of low, medium, high"),
        ("tool_ids", "\n".join(f"t{n}" for n in range(51)), "50 at most"),
        ("greeting", "x" * 5001, "5,000 is the most"),
        ("layers.llm.base_url", "llm.example.org", "https://"),
        ("layers.llm.base_url", "https://llm.example.org/v1/chat/completions", "Tavus adds it"),
        ("other", "[1]", "Write an object"),
        ("other", '{"system_prompt": "x"}', "“System prompt”"),
        ("other", '{"layers": {"llm": {"model": "x"}}}', "“Language model, model”"),
        ("other", '{"is_draft": true}', "written by Tavus"),
        ("other", '{"created_at": "x"}', "written by Tavus"),
        ("other", "[" * 100_000, "nested too deeply"),
    ],
)
def test_a_wrong_entry_is_named_at_its_field(key: str, value: str | float, said: str) -> None:
    row = {"persona_name": "A", "system_prompt": "You are", "layers": {"llm": {"model": "own"}}}
    (problem,) = persona_check.problems(row, {**persona_form.read(row), key: value})
    assert problem.key == key
    assert said in problem.message


def test_listening_needs_raven_1() -> None:
    values = {"persona_name": "A", "system_prompt": "x", "layers.perception.audio_awareness_queries": "Is it loud?"}
    assert persona_check.problems({}, values) == ()
    assert persona_check.problems({}, {**values, "layers.perception.perception_model": "raven-1"}) == ()
    (problem,) = persona_check.problems({}, {**values, "layers.perception.perception_model": "raven-0"})
    assert problem.key == "layers.perception.audio_awareness_queries"
    assert "raven-1" in problem.message


def test_what_tavus_has_taken_is_not_refused_for_its_length() -> None:
    row = {"persona_name": "x" * 300, "system_prompt": "You are"}
    assert persona_check.problems(row, {**persona_form.read(row), "greeting": "Hi"}) == ()


FULL = {"persona_name": "A", "system_prompt": "You are"}
CLASHES = [
    (
        "layers.tts.tts_model_name",
        "sonic-3",
        "layers.tts.tts_engine",
        "azure",
        "cartesia",
        "Azure takes no voice model",
    ),
    ("layers.tts.voice_settings.speed", 1.5, "layers.tts.tts_engine", "elevenlabs", "cartesia", "from 0.7 to 1.2"),
    ("layers.llm.model", "", "layers.llm.base_url", "https://llm.example.org", "", "Name the model"),
    ("layers.conferencing", '{"username": "ada"}', "default_replica_id", "", "r1", "needs a default replica"),
]


@pytest.mark.parametrize(("key", "value", "because", "wrong", "right", "said"), CLASHES)
def test_two_fields_that_do_not_go_together_are_named_at_the_one_to_change(
    key: str, value: str | float, because: str, wrong: str, right: str, said: str
) -> None:
    (problem,) = persona_check.problems({}, {**FULL, key: value, because: wrong})
    assert problem.key == key
    assert said in problem.message
    assert persona_check.problems({}, {**FULL, key: value, because: right}) == ()


def test_a_clash_that_tavus_has_taken_does_not_keep_the_rest_from_being_edited() -> None:
    row = {
        **FULL,
        "layers": {
            "perception": {"perception_model": "raven-0", "audio_tool_prompt": "x"},
            "tts": {"tts_engine": "azure", "tts_model_name": "sonic-3"},
        },
    }
    values = persona_form.read(row)
    assert persona_check.problems(row, {**values, "greeting": "Hi"}) == ()
    (problem,) = persona_check.problems(row, {**values, "layers.perception.audio_tool_prompt": "y"})
    assert "raven-1" in problem.message


def test_echo_takes_no_context_either() -> None:
    (problem,) = persona_check.problems({}, {"persona_name": "A", "pipeline_mode": "echo", "context": "Tuesday"})
    assert (problem.key, "takes no context" in problem.message) == ("context", True)
