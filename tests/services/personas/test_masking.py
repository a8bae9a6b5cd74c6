"""The JSON Patch of a review shows no secret, wherever in a step it stands."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lib.services.personas.masking import HIDDEN, masked
from lib.services.personas.patch import Step, guarded
from tests.services.personas.rows import OLDER as ROWS
from tests.services.personas.rows import PROPERTY

CANARY = "tvsk_CANARY0123456789"


def test_what_is_no_secret_is_shown_as_it_is_sent() -> None:
    steps: list[Step] = [
        {"op": "remove", "path": "/greeting"},
        {"op": "add", "path": "/layers/llm/model", "value": "own"},
    ]
    assert masked(steps) == steps


def test_a_secret_is_hidden_in_a_step_of_its_own_in_a_branch_and_in_a_list() -> None:
    steps: list[dict[str, Any]] = [
        {"op": "replace", "path": "/layers/llm/api_key", "value": CANARY},
        {"op": "add", "path": "/layers/tts", "value": {"tts_engine": "elevenlabs", "api_key": CANARY}},
        {"op": "add", "path": "/layers/llm/headers", "value": {"Authorization": CANARY}},
        {"op": "add", "path": "/layers/llm/headers/x", "value": CANARY},
        {"op": "add", "path": "/hooks", "value": [{"auth": {"password": CANARY}}]},
        {"op": "add", "path": "/layers/llm/base_url", "value": f"https://me:{CANARY}@example.com"},
        {"op": "add", "path": "/layers/stt/base_url", "value": f"wss://example.com/v1?api_key={CANARY}&lang=de"},
        {"op": "add", "path": "/layers/llm/api_key", "value": {"a": [CANARY]}},
        {"op": "add", "path": "/layers/llm/extra_body", "value": {"apiKey": CANARY, "credentials": [CANARY]}},
        {"op": "add", "path": "/context", "value": f"Authorization: Bearer {CANARY}"},
    ]
    told = masked(steps)
    assert CANARY not in json.dumps(told)
    assert told[1]["value"] == {"tts_engine": "elevenlabs", "api_key": HIDDEN}
    assert told[2]["value"] == {"Authorization": HIDDEN}
    assert steps[0]["value"] == CANARY


@PROPERTY
@given(ROWS, ROWS, st.sampled_from(["llm", "tts", "sts", "humour"]))
def test_no_patch_between_two_personas_shows_a_secret(
    before: dict[str, Any], after: dict[str, Any], layer: str
) -> None:
    layers = after.get("layers")
    secret = {"api_key": CANARY, "headers": {"x": CANARY}, "deep": [{"token": CANARY}]}
    after = {**after, "layers": {**(layers if isinstance(layers, dict) else {}), layer: secret}}
    steps = guarded(before, after)
    assert CANARY in json.dumps(steps)
    assert CANARY not in json.dumps(masked(steps))
