from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox_server import RunningSandbox

OWN = "p2b8e10c94d6"
STOCK = "p1af207b8189"
PROMPT = "You are Anna. You help people choose a bicycle."


def made(box: RunningSandbox, **fields: Any) -> str:
    response = box.call("POST", "/personas", {"persona_name": "Guide", "system_prompt": PROMPT, **fields})
    assert response.status_code == 200, response.text
    return str(response.json()["persona_id"])


def read(box: RunningSandbox, persona_id: str) -> dict[str, Any]:
    row: dict[str, Any] = box.call("GET", f"/personas/{persona_id}").json()
    return row


def test_create_answers_id_name_and_time_under_both_names(box: RunningSandbox) -> None:
    row = box.call("POST", "/personas", {"persona_name": "Guide", "system_prompt": PROMPT}).json()
    assert set(row) == {"persona_id", "pal_id", "persona_name", "pal_name", "created_at"}
    assert row["persona_id"] == row["pal_id"]
    assert row["persona_id"].startswith("p")
    assert row["created_at"].endswith("Z")


def test_get_is_flat_and_holds_what_was_sent(box: RunningSandbox) -> None:
    layers = {"llm": {"model": "tavus-gpt-oss"}, "stt": {"hotwords": "Greenroom"}}
    row = read(box, made(box, layers=layers, context="A shop.", default_replica_id="r90bbd427f71"))
    assert row["persona_name"] == row["pal_name"] == "Guide"
    assert row["system_prompt"] == PROMPT
    assert row["context"] == "A shop."
    assert row["layers"] == layers
    assert row["default_replica_id"] == row["default_face_id"] == "r90bbd427f71"
    assert row["persona_type"] == "user"
    assert row["pipeline_mode"] == "full"


def test_fields_that_nobody_knows_are_kept(box: RunningSandbox) -> None:
    row = read(box, made(box, mood={"base": [1, 2]}, layers={"sts": {"voice": "x"}, "llm": {"new_switch": True}}))
    assert row["mood"] == {"base": [1, 2]}
    assert row["layers"] == {"sts": {"voice": "x"}, "llm": {"new_switch": True}}


def test_text_in_any_script_comes_back_as_it_was(box: RunningSandbox) -> None:
    name = "<img src=x onerror=alert(1)> 🎭 مرحبا"
    assert read(box, made(box, persona_name=name, system_prompt="x" * 10_000))["persona_name"] == name


def test_newer_names_are_accepted_on_either_path(box: RunningSandbox) -> None:
    body = {"pal_name": "Guide", "system_prompt": PROMPT, "default_face_id": "r874cc5f8a3b"}
    for path in ("/personas", "/pals"):
        row = box.call("POST", path, body).json()
        assert read(box, row["persona_id"])["default_replica_id"] == "r874cc5f8a3b"


def test_a_pal_needs_a_default_face_and_gets_a_meeting_address(box: RunningSandbox) -> None:
    refused = box.call("POST", "/pals", {"pal_name": "Guide", "system_prompt": PROMPT})
    assert (refused.status_code, refused.json()) == (400, {"error": "default_face_id is required."})
    row = box.call("POST", "/pals", {"system_prompt": PROMPT, "default_face_id": "r874cc5f8a3b"}).json()
    assert row["conferencing_email"].startswith(row["pal_id"] + "@")


def test_the_interruptibility_is_spelled_as_on_the_path(box: RunningSandbox) -> None:
    persona_id = made(box, layers={"conversational_flow": {"face_interruptibility": "high"}})
    older = read(box, persona_id)["layers"]["conversational_flow"]
    newer = box.call("GET", f"/pals/{persona_id}").json()["layers"]["conversational_flow"]
    assert older == {"replica_interruptibility": "high"}
    assert newer == {"face_interruptibility": "high"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"system_prompt": ""}, "system_prompt is required unless pipeline_mode is echo."),
        ({"system_prompt": None}, "system_prompt is required unless pipeline_mode is echo."),
        ({"system_prompt": 5}, "system_prompt must be a string."),
        ({"pipeline_mode": "loud"}, "pipeline_mode must be one of full, echo, speech-to-speech."),
        ({"default_replica_id": "r000000000000"}, "Invalid replica_uuid"),
        ({"layers": []}, "layers must be an object."),
        ({"layers": {"llm": "big"}}, "layers.llm must be an object."),
        ({"layers": {"perception": {"perception_model": "raven-9"}}}, None),
        ({"guardrail_ids": ["g"] * 51}, "guardrail_ids may hold at most 50."),
        ({"document_tags": [1]}, "document_tags must be a list of strings."),
    ],
)
def test_a_wrong_field_is_refused_and_nothing_is_made(
    box: RunningSandbox, fields: dict[str, Any], message: str | None
) -> None:
    before = box.call("GET", "/personas").json()["total_count"]
    response = box.call("POST", "/personas", {"persona_name": "Guide", "system_prompt": PROMPT, **fields})
    assert response.status_code == 400
    assert message is None or response.json() == {"error": message}
    assert box.call("GET", "/personas").json()["total_count"] == before


