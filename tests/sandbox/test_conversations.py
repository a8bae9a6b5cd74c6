from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from tests.sandbox_server import RunningSandbox

OWN, ANNA, LUCAS = "p2b8e10c94d6", "r90bbd427f71", "r874cc5f8a3b"


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


def test_create_answers_what_the_docs_say(box: RunningSandbox) -> None:
    row = box.create(conversation_name="Demo", callback_url="")
    assert set(row) == {
        "conversation_id", "conversation_name", "conversation_url", "status", "callback_url", "created_at",
    }  # fmt: skip
    assert re.fullmatch(r"c[0-9a-f]{15,}", row["conversation_id"])
    assert row["conversation_url"] == f"{box.url}/room/{row['conversation_id']}"
    assert (row["status"], row["callback_url"], row["conversation_name"]) == ("active", "", "Demo")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["created_at"])


def test_without_a_name_it_is_new_conversation_with_the_time(box: RunningSandbox) -> None:
    assert re.fullmatch(r"New Conversation \d{13}", box.create()["conversation_name"])


def test_get_and_list_give_the_ids_under_both_names(box: RunningSandbox) -> None:
    made = box.create()["conversation_id"]
    row = box.call("GET", f"/conversations/{made}").json()
    assert (row["persona_id"], row["pal_id"], row["replica_id"], row["face_id"]) == (OWN, OWN, ANNA, ANNA)
    assert "events" not in row
    assert box.call("GET", "/conversations").json() == {"data": [row], "total_count": 1}


@pytest.mark.parametrize(
    ("body", "persona_id", "replica_id"),
    [
        ({"persona_id": OWN}, OWN, ANNA),
        ({"pal_id": OWN, "face_id": LUCAS}, OWN, LUCAS),
        ({"persona_id": OWN, "replica_id": LUCAS}, OWN, LUCAS),
        ({"replica_id": LUCAS}, "paaee96e4f87", LUCAS),
        ({"persona_id": None, "pal_id": OWN}, OWN, ANNA),
        ({}, "paaee96e4f87", "r5dc7c7d0bcb"),
    ],
)
def test_the_request_beats_the_persona_in_either_vocabulary(
    box: RunningSandbox, body: dict[str, Any], persona_id: str, replica_id: str
) -> None:
    made = box.call("POST", "/conversations/", body).json()["conversation_id"]
    row = box.call("GET", f"/conversations/{made}").json()
    assert (row["persona_id"], row["replica_id"]) == (persona_id, replica_id)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"persona_id": "pnone"}, "Invalid persona_id"),
        ({"persona_id": OWN, "replica_id": "rnone"}, "Invalid replica_id"),
        ({"persona_id": 5}, "persona_id must be a string."),
        ({"audio_only": "false"}, "audio_only must be true or false."),
        ({"max_participants": 1}, "max_participants must be a whole number, at least 2."),
        ({"document_ids": "d1"}, "document_ids must be a list of strings."),
        ({"document_retrieval_strategy": "slow"}, None),
        ({"properties": []}, "properties must be an object."),
        ({"properties": {"max_call_duration": 0}}, "max_call_duration must be a whole number of seconds, at least 1."),
        ({"properties": {"participant_left_timeout": -1}}, None),
        ({"properties": {"participant_absent_timeout": 1.5}}, None),
        ({"properties": {"participant_absent_timeout": True}}, None),
        ({"properties": {"max_call_duration": "600"}}, None),
        ({"properties": {"participant_left_timeout": 10**18}}, None),
        ({"properties": {"recording_storage": {"provider": "disk"}}}, None),
    ],
)
def test_a_wrong_field_is_400_and_nothing_begins(
    box: RunningSandbox, body: dict[str, Any], message: str | None
) -> None:
    response = box.call("POST", "/conversations", body)
    assert response.status_code == 400
    assert set(response.json()) == {"error"}
    assert message is None or response.json() == {"error": message}
    assert box.call("GET", "/conversations").json()["total_count"] == 0


def test_a_persona_without_replica_needs_one_in_the_request(box: RunningSandbox) -> None:
    persona_id = box.call("POST", "/personas", {"system_prompt": "You are a guide."}).json()["persona_id"]
    refused = box.call("POST", "/conversations", {"persona_id": persona_id})
    assert (refused.status_code, "replica_id is required" in refused.json()["error"]) == (400, True)
    assert box.call("POST", "/conversations", {"persona_id": persona_id, "replica_id": ANNA}).status_code == 200


def test_fields_that_nobody_knows_do_no_harm(box: RunningSandbox) -> None:
    box.create(chat=True, policy="eu", properties={"languages": ["en"], "livekit_ws_url": "wss://x.example"})


