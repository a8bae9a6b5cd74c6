"""Tavus's events as they are documented, and as they were seen live, become the same record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lib.models import Conversation, ConversationEvent, Recording
from lib.services.calls import reading
from lib.services.ledger import outcome

BEGUN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def conversation(*events: tuple[str, dict[str, Any]]) -> Conversation:
    made = tuple(ConversationEvent(kind, BEGUN + timedelta(seconds=i), props) for i, (kind, props) in enumerate(events))
    return Conversation("c1", "n", "ended", "https://x.daily.co/c1", "r1", "p1", BEGUN, made)


@pytest.mark.parametrize("key", ["shutdown_reason", "reason"])
def test_the_cause_of_the_end_is_read_under_both_of_its_names(key: str) -> None:
    seen = reading.read(conversation(("system.shutdown", {key: "participant_left_timeout"})))
    assert seen.end_code == "participant_left_timeout"
    assert seen.ended_at == BEGUN


def test_a_join_said_twice_under_two_names_is_one_join_at_the_first_time() -> None:
    seen = reading.read(conversation(("system.replica_joined", {}), ("system.pal_joined", {})))
    assert seen.joined_at == BEGUN


@pytest.mark.parametrize(
    "stamp", [BEGUN.timestamp() + 4.5, (BEGUN + timedelta(seconds=4.5)).isoformat(), "2026-11-22T09:00:04.500Z"]
)
def test_times_of_turns_are_read_as_epoch_seconds_and_as_text(stamp: object) -> None:
    transcript = [{"role": "user", "content": "Hello", "timestamp": stamp}]
    seen = reading.read(conversation(("application.transcription_ready", {"transcript": transcript})))
    assert seen.turns is not None
    assert seen.turns[0].seconds == pytest.approx(4.5)


def test_a_turn_is_told_from_the_creation_on_and_from_the_join_only_where_nothing_else_is_known() -> None:
    entries = [
        {"role": "user", "content": "a", "timestamp": BEGUN.timestamp() + 30, "seconds_from_start": 2.0},
        {"role": "user", "content": "b", "seconds_from_start": 3.0},
    ]
    seen = reading.read(conversation(("application.transcription_ready", {"transcript": entries})))
    assert [turn.seconds for turn in seen.turns or ()] == [30.0, 3.0]


def test_entries_that_are_no_turns_are_left_out_and_do_no_harm() -> None:
    transcript = [None, "x", {"role": "user"}, {"role": "assistant", "content": "Hi", "timestamp": "not a time"}]
    seen = reading.read(conversation(("application.transcription_ready", {"transcript": transcript})))
    assert [(turn.role, turn.content, turn.seconds) for turn in seen.turns or ()] == [("assistant", "Hi", None)]


def test_no_transcript_yet_is_not_an_empty_transcript() -> None:
    assert reading.read(conversation(("system.shutdown", {}))).turns is None
    empty = reading.read(conversation(("application.transcription_ready", {"transcript": []})))
    assert empty.turns == ()


ENDS = {
    "max_call_duration": "Time limit reached, 10 min",
    "participant_left_timeout": "Everyone left",
    "participant_absent_timeout": "Nobody joined within 2 min",
    "bot_could_not_join_meeting_it_was_probably_ended": "The avatar could not join, the room was probably closed",
    "daily_room_has_been_deleted": "The room was deleted",
    "exception_encountered_during_conversation_startup": "Tavus failed while starting the call",
    "end_conversation_endpoint_hit": "You ended it",
    "internal error occurred at step x": "Tavus had an internal error",
}


@pytest.mark.parametrize("code", ENDS)
@pytest.mark.parametrize("spelt", ["{}", "{} reached", "{}_reached", " {} "])
def test_every_documented_way_to_end_is_said_in_plain_words_however_it_is_spelt(code: str, spelt: str) -> None:
    for sent in (spelt.format(code), spelt.format(code).upper(), spelt.format(code).replace(" ", "_")):
        assert outcome.told_with(sent, limit_s=600, absent_s=120) == ENDS[code]
        assert ENDS[code].startswith(outcome.told(sent))


@pytest.mark.parametrize(
    ("code", "words"), [("something new", "Ended: something new"), ("", "Ended, Tavus gave no reason")]
)
def test_a_way_to_end_that_is_not_known_is_said_as_it_was_sent(code: str, words: str) -> None:
    assert outcome.told_with(code, limit_s=600, absent_s=120) == words


STORED = {
    "bucket_name": "calls",
    "s3_key": "a/b.mp4",
    "duration": 185,
    "storage_provider": "s3",
    "storage_uri": "s3://calls/a/b.mp4?X-Amz-Signature=secret",
}
FAILED = {"recording_id": "r1", "s3_key": "a/b.mp4", "error_code": "AccessDenied", "error_message": "No access"}


def test_a_recording_is_a_pointer_without_its_signature() -> None:
    seen = reading.read(conversation(("application.recording_ready", STORED)))
    assert seen.recordings == (Recording("calls", "a/b.mp4", 185.0, "s3", "s3://calls/a/b.mp4"),)


def test_a_recording_that_could_not_be_copied_says_why_until_it_is_there_and_not_again() -> None:
    failed, ready = ("application.recording_copy_failed", FAILED), ("application.recording_ready", STORED)
    assert [one.problem for one in reading.read(conversation(failed)).recordings] == ["No access"]
    for order in ((failed, ready), (ready, failed), (failed, ready, ready)):
        assert [one.problem for one in reading.read(conversation(*order)).recordings] == [""]
    two = reading.read(conversation(ready, ("application.recording_ready", {**STORED, "s3_key": "c.mp4"})))
    assert [one.key for one in two.recordings] == ["a/b.mp4", "c.mp4"]


@pytest.mark.parametrize("properties", [{}, {"s3_key": 5, "duration": "long"}, {"error_code": None}])
def test_a_recording_of_which_tavus_says_nothing_does_no_harm(properties: dict[str, Any]) -> None:
    (failed,) = reading.read(conversation(("application.recording_copy_failed", properties))).recordings
    assert failed.problem == "Tavus gave no reason"
    (ready,) = reading.read(conversation(("application.recording_ready", properties))).recordings
    assert (ready.bucket, ready.key, ready.duration_s) == ("", "", None)
