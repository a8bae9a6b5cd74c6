from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox_server import RunningSandbox

STOCK = "o4c17d0be92a"
STEP = {"objective_name": "ask_budget", "objective_prompt": "Ask what they can spend."}


def step(name: str, **more: Any) -> dict[str, Any]:
    return {"objective_name": name, "objective_prompt": f"Do {name}.", **more}


def made(box: RunningSandbox, *steps: dict[str, Any], **more: Any) -> str:
    response = box.call("POST", "/objectives", {"data": list(steps) or [STEP], **more})
    assert response.status_code == 200, response.text
    return str(response.json()["objectives_id"])


def read(box: RunningSandbox, objectives_id: str) -> dict[str, Any]:
    row: dict[str, Any] = box.call("GET", f"/objectives/{objectives_id}").json()
    return row


def test_create_answers_id_name_state_and_time(box: RunningSandbox) -> None:
    answer = box.call("POST", "/objectives/", {"name": "Sale", "data": [STEP]}).json()
    assert answer["objectives_id"].startswith("o")
    assert (answer["objective_name"], answer["objectives_name"], answer["status"]) == ("Sale", "Sale", "active")
    assert answer["created_at"].endswith("Z")


def test_a_set_is_read_back_with_the_defaults_of_each_step(box: RunningSandbox) -> None:
    row = read(box, made(box, {**STEP, "mood": "kind"}, name="Sale"))
    assert row["name"] == row["objectives_name"] == "Sale"
    assert row["uuid"] == row["objectives_id"]
    assert row["data"] == [
        {
            **STEP,
            "confirmation_mode": "auto",
            "output_variables": [],
            "modality": "verbal",
            "callback_url": "",
            "mood": "kind",
        }
    ]


def test_a_read_can_be_as_documented_instead(box: RunningSandbox) -> None:
    objectives_id = made(box, step("first", next_required_objective="second"), step("second"))
    box.control("dialect", {"objectives": "documented"})
    row = read(box, objectives_id)["data"]
    assert (row["objective_name"], row["next_required_objective"]) == ("first", "second")
    listed = box.call("GET", "/objectives").json()["data"]
    assert [one["objectives_id"] for one in listed if one["objective_name"] == "first"] == [objectives_id]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "data must be a list of at least one objective."),
        ([], "data must be a list of at least one objective."),
        ([step("a")] * 51, "data may hold at most 50 objectives."),
        (["a"], "Each of data must be an object."),
        ([{"objective_prompt": "x"}], "objective_name is required."),
        ([step("two words")], "objective_name may have up to 100 letters, digits and underscores."),
        ([step("a" * 101)], "objective_name may have up to 100 letters, digits and underscores."),
        ([{"objective_name": "a", "objective_prompt": " "}], "objective_prompt is required."),
        ([{**STEP, "objective_prompt": "x" * 10_001}], "objective_prompt may have at most 10000 characters."),
        ([step("a", confirmation_mode="maybe")], "confirmation_mode must be one of auto, manual."),
        ([step("a", modality="smell")], "modality must be one of verbal, visual, audio."),
        ([step("a", output_variables=["v"] * 51)], "output_variables may hold at most 50."),
        ([step("a", output_variables=[1])], "output_variables must be a list of strings."),
        ([step("a", callback_url="x" * 2049)], "callback_url may have at most 2048 characters."),
        ([step("a"), step("a")], "Two objectives are named a."),
        ([step("a", next_required_objective="b")], "a leads to b, which is not in data."),
        ([step("a", next_conditional_objectives={"b": "if"})], "a leads to b, which is not in data."),
        ([step("a", next_conditional_objectives={"a": 1})], "next_conditional_objectives must name a condition for"),
        ([step("a", next_required_objective="a")], "a leads to itself."),
        (
            [step("a", next_required_objective="b", next_conditional_objectives={"b": "if"}), step("b")],
            "An objective has either next_required_objective or next_conditional_objectives, not both.",
        ),
        (
            [step("a", next_required_objective="b"), step("b", next_conditional_objectives={"a": "if"})],
            "The objectives lead back to themselves; that needs allow_loops.",
        ),
    ],
)
def test_a_set_that_cannot_be_is_refused_and_nothing_is_made(box: RunningSandbox, data: Any, message: str) -> None:
    before = box.call("GET", "/objectives").json()["total_count"]
    response = box.call("POST", "/objectives", {"data": data})
    assert response.status_code == 400
    assert response.json()["message"].startswith(message)
    assert set(response.json()) == {"message"}
    assert box.call("GET", "/objectives").json()["total_count"] == before


def test_loops_are_fine_where_they_are_asked_for(box: RunningSandbox) -> None:
    steps = [step("a", next_required_objective="b"), step("b", next_required_objective="a")]
    assert read(box, made(box, *steps, allow_loops=True))["allow_loops"] is True


