from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox_server import RunningSandbox

SKILLS = "/pals/p2b8e10c94d6/skills"


def attached(box: RunningSandbox) -> dict[str, Any]:
    told: dict[str, Any] = box.call("GET", f"{SKILLS}/").json()["data"]
    return told


def test_the_registry_names_what_there_is(box: RunningSandbox) -> None:
    known = [row["skill_id"] for row in box.call("GET", "/skills").json()["data"]]
    assert known == ["internet_search", "presentation", "magic_canvas", "memory"]
    assert box.call("GET", "/skills/memory").json()["name"] == "Memory"
    assert box.call("GET", "/skills/cooking").json() == {"error": "Unknown skill 'cooking'"}


def test_a_skill_is_put_on_configured_and_taken_off(box: RunningSandbox) -> None:
    assert attached(box) == {}
    row = box.call("PUT", f"{SKILLS}/presentation", {"config": {"document_ids": ["d1"], "prompt": "Slowly."}}).json()
    assert set(row) == {"skill_id", "config", "attached_at", "updated_at"}
    change = {"config": {"slides_trigger": "walk_the_deck", "prompt": None}}
    merged = box.call("PATCH", f"{SKILLS}/presentation", change).json()
    assert merged["config"] == {"document_ids": ["d1"], "slides_trigger": "walk_the_deck"}
    assert merged["attached_at"] == row["attached_at"]
    assert box.call("GET", f"{SKILLS}/presentation").json() == merged == attached(box)["presentation"]
    assert box.call("DELETE", f"{SKILLS}/presentation").status_code == 204
    assert attached(box) == {}


def test_all_skills_can_be_replaced_at_once(box: RunningSandbox) -> None:
    first = box.call("PUT", f"{SKILLS}/memory", {}).json()
    box.call("PUT", f"{SKILLS}/internet_search", {})
    told = box.call("PUT", SKILLS, {"skills": {"memory": {}, "magic_canvas": {"config": {}}}}).json()["data"]
    assert list(told) == list(attached(box)) == ["memory", "magic_canvas"]
    assert told["memory"]["attached_at"] == first["attached_at"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/cooking", {}, 404), ("PUT", "/presentation", {}, 400), ("PUT", "/memory", {"config": 5}, 400),
        ("PATCH", "/memory", {"config": {}}, 404), ("GET", "/memory", None, 404), ("DELETE", "/memory", None, 404),
        ("PUT", "", {"skills": []}, 400), ("PUT", "", {"skills": {"memory": {}, "cooking": {}}}, 404),
    ],
)  # fmt: skip
def test_what_cannot_be_changes_nothing(box: RunningSandbox, method: str, path: str, body: Any, status: int) -> None:
    assert box.call(method, SKILLS + path, body).status_code == status
    assert attached(box) == {}


def test_an_unknown_persona_is_400_and_one_of_the_stock_stays_as_it_is(box: RunningSandbox) -> None:
    assert box.call("GET", "/pals/pnone/skills").json() == {"error": "Invalid persona_id"}
    assert box.call("PUT", "/pals/p1af207b8189/skills/memory", {}).status_code == 400
