from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox_server import RunningSandbox

PATH = "/pronunciation-dictionaries"
RULE = {"text": "Tavus", "pronunciation": "TAH-vus", "type": "alias"}


def made(box: RunningSandbox, **more: Any) -> dict[str, Any]:
    response = box.call("POST", f"{PATH}/", {"name": "Brands", "rules": [RULE], **more})
    assert response.status_code == 201, response.text
    row: dict[str, Any] = response.json()
    return row


def test_a_dictionary_is_read_back_with_the_defaults_of_its_rules(box: RunningSandbox) -> None:
    row = made(box)
    assert row["pronunciation_dictionary_id"].startswith("pd_")
    assert row["rules"] == [{**RULE, "case_sensitive": False, "word_boundaries": True}]
    assert (row["name"], row["rules_count"]) == ("Brands", 1)
    assert box.call("GET", f"{PATH}/{row['pronunciation_dictionary_id']}").json() == row
    assert made(box, rules=None)["rules"] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name is required"),
        ({"name": "x" * 256}, "name may have at most 255 characters"),
        ({"rules": {}}, "rules must be a list of objects"),
        ({"rules": [RULE, RULE]}, "no text may have two rules"),
        ({"rules": [{**RULE, "text": "x" * 201}]}, "text may have at most 200 characters"),
        ({"rules": [{**RULE, "pronunciation": "x" * 501}]}, "pronunciation may have at most 500 characters"),
        ({"rules": [{**RULE, "type": "sung"}]}, "type must be one of alias, ipa"),
        ({"rules": [{**RULE, "case_sensitive": 1}]}, "case_sensitive must be true or false"),
    ],
)
def test_a_dictionary_that_cannot_be_is_refused(box: RunningSandbox, change: Any, message: str) -> None:
    response = box.call("POST", PATH, {"name": "Brands", "rules": [RULE], **change})
    assert (response.status_code, response.json()) == (400, {"error": f"Invalid request: {message}"})
    assert box.call("GET", PATH).json()["total_count"] == 0


def test_a_patch_takes_name_and_rules_and_passes_over_the_rest(box: RunningSandbox) -> None:
    row = made(box)
    path = f"{PATH}/{row['pronunciation_dictionary_id']}"
    ignored = [{"op": "replace", "path": "/created_at", "value": "2020"}]
    assert box.call("PATCH", path, ignored).status_code == 304
    change = [*ignored, {"op": "replace", "path": "/name", "value": "Terms"}, {"op": "remove", "path": "/rules"}]
    told = box.call("PATCH", path, change).json()
    assert (told["name"], told["rules"], told["rules_count"]) == ("Terms", [], 0)
    assert told["created_at"] == row["created_at"]
    assert box.call("PATCH", path, {}).status_code == 422
    assert box.call("PATCH", path, [{"op": "remove", "path": "/name"}]).status_code == 400


def test_the_list_is_newest_first_from_page_zero_and_without_rules(box: RunningSandbox) -> None:
    ids = [made(box)["pronunciation_dictionary_id"] for _ in range(3)]
    page = box.call("GET", f"{PATH}?limit=2&page=0").json()
    assert [row["pronunciation_dictionary_id"] for row in page["data"]] == ids[:0:-1]
    assert (page["total_count"], page["page"], page["limit"], "rules" in page["data"][0]) == (3, 0, 2, False)
    assert box.call("GET", f"{PATH}?sort=asc").json()["data"][0]["pronunciation_dictionary_id"] == ids[0]


def test_delete_is_204_and_takes_it_out_of_its_personas(box: RunningSandbox) -> None:
    id_ = made(box)["pronunciation_dictionary_id"]
    layers = {"tts": {"tts_engine": "cartesia", "pronunciation_dictionary_id": id_}}
    persona = box.call("POST", "/personas", {"system_prompt": "A guide.", "layers": layers}).json()["persona_id"]
    assert box.call("DELETE", f"{PATH}/{id_}").status_code == 204
    tts = box.call("GET", f"/personas/{persona}").json()["layers"]["tts"]
    assert tts == {"tts_engine": "cartesia", "pronunciation_dictionary_id": None}
    for method in ("GET", "DELETE"):
        response = box.call(method, f"{PATH}/{id_}")
        assert (response.status_code, response.json()) == (404, {"message": "Pronunciation dictionary not found"})