def test_validate_says_what_is_wrong_and_keeps_nothing(box: RunningSandbox) -> None:
    before = box.call("GET", "/objectives").json()["total_count"]
    good = {"data": [step("a", next_conditional_objectives={"b": "if", "c": "else"}), step("b"), step("c")]}
    assert box.call("POST", "/objectives/validate", good).json() == {"valid": True}
    response = box.call("POST", "/objectives/validate/", {"data": [step("a"), step("b")]})
    assert (response.status_code, response.json()) == (
        400,
        {"message": "There must be one first objective, and there are 2: a, b."},
    )
    assert box.call("GET", "/objectives").json()["total_count"] == before


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_id_is_404_and_what_is_no_id_400(box: RunningSandbox, method: str) -> None:
    body: list[Any] | None = [] if method == "PATCH" else None
    response = box.call(method, "/objectives/o00000000000", body)
    assert (response.status_code, response.json()) == (404, {"error": "Objective not found"})
    response = box.call(method, "/objectives/p2b8e10c94d6", body)
    assert (response.status_code, response.json()) == (400, {"error": "Invalid objectives_id"})


@pytest.mark.parametrize("path", ["/data/0/objective_prompt", "/objective_prompt"])
def test_a_patch_reaches_the_first_objective_by_either_pointer(box: RunningSandbox, path: str) -> None:
    objectives_id = made(box, name="Sale")
    operations = [
        {"op": "test", "path": path, "value": STEP["objective_prompt"]},
        {"op": "replace", "path": path, "value": "Ask twice."},
    ]
    response = box.call("PATCH", f"/objectives/{objectives_id}", operations)
    assert (response.status_code, response.json()) == (200, {"message": "Objective updated successfully"})
    assert read(box, objectives_id)["data"][0]["objective_prompt"] == "Ask twice."


def test_a_patch_can_rename_the_set_and_replace_its_steps(box: RunningSandbox) -> None:
    objectives_id = made(box)
    steps = [step("a", next_required_objective="b"), step("b")]
    operations = [
        {"op": "replace", "path": "/objectives_name", "value": "New"},
        {"op": "replace", "path": "/data", "value": steps},
        {"op": "remove", "path": "/data/1/next_required_objective"},
    ]
    assert box.call("PATCH", f"/objectives/{objectives_id}", operations).status_code == 400
    assert box.call("PATCH", f"/objectives/{objectives_id}", operations[:2]).status_code == 200
    row = read(box, objectives_id)
    assert (row["name"], [one["objective_name"] for one in row["data"]]) == ("New", ["a", "b"])


def test_a_patch_without_effect_is_304(box: RunningSandbox) -> None:
    before = read(box, STOCK)
    operations = [{"op": "add", "path": "/data/0/confirmation_mode", "value": "auto"}]
    response = box.call("PATCH", f"/objectives/{STOCK}", operations)
    assert (response.status_code, response.content) == (304, b"")
    assert read(box, STOCK) == before


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ({}, "Invalid patch operation"),
        ([{"op": "swap", "path": "/name"}], "Invalid patch operation"),
        ([{"op": "replace", "path": "/data/9/objective_name", "value": "x"}], "Invalid patch operation"),
        ([{"op": "test", "path": "/name", "value": "other"}], "Invalid patch operation"),
        ([{"op": "replace", "path": "/data/0/objective_name", "value": "two words"}], "objective_name may have up to"),
        ([{"op": "remove", "path": "/data/3"}], "find_what_hurts leads to part_as_friends, which is not in data."),
        ([{"op": "replace", "path": "/objectives_id", "value": "o1"}], "None of objectives_id, created_at, updated_at"),
        ([{"op": "remove", "path": "/created_at"}], "None of objectives_id, created_at, updated_at"),
    ],
)
def test_a_patch_that_cannot_be_is_400_and_changes_nothing(box: RunningSandbox, operations: Any, message: str) -> None:
    before = read(box, STOCK)
    response = box.call("PATCH", f"/objectives/{STOCK}", operations)
    assert response.status_code == 400
    assert response.json()["error"].startswith(message)
    assert read(box, STOCK) == before


def test_delete_is_204_and_takes_it_off_its_personas(box: RunningSandbox) -> None:
    body = {"system_prompt": "A guide.", "objectives_id": STOCK}
    persona = box.call("POST", "/personas", body).json()["persona_id"]
    response = box.call("DELETE", f"/objectives/{STOCK}")
    assert (response.status_code, response.content) == (204, b"")
    assert box.call("DELETE", f"/objectives/{STOCK}").status_code == 404
    row = box.call("GET", f"/personas/{persona}").json()
    assert "objectives_id" not in row
    assert row["updated_at"] > row["created_at"]


def test_the_list_is_oldest_first_and_can_be_searched_and_turned(box: RunningSandbox) -> None:
    newest = made(box, name="Sale")

    def ids(query: str) -> list[str]:
        return [row["objectives_id"] for row in box.call("GET", f"/objectives?{query}").json()["data"]]

    assert ids("") == [STOCK, "o9e53a17cf08", newest]
    assert ids("sort=descending") == [newest, "o9e53a17cf08", STOCK]
    assert ids("name_or_uuid=CALL") == [STOCK]
    assert ids(f"name_or_uuid={newest[:6]}") == [newest]
    assert ids("type=user") == [STOCK, "o9e53a17cf08", newest]
    assert ids("type=system") == []