def test_an_echo_persona_needs_no_prompt(box: RunningSandbox) -> None:
    assert read(box, made(box, system_prompt=None, pipeline_mode="echo"))["system_prompt"] == ""


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_id_is_400_and_not_404(box: RunningSandbox, method: str) -> None:
    response = box.call(method, "/personas/pnowhere", [] if method == "PATCH" else None)
    assert (response.status_code, response.json()) == (400, {"error": "Invalid persona_id"})


def test_patch_changes_what_the_operations_say(box: RunningSandbox) -> None:
    persona_id = made(box, layers={"llm": {"model": "a"}, "stt": {"hotwords": "x"}})
    operations = [
        {"op": "test", "path": "/layers/llm/model", "value": "a"},
        {"op": "replace", "path": "/layers/llm/model", "value": "b"},
        {"op": "remove", "path": "/layers/stt/hotwords"},
        {"op": "add", "path": "/document_ids", "value": ["d1"]},
        {"op": "add", "path": "/document_ids/-", "value": "d2"},
        {"op": "copy", "from": "/persona_name", "path": "/greeting"},
        {"op": "move", "from": "/greeting", "path": "/context"},
    ]
    response = box.call("PATCH", f"/personas/{persona_id}", operations)
    assert (response.status_code, response.content) == (200, b"")
    row = read(box, persona_id)
    assert row["layers"] == {"llm": {"model": "b"}, "stt": {}}
    assert row["document_ids"] == ["d1", "d2"]
    assert row["context"] == "Guide"
    assert "greeting" not in row
    assert row["updated_at"] > row["created_at"]


def test_patch_understands_the_newer_names(box: RunningSandbox) -> None:
    persona_id = made(box, layers={"conversational_flow": {"replica_interruptibility": "low"}})
    operations = [
        {"op": "replace", "path": "/pal_name", "value": "Host"},
        {"op": "add", "path": "/default_face_id", "value": "r874cc5f8a3b"},
        {"op": "replace", "path": "/layers/conversational_flow/face_interruptibility", "value": "high"},
    ]
    assert box.call("PATCH", f"/pals/{persona_id}", operations).status_code == 200
    row = read(box, persona_id)
    assert row["persona_name"] == "Host"
    assert row["default_replica_id"] == "r874cc5f8a3b"
    assert row["layers"] == {"conversational_flow": {"replica_interruptibility": "high"}}


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [{"op": "replace", "path": "/persona_name", "value": "Guide"}],
        [{"op": "add", "path": "/layers/llm", "value": {"model": "tavus-gemma-4"}}],
        [{"op": "test", "path": "/persona_name", "value": "Guide"}],
    ],
)
def test_a_patch_that_changes_nothing_is_304_without_a_body(box: RunningSandbox, operations: list[Any]) -> None:
    persona_id = made(box)
    before = read(box, persona_id)
    response = box.call("PATCH", f"/personas/{persona_id}", operations)
    assert (response.status_code, response.content) == (304, b"")
    assert read(box, persona_id) == before


@pytest.mark.parametrize(
    "operations",
    [
        {"op": "replace", "path": "/persona_name", "value": "Host"},
        ["replace"],
        [{"op": {}, "path": "/context", "value": ""}],
        [{"op": "change", "path": "/persona_name", "value": "Host"}],
        [{"op": "replace", "path": "/nothing/here", "value": 1}],
        [{"op": "replace", "path": "persona_name", "value": "Host"}],
        [{"op": "replace", "path": "/persona_name"}],
        [{"op": "remove", "path": "/persona_name/0/x"}],
        [{"op": "add", "path": "/layers/llm/model/deep", "value": 1}],
        [{"op": "move", "path": "/context"}],
        [{"op": "replace", "path": 7, "value": 1}],
        [{"op": "replace", "path": "", "value": 1}],
        [
            {"op": "replace", "path": "/persona_name", "value": "Host"},
            {"op": "test", "path": "/system_prompt", "value": "another prompt"},
        ],
    ],
)
def test_a_bad_patch_is_422_and_leaves_no_half(box: RunningSandbox, operations: Any) -> None:
    persona_id = made(box)
    before = read(box, persona_id)
    response = box.call("PATCH", f"/personas/{persona_id}", operations)
    assert (response.status_code, response.json()) == (422, {"message": "Invalid JSON patch format"})
    assert read(box, persona_id) == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/persona_id", "value": "p0"},
        {"op": "remove", "path": "/created_at"},
        {"op": "replace", "path": "/system_prompt", "value": ""},
        {"op": "replace", "path": "/layers", "value": {"tts": {"tts_engine": "playht"}}},
        {"op": "add", "path": "/default_replica_id", "value": "r000000000000"},
    ],
)
def test_a_patch_to_something_impossible_is_400(box: RunningSandbox, operation: dict[str, Any]) -> None:
    persona_id = made(box)
    before = read(box, persona_id)
    response = box.call("PATCH", f"/personas/{persona_id}", [operation])
    assert response.status_code == 400
    assert "error" in response.json()
    assert read(box, persona_id) == before


