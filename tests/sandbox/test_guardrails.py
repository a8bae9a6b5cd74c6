from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox_server import RunningSandbox

RULE = {"guardrail_name": "no_promises", "guardrail_prompt": "Never promise a date."}
STOCK = "g10b8a4d72e6"
SET = "g6c0e4a9d18b"
IN_SET = ["g5190f3c7ae2", "g5d84e60b1f7"]


def made(box: RunningSandbox, **more: Any) -> dict[str, Any]:
    response = box.call("POST", "/guardrails", {**RULE, **more})
    assert response.status_code == 200, response.text
    row: dict[str, Any] = response.json()
    return row


def ids(box: RunningSandbox, query: str) -> list[str]:
    return [row["uuid"] for row in box.call("GET", f"/guardrails?legacy=false&limit=100&{query}").json()["data"]]


def persona(box: RunningSandbox, **more: Any) -> str:
    return str(box.call("POST", "/personas", {"system_prompt": "A guide.", **more}).json()["persona_id"])


def test_create_answers_the_whole_row_with_its_defaults(box: RunningSandbox) -> None:
    row = made(box)
    assert row["uuid"].startswith("g")
    assert {**row, **RULE} == row
    assert (row["modality"], row["callback_url"], row["tags"], row["app_message"]) == ("verbal", "", [], True)
    assert row["created_at"] == row["updated_at"]
    assert box.call("GET", f"/guardrails/{row['uuid']}").json() == row


def test_what_is_sent_comes_back_and_a_tool_call_that_is_empty_does_not(box: RunningSandbox) -> None:
    sent = {"modality": "visual", "tags": ["a", "b"], "app_message": False, "callback_url": "https://a.example/cb"}
    row = made(box, **sent, tool_call={})
    assert {**row, **sent} == row
    assert "tool_call" not in row
    assert made(box, tool_call={"name": "x"})["tool_call"] == {"name": "x"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "guardrail_name is required."),
        ({**RULE, "guardrail_name": "two words"}, "guardrail_name may have up to 100 letters, digits and underscores."),
        ({**RULE, "guardrail_name": "é"}, "guardrail_name may have up to 100 letters, digits and underscores."),
        ({**RULE, "guardrail_name": "a" * 101}, "guardrail_name may have up to 100 letters, digits and underscores."),
        ({**RULE, "guardrail_prompt": ""}, "guardrail_prompt is required."),
        ({**RULE, "guardrail_prompt": "x" * 1001}, "guardrail_prompt may have at most 1000 characters."),
        ({**RULE, "modality": "smell"}, "modality must be one of verbal, visual, audio."),
        ({**RULE, "callback_url": "x" * 2049}, "callback_url may have at most 2048 characters."),
        ({**RULE, "tags": ["t"] * 33}, "tags may hold at most 32."),
        ({**RULE, "tags": ["t" * 65]}, "Each of tags must have 1 to 64 characters."),
        ({**RULE, "tags": [""]}, "Each of tags must have 1 to 64 characters."),
        ({**RULE, "tags": "t"}, "tags must be a list of strings."),
        ({**RULE, "app_message": "yes"}, "app_message must be true or false."),
    ],
)
def test_a_rule_that_cannot_be_is_refused_and_nothing_is_made(box: RunningSandbox, body: Any, message: str) -> None:
    before = ids(box, "")
    response = box.call("POST", "/guardrails/", body)
    assert (response.status_code, response.json()) == (400, {"error": message})
    assert ids(box, "") == before


def test_the_longest_name_prompt_and_tags_fit(box: RunningSandbox) -> None:
    made(box, guardrail_name="a" * 100, guardrail_prompt="x" * 1000, tags=["t" * 64] * 32)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_id_is_400(box: RunningSandbox, method: str) -> None:
    response = box.call(method, "/guardrails/gnone", [] if method == "PATCH" else None)
    assert (response.status_code, response.json()) == (400, {"error": "Guardrail not found"})


