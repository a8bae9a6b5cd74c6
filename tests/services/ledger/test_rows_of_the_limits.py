"""The fault table, rows 26, 27 and 32: limits among real processes, reserved minutes, Tavus out of reach."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lib.errors import LimitReached
from lib.models import CallSettings, Mode, Session, Status
from lib.services.calls import breaker
from tests.house import demo, reaches, until
from tests.services.ledger.world import CREATE, World, status_of

STARTS, LIMIT = 20, 5
DOWN = {"route": "* /v2/*", "status": 500, "times": -1}


@contextmanager
def crowd(world: World, agent_id: str, name: str) -> Iterator[Any]:
    settings = {"max_concurrent_calls": LIMIT}
    told = {"agent": agent_id, "name": name, "starts": STARTS, "settings": settings}
    process = world.process("tests.services.ledger.crowd", told)
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line == "ready\n", line + process.stdout.read()
        yield process
    finally:
        process.communicate("\n", timeout=30)


def test_row_26_many_starts_at_once_in_two_processes_send_exactly_as_many_as_the_limit(world: World) -> None:
    with world.house() as services:
        agent = demo(services)
    with crowd(world, agent.id, "one") as one, crowd(world, agent.id, "two") as two:
        for process in (one, two):
            process.stdin.write("\n")
            process.stdin.flush()
        modes = [mode for process in (one, two) for mode in json.loads(process.stdout.readline())]
        assert len(modes) == 2 * STARTS
        assert modes.count("phoenix_rest") == LIMIT
        assert len(world.creates()) == LIMIT == len(world.running())
    refused = [row for row in world.rows() if row["mode"] == "text"]
    assert {row["reason_code"] for row in refused} == {"max_concurrent_calls"}


def test_row_26_what_is_being_checked_counts_as_open(world: World) -> None:
    with world.house(max_concurrent_calls=1, reconcile_horizon_s=30) as services:
        agent = demo(services)
        world.fails({"route": CREATE, "drop": "before"})
        assert services.sessions.start_and_wait(agent.id, token="1").status is Status.UNKNOWN
        second = services.sessions.start_and_wait(agent.id, token="2")
        assert (second.mode, second.reason_code) == (Mode.TEXT, "max_concurrent_calls")
        assert len(world.creates()) == 1


def test_row_27_at_the_edge_of_the_budget_reserved_minutes_count_and_unused_ones_return(world: World) -> None:
    with world.house(daily_minutes=20) as services:
        agent = demo(services, call=CallSettings(max_call_s=600))
        calls = [services.sessions.start_and_wait(agent.id, token=f"t{n}") for n in range(3)]
        assert [call.mode for call in calls] == [Mode.PHOENIX_REST, Mode.PHOENIX_REST, Mode.TEXT]
        assert calls[2].reason_code == "daily_minutes"
        assert "this call may take 10 min" in calls[2].reason
        assert len(world.creates()) == 2
        services.sessions.end(calls[0].id)
        reaches(services, calls[0], Status.ENDED)
        left = services.sessions.allowance()
        assert 9 < left.minutes_left < 10
        refusal = left.refusal(600)
        assert isinstance(refusal, LimitReached)
        shorter = demo(services, call=CallSettings(max_call_s=480))
        assert services.sessions.start_and_wait(shorter.id, token="t4").mode is Mode.PHOENIX_REST


def test_row_27_minutes_that_came_in_another_way_end_what_runs(world: World) -> None:
    """A limit that was lowered while calls were open: no start is refused for it, so the calls are ended."""
    with world.house() as services:
        session = reaches(services, services.sessions.start(demo(services).id, token="t"), Status.LIVE)
    with world.house(daily_minutes=0) as services:
        ended = reaches(services, session, Status.ENDED)
        assert (ended.end_code, ended.end_reason) == ("over_budget", "Today’s minutes were used up")
        assert world.running() == []


def test_the_starts_of_one_person_are_limited_and_do_not_hold_up_another(world: World) -> None:
    with world.house(max_starts_per_minute=2) as services:
        agent = demo(services)
        sessions = [services.sessions.start_and_wait(agent.id, token=f"a{n}", actor="Ada") for n in range(3)]
        assert [session.mode for session in sessions] == [Mode.PHOENIX_REST] * 2 + [Mode.TEXT]
        assert sessions[2].reason_code == "max_starts_per_minute"
        assert services.sessions.start_and_wait(agent.id, token="b", actor="Bo").mode is Mode.PHOENIX_REST
        assert (services.sessions.allowance("Ada").recent_starts, services.sessions.allowance().recent_starts) == (2, 0)


def test_row_32_while_tavus_is_out_of_reach_starts_are_refused_and_afterwards_the_ledger_is_right(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "PAUSE_S", 0.5)
    with world.house() as services:
        agent = demo(services)
        live = reaches(services, services.sessions.start(agent.id, token="live"), Status.LIVE)
        asked = len(world.creates())
        services.catalogue.personas()
        world.fails(DOWN)
        first = services.sessions.start_and_wait(agent.id, token="first")
        assert first.status is Status.UNKNOWN or first.reason_code == "tavus_out_of_reach"
        refused: list[Session] = []

        def refusal() -> bool:
            session = services.sessions.start_and_wait(agent.id, token=f"t{len(refused)}")
            refused.append(session)
            return session.reason_code == "tavus_out_of_reach"

        until(refusal)
        sent = len(world.creates())
        for number in range(5):
            session = services.sessions.start_and_wait(agent.id, token=f"more{number}")
            assert (session.mode, session.reason_code) == (Mode.TEXT, "tavus_out_of_reach")
            assert "out of reach since" in session.reason
            assert services.chats.say(session.id, "Hello?").content
        assert len(world.creates()) == sent <= asked + 4
        assert status_of(services, live) is Status.LIVE
        time.sleep(1.0)
        assert status_of(services, live) is Status.LIVE
        world.heals()
        again = until(lambda: _started(services, agent.id))
        reaches(services, again, Status.LIVE)
        until(lambda: not [row for row in world.rows() if row["status"] in ("starting", "unknown", "ending")])
        assert sorted(world.running()) == sorted(
            [live.conversation_id, services.sessions.get(again.id).conversation_id]
        )
        lost = [row for row in world.rows() if row["status"] == "failed"]
        assert {row["reason_code"] for row in lost} <= {"not_created"}


def test_row_32_a_persona_that_can_not_be_read_is_a_failure_too_and_soon_asked_about_no_more(world: World) -> None:
    with world.house() as services:
        agent = demo(services)
        world.fails(DOWN)

        def start(number: int) -> Session:
            session = services.sessions.start_and_wait(agent.id, token=f"t{number}")
            assert session.mode is Mode.TEXT
            return session

        codes = [start(number).reason_code for number in range(breaker.FAILURES)]
        asked = len(world.sandbox.log())
        last = start(breaker.FAILURES)
        assert codes == ["server_error"] * breaker.FAILURES and last.reason_code == "tavus_out_of_reach"
        assert world.creates() == [] and len(world.sandbox.log()) == asked


def _started(services: Any, agent_id: str) -> Any:
    session = services.sessions.start_and_wait(agent_id, token=f"again-{time.monotonic()}")
    return session if session.mode is Mode.PHOENIX_REST else None
