"""The mode around its worker: a room is made and deleted, every failure has its cause, nothing is left running."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from sqlalchemy import update

from lib.clients.daily import Daily
from lib.clients.tavus import Tavus
from lib.doctor.causes import of_import
from lib.doctor.machine import machine
from lib.doctor.probe import Probe
from lib.errors import Ambiguous, GreenroomError, KeyRefused, OutOfCredit, SettingsWrong, SlotsFull, UpstreamRejected
from lib.models import CallSettings, Mode, Session, Status
from lib.redaction import Redaction
from lib.services.modes.mode import CallPlan
from lib.services.modes.phoenix import PhoenixRest
from lib.services.modes.pipecat import mode as pipecat_daily
from lib.services.modes.pipecat.mode import PipecatDaily
from lib.services.modes.pipecat.worker_error import error_of
from lib.services.modes.workers.limits import WorkerLimits
from lib.services.modes.workers.local import LocalLauncher
from lib.settings import Settings
from lib.store import schema
from tests.house import demo, house, reaches, until
from tests.sandbox_server import RunningSandbox
from tests.services.scripted_worker import worker_at

LOADED = Probe("3.12", "1.14.0", "0.36.0", None)
STAY = "\ncreate()\nwhile (told := command()) and told['command'] != 'stop':\n    tell('turn', role='user', text='x')\n"


class Listener:
    """Remembers what a worker told, and answers with what was asked."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.errors: list[GreenroomError] = []

    def turn(self, session_id: str, role: str, text: str) -> None:
        self.said.append((role, text))

    def broken(self, session_id: str, error: GreenroomError) -> None:
        self.errors.append(error)

    def answer(self, session_id: str, turns: list[tuple[str, str]]) -> str:
        return f"answer to {turns[-1][1]}"


@contextmanager
def mode_with(
    sandbox: RunningSandbox,
    root: Path,
    script: str,
    tried: Probe = LOADED,
    listener: Listener | None = None,
    **settings: Any,
) -> Iterator[PipecatDaily]:
    given: dict[str, Any] = {
        "tavus_api_key": SecretStr("k"), "tavus_base_url": sandbox.v2, "daily_api_key": SecretStr("d"),
        "deepgram_api_key": SecretStr("g"), "chat_base_url": "http://127.0.0.1:9/v1",
        "cartesia_api_key": SecretStr("c"), "cartesia_voice_id": "v", "pipecat_python": sys.executable,
    }  # fmt: skip
    chosen = Settings(**{**given, **settings})
    tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr("k"))
    made = PipecatDaily(
        root=worker_at(root, script),
        settings=chosen,
        phoenix=PhoenixRest(tavus),
        tavus_address=lambda: (sandbox.v2, SecretStr("k")),
        own_base=lambda: "http://127.0.0.1:1",
        daily=Daily(api_key=SecretStr("d"), base_url=f"{sandbox.url}/daily/v1"),
        launcher=LocalLauncher(Path(sys.executable), root, at_most=2, limits=WorkerLimits(1500)),
        listener=listener or Listener(),
    )
    made._probe = tried
    yield made
    made.close()
    tavus.close()


def session() -> Session:
    return Session(
        id="s-1", agent_id="a", agent_name="Demo", persona_id="", persona_name="", replica_id="r90bbd427f71",
        mode=Mode.PIPECAT_DAILY, status=Status.STARTING, created_at=datetime.now(UTC), max_call_s=60,
    )  # fmt: skip


PLAN = CallPlan(session(), "gr-name", CallSettings(), 120, 30, {"system_prompt": "You are Bo."})


def rooms(sandbox: RunningSandbox) -> int:
    answer = requests.get(f"{sandbox.url}/daily/v1/rooms", headers={"Authorization": "Bearer d"}, timeout=5)
    return int(answer.json()["total_count"])


def running_calls(sandbox: RunningSandbox) -> int:
    answer = requests.get(f"{sandbox.v2}/conversations?status=active", headers={"x-api-key": "k"}, timeout=5)
    return int(answer.json()["total_count"])