def test_a_patch_answers_the_new_row(box: RunningSandbox) -> None:
    uuid = made(box, tags=["a"])["uuid"]
    operations = [
        {"op": "test", "path": "/guardrail_prompt", "value": RULE["guardrail_prompt"]},
        {"op": "replace", "path": "/guardrail_prompt", "value": "Never, ever."},
        {"op": "add", "path": "/tags/-", "value": "b"},
        {"op": "remove", "path": "/callback_url"},
    ]
    response = box.call("PATCH", f"/guardrails/{uuid}", operations)
    assert response.status_code == 200
    row = box.call("GET", f"/guardrails/{uuid}").json()
    assert response.json() == row
    assert (row["guardrail_prompt"], row["tags"], row["callback_url"]) == ("Never, ever.", ["a", "b"], "")
    assert row["updated_at"] > row["created_at"]


def test_a_patch_without_effect_is_304(box: RunningSandbox) -> None:
    before = box.call("GET", f"/guardrails/{STOCK}").json()
    response = box.call("PATCH", f"/guardrails/{STOCK}", [{"op": "add", "path": "/app_message", "value": True}])
    assert (response.status_code, response.content) == (304, b"")
    assert box.call("GET", f"/guardrails/{STOCK}").json() == before


@pytest.mark.parametrize(
    ("operations", "answer"),
    [
        ({}, (422, {"message": "Invalid JSON patch format"})),
        ([{"path": "/tags"}], (422, {"message": "Invalid JSON patch format"})),
        ([{"op": "replace", "path": "/none", "value": 1}], (422, {"message": "Invalid JSON patch format"})),
        ([{"op": "test", "path": "/modality", "value": "visual"}], (422, {"message": "Invalid JSON patch format"})),
        ([{"op": "replace", "path": "/uuid", "value": "g1"}], (400, {"error": "Invalid patch operation"})),
        ([{"op": "remove", "path": "/guardrail_prompt"}], (400, {"error": "guardrail_prompt is required."})),
    ],
)
def test_a_patch_that_cannot_be_changes_nothing(box: RunningSandbox, operations: Any, answer: Any) -> None:
    before = box.call("GET", f"/guardrails/{STOCK}").json()
    response = box.call("PATCH", f"/guardrails/{STOCK}", operations)
    assert (response.status_code, response.json()) == answer
    assert box.call("GET", f"/guardrails/{STOCK}").json() == before


def test_delete_is_204_and_takes_it_off_its_personas(box: RunningSandbox) -> None:
    mine = persona(box, guardrail_ids=["g2f90c6631bd", STOCK], guardrail_tags=["sales"])
    response = box.call("DELETE", f"/guardrails/{STOCK}")
    assert (response.status_code, response.content) == (204, b"")
    assert box.call("GET", f"/guardrails/{STOCK}").status_code == 400
    row = box.call("GET", f"/personas/{mine}").json()
    assert (row["guardrail_ids"], row["guardrail_tags"]) == (["g2f90c6631bd"], ["sales"])
    assert STOCK not in ids(box, "")


def test_the_list_can_be_turned_searched_and_had_by_tags(box: RunningSandbox) -> None:
    mine = made(box, tags=["own", "sales"])["uuid"]
    everything = ids(box, "")
    assert everything[-1] == mine
    assert ids(box, "sort=descending")[0] == mine
    assert ids(box, "name_or_uuid=PRICES") == [STOCK]
    assert ids(box, f"name_or_uuid={mine}") == [mine]
    assert ids(box, "tags=own") == [mine]
    assert ids(box, "tags=own,%20interviews") == ["g48d2b70f95a", mine]
    assert ids(box, "tags=none") == []
    page = box.call("GET", "/guardrails?legacy=false&limit=2&page=2").json()
    assert [row["uuid"] for row in page["data"]] == everything[2:4]
    assert (page["total_count"], page["page"], page["limit"]) == (len(everything), 2, 2)


def test_verbose_says_who_has_it(box: RunningSandbox) -> None:
    by_id, by_tag = persona(box, guardrail_ids=[STOCK]), persona(box, guardrail_tags=["compliance"])
    row = box.call("GET", f"/guardrails/{STOCK}?verbose=true").json()
    assert (row["guardrail_type"], set(row["persona_refs"])) == ("user", {by_id, by_tag})
    assert "persona_refs" not in box.call("GET", f"/guardrails/{STOCK}").json()


def test_tags_come_with_the_ids_that_carry_them(box: RunningSandbox) -> None:
    answer = box.call("GET", "/guardrails/tags").json()
    assert set(answer) == {"tags", "total_count"}
    assert [one["tag"] for one in answer["tags"]] == ["compliance", "interviews", "sales"]
    assert answer["tags"][0]["guardrail_ids"] == [STOCK, "g37a5e18d04c"]
    assert [one["tag"] for one in box.call("GET", "/guardrails/tags/?search=IA").json()["tags"]] == ["compliance"]
    second = box.call("GET", "/guardrails/tags?page=2&limit=2").json()
    assert ([one["tag"] for one in second["tags"]], second["total_count"]) == (["sales"], 3)


