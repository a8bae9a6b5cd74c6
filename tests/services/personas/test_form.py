"""A persona's row and its form: what was not touched comes back verbatim, what was emptied goes, secrets stay in."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.services.personas import check as persona_check
from lib.services.personas import diff as persona_diff
from lib.services.personas import form as persona_form
from lib.services.personas.fields import BY_KEY, FIELDS, READ_ONLY, FieldKind
from lib.services.personas.rows import ABSENT, get

GUIDE: dict[str, Any] = {
    "persona_id": "p1",
    "persona_name": "Guide",
    "system_prompt": "You are a guide.",
    "pipeline_mode": None,
    "layers": {
        "llm": {"model": "tavus-next-9", "extra_body": {"temperature": 1, "seed": 7}, "speculative_inference": False},
        "tts": {"tts_engine": "cartesia", "voice_settings": {"speed": 1.1}},
        "humour": {"level": "dry"},
    },
    "moods": {"on": True},
}

PROPERTY = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)

LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
)
ANYTHING = st.recursive(
    st.one_of(*LEAF),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
LAYER_NAMES = sorted({field.path[1] for field in FIELDS if field.path[0] == "layers"} | {"sts"})


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """Rows with known fields of the right kind and of wrong ones, secrets, newer names, and fields nobody knows."""
    row: dict[str, Any] = draw(st.dictionaries(st.text(max_size=12), ANYTHING, max_size=4))
    names = ["headers", "api_key", "pal_name", "default_face_id", "created_at", "layers"]
    row.update(draw(st.dictionaries(st.sampled_from(names), ANYTHING, max_size=3)))
    if draw(st.booleans()):
        layer = st.none() | st.dictionaries(st.sampled_from(["headers", "api_key", "new_field"]), ANYTHING, max_size=2)
        row["layers"] = draw(st.dictionaries(st.sampled_from(LAYER_NAMES), layer | ANYTHING, max_size=4))
    for field in draw(st.lists(st.sampled_from(FIELDS), max_size=12)):
        node: Any = row
        path = draw(st.sampled_from(field.names))
        for name in path[:-1]:
            node = node.setdefault(name, {}) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node[path[-1]] = draw(ANYTHING | fitting(field.kind, field.shape))
    return row


def fitting(kind: FieldKind, shape: type) -> st.SearchStrategy[Any]:
    if kind is FieldKind.BOOL:
        return st.booleans()
    if kind is FieldKind.NUMBER:
        return st.integers(0, 2) | st.floats(0, 2)
    if kind is FieldKind.LINES:
        return st.lists(st.text(max_size=10), max_size=4)
    if kind in (FieldKind.JSON, FieldKind.SECRETS):
        entry = st.dictionaries(st.sampled_from(["name", "api_key", "speed"]), ANYTHING, max_size=3)
        return entry if shape is dict else st.lists(entry, max_size=3)
    return st.text(max_size=30)


@PROPERTY
@given(rows())
def test_a_row_that_was_only_shown_comes_back_verbatim(row: dict[str, Any]) -> None:
    before = json.dumps(row)
    values = persona_form.read(row)
    assert json.dumps(persona_form.write(row, values)) == before
    assert persona_form.edits(row, values) == ()
    assert persona_diff.changes(row, persona_form.write(row, values)) == ()
    assert json.dumps(row) == before


@PROPERTY
@given(rows(), st.data())
def test_a_change_of_one_field_leaves_every_other_one_alone(row: dict[str, Any], data: st.DataObject) -> None:
    field = data.draw(
        st.sampled_from([f for f in FIELDS if f.kind in (FieldKind.TEXT, FieldKind.LONG, FieldKind.CHOICE)])
    )
    values = persona_form.read(row)
    after = persona_form.write(row, {**values, field.key: "set here"})
    if field.key in persona_form.alien(row):
        assert after == row
        return
    again = persona_form.read(after)
    assert again[field.key] == "set here"
    assert {k: v for k, v in again.items() if k not in (field.key, "other")} == {
        k: v for k, v in values.items() if k not in (field.key, "other")
    }


@PROPERTY
@given(rows())
def test_a_stored_secret_is_in_no_value_and_no_review(row: dict[str, Any]) -> None:
    canary = "canary-7f3a91"
    layers = row.get("layers") if isinstance(row.get("layers"), dict) else {}
    row["layers"] = {
        **(layers or {}),
        "llm": {
            "api_key": canary,
            "headers": {"Authorization": f"Bearer {canary}"},
            "default_query": {"token": canary},
        },
        "sts": {"api_key": canary, "deep": [{"secret": canary}], "headers": {"x": canary}},
    }
    values = persona_form.read(row)
    after = persona_form.write(row, {**values, "persona_name": "Other", "other": '{"sts_note": 1}'})
    assert canary not in repr(values)
    assert canary not in repr(persona_diff.changes(row, after))
    assert canary not in repr(persona_diff.changes(row, {}))
    assert get(after, ("layers", "sts", "api_key")) == canary
    assert get(after, ("layers", "llm", "headers")) == {"Authorization": f"Bearer {canary}"}


def test_an_emptied_field_is_removed_and_not_sent_as_an_empty_text() -> None:
    row = {"persona_name": "A", "greeting": "Hi", "layers": {"stt": {"hotwords": "Roey", "stt_engine": "tavus-auto"}}}
    after = persona_form.write(row, {**persona_form.read(row), "greeting": " ", "layers.stt.hotwords": ""})
    assert after == {"persona_name": "A", "layers": {"stt": {"stt_engine": "tavus-auto"}}}


def test_a_null_stays_a_null_until_it_is_given_a_value() -> None:
    values = persona_form.read(GUIDE)
    assert persona_form.write(GUIDE, {**values, "persona_name": "B"})["pipeline_mode"] is None
    assert persona_form.write(GUIDE, {**values, "pipeline_mode": "echo"})["pipeline_mode"] == "echo"


def test_a_field_is_put_where_no_layer_was() -> None:
    after = persona_form.write({"persona_name": "A"}, {"layers.tts.tts_emotion_control": False})
    assert after == {"persona_name": "A", "layers": {"tts": {"tts_emotion_control": False}}}
    after = persona_form.write({"layers": {"llm": None}}, {"layers.llm.model": "own"})
    assert after == {"layers": {"llm": {"model": "own"}}}


def test_lists_are_one_entry_a_line_and_json_is_parsed() -> None:
    values = {"guardrail_ids": "g1\n\n  g2 \n", "layers.llm.tools": '[{"type": "function"}]'}
    assert persona_form.write({}, values) == {
        "guardrail_ids": ["g1", "g2"],
        "layers": {"llm": {"tools": [{"type": "function"}]}},
    }


def test_the_newer_names_are_read_and_written_where_the_row_uses_them() -> None:
    row = {"pal_name": "A", "default_face_id": "r1", "layers": {"conversational_flow": {"pal_interruptibility": "low"}}}
    values = persona_form.read(row)
    assert (values["persona_name"], values["default_replica_id"]) == ("A", "r1")
    after = persona_form.write(row, {**values, "persona_name": "B", "default_replica_id": ""})
    assert after == {"pal_name": "B", "layers": {"conversational_flow": {"pal_interruptibility": "low"}}}


def test_a_value_of_an_unexpected_kind_is_left_to_the_other_fields() -> None:
    row = {"persona_name": ["a"], "layers": {"llm": "gone", "tts": {"tts_engine": 5}}}
    values = persona_form.read(row)
    assert "persona_name" in persona_form.alien(row)
    assert "layers.llm.model" in persona_form.alien(row)
    assert json.loads(str(values["other"])) == row
    assert persona_form.write(row, {**values, "persona_name": "B", "layers.llm.model": "x"}) == row


def test_other_fields_can_be_changed_added_and_taken_out() -> None:
    values = persona_form.read(GUIDE)
    assert json.loads(str(values["other"])) == {
        "layers": {"llm": {"extra_body": {"seed": 7}}, "humour": {"level": "dry"}},
        "moods": {"on": True},
    }
    after = persona_form.write(GUIDE, {**values, "other": '{"moods": {"on": false}, "weather": "auto"}'})
    assert after["moods"] == {"on": False}
    assert after["weather"] == "auto"
    assert get(after, ("layers", "humour")) is ABSENT
    assert get(after, ("layers", "llm")) == {
        "model": "tavus-next-9",
        "extra_body": {"temperature": 1},
        "speculative_inference": False,
    }
    assert get(persona_form.write(GUIDE, {**values, "other": ""}), ("layers", "tts")) == get(GUIDE, ("layers", "tts"))


def test_a_number_that_the_browser_sends_back_as_a_fraction_is_no_edit() -> None:
    values = {**persona_form.read(GUIDE), "layers.llm.extra_body.temperature": 1.0}
    assert persona_form.edits(GUIDE, values) == ()
    assert type(get(persona_form.write(GUIDE, values), ("layers", "llm", "extra_body", "temperature"))) is int


def test_an_older_name_is_read_and_moved_to_the_name_of_today_by_the_next_save() -> None:
    perception = {
        "ambient_awareness_queries": ["Dark?"],
        "perception_tool_prompt": "Call it.",
        "tool_prompt": "x",
    }
    row = {"persona_name": "A", "layers": {"perception": perception}}
    values = persona_form.read(row)
    assert values["layers.perception.visual_awareness_queries"] == "Dark?"
    assert values["layers.perception.visual_tool_prompt"] == "Call it."
    assert json.loads(str(values["other"])) == {"layers": {"perception": {"tool_prompt": "x"}}}
    assert [path[-1] for _, path in persona_form.older(row)] == ["ambient_awareness_queries", "perception_tool_prompt"]
    assert persona_form.write(row, values) == row
    after = persona_form.write(row, {**values, "persona_name": "B", "layers.perception.visual_tool_prompt": "Never."})
    assert get(after, ("layers", "perception")) == {
        "visual_awareness_queries": ["Dark?"],
        "visual_tool_prompt": "Never.",
        "tool_prompt": "x",
    }
    assert persona_form.older(after) == ()
    assert [(c.label, c.was, c.now) for c in persona_diff.changes(row, after)] == [
        ("Name", "A", "B"),
        (
            "Perception, keep an eye on",
            "under the older name ambient_awareness_queries",
            "the same, under visual_awareness_queries",
        ),
        ("Perception, when to use the visual tools", "Call it.", "Never."),
    ]


def test_an_older_name_beside_the_name_of_today_is_left_to_the_other_fields() -> None:
    row = {"layers": {"perception": {"visual_tools": [], "perception_tools": [{"name": "old"}]}}}
    assert "perception_tools" in str(persona_form.read(row)["other"])
    assert persona_form.older(row) == ()


def test_an_emptied_field_under_an_older_name_is_removed() -> None:
    row = {"layers": {"perception": {"perception_tools": [{"name": "old"}]}}}
    assert persona_form.write(row, {"layers.perception.visual_tools": ""}) == {"layers": {"perception": {}}}


def test_an_object_is_shown_without_the_secret_in_it_and_keeps_it() -> None:
    key = BY_KEY["layers.sts"]
    row = {"layers": {"sts": {"provider": "ours", "api_key": "canary"}}}
    values = persona_form.read(row)
    assert json.loads(str(values[key.key])) == {"provider": "ours"}
    assert persona_form.hidden(row, key) == ("api_key",)
    after = persona_form.write(row, {**values, key.key: '{"provider": "theirs"}'})
    assert get(after, ("layers", "sts")) == {"provider": "theirs", "api_key": "canary"}
    (change,) = persona_diff.changes(row, after)
    assert "canary" not in change.was + change.now
    replaced = persona_form.write(row, {**values, key.key: '{"provider": "ours", "api_key": "new-canary"}'})
    (change,) = persona_diff.changes(row, replaced)
    assert (change.key, change.was, change.now) == ("layers.sts.api_key", "set", "replaced")


def test_a_secret_is_kept_replaced_or_removed() -> None:
    row = {"layers": {"tts": {"api_key": "old", "tts_engine": "elevenlabs"}}}
    key = BY_KEY["layers.tts.api_key"]
    values = persona_form.read(row)
    assert persona_form.is_set(row, key)
    assert values[key.key] == ""
    assert persona_form.write(row, values) == row
    replaced = persona_form.write(row, {**values, key.key: " new "})
    assert get(replaced, ("layers", "tts", "api_key")) == "new"
    removed = persona_form.write(row, {**values, key.key: None})
    assert removed == {"layers": {"tts": {"tts_engine": "elevenlabs"}}}
    (change,) = persona_diff.changes(row, replaced)
    assert (change.label, change.was, change.now) == ("Voice, key of the voice engine", "set", "replaced")
    (change,) = persona_diff.changes(row, removed)
    assert change.now == "not set"


def test_a_review_names_each_field_with_what_it_was_and_becomes() -> None:
    after = persona_form.write(
        GUIDE,
        {
            **persona_form.read(GUIDE),
            "persona_name": "Guide 2",
            "layers.conversational_flow.turn_taking_patience": "high",
            "layers.llm.speculative_inference": None,
            "document_tags": "faq\nprices",
            "other": '{"moods": {"on": true}, "layers": {"humour": {"level": "warm"}}}',
        },
    )
    assert [(c.label, c.was, c.now) for c in persona_diff.changes(GUIDE, after)] == [
        ("Name", "Guide", "Guide 2"),
        ("Turn taking, patience", "", "High"),
        ("Language model, think ahead", "off", ""),
        ("Knowledge, documents by tag", "", "faq\nprices"),
        ("Other: layers.humour.level", "dry", "warm"),
        ("Other: layers.llm.extra_body.seed", "7", ""),
    ]


def test_a_long_prompt_is_shown_in_the_review_only_where_it_differs() -> None:
    was = "Be warm. " * 1000 + "Wait for an answer. " + "Never timeout. " * 1000
    now = was.replace("Wait for", "Do not wait for")
    shown_was, shown_now = persona_diff.excerpts(was, now)
    assert "Wait for" in shown_was
    assert "Do not wait for" in shown_now
    assert len(shown_was) < 200
    assert shown_was.startswith("… ")
    assert shown_was.endswith(" …")


@PROPERTY
@given(st.text("ab ", max_size=600), st.text("ab ", max_size=600))
def test_an_excerpt_of_two_different_texts_never_hides_the_difference(was: str, now: str) -> None:
    a, b = persona_diff.excerpts(was, now)
    assert (a != b) == (was != now)


def test_a_copy_carries_no_id_no_null_and_no_masked_secret() -> None:
    row = {**GUIDE, "created_at": "x", "layers": {"llm": {"api_key": "sk-***", "model": None}, "tts": {"api_key": "k"}}}
    copy = persona_form.copy_of(row, " copy")
    assert copy["persona_name"] == "Guide copy"
    assert not READ_ONLY & copy.keys()
    assert "pipeline_mode" not in copy
    assert copy["layers"] == {"llm": {}, "tts": {"api_key": "k"}}


@PROPERTY
@given(rows(), st.text(max_size=40))
def test_what_passes_the_check_can_be_written(row: dict[str, Any], other: str) -> None:
    values = {**persona_form.read(row), "other": other, "layers.llm.tools": other}
    if not persona_check.problems(row, values):
        persona_form.write(row, values)
