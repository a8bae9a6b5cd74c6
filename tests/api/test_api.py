"""The HTTP API in the words of the older backend, over real HTTP, against the sandbox."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from pydantic import SecretStr
from starlette.applications import Starlette

from lib.api.app import ENDPOINTS, routes
from lib.api.openapi import document
from lib.models import Status
from lib.wiring import Services
from tests.house import ANNA, GUIDE, house, log, until
from tests.sandbox_server import RunningSandbox, serve

TOKEN = "a-token-for-the-api"


class Client:
    """One user of the API."""

    def __init__(self, url: str, services: Services, sandbox: RunningSandbox) -> None:
        self.url, self.services, self.sandbox = url, services, sandbox
        self.headers = {"Authorization": f"Bearer {TOKEN}"}

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        """What comes back, which has to be as the OpenAPI document says."""
        given = {"headers": self.headers, "timeout": 20, **more}
        answer = requests.request(method, self.url + path, json=body, **given)
        holds(method, path.partition("?")[0], answer)
        return answer


DOCUMENT: Any = document(ENDPOINTS)


def closed(schema: Any) -> Any:
    """The schema with no room for a field that it does not name, but where it says that there may be others."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {"additionalProperties": False} if "properties" in schema else {}
    return {**shut, **{name: closed(part) for name, part in schema.items()}}


def holds(method: str, path: str, answer: requests.Response) -> None:
    """Raises where an answer of a known route is not as the document says."""
    for pattern, methods in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path) and method.lower() in methods:
            told = methods[method.lower()]["responses"]
            said = told.get(str(answer.status_code)) or told[f"{answer.status_code // 100}XX"]
            if "content" not in said:
                assert not answer.content
                return
            schema = closed(said["content"]["application/json"]["schema"])
            whole = {**schema, "components": closed(DOCUMENT["components"])}
            jsonschema.Draft202012Validator(whole).validate(answer.json())


@pytest.fixture
def api(running: RunningSandbox, tmp_path: Path) -> Iterator[Client]:
    running.reset()
    with (
        house(running.url, tmp_path, api_token=SecretStr(TOKEN)) as services,
        serve(Starlette(routes=routes(services))) as url,
    ):
        yield Client(url, services, running)


def test_the_older_backends_way_to_a_live_avatar(api: Client) -> None:
    persona = api("POST", "/api/personas", {"persona_name": "Coach", "system_prompt": "You are a patient coach."})
    assert persona.status_code == 201
    agent = api("POST", "/api/agents", {"name": "Coaching"}).json()
    assert agent["avatar"] == {"replicaId": "", "tavusPersonaId": ""}
    change = {"avatar": {"tavusPersonaId": persona.json()["persona_id"], "replicaId": ANNA}}
    changed = api("PATCH", f"/api/agents/{agent['id']}", change)
    assert changed.status_code == 200
    assert changed.json()["avatar"] == change["avatar"]
    assert changed.json()["name"] == "Coaching"
    started = api("POST", "/api/sessions", {"agentId": agent["id"], "enableAvatar": True})
    assert started.status_code == 201
    session = started.json()
    assert session["mode"] == "phoenix_rest"
    assert session["status"] in ("waiting", "live")
    assert session["conversationUrl"].endswith(session["conversationId"])
    assert "reason" not in session
    room = requests.get(session["conversationUrl"], timeout=5)
    assert room.status_code == 200
    assert "Join" in room.text
    until(lambda: api("GET", f"/api/sessions/{session['sessionId']}").json()["status"] == "live")
    ended = api("POST", f"/api/sessions/{session['sessionId']}/end")
    assert ended.json()["status"] in ("ending", "ended")
    until(lambda: api("GET", f"/api/sessions/{session['sessionId']}").json()["status"] == "ended")
    assert api("GET", f"/api/sessions/{session['sessionId']}").json()["endReason"] == "You ended it"


def test_a_refused_avatar_answers_201_as_text_with_the_reason_and_text_works(api: Client) -> None:
    agent = api("POST", "/api/agents", {"name": "A", "avatar": {"tavusPersonaId": "pgone", "replicaId": ANNA}}).json()
    answer = api("POST", "/api/sessions", {"agentId": agent["id"]})
    assert answer.status_code == 201
    session = answer.json()
    assert (session["mode"], session["status"], session["conversationUrl"]) == ("text", "live", None)
    assert session["reason"]
    said = api("POST", f"/api/sessions/{session['sessionId']}/messages", {"text": "Hello"})
    assert said.status_code == 200
    assert said.json()["text"]
    assert said.json()["role"] == "assistant"
    assert "note" not in said.json()


