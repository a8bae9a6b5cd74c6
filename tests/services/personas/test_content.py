"""What snapshots, files and comparisons hold of a persona: all that it says, no secret, nothing that Tavus writes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.services.personas.content import Content, content_of, onto
from lib.services.personas.patch import patch
from lib.services.personas.rows import get
from tests.services.personas.rows import PROPERTY, any_two

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


@PROPERTY
@given(any_two())
def test_a_row_that_is_changed_to_a_content_says_it_and_keeps_its_secrets_and_nulls(
    rows: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    row, other = rows
    wanted = content_of(other)
    after = onto(row, wanted)
    assert content_of(after).fields == wanted.fields
    assert {key for key in content_of(row).secrets if ".tools." not in key} <= set(content_of(after).secrets)
    assert patch(row, onto(row, content_of(row))) == []
    assert onto(after, wanted) == after


def test_entries_of_a_list_keep_their_secrets_by_what_they_say_or_by_name() -> None:
    tools: list[Any] = [
        {"name": "a", "url": "https://a", "headers": {"x": CANARY + "-a"}},
        {"type": "function", "function": {"name": "b", "description": "Old."}, "api_key": CANARY + "-b"},
        {"name": "gone", "headers": {"x": CANARY}},
        f"https://me:{CANARY}@example.com",
    ]
    row = {"layers": {"llm": {"tools": tools}}}
    before = content_of(row)
    listed: Any = get(before.fields, ("layers", "llm", "tools"))
    changed = {**listed[1], "function": {"name": "b", "description": "New."}}
    wanted = Content({"layers": {"llm": {"tools": [changed, listed[3], listed[0], {"name": "new"}]}}})
    assert get(onto(row, wanted), ("layers", "llm", "tools")) == [
        {**tools[1], "function": {"name": "b", "description": "New."}}, tools[3], tools[0], {"name": "new"},
    ]  # fmt: skip


def test_an_address_whose_password_was_set_is_not_taken_away_by_going_back() -> None:
    signed = content_of({"layers": {"llm": {"base_url": f"https://me:{CANARY}@example.com", "model": "a"}}})
    live = {"layers": {"llm": {"base_url": "https://other.example", "model": "b"}}}
    assert onto(live, signed) == {"layers": {"llm": {"base_url": "https://other.example", "model": "a"}}}


def test_an_address_in_a_list_is_kept_without_its_password() -> None:
    content = content_of({"list": ["a", f"https://me:{CANARY}@example.com/x"]})
    assert content == Content({"list": ["a", "https://example.com/x"]}, ("list.1",))
