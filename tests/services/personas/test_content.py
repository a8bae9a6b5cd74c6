"""What snapshots, files and comparisons hold of a persona: all that it says, no secret, nothing that Tavus writes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.services.personas.content import Content, content_of

CANARY = "tvsk_CANARY0123456789"


def test_ids_dates_nulls_and_empty_branches_are_no_content() -> None:
    row = {
        "persona_id": "p1", "pal_id": "p1", "created_at": "2026-01-01", "persona_name": "Guide", "context": None,
        "layers": {"tts": {}, "llm": {"model": "tavus-gemma-4", "api_key": None}},
    }  # fmt: skip
    assert content_of(row) == Content({"layers": {"llm": {"model": "tavus-gemma-4"}}, "persona_name": "Guide"})


def test_both_vocabularies_have_the_same_content_and_hash() -> None:
    older = {
        "persona_name": "Guide",
        "default_replica_id": "r1",
        "layers": {"conversational_flow": {"replica_interruptibility": "low"}},
    }
    newer = {
        "layers": {"conversational_flow": {"face_interruptibility": "low"}},
        "default_face_id": "r1",
        "pal_name": "Guide",
    }
    assert content_of(older) == content_of(newer) == content_of({**newer, **older})
    assert content_of(older).hash == content_of(newer).hash


def test_secrets_leave_their_path_and_nothing_else() -> None:
    row = {
        "persona_name": "Guide",
        "layers": {
            "llm": {"api_key": CANARY, "headers": {"x": CANARY}, "base_url": f"https://me:{CANARY}@example.com/v1"},
            "tts": {"api_key": CANARY},
        },
        "hooks": [{"url": "https://example.com", "auth": {"password": CANARY}}],
        "other": {"access_token": CANARY},
    }  # fmt: skip
    content = content_of(row)
    assert CANARY not in json.dumps(dict(content.fields))
    assert content.secrets == (
        "hooks.0.auth.password", "layers.llm.api_key", "layers.llm.base_url", "layers.llm.headers",
        "layers.tts.api_key", "other.access_token",
    )  # fmt: skip
    assert content.fields["hooks"] == [{"url": "https://example.com"}]


def test_a_secret_that_is_set_changes_the_hash_and_its_value_does_not() -> None:
    bare = content_of({"persona_name": "Guide", "layers": {"llm": {"model": "x"}}})
    one = content_of({"persona_name": "Guide", "layers": {"llm": {"model": "x", "api_key": "one-key"}}})
    two = content_of({"persona_name": "Guide", "layers": {"llm": {"model": "x", "api_key": "two-key"}}})
    assert bare.hash != one.hash == two.hash


names = st.text("abc_", min_size=1, max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(names, json_values, max_size=4))
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_the_content_of_a_content_is_itself_and_the_row_stays_as_it_was(row: dict[str, Any]) -> None:
    before = json.dumps(row)
    content = content_of(row)
    assert json.dumps(row) == before
    assert content_of(content.fields).fields == content.fields
    assert content_of(dict(reversed(row.items()))).hash == content.hash
