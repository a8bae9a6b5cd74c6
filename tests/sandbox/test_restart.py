"""What a sandbox with a state file remembers after a restart."""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

import pytest

from lib import sandbox
from tests.sandbox_server import eventually, running_sandbox

OWN = "p2b8e10c94d6"


def test_personas_and_conversations_are_still_there(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "sandbox.db"
    with running_sandbox(state_path=path) as box:
        mine = box.call("POST", "/personas", {"persona_name": "Mine", "system_prompt": "A guide."}).json()["persona_id"]
        box.call("DELETE", f"/personas/{OWN}")
        call = box.create(persona_id="p7d1e04c55a8", require_auth=True)
        box.inside.calls.join(call["conversation_id"])
        before = box.call("GET", f"/personas/{mine}").json()
    with running_sandbox(state_path=path) as box:
        assert box.call("GET", f"/personas/{mine}").json() == before
        assert box.call("GET", f"/personas/{OWN}").status_code == 400
        view = box.inside.calls.view(call["conversation_id"])
        assert view is not None
        assert view.active
        assert view.meeting_token == call["meeting_token"]
        assert [role for role, _ in view.turns] == ["assistant"]


def test_a_document_goes_on_from_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with running_sandbox(state_path=path) as box:
        box.freeze()
        document = box.call("POST", "/documents", {"document_url": "https://a.example/"}).json()["document_id"]
        box.advance(4)
    with running_sandbox(state_path=path) as box:
        assert box.call("GET", f"/documents/{document}").json()["progress"] == 50
        box.advance(4)
        assert box.call("GET", f"/documents/{document}").json()["status"] == "ready"


def test_a_file_from_before_there_were_documents_goes_on_working(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with running_sandbox(state_path=path) as box:
        before = box.call("GET", "/personas?limit=100").json()
    with sqlite3.connect(path) as beside:
        beside.execute("DELETE FROM rows WHERE kind NOT IN ('meta', 'persona', 'replica')")
    beside.close()
    with running_sandbox(state_path=path) as box:
        assert box.call("GET", "/personas?limit=100").json() == before
        for name in ("objectives", "guardrails", "documents"):
            assert box.call("GET", f"/{name}").json()["total_count"] == 0
        box.call("POST", "/documents", {"document_url": "https://a.example/"})
        assert box.call("GET", "/documents").json()["total_count"] == 1


def test_timers_go_on_from_their_timestamps(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with running_sandbox(state_path=path) as box:
        box.freeze()
        call = box.create(properties={"participant_absent_timeout": 120})["conversation_id"]
        box.advance(100)
    with running_sandbox(state_path=path) as box:
        assert box.control("clock")["frozen"]
        box.advance(19)
        assert box.conversation(call)["status"] == "active"
        box.advance(1)
        assert box.conversation(call)["shutdown_reason"] == "participant_absent_timeout"


def test_a_call_that_was_due_while_nothing_ran_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with running_sandbox(state_path=path) as box:
        call = box.create(properties={"participant_absent_timeout": 120})["conversation_id"]
        box.inside.clock.advance(-1000)
        late = box.create(properties={"participant_absent_timeout": 120})["conversation_id"]
    with running_sandbox(state_path=path) as box:
        assert box.conversation(call)["status"] == "active"
        assert box.conversation(late)["shutdown_reason"] == "participant_absent_timeout"


def test_events_that_were_on_their_way_still_come(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with running_sandbox(state_path=path, timing=sandbox.Timing(transcript_s=0.4, perception_s=0.5)) as box:
        call = box.create()["conversation_id"]
        box.call("POST", f"/conversations/{call}/end")
        assert len(box.conversation(call)["events"]) == 1
    with running_sandbox(state_path=path) as box:
        eventually(lambda: len(box.conversation(call)["events"]) == 3)


def test_each_write_is_in_the_file_before_it_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with running_sandbox(state_path=path) as box:
        call = box.create()["conversation_id"]
        beside = sqlite3.connect(path)
        assert beside.execute(
            "SELECT count(*) FROM rows WHERE kind = 'conversation' AND id = ?", (call,)
        ).fetchone() == (1,)
        assert call in str(beside.execute("SELECT body FROM rows WHERE id = ?", (call,)).fetchone())
        beside.close()


def test_the_meeting_token_is_not_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with running_sandbox(state_path=path) as box:
        token = box.create(require_auth=True)["meeting_token"]
    assert all(token.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_reset_empties_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with running_sandbox(state_path=path) as box:
        box.create()
        box.reset(stock=False)
    with running_sandbox(state_path=path) as box:
        assert box.call("GET", "/personas").json()["total_count"] == 0
        assert box.call("GET", "/conversations").json()["total_count"] == 0


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "sandbox.db"
    path.write_bytes(b"this is no database, it only has the name of one" * 100)
    with caplog.at_level(logging.WARNING), running_sandbox(state_path=path) as box:
        assert box.call("GET", f"/personas/{OWN}").status_code == 200
    assert (tmp_path / "sandbox.db.unreadable").exists()
    assert "could not be read" in caplog.text


def test_no_thread_is_left_after_the_end(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with running_sandbox(state_path=tmp_path / "sandbox.db") as box:
        box.create(callback_url="http://127.0.0.1:9/x")
        eventually(lambda: box.control("log?kind=callback"))
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("sandbox")]
