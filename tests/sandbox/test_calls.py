"""The life of a conversation: timers on the sandbox's clock, events, transcript."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any

from lib import sandbox
from tests.sandbox_server import RunningSandbox, eventually, running_sandbox

TIMERS = {"max_call_duration": 600, "participant_absent_timeout": 120, "participant_left_timeout": 30}


def started(box: RunningSandbox, **fields: Any) -> str:
    return str(box.create(properties=TIMERS, **fields)["conversation_id"])


def end_of(box: RunningSandbox, conversation_id: str) -> tuple[str, str]:
    row = box.conversation(conversation_id)
    return row["status"], row.get("shutdown_reason", "")


def events(box: RunningSandbox, conversation_id: str) -> list[str]:
    return [event["event_type"] for event in box.conversation(conversation_id)["events"]]


def all_events(box: RunningSandbox, conversation_id: str) -> dict[str, dict[str, Any]]:
    eventually(lambda: "application.perception_analysis" in events(box, conversation_id))
    return {event["event_type"]: event for event in box.conversation(conversation_id)["events"]}


def seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def test_nobody_joins(box: RunningSandbox) -> None:
    box.freeze()
    call = started(box)
    box.advance(119)
    assert end_of(box, call) == ("active", "")
    box.advance(1)
    assert end_of(box, call) == ("ended", "participant_absent_timeout")


def test_the_participant_leaves_and_does_not_come_back(box: RunningSandbox) -> None:
    box.freeze()
    call = started(box)
    box.inside.calls.join(call)
    box.advance(200)
    box.inside.calls.leave(call)
    box.advance(29)
    assert end_of(box, call) == ("active", "")
    box.advance(1)
    assert end_of(box, call) == ("ended", "participant_left_timeout")


def test_the_participant_comes_back_in_time(box: RunningSandbox) -> None:
    box.freeze()
    call = started(box)
    box.inside.calls.join(call)
    box.inside.calls.leave(call)
    box.advance(29)
    box.inside.calls.join(call)
    box.advance(300)
    assert end_of(box, call) == ("active", "")


def test_the_call_gets_too_long(box: RunningSandbox) -> None:
    box.freeze()
    call = started(box)
    box.inside.calls.join(call)
    box.advance(599)
    assert end_of(box, call) == ("active", "")
    box.advance(1)
    assert end_of(box, call) == ("ended", "max_call_duration")


def test_by_default_leaving_ends_the_call_at_once_and_an_hour_is_the_longest(box: RunningSandbox) -> None:
    box.freeze()
    left, long = (box.create(properties={"max_call_duration": 7200})["conversation_id"] for _ in range(2))
    for call in (left, long):
        box.inside.calls.join(call)
    box.inside.calls.leave(left)
    assert end_of(box, left) == ("ended", "participant_left_timeout")
    box.advance(3599)
    assert end_of(box, long) == ("active", "")
    box.advance(1)
    assert end_of(box, long) == ("ended", "max_call_duration")


def test_an_end_that_was_slept_through_carries_the_time_when_it_was_due(box: RunningSandbox) -> None:
    box.freeze()
    call = started(box)
    created = seconds(box.conversation(call)["created_at"])
    box.advance(5000)
    shutdown = all_events(box, call)["system.shutdown"]
    assert seconds(shutdown["timestamp"]) - created == 120


def test_timers_run_without_any_request(box: RunningSandbox) -> None:
    call = started(box)
    box.inside.clock.advance(119.9)
    box.inside.ticker.wake()
    eventually(lambda: not box.inside.calls._calls[call].active)


def test_no_sign_of_life_counts_as_having_left() -> None:
    with running_sandbox(timing=sandbox.Timing(beat_s=0.2)) as box:
        call = started(box)
        box.inside.calls.join(call)
        begun = time.monotonic()
        while time.monotonic() - begun < 0.4:
            box.inside.calls.beat(call)
            time.sleep(0.02)
        assert box.inside.calls._calls[call].present
        eventually(lambda: not box.inside.calls._calls[call].present)
        box.inside.calls.beat(call)
        assert box.inside.calls._calls[call].present


def test_the_replica_joins_in_real_time_though_the_clock_stands_still(box: RunningSandbox) -> None:
    box.freeze()
    call = started(box)
    eventually(lambda: events(box, call) == ["system.replica_joined"])
    assert box.conversation(call)["events"][0]["properties"] == {"replica_id": "r90bbd427f71"}


def test_after_the_end_come_shutdown_transcript_and_perception_in_this_order(box: RunningSandbox) -> None:
    call = started(box)
    eventually(lambda: events(box, call) == ["system.replica_joined"])
    box.call("POST", f"/conversations/{call}/end")
    found = all_events(box, call)
    assert list(found) == [
        "system.replica_joined",
        "system.shutdown",
        "application.transcription_ready",
        "application.perception_analysis",
    ]
    assert found["system.shutdown"]["properties"] == {
        "replica_id": "r90bbd427f71",
        "shutdown_reason": "end_conversation_endpoint_hit",
        "reason": "end_conversation_endpoint_hit",
    }
    assert "No perception model ran" in found["application.perception_analysis"]["properties"]["analysis"]


def test_an_end_before_the_replica_is_there_has_no_joining() -> None:
    with running_sandbox(timing=sandbox.Timing(joined_s=0.5, transcript_s=0.0, perception_s=0.6)) as box:
        call = started(box)
        box.call("POST", f"/conversations/{call}/end")
        assert "system.replica_joined" not in all_events(box, call)


def test_the_transcript_begins_with_the_prompt_and_holds_each_turn_with_its_time(box: RunningSandbox) -> None:
    box.freeze()
    call = started(box, conversational_context="The visitor is called back.", custom_greeting="Welcome!")
    box.advance(10)
    box.inside.calls.join(call)
    box.inside.calls.join(call)
    box.advance(5)
    box.inside.calls.add_turn(call, "user", "What does it cost?")
    box.advance(2.5)
    box.inside.calls.add_turn(call, "assistant", "Nothing here.")
    now = box.inside.clock.now()
    box.call("POST", f"/conversations/{call}/end")
    box.inside.calls.add_turn(call, "user", "too late")
    properties = all_events(box, call)["application.transcription_ready"]["properties"]
    assert properties["replica_id"] == "r90bbd427f71"
    system, *turns = properties["transcript"]
    assert system["role"] == "system"
    assert system["content"].startswith("You are Anna")
    assert system["content"].endswith("The visitor is called back.")
    assert [(turn["role"], turn["content"], turn["seconds_from_start"]) for turn in turns] == [
        ("assistant", "Welcome!", 0.0), ("user", "What does it cost?", 5.0), ("assistant", "Nothing here.", 7.5),
    ]  # fmt: skip
    assert abs(turns[-1]["timestamp"] - now) < 0.01
    assert all(turn["duration"] > 0 for turn in turns)
    assert ["inference_id" in turn for turn in turns] == [True, False, True]


def test_the_greeting_is_the_calls_then_the_personas_then_a_plain_one(box: RunningSandbox) -> None:
    plain = box.call("POST", "/personas", {"system_prompt": "You are a guide.", "default_replica_id": "r874cc5f8a3b"})
    echo = box.call("POST", "/personas", {"pipeline_mode": "echo", "default_replica_id": "r874cc5f8a3b"})

    def greeting(**fields: Any) -> str:
        view = box.inside.calls.view(started(box, **fields))
        assert view is not None
        return view.greeting

    assert greeting(custom_greeting="Welcome!") == "Welcome!"
    assert greeting() == "Hello, I'm Anna. I can show you around. What are you hoping to get done?"
    assert greeting(persona_id=plain.json()["persona_id"]).startswith("Hello, I'm Lucas.")
    assert greeting(persona_id=echo.json()["persona_id"]) == ""


def test_no_perception_is_analysed_where_it_is_off(box: RunningSandbox) -> None:
    body = {"system_prompt": "A guide.", "default_replica_id": "r874cc5f8a3b"}
    body |= {"layers": {"perception": {"perception_model": "off"}}}  # type: ignore[dict-item]
    persona_id = box.call("POST", "/personas", body).json()["persona_id"]
    call = started(box, persona_id=persona_id)
    box.call("POST", f"/conversations/{call}/end")
    eventually(lambda: not box.inside.calls._calls[call].open)
    assert "application.transcription_ready" in events(box, call)
    assert "application.perception_analysis" not in events(box, call)


def test_the_room_sees_a_call_as_it_is(box: RunningSandbox) -> None:
    box.freeze()
    properties = {**TIMERS, "language": "German", "enable_closed_captions": True, "apply_greenscreen": True}
    row = box.create(properties=properties, conversation_name="Demo", audio_only=True, require_auth=True)
    call = row["conversation_id"]
    view = box.inside.calls.view(call)
    assert view is not None
    assert (view.name, view.language, view.captions, view.greenscreen) == ("Demo", "German", True, True)
    assert (view.audio_only, view.active, view.joined_at, view.turns) == (True, True, None, ())
    assert view.meeting_token == row["meeting_token"]
    assert (view.joins_before - view.created_at, view.ends_at - view.created_at) == (120, 600)
    assert view.persona["persona_name"] == view.persona["pal_name"] == "Warm product guide"
    assert view.replica["replica_name"] == "Anna"
    box.inside.calls.join(call)
    box.advance(600)
    view = box.inside.calls.view(call)
    assert view is not None
    assert (view.active, view.shutdown_reason) == (False, "max_call_duration")
    assert view.turns == (("assistant", view.greeting),)


def test_an_unknown_id_is_ignored_by_the_rooms_methods(box: RunningSandbox) -> None:
    calls = box.inside.calls
    assert calls.view("cnone") is None
    for method in (calls.join, calls.beat, calls.leave):
        method("cnone")
    calls.add_turn("cnone", "user", "hello")


def test_turns_from_many_threads_are_all_kept(box: RunningSandbox) -> None:
    call = started(box)
    box.inside.calls.join(call)

    def talk(name: int) -> None:
        for number in range(20):
            box.inside.calls.add_turn(call, "user", f"{name}-{number}")

    threads = [threading.Thread(target=talk, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    view = box.inside.calls.view(call)
    assert view is not None
    assert len({text for _, text in view.turns}) == 161