def test_a_chat_says_in_a_note_what_is_not_read_of_agent_and_persona(api: Client) -> None:
    fields = {"name": "A", "avatar": {"tavusPersonaId": GUIDE, "replicaId": ANNA}, "call": {"documentIds": ["d1"]}}
    agent = api("POST", "/api/agents", fields).json()
    session = api("POST", "/api/sessions", {"agentId": agent["id"], "enableAvatar": False}).json()
    said = api("POST", f"/api/sessions/{session['sessionId']}/messages", {"text": "Hello"}).json()
    assert said["note"] == "The stand-in does not read the 1 document."
    assert "does not read" not in said["text"]


CALL = {
    "language": "German", "maxCallS": 300, "absentS": 60, "leftS": 10, "greeting": "Hallo", "context": "Late.",
    "documentIds": ["d1-a"], "documentTags": ["sales"], "documentRetrievalStrategy": "speed", "recording": True,
    "recordingStorage": {
        "provider": "gcs", "bucketName": "b", "projectId": "p", "workloadIdentityProvider": "projects/1",
        "serviceAccountEmail": "w@p.iam.gserviceaccount.com",
    },
    "captions": True, "greenscreen": True, "audioOnly": True, "privateRoom": True,
}  # fmt: skip


def test_every_call_setting_is_written_read_kept_and_taken_back_by_the_api(api: Client) -> None:
    made = api("POST", "/api/agents", {"name": "A", "call": CALL})
    assert made.status_code == 201, made.text
    agent = made.json()["id"]
    assert api("GET", f"/api/agents/{agent}").json()["call"] == CALL
    assert api("PATCH", f"/api/agents/{agent}", {"call": {"language": "French"}}).json()["call"] == {
        **CALL,
        "language": "French",
    }
    assert api("PATCH", f"/api/agents/{agent}", {"call": CALL}).json()["call"] == CALL
    blank = api("PATCH", f"/api/agents/{agent}", {"call": dict.fromkeys(CALL)}).json()["call"]
    assert blank == api("POST", "/api/agents", {"name": "B"}).json()["call"]


def test_an_agents_state_is_told_and_a_tavus_that_is_away_keeps_no_agent_back(api: Client) -> None:
    ready = api("POST", "/api/agents", {"name": "Ready", "avatar": {"tavusPersonaId": GUIDE, "replicaId": ANNA}}).json()
    assert (ready["state"], ready["missing"]) == ("unknown", [])
    gone = api("POST", "/api/agents", {"name": "Gone", "avatar": {"tavusPersonaId": "pgone"}}).json()
    told = {agent["id"]: agent for agent in api("GET", "/api/agents").json()["data"]}
    assert (told[ready["id"]]["state"], told[ready["id"]]["missing"]) == ("ready", [])
    assert told[gone["id"]]["state"] == "blocked"
    assert [item["code"] for item in told[gone["id"]]["missing"]] == ["persona_gone", "no_replica"]
    assert all(item["hint"] and item["message"] for item in told[gone["id"]]["missing"])
    api.services.catalogue.forget()
    api.sandbox.faults({"route": "GET /v2/personas", "status": 500, "times": -1})
    assert len(api("GET", "/api/agents").json()["data"]) == 2
    api.sandbox.faults()


def test_a_replica_that_can_not_be_worn_is_refused_with_a_reason(api: Client) -> None:
    row = {"replica_name": "Mine", "train_image_url": "https://example.org/a.png", "voice_name": "anna"}
    training = api.sandbox.call("POST", "/replicas", row).json()["replica_id"]
    agent = api("POST", "/api/agents", {"name": "A", "avatar": {"replicaId": ANNA}}).json()
    for replica_id, told in ((training, "Still in training"), ("rgone0000000", "There is no replica")):
        for method, path in (("PATCH", f"/api/agents/{agent['id']}"), ("POST", "/api/agents")):
            answer = api(method, path, {"name": "Renamed", "avatar": {"replicaId": replica_id}})
            assert answer.status_code == 400, answer.text
            assert told in answer.json()["error"]
            assert answer.json()["hint"]
    assert [(a.name, a.replica_id) for a in api.services.agents.all()] == [("A", ANNA)]