def test_end_is_200_and_ending_again_too(box: RunningSandbox) -> None:
    made = box.create()["conversation_id"]
    for _ in range(2):
        response = box.call("POST", f"/conversations/{made}/end")
        assert (response.status_code, response.content) == (200, b"")
    row = box.conversation(made)
    assert (row["status"], row["shutdown_reason"]) == ("ended", "end_conversation_endpoint_hit")
    assert [event["event_type"] for event in row["events"]].count("system.shutdown") == 1


def test_the_list_is_newest_first_and_can_be_had_by_status(box: RunningSandbox) -> None:
    first, second, third = (box.create()["conversation_id"] for _ in range(3))
    box.call("POST", f"/conversations/{second}/end")

    def listed(query: str) -> list[str]:
        return [row["conversation_id"] for row in box.call("GET", f"/conversations{query}").json()["data"]]

    assert listed("") == [third, second, first]
    assert listed("?status=active") == [third, first]
    assert listed("?status=ended") == [second]
    assert listed("?limit=1&page=2") == [second]


@pytest.mark.parametrize("hard", ["", "?hard=true"])
def test_delete_is_204_ends_the_call_and_hides_it(box: RunningSandbox, hard: str) -> None:
    box.limits(concurrency=1)
    made = box.create()["conversation_id"]
    response = box.call("DELETE", f"/conversations/{made}{hard}")
    assert (response.status_code, response.content) == (204, b"")
    for method, path in [("GET", ""), ("POST", "/end"), ("DELETE", "")]:
        response = box.call(method, f"/conversations/{made}{path}")
        assert (response.status_code, response.json()) == (400, {"error": "Invalid conversation_id"})
    assert box.call("GET", "/conversations").json()["total_count"] == 0
    box.create()


def test_what_was_deleted_softly_can_still_be_deleted_hard(box: RunningSandbox) -> None:
    made = box.create()["conversation_id"]
    assert box.call("DELETE", f"/conversations/{made}").status_code == 204
    assert box.call("DELETE", f"/conversations/{made}?hard=true").status_code == 204
    assert box.call("DELETE", f"/conversations/{made}?hard=true").status_code == 400


def test_one_call_more_than_allowed_is_400_with_a_message(box: RunningSandbox) -> None:
    box.limits(concurrency=2)
    first = box.create()["conversation_id"]
    box.create()
    refused = box.call("POST", "/conversations", {"persona_id": OWN})
    assert refused.status_code == 400
    assert refused.json() == {"message": "User has reached maximum concurrent conversations"}
    box.call("POST", f"/conversations/{first}/end")
    box.create()


def test_without_credit_a_start_is_402(box: RunningSandbox) -> None:
    box.freeze()
    box.limits(credits=1)
    made = box.create()["conversation_id"]
    box.advance(59)
    box.create()
    box.advance(1)
    refused = box.call("POST", "/conversations", {"persona_id": OWN})
    assert (refused.status_code, refused.json()) == (402, {"message": "The user is out of conversational credits"})
    box.call("DELETE", f"/conversations/{made}?hard=true")
    assert box.call("POST", "/conversations", {"persona_id": OWN}).status_code == 402
    box.limits(credits=None)
    box.create()


def test_test_mode_is_over_at_once_and_takes_neither_slot_nor_credit(box: RunningSandbox) -> None:
    box.limits(concurrency=0, credits=0)
    row = box.create(test_mode=True)
    assert row["status"] == "ended"
    box.advance(10_000)
    assert box.conversation(row["conversation_id"])["events"] == []
    usage = box.control("limits")
    assert (usage["active"], usage["used"]) == (0, 0)


def test_a_private_room_has_a_token_that_lasts_as_long_as_the_wait(box: RunningSandbox) -> None:
    box.freeze()
    row = box.create(require_auth=True, properties={"participant_absent_timeout": 120})
    token = claims(row["meeting_token"])
    assert token["r"] == row["conversation_id"]
    assert token["exp"] - token["iat"] == 120
    assert "meeting_token" not in box.conversation(row["conversation_id"])
    assert "meeting_token" not in box.create()
    assert box.http.get(row["conversation_url"], timeout=5).status_code == 403
    assert box.http.get(row["conversation_url"], params={"t": row["meeting_token"]}, timeout=5).status_code == 200


def test_a_call_goes_on_with_the_persona_it_began_with(box: RunningSandbox) -> None:
    made = box.create()["conversation_id"]
    box.call("PATCH", f"/personas/{OWN}", [{"op": "replace", "path": "/system_prompt", "value": "Someone else."}])
    view = box.inside.calls.view(made)
    assert view is not None
    assert view.persona["system_prompt"].startswith("You are Anna")