def test_a_persona_whose_replica_is_gone_can_still_be_patched(box: RunningSandbox) -> None:
    replica_id = box.call("POST", "/replicas", {"train_video_url": "https://files.example/a.mp4"}).json()["replica_id"]
    box.advance(60)
    persona_id = made(box, default_replica_id=replica_id)
    assert box.call("DELETE", f"/replicas/{replica_id}").status_code == 200
    operation = {"op": "replace", "path": "/persona_name", "value": "Host"}
    assert box.call("PATCH", f"/personas/{persona_id}", [operation]).status_code == 200


def test_a_stock_persona_can_be_neither_changed_nor_deleted(box: RunningSandbox) -> None:
    operation = {"op": "replace", "path": "/persona_name", "value": "Mine"}
    assert box.call("PATCH", f"/personas/{STOCK}", [operation]).status_code == 400
    assert box.call("DELETE", f"/personas/{STOCK}").status_code == 400
    assert read(box, STOCK)["persona_name"] == "Sales Coach"


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "add", "path": "/x", "value": ["y" * 100]}, *[{"op": "copy", "from": "/x", "path": "/x/-"}] * 40],
        [{"op": "add", "path": "/x" * (depth + 1), "value": {}} for depth in range(200)],
        [{"op": "copy", "path": "/x"}],
        [{"op": "copy", "from": "/none", "path": "/x"}],
    ],
    ids=["copies of copies", "nested without an end", "no source", "a source that is not there"],
)
def test_a_patch_that_grows_without_an_end_is_422_at_once(box: RunningSandbox, operations: Any) -> None:
    before = read(box, OWN)
    response = box.call("PATCH", f"/personas/{OWN}", operations)
    assert (response.status_code, response.json()) == (422, {"message": "Invalid JSON patch format"})
    assert read(box, OWN) == before


RENAME = [{"op": "replace", "path": "/persona_name", "value": "Theirs"}]


def test_a_patch_against_somebodys_edits_in_pal_maker_is_409_until_it_is_forced(box: RunningSandbox) -> None:
    assert box.control("drafts", {"persona_id": OWN}) == [OWN]
    before = read(box, OWN)
    for path in (f"/personas/{OWN}", f"/pals/{OWN}?force=false"):
        response = box.call("PATCH", path, RENAME)
        assert response.status_code == 409
        assert (set(response.json()), response.json()["conflict"]) == ({"error", "conflict"}, "maker_changes")
    assert read(box, OWN) == before
    assert box.call("PATCH", f"/personas/{OWN}?force=true", RENAME).status_code == 200
    assert (read(box, OWN)["persona_name"], box.control("drafts")) == ("Theirs", [])


def test_edits_in_pal_maker_stay_where_a_forced_patch_does_nothing(box: RunningSandbox) -> None:
    box.control("drafts", {"persona_id": OWN})
    failing = [{"op": "test", "path": "/persona_name", "value": "other"}, *RENAME]
    assert box.call("PATCH", f"/personas/{OWN}?force=true", failing).status_code == 422
    same = [{"op": "replace", "path": "/pipeline_mode", "value": "full"}]
    assert box.call("PATCH", f"/personas/{OWN}?force=true", same).status_code == 304
    assert box.control("drafts") == [OWN]


def test_edits_in_pal_maker_end_when_told_and_with_their_persona(box: RunningSandbox) -> None:
    box.control("drafts", {"persona_id": OWN})
    assert box.control("drafts", {"persona_id": OWN, "draft": False}) == []
    assert box.call("PATCH", f"/personas/{OWN}", RENAME).status_code == 200
    box.control("drafts", {"persona_id": OWN})
    box.call("DELETE", f"/personas/{OWN}")
    assert box.control("drafts") == []


def test_delete_is_204_and_then_the_id_is_unknown(box: RunningSandbox) -> None:
    response = box.call("DELETE", f"/personas/{OWN}")
    assert (response.status_code, response.content) == (204, b"")
    assert box.call("GET", f"/personas/{OWN}").status_code == 400
    assert OWN not in [row["persona_id"] for row in box.call("GET", "/personas").json()["data"]]


def test_the_list_is_newest_first_and_can_be_had_by_type(box: RunningSandbox) -> None:
    newest = made(box)
    rows = box.call("GET", "/personas?limit=100").json()["data"]
    assert rows[0]["persona_id"] == newest
    own = box.call("GET", "/personas?persona_type=user").json()
    assert [row["persona_id"] for row in own["data"]] == [newest, OWN, "p7d1e04c55a8"]
    assert own["total_count"] == 3
    stock = box.call("GET", "/pals?pal_type=system").json()
    assert {row["pal_name"] for row in stock["data"]} == {
        "Sales Coach", "Customer Support", "Interviewer", "Sales Development Rep",
    }  # fmt: skip


def test_stock_rows_are_whole(box: RunningSandbox) -> None:
    for row in box.call("GET", "/personas?limit=100").json()["data"]:
        assert len(row["system_prompt"]) > 500
        assert row["greeting"]
        assert row["layers"]["llm"]
        assert box.call("GET", f"/replicas/{row['default_replica_id']}").status_code == 200