def test_sets_are_what_the_list_gives_unless_told_otherwise(box: RunningSandbox) -> None:
    for query in ("", "?legacy=true"):
        page = box.call("GET", f"/guardrails{query}").json()
        assert [row["guardrails_id"] for row in page["data"]] == [SET]
        assert page["total_count"] == 1
    row = box.call("GET", f"/guardrails/{SET}").json()
    assert row == page["data"][0]
    assert (row["guardrails_name"], [item["uuid"] for item in row["data"]]) == ("Interview rules", IN_SET)


def test_a_body_with_data_makes_a_set_whose_rules_can_be_had_singly(box: RunningSandbox) -> None:
    answer = box.call("POST", "/guardrails", {"name": "Sales", "data": [RULE, {**RULE, "guardrail_name": "b"}]}).json()
    assert set(answer) == {"guardrails_id", "guardrails_name", "status", "created_at"}
    items = box.call("GET", f"/guardrails/{answer['guardrails_id']}").json()["data"]
    assert [item["guardrail_name"] for item in items] == ["no_promises", "b"]
    assert box.call("GET", f"/guardrails/{items[0]['uuid']}").json() == items[0]
    assert items[0]["uuid"] in ids(box, "")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"data": [RULE]}, "name is required."),
        ({"name": "x", "data": []}, "data must be a list of at least one guardrail."),
        ({"name": "x", "data": [{}]}, "guardrail_name is required."),
        ({"name": "x", "data": [RULE] * 51}, "data may hold at most 50 guardrails."),
    ],
)
def test_a_set_that_cannot_be_is_refused(box: RunningSandbox, body: Any, message: str) -> None:
    before = ids(box, "")
    response = box.call("POST", "/guardrails", body)
    assert (response.status_code, response.json()) == (400, {"error": message})
    assert ids(box, "") == before


def test_a_patch_of_a_set_keeps_the_ids_of_what_stays(box: RunningSandbox) -> None:
    operations = [
        {"op": "replace", "path": "/guardrails_name", "value": "Rules"},
        {"op": "replace", "path": "/data/1/guardrail_prompt", "value": "Say nothing."},
        {"op": "remove", "path": "/data/0"},
        {"op": "add", "path": "/data/-", "value": RULE},
        {"op": "copy", "from": "/data/0", "path": "/data/-"},
    ]
    response = box.call("PATCH", f"/guardrails/{SET}", operations)
    assert (response.status_code, response.json()) == (200, {"message": "Guardrails updated successfully"})
    row = box.call("GET", f"/guardrails/{SET}").json()
    kept, added, copied = row["data"]
    assert (row["name"], kept["uuid"], kept["guardrail_prompt"]) == ("Rules", IN_SET[1], "Say nothing.")
    assert added["guardrail_name"] == RULE["guardrail_name"]
    assert (copied["guardrail_name"], copied["uuid"] not in IN_SET) == ("no_judgement", True)
    assert box.call("GET", f"/guardrails/{IN_SET[0]}").status_code == 400
    assert (
        box.call("PATCH", f"/guardrails/{SET}", [{"op": "test", "path": "/name", "value": "Rules"}]).status_code == 304
    )


def test_a_set_goes_with_its_rules_and_off_its_personas(box: RunningSandbox) -> None:
    mine = persona(box, guardrails_id=SET, guardrail_ids=[IN_SET[0], STOCK])
    assert box.call("DELETE", f"/guardrails/{SET}").status_code == 204
    assert set(IN_SET).isdisjoint(ids(box, ""))
    row = box.call("GET", f"/personas/{mine}").json()
    assert ("guardrails_id" in row, row["guardrail_ids"]) == (False, [STOCK])


def test_a_set_that_lost_its_last_rule_is_gone(box: RunningSandbox) -> None:
    for uuid in IN_SET:
        box.call("DELETE", f"/guardrails/{uuid}")
    assert box.call("GET", f"/guardrails/{SET}").status_code == 400
    assert box.call("GET", "/guardrails").json()["total_count"] == 0
