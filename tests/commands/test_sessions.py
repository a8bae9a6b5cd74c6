"""`python -m lib sessions` as a real process while no dashboard runs: what it lists, ends, and exits with."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from lib.models import Session, Status
from lib.store.database import Store
from tests.house import KEY, demo, fault, reaches
from tests.running import ROOT
from tests.sandbox_server import RunningSandbox
from tests.services.ledger.world import CREATE, World
from tests.surroundings import for_a_process


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    def __init__(self, world: World) -> None:
        database = world.database
        if database.startswith("sqlite:///"):
            database = f"sqlite:///{(world.root / database.removeprefix('sqlite:///')).as_posix()}"
        self.env = {
            **for_a_process(),
            "HOME": str(world.root),
            "TAVUS_API_KEY": KEY,
            "TAVUS_BASE_URL": world.sandbox.v2,
            "DATABASE_URL": database,
        }

    def __call__(self, *arguments: str, **env: str) -> Answer:
        command = [sys.executable, "-m", "lib", "sessions", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env={**self.env, **env}, capture_output=True, timeout=90, text=True, encoding="utf-8"
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert KEY not in done.stdout + done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def world(running: RunningSandbox, tmp_path: Path, database_url: str) -> World:
    running.reset()
    return World(running, tmp_path, database_url)


def left_open(world: World, count: int = 2) -> list[Session]:
    """Calls that a dashboard left when it was stopped."""
    with world.house() as services:
        agent = demo(services, name="Demo \x1b[31m‮ <b>")
        made = [services.sessions.start(agent.id, token=f"t{n}") for n in range(count)]
        return [reaches(services, session, Status.LIVE) for session in made]


def test_all_of_ours_are_ended_with_the_dashboard_down_and_nobody_elses(world: World) -> None:
    sessions = left_open(world)
    strangers = world.foreign(2)
    shell = Shell(world)
    listed = shell("list")
    assert listed.code == 0
    assert "2 open in this database, 2 of ours run at Tavus, 2 of others." in listed.out
    assert "\x1b" not in listed.out
    ended = shell("end-all", "--ours")
    assert ended.code == 0, ended.out
    assert "None of ours runs." in ended.out
    assert set(world.running()) == set(strangers)
    with world.house() as services:
        for session in sessions:
            after = services.sessions.get(session.id)
            assert (after.status, after.end_reason) == (Status.ENDED, "You ended it")
    again = shell("end-all", "--ours", "--json")
    assert (again.code, again.json["ended"], again.json["still_running"]) == (0, [], [])


def test_a_call_whose_row_is_lost_is_found_recorded_and_ended(world: World) -> None:
    (session,) = left_open(world, 1)
    with world.raw() as connection:
        for table in ("events", "search", "turns", "sessions"):
            connection.execute(text(f"DELETE FROM {table}"))
    shell = Shell(world)
    assert [row["conversation"] for row in shell("list", "--json").json["without_session"]] == world.running()
    assert shell("end-all", "--ours").code == 0
    assert world.running() == []
    assert [row["conversation_id"] for row in world.rows()] == [session.conversation_id]


def test_a_start_that_nobody_knows_of_is_named_and_the_exit_code_says_that_not_all_is_certain(world: World) -> None:
    with world.house(reconcile_horizon_s=60) as services:
        world.fails({"route": CREATE, "drop": "before"})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
    answer = Shell(world)("end-all", "--ours", "--within", "1")
    assert answer.code == 1
    assert f"{session.id} may have been made" in answer.out
    done = Shell(world)("end-all", "--ours", "--within", "20", RECONCILE_HORIZON_S="1")
    assert done.code == 0, done.out


def test_what_tavus_refuses_to_end_is_said_and_exits_with_1(world: World) -> None:
    left_open(world, 1)
    fault(world.sandbox.url, "* /v2/*", status=401, times=-1, body={"message": "Invalid access token"})
    answer = Shell(world)("end-all", "--ours", "--within", "1")
    assert answer.code == 1
    assert "refused the key" in answer.out
    assert len(world.running()) == 1
    listed = Shell(world)("list")
    assert listed.code == 1
    assert "refused the key" in listed.err
    world.heals()
    assert Shell(world)("end-all", "--ours").code == 0


def test_one_call_that_tavus_refuses_to_end_keeps_no_other_running(world: World) -> None:
    # The list of calls has the newest first.
    other, refused = left_open(world)
    fault(world.sandbox.url, f"* /v2/conversations/{refused.conversation_id}*", status=400, times=-1)
    answer = Shell(world)("end-all", "--ours", "--within", "2")
    assert answer.code == 1
    assert world.running() == [refused.conversation_id]
    assert other.id in answer.out


def test_without_a_database_nothing_is_ours_and_none_is_made(running: RunningSandbox, tmp_path: Path) -> None:
    running.reset()
    world = World(running, tmp_path, "sqlite:///none.db")
    world.foreign(1)
    answer = Shell(world)("end-all", "--ours")
    assert answer.code == 0
    assert "no call was started from here" in answer.out
    assert not Store("sqlite:///none.db", root=tmp_path).exists()
    assert len(world.running()) == 1


@pytest.mark.parametrize("arguments", [["end-all"], [], ["end"], ["end-all", "--ours", "--within", "soon"]])
def test_a_wrong_use_is_explained_and_ends_nothing(
    arguments: list[str], running: RunningSandbox, tmp_path: Path
) -> None:
    answer = Shell(World(running, tmp_path, "sqlite:///none.db"))(*arguments)
    assert answer.code == 2
    assert "usage: python -m lib sessions" in answer.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to another process")
def test_ctrl_c_says_that_calls_may_still_run_and_what_to_do(world: World) -> None:
    left_open(world, 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        env = {**Shell(world).env, "TAVUS_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/v2"}
        command = [sys.executable, "-m", "lib", "sessions", "end-all", "--ours", "--json"]
        run = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with silent.accept()[0]:
            run.send_signal(signal.SIGINT)
            out, err = run.communicate(timeout=60)
    assert "Traceback" not in err, err
    told = json.loads(out)
    assert (run.returncode, told["exit"], told["error"]) == (1, 1, "Stopped.")
    assert "Calls may still run" in told["hint"]
