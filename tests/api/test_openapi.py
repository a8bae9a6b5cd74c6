"""What the API's description says of each answer is what each route really answers."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

from lib.api.app import ENDPOINTS
from tests.api.test_api import CALL, Client, api
from tests.house import ANNA, GUIDE, until

__all__ = ["api"]


class Watched:
    """The API with each answer held against the description: nothing more, nothing less, in the types that it says."""

    def __init__(self, api: Client) -> None:
        self.api = api
        self.document: dict[str, Any] = requests.get(f"{api.url}/api/openapi.json", timeout=5).json()
        self.seen: dict[tuple[str, str], set[int]] = defaultdict(set)
        self.told: dict[tuple[str, str], set[str]] = defaultdict(set)

    def __call__(self, method: str, path: str, body: Any = None, **ids: str) -> Any:
        answer = self.api(method, path.format(**ids), body)
        operation = self.document["paths"][path.split("?")[0]][method.lower()]
        code = str(answer.status_code)
        described = operation["responses"].get(code) or operation["responses"][f"{code[0]}XX"]
        self.seen[method, path.split("?")[0]].add(answer.status_code)
        if answer.status_code == 204:
            assert "content" not in described and answer.content == b""
            return None
        value, schema = answer.json(), described["content"]["application/json"]["schema"]
        closed = {**_closed(schema), "components": _closed(self.document["components"])}
        problems = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(closed).iter_errors(value)]
        assert problems == [], (method, path, code)
        if answer.ok:
            for row in value.get("data", [value]):
                self.told[method, path.split("?")[0]] |= row.keys()
        return value

    def properties(self, method: str, path: str, status: int) -> set[str]:
        content = self.document["paths"][path][method.lower()]["responses"][str(status)].get("content")
        schema = self.resolved(content["application/json"]["schema"]) if content else {}
        row = schema.get("properties", {}).get("data", {}).get("items", schema)
        return set(self.resolved(row).get("properties", {}))

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """What a reference stands for; another schema as it is."""
        found: Any = self.document
        for name in schema.get("$ref", "").split("/")[1:]:
            found = found[name]
        return found if "$ref" in schema else schema


def _closed(schema: Any) -> Any:
    """The same where what is not described may not be there, unless the description says that it may."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **inner} if isinstance(schema.get("properties"), dict) else inner


def test_every_route_answers_as_it_is_described(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    call = Watched(api)
    # personas
    persona = call("POST", "/api/personas", {"persona_name": "Coach", "system_prompt": "You are."})["persona_id"]
    call("GET", "/api/personas")
    call("GET", "/api/personas?limit=1")
    call("GET", "/api/personas/{id}", id=persona)
    call("PATCH", "/api/personas/{id}", {"greeting": "Hi"}, id=persona)
    call("GET", "/api/personas/{id}", id="pgone")
    call("POST", "/api/personas", {"persona_name": 5})
    # agents
    avatar = {"tavusPersonaId": GUIDE, "replicaId": ANNA}
    agent = call("POST", "/api/agents", {"name": "A", "avatar": avatar, "call": CALL})["id"]
    bare = call("POST", "/api/agents", {"name": "B"})["id"]
    call("GET", "/api/agents")
    call("GET", "/api/agents/{id}", id=agent)
    call("PATCH", "/api/agents/{id}", {"avatar": None, "call": dict.fromkeys(CALL)}, id=bare)
    call("PATCH", "/api/agents/{id}", {"nme": "typo"}, id=bare)
    # a call and its record
    plain = call("POST", "/api/agents", {"name": "C", "avatar": avatar})["id"]
    session = call("POST", "/api/sessions", {"agentId": plain, "watch": True, "clientToken": "t"})["sessionId"]
    until(lambda: call("GET", "/api/sessions/{id}", id=session)["status"] == "live")
    conversation = call("GET", "/api/sessions/{id}", id=session)
    requests.post(f"{conversation['conversationUrl']}/join", timeout=5)
    requests.post(f"{conversation['conversationUrl']}/say", json={"text": "Hello"}, timeout=10)
    call("POST", "/api/sessions/{id}/messages", {"text": "Hello"}, id=session)
    call("POST", "/api/sessions/{id}/end", id=session)
    until(lambda: len(call("GET", "/api/sessions/{id}", id=session)["transcript"]) > 2)
    until(lambda: "endReason" in call("POST", "/api/sessions/{id}/end", id=session))
    assert call("POST", "/api/sessions", {"agentId": plain, "watch": True, "clientToken": "t"})["endReason"]
    call("POST", "/api/sessions/{id}/messages", {"text": "Too late"}, id=session)
    # a text chat, and a refused avatar
    written = call("POST", "/api/sessions", {"agentId": agent, "enableAvatar": False})["sessionId"]
    call("POST", "/api/sessions/{id}/messages", {"text": "Hello"}, id=written)
    rule = api.services.library.guardrails.all().items[0].id
    guarded = call("POST", "/api/personas", {"persona_name": "G", "system_prompt": "You.", "guardrail_ids": [rule]})
    avatar["tavusPersonaId"] = guarded["persona_id"]
    ruled = call("POST", "/api/agents", {"name": "D", "avatar": avatar})["id"]
    heard = call("POST", "/api/sessions", {"agentId": ruled, "enableAvatar": False})["sessionId"]
    call("POST", "/api/sessions/{id}/messages", {"text": "Hello"}, id=heard)
    api.sandbox.faults({"route": "POST /v2/conversations", "status": 402, "times": 1})
    refused = call("POST", "/api/sessions", {"agentId": plain})["sessionId"]
    assert {"reason", "hint"} <= call("GET", "/api/sessions/{id}", id=refused).keys()
    call("POST", "/api/sessions/{id}/end", id=refused)
    for path in ("/api/sessions", "/api/sessions?limit=1", "/api/sessions?limit=0", "/api/sessions?cursor=x"):
        call("GET", path)
    for route in (("GET", "/api/sessions/{id}"), ("POST", "/api/sessions/{id}/end")):
        call(*route, id="s-none")
    call("DELETE", "/api/agents/{id}", id=agent)
    call("DELETE", "/api/personas/{id}", id=persona)
    call("DELETE", "/api/personas/{id}", id="pgone")
    # Tavus away, no token
    api.sandbox.faults({"route": "* /v2/*", "status": 500, "times": -1})
    call("GET", "/api/personas/{id}", id="p2b8e10c94d6")
    monkeypatch.setattr(api, "headers", {})
    for endpoint in ENDPOINTS:
        call(endpoint.method, endpoint.path, id="x")

    for endpoint in ENDPOINTS:
        assert endpoint.status in call.seen[endpoint.method, endpoint.path], endpoint
        told = call.told[endpoint.method, endpoint.path]
        assert call.properties(endpoint.method, endpoint.path, endpoint.status) <= told, endpoint.path


def test_a_row_of_the_list_has_no_transcript_and_a_single_one_always_has(api: Client) -> None:
    call = Watched(api)
    answer = call.document["paths"]["/api/sessions/{id}"]["get"]["responses"]["200"]["content"]["application/json"]
    schema = call.resolved(answer["schema"])
    assert "transcript" in schema["required"]
    turn = call.resolved(schema["properties"]["transcript"]["items"])
    assert set(turn["properties"]) == set(turn["required"]) == {"role", "text", "seconds", "source"}
    listed = call.properties("GET", "/api/sessions", 200)
    assert "sessionId" in listed and "transcript" not in listed