def test_a_start_makes_a_private_room_with_an_end_and_gives_the_viewer_no_owners_token(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with mode_with(sandbox, tmp_path, STAY) as mode:
        conversation = mode.start(PLAN)
        assert conversation.url == "https://sandbox.daily.co/s-1" and conversation.meeting_token
        tokens = [entry["body"] for entry in sandbox.log() if entry["path"].endswith("/meeting-tokens")]
        assert [token["properties"]["is_owner"] for token in tokens] == [True, False]
        made = next(entry["body"] for entry in sandbox.log() if entry["path"] == "/v2/conversations")
        assert made["conversation_name"] == "gr-name" and made["properties"]["max_call_duration"] == 60
        assert (rooms(sandbox), running_calls(sandbox)) == (1, 1)
        mode.end(replace(session(), conversation_id=conversation.id))
        assert running_calls(sandbox) == 0
        # Whoever notices first that the worker is gone deletes the room: this call or the one that listens to it.
        until(lambda: rooms(sandbox) == 0)


def refused(status: int, message: str) -> str:
    told = json.dumps({"message": message})
    return f"tell('error', code='tavus_refused', message='x', status={status}, body={told!r})"


@pytest.mark.parametrize(
    ("script", "kind", "told"),
    [
        (refused(401, "Invalid access token"), KeyRefused, "401"),
        (refused(402, "out of conversational credits"), OutOfCredit, "minutes"),
        (refused(400, "User has reached maximum concurrent conversations"), SlotsFull, "slots"),
        (refused(400, "Invalid replica_uuid"), UpstreamRejected, "replica_uuid"),
        ("tell('error', code='import', message='x', told='No module named daily')", SettingsWrong, "daily"),
        ("tell('error', code='ambiguous', message='No clear answer.')", Ambiguous, "clear"),
        ("sys.exit(9)", Ambiguous, "ended (exit code 9)"),
    ],
)
def test_each_failure_of_a_start_has_its_cause_and_leaves_no_room(
    script: str, kind: type[GreenroomError], told: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with mode_with(sandbox, tmp_path, "\n" + script) as mode:
        with pytest.raises(GreenroomError) as error:
            mode.start(PLAN)
        assert isinstance(error.value, kind) and told in error.value.message and error.value.hint
        assert rooms(sandbox) == 0


def test_a_worker_that_says_nothing_is_given_up_as_unclear(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipecat_daily, "START_WITHIN_S", 0.5)
    with mode_with(sandbox, tmp_path, "\ntime.sleep(30)") as mode:
        with pytest.raises(Ambiguous):
            mode.start(PLAN)
        assert rooms(sandbox) == 0


def test_a_second_start_of_a_session_makes_no_second_worker_and_leaves_the_first_alone(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with mode_with(sandbox, tmp_path, STAY) as mode:
        mode.start(PLAN)
        with pytest.raises(Ambiguous) as told:
            mode.start(PLAN)
        assert told.value.code == "started_twice"
        assert (rooms(sandbox), running_calls(sandbox)) == (1, 1) and mode.say("s-1", "still there")


def test_a_worker_that_is_killed_ends_its_call_and_room_and_says_so(sandbox: RunningSandbox, tmp_path: Path) -> None:
    heard = Listener()
    with mode_with(sandbox, tmp_path, "\ncreate()\ncommand()\nos._exit(7)", listener=heard) as mode:
        mode.start(PLAN)
        mode.say("s-1", "now")
        until(lambda: heard.errors and (rooms(sandbox), running_calls(sandbox)) == (0, 0))
    assert heard.errors[0].code == "worker_died" and "7" in heard.errors[0].message


def test_a_call_that_breaks_off_in_the_middle_is_told_with_its_cause(sandbox: RunningSandbox, tmp_path: Path) -> None:
    heard = Listener()
    script = "\ncreate()\ncommand()\ntell('error', code='no_replica', message='No avatar came.')\nsys.exit(3)"
    with mode_with(sandbox, tmp_path, script, listener=heard) as mode:
        mode.start(PLAN)
        mode.say("s-1", "now")
        until(lambda: heard.errors and (rooms(sandbox), running_calls(sandbox)) == (0, 0))
    assert heard.errors[0].code == "no_replica" and "replica" in heard.errors[0].hint


def test_closing_ends_every_call(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with mode_with(sandbox, tmp_path, STAY) as mode:
        mode.start(PLAN)
    assert (rooms(sandbox), running_calls(sandbox)) == (0, 0)


def test_a_key_of_another_domain_is_named_before_anything_is_billed(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with mode_with(sandbox, tmp_path, STAY, daily_subdomain="go-scope") as mode:
        with pytest.raises(SettingsWrong, match=r"sandbox\.daily\.co, not to go-scope"):
            mode.start(PLAN)
        assert (rooms(sandbox), running_calls(sandbox)) == (0, 0)


def test_a_refused_daily_key_starts_no_worker(sandbox: RunningSandbox, tmp_path: Path) -> None:
    sandbox.faults({"route": "POST /daily/v1/rooms", "status": 401, "body": {"error": "authentication-error"}})
    with mode_with(sandbox, tmp_path, STAY) as mode:
        with pytest.raises(KeyRefused, match="Daily refused"):
            mode.start(PLAN)
        assert running_calls(sandbox) == 0


def test_what_the_worker_lacks_refuses_the_start_before_any_request(sandbox: RunningSandbox, tmp_path: Path) -> None:
    missing = Probe("3.12", "", "", of_import("No module named 'pipecat'", machine()))
    with mode_with(sandbox, tmp_path, STAY, missing) as mode:
        with pytest.raises(SettingsWrong, match="not installed") as told:
            mode.start(PLAN)
        assert told.value.code == "pipecat_missing" and "Text chat works" in told.value.hint
    with mode_with(sandbox, tmp_path, STAY, deepgram_api_key=None) as mode:
        refusal = mode.unable()
        assert refusal is not None and refusal.code == "missing_keys" and "DEEPGRAM_API_KEY" in refusal.message
    assert sandbox.log() == []


def test_turns_are_handed_on_as_they_are_said(sandbox: RunningSandbox, tmp_path: Path) -> None:
    heard = Listener()
    with mode_with(sandbox, tmp_path, STAY, listener=heard) as mode:
        mode.start(PLAN)
        assert mode.say("s-1", "hello")
        until(lambda: heard.said == [("user", "x")])
        assert mode.opens("s-1", "wrong") is False


def test_a_worker_that_asks_is_answered_in_the_personas_role(sandbox: RunningSandbox, tmp_path: Path) -> None:
    script = (
        "\ncreate()\ncommand()\ntell('ask', id='1', turns=[['user', 'Hi']])\n"
        "told = command()\ntell('turn', role='assistant', text=told['text'])\ncommand()"
    )
    heard = Listener()
    with mode_with(sandbox, tmp_path, script, listener=heard) as mode:
        mode.start(PLAN)
        mode.say("s-1", "go")
        until(lambda: heard.said == [("assistant", "answer to Hi")])


def test_errors_of_a_worker_keep_their_hints() -> None:
    long = {"code": "pipeline", "message": "x" * 390 + " sk-proj-4f1cA9b8c7d6e5f4a3b2"}
    assert error_of(long, Redaction().text).message == "x" * 390 + " ***"
    body = json.dumps({"message": f"No such key: {'k' * 20}"})
    refused = error_of({"code": "tavus_refused", "status": 400, "body": body}, Redaction(["k" * 20]).text)
    assert "No such key: ***" in refused.message
    assert "DAILY_SUBDOMAIN" in error_of({"code": "daily_join", "message": "m"}, str).hint
    assert error_of({"code": "surprise", "message": "m"}, str).hint and error_of({}, str).message


@pytest.mark.parametrize("alive", [False, True])
def test_a_call_whose_worker_died_with_its_dashboard_is_ended_and_one_whose_dashboard_lives_is_not(
    alive: bool, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with house(sandbox.url, tmp_path) as services:
        call = services.sessions.start_and_wait(demo(services).id, token="t")
        reaches(services, call, Status.LIVE)
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        owner = f"{socket.gethostname()[:60]}/{dead.pid}/x"
        with services.store.writing() as connection:
            values = {"mode": Mode.PIPECAT_DAILY.value} | ({} if alive else {"owner": owner})
            connection.execute(update(schema.sessions).where(schema.sessions.c.id == call.id).values(**values))
        if alive:
            time.sleep(0.5)
            assert services.sessions.get(call.id).status is Status.LIVE
        else:
            ended = reaches(services, call, Status.ENDED)
            assert ended.end_code == "worker_lost" and running_calls(sandbox) == 0
