"""The control plane: log, clock, limits, dialect, reset."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from lib.sandbox.wire.log import MAX_ENTRIES
from tests.sandbox_server import RunningSandbox, eventually

OWN = "p2b8e10c94d6"


def post(box: RunningSandbox, path: str, json: Any) -> int:
    return requests.post(f"{box.url}/_sandbox/{path}", json=json, timeout=5).status_code


def test_the_log_tells_each_request_and_no_key(box: RunningSandbox) -> None:
    box.call("GET", "/personas?limit=2", headers={"x-api-key": "tvsk_canary", "cookie": "a=canary", "x-trace": "7"})
    box.call("POST", "/personas/", {"system_prompt": "Hi", "layers": {"llm": {"api_key": "sk-canary", "model": "m"}}})
    box.call("GET", "/conversations/cnone")
    first, second, third = box.log()
    assert (first["method"], first["path"], first["query"], first["status"]) == (
        "GET",
        "/v2/personas",
        {"limit": "2"},
        200,
    )
    assert (first["body"], first["fault"], first["headers"]["x-trace"]) == (None, None, "7")
    assert first["ms"] > 0
    assert datetime.fromisoformat(first["at"]).tzinfo is not None
    assert (second["path"], second["body"]["layers"]["llm"]) == ("/v2/personas/", {"api_key": "(hidden)", "model": "m"})
    assert third["status"] == 400
    assert "canary" not in str(box.log())


@pytest.mark.parametrize(
    "body",
    [
        [{"op": "add", "path": "/layers/llm/api_key", "value": "canary"}],
        [{"op": "add", "path": "/layers/tts", "value": {"api_key": "canary"}}],
        [{"op": "add", "path": "/layers/llm/headers/Authorization", "value": "canary"}],
        [{"op": "add", "path": "/layers/llm/headers", "value": {"X-API-Key": "canary"}}],
        {"delivery": {"api": {"auth": {"type": "api_key", "name": "X-Key", "value": "canary"}}}},
        [{"op": "add", "path": "/layers/llm/headers/X-Any", "value": "canary"}],
        {"layers": {"llm": {"default_headers": {"X-Any": "canary"}}}},
        {"properties": {"livekit_room_token": "canary"}},
        {"auth": {"type": "oauth2_client_credentials", "client_secret": "canary"}},
        '{"api_key": "canary", 1e400',
    ],
)
def test_the_log_hides_keys_wherever_a_body_has_them(box: RunningSandbox, body: Any) -> None:
    raw = body if isinstance(body, str) else json.dumps(body)
    box.http.patch(f"{box.v2}/personas/{OWN}", data=raw, timeout=5)
    assert "canary" not in str(box.log())
    assert "(hidden)" in str(box.log()[-1]["body"])


def test_the_log_hides_keys_in_the_query(box: RunningSandbox) -> None:
    box.call("GET", "/personas?limit=2&api_key=canary")
    assert box.log()[-1]["query"] == {"limit": "2", "api_key": "(hidden)"}


def test_the_log_holds_refused_and_broken_requests_too(box: RunningSandbox) -> None:
    requests.get(f"{box.v2}/personas", timeout=5)
    box.http.post(f"{box.v2}/personas", data=b'{"a": 1e400}', timeout=5)
    box.http.post(f"{box.v2}/personas", data=b"x" * 70_000, timeout=5)
    assert [(entry["status"], entry["body"]) for entry in box.log()] == [
        (401, None), (400, '{"a": 1e400}'), (400, "(70000 bytes)"),
    ]  # fmt: skip


def test_the_log_can_be_read_on_from_where_one_was(box: RunningSandbox) -> None:
    box.call("GET", "/personas")
    seen = box.log()[-1]["seq"]
    assert box.control(f"log?after={seen}") == []
    box.call("GET", "/replicas")
    assert [entry["path"] for entry in box.control(f"log?after={seen}")] == ["/v2/replicas"]


def test_the_log_is_bounded(box: RunningSandbox) -> None:
    for number in range(MAX_ENTRIES + 10):
        box.inside.log.request(number=number)
    entries = box.log()
    assert len(entries) == MAX_ENTRIES
    assert entries[0]["number"] == 10


def test_the_room_and_the_control_plane_are_not_in_the_log(box: RunningSandbox) -> None:
    box.control("clock")
    requests.get(f"{box.url}/faces/r90bbd427f71.svg", timeout=5)
    assert box.log() == []


def test_the_clock_moves_stops_and_goes_on(box: RunningSandbox) -> None:
    real = datetime.now(UTC).timestamp()
    moved = box.control("clock", {"advance_s": 3600})
    assert 3599 < moved["now"] - real < 3610
    assert not moved["frozen"]
    stopped = box.control("clock", {"freeze": True})
    assert box.control("clock") == stopped
    set_to = box.control("clock", {"now": 2_000_000_000})
    assert (set_to["now"], set_to["iso"], set_to["frozen"]) == (2_000_000_000, "2033-05-18T03:33:20.000000Z", True)
    running = box.control("clock", {"freeze": False})
    assert running["now"] < 2_000_000_010
    eventually(lambda: box.control("clock")["now"] > running["now"])


def test_what_is_due_has_happened_when_the_clock_answers(box: RunningSandbox) -> None:
    box.freeze()
    call = box.create(properties={"participant_absent_timeout": 5})["conversation_id"]
    box.advance(5)
    assert not box.inside.calls._calls[call].active


def test_new_rows_carry_the_moved_time(box: RunningSandbox) -> None:
    box.control("clock", {"freeze": True})
    box.control("clock", {"now": 2_000_000_000})
    assert box.create()["created_at"] == "2033-05-18T03:33:20.000000Z"


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("clock", {}), ("clock", []), ("clock", {"advance_s": "5"}), ("clock", {"now": 1e300}), ("clock", {"later": 1}),
        ("clock", {"advance_s": -1e12}), ("limits", {"concurrency": -1}), ("limits", {"credits": "few"}),
        ("limits", {"slots": 1}), ("limits", 5), ("dialect", {"names": "other"}), ("dialect", {"nothing": 1}),
        ("dialect", {"joined_twin": 1}), ("reset", {"all": True}), ("reset", []),
        ("drafts", {}), ("drafts", {"persona_id": "pnone"}), ("drafts", {"persona_id": OWN, "draft": 1}),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_400(box: RunningSandbox, path: str, given: Any) -> None:
    assert post(box, path, given) == 400


def test_limits_tell_what_is_used(box: RunningSandbox) -> None:
    box.freeze()
    box.limits(concurrency=3, credits=10)
    box.create()
    box.advance(120)
    assert box.control("limits") == {"concurrency": 3, "credits": 8.0, "active": 1, "used": 2.0}


def test_reset_makes_everything_as_at_first(box: RunningSandbox) -> None:
    call = box.create()["conversation_id"]
    box.call("DELETE", f"/personas/{OWN}")
    box.limits(concurrency=0, credits=0)
    box.faults({"route": "* /v2/*", "status": 500, "times": -1})
    box.control("dialect", {"names": "pal"})
    box.advance(1e6)
    box.reset()
    assert box.log() == []
    assert box.call("GET", f"/personas/{OWN}").status_code == 200
    assert box.call("GET", f"/conversations/{call}").status_code == 400
    row = box.conversation(box.create()["conversation_id"])
    assert "persona_id" in row
    assert abs(datetime.fromisoformat(row["created_at"]).timestamp() - datetime.now(UTC).timestamp()) < 60


def test_an_account_can_be_made_empty(box: RunningSandbox) -> None:
    box.reset(stock=False)
    for path in ("/personas", "/replicas", "/conversations", "/objectives"):
        assert box.call("GET", path).json() == {"data": [], "total_count": 0}
    for path in ("/guardrails", "/guardrails?legacy=false", "/documents"):
        page = box.call("GET", path).json()
        assert (page["data"], page["total_count"]) == ([], 0)


def test_another_web_page_cannot_reach_the_control_plane(box: RunningSandbox) -> None:
    url = f"{box.url}/_sandbox/reset"
    refused = requests.post(url, data="{}", headers={"Origin": "https://evil.example"}, timeout=5)
    assert refused.status_code == 403
    assert requests.post(url, headers={"Origin": "null"}, timeout=5).status_code == 403
    assert requests.post(url, headers={"Origin": box.url}, timeout=5).status_code == 204


def dialect(box: RunningSandbox, **switches: Any) -> None:
    box.control("dialect", switches)


def test_the_dialect_wraps_a_persona(box: RunningSandbox) -> None:
    dialect(box, persona_get="wrapped")
    assert box.call("GET", f"/personas/{OWN}").json()["data"][0]["persona_id"] == OWN


@pytest.mark.parametrize(
    ("names", "kept", "gone"), [("pal", "pal_id", "persona_id"), ("persona", "persona_id", "pal_id")]
)
def test_the_dialect_says_one_vocabulary_only(box: RunningSandbox, names: str, kept: str, gone: str) -> None:
    call = box.create()["conversation_id"]
    dialect(box, names=names)
    row = box.call("GET", f"/conversations/{call}").json()
    assert kept in row
    assert gone not in row


def test_the_dialect_spells_the_shutdown(box: RunningSandbox) -> None:
    call = box.create()["conversation_id"]
    box.call("POST", f"/conversations/{call}/end")
    dialect(box, shutdown_key="reason", shutdown_suffix=" reached")
    events = {event["event_type"]: event["properties"] for event in box.conversation(call)["events"]}
    assert events["system.shutdown"]["reason"] == "end_conversation_endpoint_hit reached"
    assert "shutdown_reason" not in events["system.shutdown"]


def test_the_dialect_writes_transcript_times_as_text(box: RunningSandbox) -> None:
    call = box.create()["conversation_id"]
    box.call("POST", f"/conversations/{call}/end")
    dialect(box, transcript_time="iso")
    row = eventually(
        lambda: next((e for e in box.conversation(call)["events"] if "transcript" in e["properties"]), None)
    )
    assert row["properties"]["transcript"][0]["timestamp"].endswith("Z")


def test_the_dialect_moves_a_400_to_message_and_a_deleted_replica_to_204(box: RunningSandbox) -> None:
    dialect(box, bad_request_key="message", replica_delete=204)
    assert box.call("GET", "/personas/pnone").json() == {"message": "Invalid persona_id"}
    replica = box.call("POST", "/replicas", {"train_video_url": "https://a.example/v.mp4"}).json()["replica_id"]
    assert box.call("DELETE", f"/replicas/{replica}").status_code == 204
