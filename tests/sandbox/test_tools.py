from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox_server import RunningSandbox

OWN, STOCK = "p2b8e10c94d6", "p1af207b8189"
TOOL = {"name": "get_weather", "description": "The weather of a city."}
API = {"url": "https://a.example/{city}", "auth": {"type": "bearer", "token": "canary"}}


def made(box: RunningSandbox, **more: Any) -> dict[str, Any]:
    response = box.call("POST", "/tools", {**TOOL, **more})
    assert response.status_code == 200, response.text
    row: dict[str, Any] = response.json()
    return row


def attached(box: RunningSandbox, persona_id: str = OWN) -> list[str]:
    return [row["tool_id"] for row in box.call("GET", f"/pals/{persona_id}/tools/").json()["data"]]


def test_a_tool_is_read_back_with_its_defaults(box: RunningSandbox) -> None:
    row = made(box)
    assert row["tool_id"].startswith("t")
    assert (row["parameters"], row["delivery"], row["origin"]) == ({}, {"app_message": True}, "llm")
    assert (row["on_resolve"], row["trigger_type"], row["is_system_tool"]) == ("fire_and_forget", "in_call", False)
    assert box.call("GET", f"/tools/{row['tool_id']}").json() == row


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "name is required."),
        ({**TOOL, "name": "2nd"}, "name must be 1 to 64 letters, digits and underscores and not begin with a digit."),
        ({**TOOL, "name": "end_call"}, "There is a tool named end_call already."),
        ({"name": "x"}, "description is required."),
        ({**TOOL, "description": "x" * 10_000}, "description and parameters may have at most 10000 characters"),
        ({**TOOL, "origin": "nose"}, "origin must be one of llm, vision, audio."),
        ({**TOOL, "on_call": "static_filler"}, "static_filler is required when on_call is static_filler."),
        ({**TOOL, "delivery": {}}, "delivery must have exactly one of app_message and api."),
        ({**TOOL, "delivery": {"app_message": True, "api": API}}, "delivery must have exactly one of app_message and"),
        ({**TOOL, "delivery": {"api": {"url": "http://a.example"}}}, "delivery.api.url must be https://"),
        ({**TOOL, "delivery": {"api": {**API, "timeout": 61}}}, "delivery.api.timeout must be seconds up to 60."),
    ],
)
def test_a_tool_that_cannot_be_is_refused(box: RunningSandbox, body: Any, message: str) -> None:
    response = box.call("POST", "/tools/", body)
    assert response.status_code == 400
    assert response.json()["error"].startswith(message)
    assert box.call("GET", "/tools").json()["total_count"] == 0


def test_a_name_is_given_once(box: RunningSandbox) -> None:
    first, second = made(box), made(box, name="other")
    assert box.call("POST", "/tools", TOOL).status_code == 400
    assert box.call("PATCH", f"/tools/{second['tool_id']}", {"name": TOOL["name"]}).status_code == 400
    assert box.call("PATCH", f"/tools/{first['tool_id']}", {"name": TOOL["name"], "tags": ["a"]}).status_code == 200


def test_a_secret_is_never_read_and_stays_where_a_change_leaves_it_out(box: RunningSandbox) -> None:
    row = made(box, delivery={"api": API})
    path = f"/tools/{row['tool_id']}"
    assert row["delivery"]["api"]["auth"] == {"type": "bearer", "token": "********"}
    assert "canary" not in box.call("GET", path).text + box.call("GET", "/tools").text
    assert box.call("PATCH", path, {"delivery": row["delivery"]}).status_code == 400
    change = {"api": {"url": "https://b.example", "auth": {"type": "bearer"}}}
    assert box.call("PATCH", path, {"delivery": change}).json()["delivery"]["api"]["url"] == "https://b.example"
    assert box.inside.tools.get(row["tool_id"])["delivery"]["api"]["auth"]["token"] == "canary"


def test_the_list_tells_own_tools_and_the_systems(box: RunningSandbox) -> None:
    mine = made(box)["tool_id"]

    def ids(query: str) -> list[str]:
        return [row["tool_id"] for row in box.call("GET", f"/tools?{query}").json()["data"]]

    assert (ids(""), ids("type=user"), ids("type=system")) == ([mine], [mine], ["end_call"])
    assert ids("type=all") == ["end_call", mine]
    assert ids("type=all&name_or_uuid=WEATHER") == [mine]


def test_what_is_not_there_is_404_and_the_systems_own_cannot_be_changed(box: RunningSandbox) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        body: dict[str, Any] | None = {} if method == "PATCH" else None
        response = box.call(method, "/tools/tnone", body)
        assert (response.status_code, response.json()) == (404, {"error": "Tool not found"})
        assert box.call(method, "/tools/end_call", body).status_code == (200 if method == "GET" else 400)


def test_tools_are_put_on_a_persona_and_taken_off(box: RunningSandbox) -> None:
    first, second = made(box)["tool_id"], made(box, name="other")["tool_id"]
    answer = box.call("POST", f"/pals/{OWN}/tools/", {"tool_ids": [first, second, first]})
    assert [row["tool_id"] for row in answer.json()["data"]] == [first, second] == attached(box)
    assert box.call("GET", f"/personas/{OWN}").json()["tool_ids"] == [first, second]
    assert box.call("DELETE", f"/pals/{OWN}/tools/{first}").status_code == 204
    assert box.call("DELETE", f"/pals/{OWN}/tools/{first}").status_code == 404
    assert attached(box) == [second]
    box.call("DELETE", f"/tools/{second}")
    assert attached(box) == []


@pytest.mark.parametrize(
    ("persona_id", "tool_ids", "status"),
    [(OWN, [], 400), (OWN, "t", 400), (OWN, ["tnone"], 404), ("pnone", ["end_call"], 400), (STOCK, ["end_call"], 400)],
)
def test_what_cannot_be_put_on_a_persona_changes_nothing(
    box: RunningSandbox, persona_id: str, tool_ids: Any, status: int
) -> None:
    assert box.call("POST", f"/pals/{persona_id}/tools", {"tool_ids": tool_ids}).status_code == status
    assert attached(box) == []