def test_the_same_client_token_is_one_call(api: Client) -> None:
    agent = api("POST", "/api/agents", {"name": "A", "avatar": {"tavusPersonaId": GUIDE}}).json()
    body = {"agentId": agent["id"], "clientToken": "one"}
    ids = {api("POST", "/api/sessions", body).json()["sessionId"] for _ in range(3)}
    assert len(ids) == 1
    assert len(log(api.sandbox.url, "POST /v2/conversations")) == 1
    changed = api("POST", "/api/sessions", {**body, "enableAvatar": False})
    assert changed.status_code == 409


def test_personas_pass_through_with_fields_that_nobody_knows_yet(api: Client) -> None:
    fields = {
        "persona_name": "<img src=x onerror=alert(1)> 🎭 שלום",
        "system_prompt": "x" * 10_000,
        "layers": {"llm": {"model": "new", "later": {"deep": [1, None]}}},
        "field_of_2027": {"a": 1},
    }
    made = api("POST", "/api/personas", fields).json()
    read = api("GET", f"/api/personas/{made['persona_id']}").json()
    assert {key: read[key] for key in fields} == fields
    steps = [{"op": "replace", "path": "/layers/llm/model", "value": "other"}]
    assert api("PATCH", f"/api/personas/{made['persona_id']}", steps).json()["layers"]["llm"]["model"] == "other"
    merged = api("PATCH", f"/api/personas/{made['persona_id']}", {"persona_name": "Plain", "field_of_2027": None})
    assert merged.json().get("persona_name") == "Plain", merged.text
    assert "field_of_2027" not in merged.json()
    assert api("DELETE", f"/api/personas/{made['persona_id']}").status_code == 204
    gone = api("GET", f"/api/personas/{made['persona_id']}")
    assert gone.status_code == 404
    assert set(gone.json()) == {"error", "hint"}


def test_a_persona_that_was_made_is_given_back_though_it_can_not_be_read(api: Client) -> None:
    api.sandbox.faults({"route": "GET /v2/personas/*", "status": 401, "times": 1})
    made = api("POST", "/api/personas", {"persona_name": "Made", "system_prompt": "You are a guide."})
    assert made.status_code == 201
    assert made.json()["persona_name"] == "Made"
    assert api("GET", f"/api/personas/{made.json()['persona_id']}").json()["persona_name"] == "Made"


