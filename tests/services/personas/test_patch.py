"""The patch between two rows: it makes the one of the other, touches nothing else, fails where someone was first."""

from __future__ import annotations

import json
from typing import Any

import jsonpatch
import pytest
from hypothesis import given, settings

from lib.services.personas.content import content_of, older
from lib.services.personas.fields import READ_ONLY
from lib.services.personas.merge import merge
from lib.services.personas.patch import guarded, patch
from lib.services.personas.rows import alike, holds_secret
from tests.services.personas.rows import PROPERTY, any_two, older_pairs, pairs, triples

CANARY = "tvsk_CANARY0123456789"


def applied(row: dict[str, Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    done: dict[str, Any] = jsonpatch.apply_patch(json.loads(json.dumps(row)), steps)
    return done


def writable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in READ_ONLY}


@PROPERTY
@given(pairs())
def test_the_patch_makes_after_of_before_and_leaves_what_tavus_writes(
    rows: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    before, after = rows
    steps = patch(before, after)
    done = applied(before, steps)
    assert alike(older(writable(done)), older(writable(after)))
    assert all(alike(done.get(name), before.get(name)) for name in READ_ONLY)
    assert {step["op"] for step in steps} <= {"add", "remove", "replace"}
    assert patch(done, after) == []
    assert applied(before, guarded(before, after)) == done


@PROPERTY
@given(any_two())
def test_rows_of_two_vocabularies_are_patched_to_the_same_content(
    rows: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    before, after = rows
    done = applied(before, patch(before, after))
    assert content_of(done).hash == content_of(after).hash


@PROPERTY
@given(older_pairs())
def test_no_patch_is_larger_than_the_one_of_the_library(rows: tuple[dict[str, Any], dict[str, Any]]) -> None:
    before, after = rows
    library = list(jsonpatch.make_patch(writable(before), writable(after)))
    moves = sum(step["op"] == "move" for step in library)
    if not moves and not holds_secret([before, after]):
        assert len(json.dumps(patch(before, after))) <= len(json.dumps(library))


@settings(PROPERTY, max_examples=800)
@given(triples())
def test_a_guarded_patch_on_a_row_that_was_changed_fails_or_gives_the_merge(
    rows: tuple[dict[str, Any], dict[str, Any], dict[str, Any]],
) -> None:
    base, mine, theirs = (json.loads(json.dumps(row)) for row in rows)
    merged = merge(base, mine, theirs)
    try:
        done = applied(theirs, guarded(base, mine))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
        return
    unguarded = any(step["op"] == "add" for step in patch(base, mine)) or holds_secret([base, mine, theirs])
    if not unguarded:
        assert not merged.clashes
        assert alike(older(done), merged.row)


@PROPERTY
@given(pairs())
def test_no_test_holds_a_secret(rows: tuple[dict[str, Any], dict[str, Any]]) -> None:
    tests = json.dumps([step for step in guarded(*rows) if step["op"] == "test"])
    assert not any(secret in tests for secret in ("key-one", "key-two", "header-value", "tool-secret"))


def test_what_is_replaced_or_removed_is_tested_first_and_what_is_added_is_not() -> None:
    before = {"persona_name": "A", "greeting": "Hi", "layers": {"llm": {"model": "x"}}}
    after = {"persona_name": "B", "context": "c", "layers": {"llm": {"model": "x", "base_url": "https://x"}}}
    assert guarded(before, after) == [
        {"op": "test", "path": "/persona_name", "value": "A"},
        {"op": "test", "path": "/greeting", "value": "Hi"},
        {"op": "replace", "path": "/persona_name", "value": "B"},
        {"op": "remove", "path": "/greeting"},
        {"op": "add", "path": "/layers/llm/base_url", "value": "https://x"},
        {"op": "add", "path": "/context", "value": "c"},
    ]


def test_a_parent_that_is_not_there_is_added_with_what_it_holds() -> None:
    after = {"layers": {"llm": {"extra_body": {"temperature": 1}}}}
    assert patch({}, after) == [{"op": "add", "path": "/layers", "value": after["layers"]}]
    assert patch({"layers": {"llm": {}}}, after) == [
        {"op": "add", "path": "/layers/llm/extra_body", "value": {"temperature": 1}}
    ]
    assert guarded({"layers": {"llm": None}}, after) == [
        {"op": "test", "path": "/layers/llm", "value": None},
        {"op": "replace", "path": "/layers/llm", "value": {"extra_body": {"temperature": 1}}},
    ]


def test_paths_are_in_the_spelling_of_the_row_that_was_read() -> None:
    before = {"pal_name": "A", "layers": {"conversational_flow": {"face_interruptibility": "low"}}}
    after = {"persona_name": "B", "layers": {"conversational_flow": {"replica_interruptibility": "high"}}}
    assert [step["path"] for step in guarded(before, after)] == [
        "/layers/conversational_flow/face_interruptibility",
        "/pal_name",
        "/layers/conversational_flow/face_interruptibility",
        "/pal_name",
    ]


def test_where_a_row_has_both_names_the_one_that_was_changed_counts() -> None:
    row = {"persona_name": "A", "pal_name": "A"}
    assert patch(row, {**row, "pal_name": "B"}) == [{"op": "replace", "path": "/persona_name", "value": "B"}]
    assert patch(row, {**row, "persona_name": "C"}) == [{"op": "replace", "path": "/persona_name", "value": "C"}]
    assert patch(row, {"persona_name": "A"}) == []
    assert patch(row, {"pal_name": "A"}) == [{"op": "remove", "path": "/persona_name"}]


def test_a_list_is_changed_by_its_entries_or_as_a_whole_whichever_is_shorter() -> None:
    ids = [f"g{n:012}" for n in range(20)]
    without = [*ids[:5], *ids[6:], "gnew"]
    assert patch({"guardrail_ids": ids}, {"guardrail_ids": without}) == [
        {"op": "remove", "path": "/guardrail_ids/5"},
        {"op": "add", "path": "/guardrail_ids/19", "value": "gnew"},
    ]
    assert patch({"tags": ["a", "b"]}, {"tags": ["c"]}) == [{"op": "replace", "path": "/tags", "value": ["c"]}]
    assert guarded({"guardrail_ids": ids}, {"guardrail_ids": without})[0] == {
        "op": "test", "path": "/guardrail_ids", "value": ids
    }  # fmt: skip


def test_a_masked_secret_in_a_list_is_not_written_back() -> None:
    tools = [{"name": name, "description": "Short.", "headers": {"Authorization": "********"}} for name in "ab"]
    after = [tools[0], {**tools[1], "description": "Longer."}]
    steps = guarded({"layers": {"llm": {"tools": tools}}}, {"layers": {"llm": {"tools": after}}})
    assert "********" not in json.dumps(steps)
    assert steps[-1] == {"op": "replace", "path": "/layers/llm/tools/1/description", "value": "Longer."}
    assert {"op": "test", "path": "/layers/llm/tools/1/description", "value": "Short."} in steps


def test_a_list_with_a_secret_is_never_written_as_a_whole() -> None:
    before = {"hooks": [{"a": 1, "b": 2, "c": 3, "api_key": "****"}]}
    assert patch(before, {"hooks": [{"api_key": "****"}]}) == [
        {"op": "remove", "path": f"/hooks/0/{name}"} for name in "abc"
    ]


@pytest.mark.parametrize(
    "held",
    [
        {"layers": {"llm": {"api_key": CANARY, "model": "x"}}},
        {"layers": {"llm": {"headers": {"x": CANARY}, "model": "x"}}},
        {"layers": {"llm": {"base_url": f"https://me:{CANARY}@example.com", "model": "x"}}},
        {"layers": {"tts": {"api_key": CANARY}}},
        {"hooks": [{"url": "https://x", "auth": {"password": CANARY}}, f"https://me:{CANARY}@example.com"]},
        {"access_token": CANARY},
    ],
)
def test_removing_or_replacing_a_branch_tests_all_of_it_but_its_secrets(held: dict[str, Any]) -> None:
    for after in ({}, dict.fromkeys(held, "other")):
        steps = guarded(held, after)
        assert CANARY not in json.dumps(steps)
        assert ("x" in json.dumps(steps)) == (
            "x" in json.dumps(held).replace(CANARY, "").replace('"headers": {"x"', "")
        )


def test_a_number_and_a_truth_are_two_things_and_one_is_one_point_zero() -> None:
    assert patch({"a": 1}, {"a": 1.0}) == []
    assert patch({"a": 1}, {"a": True}) == [{"op": "replace", "path": "/a", "value": True}]
    assert patch({"a": [0]}, {"a": [False]}) != []