def test_lists_are_paged_by_a_cursor_and_whole(api: Client) -> None:
    for number in range(5):
        api("POST", "/api/agents", {"name": f"Agent {number}"})
    names, cursor = [], ""
    while True:
        page = api("GET", f"/api/agents?limit=2{cursor}").json()
        names += [agent["name"] for agent in page["data"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert names == [f"Agent {number}" for number in range(5)]
    assert len(api("GET", "/api/personas").json()["data"]) == 6
    for bad in ("limit=0", "limit=501", "limit=x", "cursor=nonsense"):
        for path in ("/api/agents", "/api/sessions", "/api/personas"):
            assert api("GET", f"{path}?{bad}").status_code == 400, (path, bad)


BAD = [
    ("POST", "/api/agents", b"{", 400),
    ("POST", "/api/agents", b"", 400),
    ("POST", "/api/agents", b"[" * 100_000, 400),
    ("POST", "/api/agents", b"\xff\xfe", 400),
    ("POST", "/api/agents", b"[]", 422),
    ("POST", "/api/agents", b'{"name": 5}', 422),
    ("POST", "/api/agents", b'{"name": "x", "nmae": "y"}', 422),
    ("POST", "/api/agents", b'{"name": "   "}', 400),
    ("POST", "/api/agents", b'{"name": "x", "avatar": {"replicaId": "../../etc"}}', 422),
    ("POST", "/api/agents", b'{"name": "x", "call": {"maxCallS": 5}}', 400),
    ("POST", "/api/agents", b'{"name": "x", "call": {"maxCallS": true}}', 422),
    ("POST", "/api/agents", b'{"name": "x", "call": {"absentS": 121}}', 400),
    ("POST", "/api/agents", b'{"name": "x", "call": {"leftS": -1}}', 400),
    ("POST", "/api/agents", b'{"name": "x", "call": {"maxCall": 60}}', 422),
    ("POST", "/api/agents", b'{"name": "x", "call": {"documentIds": "d1"}}', 422),
    ("POST", "/api/agents", b'{"name": "x", "call": {"documentIds": [1]}}', 422),
    ("POST", "/api/agents", b'{"name": "x", "call": {"documentRetrievalStrategy": "fast"}}', 422),
    ("POST", "/api/agents", b'{"name": "x", "call": {"recordingStorage": {"bucketName": "b"}}}', 422),
    ("POST", "/api/agents", b'{"name": "x", "call": {"recordingStorage": {"provider": "s3"}}}', 400),
    ("POST", "/api/agents", b'{"name": "x", "call": {"recordingStorage": {"provider": "s3", "secretKey": "k"}}}', 422),
    ("POST", "/api/agents", b'{"name": "x", "call": {"unknown": {"a": 1}}}', 422),
    ("POST", "/api/agents", b'{"name": "' + b"x" * 2_000_000 + b'"}', 413),
    ("POST", "/api/sessions", b'{"agentId": "nobody"}', 404),
    ("POST", "/api/sessions", b'{"agentId": "x", "enableAvatar": "yes"}', 422),
    ("POST", "/api/sessions", b"{}", 422),
    ("PATCH", "/api/agents/nobody", b'{"name": "x"}', 404),
    ("POST", "/api/sessions/none/end", b"", 404),
    ("POST", "/api/sessions/none/messages", b'{"text": "x"}', 404),
    ("POST", "/api/sessions/none/messages", b'{"text": ""}', 422),
    ("PATCH", "/api/personas/" + GUIDE, b'[{"op": "burn", "path": "/x"}]', 422),
    ("DELETE", "/api/personas/pnone", b"", 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), BAD, ids=[f"{m} {p} {b[:24]!r}" for m, p, b, _ in BAD])
def test_bad_input_is_refused_in_words_and_writes_nothing(
    method: str, path: str, body: bytes, status: int, api: Client
) -> None:
    answer = api(method, path, None, data=body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "hint"}
    assert answer.json()["error"]
    assert answer.json()["hint"]
    assert api.services.agents.all() == []
    assert api.services.sessions.page().total == 0


def test_every_route_asks_for_the_token_and_says_so(api: Client) -> None:
    before = log(api.sandbox.url)
    for endpoint in ENDPOINTS:
        path = endpoint.path.replace("{id}", "x")
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            answer = api(endpoint.method, path, headers=headers)
            assert answer.status_code == 401, (endpoint.method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
    assert log(api.sandbox.url) == before


def test_without_a_token_the_api_is_off_and_says_how_to_turn_it_on(running: RunningSandbox, tmp_path: Path) -> None:
    with house(running.url, tmp_path) as services, serve(Starlette(routes=routes(services))) as url:
        answer = requests.get(f"{url}/api/agents", headers={"Authorization": "Bearer sandbox"}, timeout=5)
    assert answer.status_code == 503
    assert "API_TOKEN" in answer.json()["hint"]


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"status": 401}, 502),
        ({"status": 402}, 402),
        ({"status": 500}, 504),
        ({"html": True}, 502),
        ({"drop": "before"}, 504),
        ({"truncate": True}, 504),
    ],
    ids=["401", "402", "500", "html", "dropped", "truncated"],
)
def test_a_failing_tavus_is_an_error_with_a_hint_never_an_empty_list(
    how: dict[str, Any], status: int, api: Client
) -> None:
    api.sandbox.faults({"route": "GET /v2/personas", "times": 9, **how})
    answer = api("GET", "/api/personas")
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "hint"}
    assert "<" not in answer.json()["error"]
    api.sandbox.faults()


def test_the_openapi_document_names_every_route_and_is_open(api: Client) -> None:
    document = requests.get(f"{api.url}/api/openapi.json", timeout=5).json()
    assert document == DOCUMENT
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    schemas = document["components"]["schemas"]
    assert "clientToken" in json.dumps(schemas["SessionNew"])
    assert set(schemas["CallFields"]["properties"]) == set(CALL)
    agent = document["paths"]["/api/agents/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert {"state", "missing", "call"} <= set(agent["properties"])
    assert set(schemas["CallAnswer"]["required"]) == set(CALL)
    assert "transcript" in json.dumps(document["paths"]["/api/sessions/{id}"]["get"])
    assert TOKEN not in json.dumps(document)


@pytest.mark.parametrize("wrong", [{"error": "no"}, {"error": "no", "hint": "", "more": 1}, {"error": 1, "hint": ""}])
def test_an_answer_that_is_not_as_the_document_says_is_noticed(wrong: dict[str, Any]) -> None:
    answer = requests.Response()
    answer.status_code, answer._content = 404, json.dumps(wrong).encode()
    with pytest.raises(jsonschema.ValidationError):
        holds("GET", "/api/agents/a1", answer)


def test_a_path_that_does_not_exist_is_a_404_in_json(api: Client) -> None:
    for path in ("/api", "/api/", "/api/nothing", "/api/agents/x/y/z"):
        answer = api("GET", path)
        assert answer.status_code == 404, path
        assert set(answer.json()) == {"error", "hint"}
    assert api("PUT", "/api/agents").status_code in (404, 405)


def test_what_the_api_writes_of_personas_is_in_their_history(api: Client) -> None:
    made = api("POST", "/api/personas", {"persona_name": "A", "system_prompt": "You are."}).json()["persona_id"]
    assert api("PATCH", f"/api/personas/{made}", {"greeting": "Hi"}).status_code == 200
    steps = [{"op": "replace", "path": "/greeting", "value": "Hello"}]
    assert api("PATCH", f"/api/personas/{made}", steps).status_code == 200
    assert api("PATCH", f"/api/personas/{made}", steps).json()["greeting"] == "Hello"
    assert api("PATCH", f"/api/personas/{made}", {"pal_name": "B"}).json()["persona_name"] == "B"
    assert api("DELETE", f"/api/personas/{made}").status_code == 204
    kept = api.services.persona_history.of(made)
    assert [(one.origin, one.actor) for one in kept] == [
        ("deleted", "api"), ("greenroom", "api"), ("greenroom", "api"), ("greenroom", "api"), ("greenroom", "api"),
    ]  # fmt: skip


def test_a_change_that_the_api_can_not_make_is_told_by_its_status(api: Client) -> None:
    api.sandbox.control("drafts", {"persona_id": GUIDE})
    draft = api("PATCH", f"/api/personas/{GUIDE}", {"greeting": "Hi"})
    assert (draft.status_code, "PAL Maker" in draft.json()["error"]) == (409, True)
    api.sandbox.control("drafts", {"persona_id": GUIDE, "draft": False})
    wrong = api("PATCH", f"/api/personas/{GUIDE}", [{"op": "remove", "path": "/no/such"}])
    assert (wrong.status_code, "Invalid JSON patch" in wrong.json()["error"]) == (400, True)
    api.sandbox.faults({"route": "PATCH /v2/personas/*", "status": 500, "body": {"error": "boom"}})
    lost = api("PATCH", f"/api/personas/{GUIDE}", {"greeting": "Hi"})
    assert (lost.status_code, "Read it again" in lost.json()["hint"]) == (504, True)
    api.sandbox.faults({"route": "PATCH /v2/personas/*", "drop": "after"})
    assert api("PATCH", f"/api/personas/{GUIDE}", {"greeting": "Hi"}).json()["greeting"] == "Hi"


def test_a_start_with_watch_goes_on_while_somebody_asks_about_it_and_ends_when_nobody_does(
    running: RunningSandbox, tmp_path: Path
) -> None:
    running.reset()
    with (
        house(running.url, tmp_path, api_token=SecretStr(TOKEN), watch_grace_s=1.0) as services,
        serve(Starlette(routes=routes(services))) as url,
    ):
        api = Client(url, services, running)
        agent = api("POST", "/api/agents", {"name": "A", "avatar": {"tavusPersonaId": GUIDE, "replicaId": ANNA}}).json()

        def start(**more: Any) -> str:
            return str(api("POST", "/api/sessions", {"agentId": agent["id"], **more}).json()["sessionId"])

        def status(session_id: str) -> str:
            return str(api("GET", f"/api/sessions/{session_id}").json()["status"])

        watched, unwatched = start(watch=True), start()
        asked_until = time.monotonic() + 2.0
        while time.monotonic() < asked_until:
            assert status(watched) in ("waiting", "live")
            time.sleep(0.05)
        until(lambda: services.sessions.get(watched).status is Status.ENDED)
        assert services.sessions.get(watched).end_reason == "Nobody was watching"
        assert services.sessions.get(unwatched).status is Status.LIVE


def test_the_same_token_with_and_without_watch_is_two_different_starts(api: Client) -> None:
    agent = api("POST", "/api/agents", {"name": "A", "avatar": {"tavusPersonaId": GUIDE, "replicaId": ANNA}}).json()
    body = {"agentId": agent["id"], "clientToken": "one", "watch": True}
    assert api("POST", "/api/sessions", body).status_code == 201
    assert api("POST", "/api/sessions", {**body, "watch": False}).status_code == 409
    assert len([entry for entry in log(api.sandbox.url) if entry["method"] == "POST"]) == 1
