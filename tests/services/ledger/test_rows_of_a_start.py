"""The fault table, rows 1 to 16: what can go wrong in and around the one POST of a start.

Each test is named by its row. The faults are the sandbox's, over real HTTP; a process that dies is killed.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from lib.errors import Conflict
from lib.models import CallSettings, Mode, Status
from lib.services.calls.background import reconciler
from lib.store import database
from tests.house import demo, reaches, until
from tests.services.ledger.world import CREATE, HORIZON_S, LIST, World, impatient, paid_once, status_of


def test_row_01_one_click_by_eight_callers_is_one_call_and_all_see_it(world: World) -> None:
    with world.house() as services:
        agent = demo(services)
        gate = threading.Barrier(8)

        def click(_: int) -> str:
            gate.wait()
            return services.sessions.start(agent.id, token="one click").id

        with ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(click, range(8)))
        assert len(ids) == 1
        live = reaches(services, services.sessions.get(ids.pop()), Status.LIVE)
        assert services.sessions.start(agent.id, token="one click").id == live.id
        paid_once(world, live)


def test_row_01_one_click_by_two_processes_is_one_call(world: World) -> None:
    with world.house() as one, world.house() as two:
        agent = demo(one)
        gate = threading.Barrier(2)

        def click(services: Any) -> str:
            gate.wait()
            return str(services.sessions.start_and_wait(agent.id, token="one click").id)

        with ThreadPoolExecutor(2) as pool:
            ids = set(pool.map(click, (one, two)))
        assert len(ids) == 1
        paid_once(world, reaches(two, one.sessions.get(ids.pop()), Status.LIVE))


def test_row_02_a_click_used_for_something_else_is_an_error_and_asks_for_nothing(world: World) -> None:
    with world.house() as services:
        first, other = demo(services), demo(services, name="Other")
        services.sessions.start_and_wait(first.id, token="t")
        for changed in ({"agent_id": other.id}, {"agent_id": first.id, "enable_avatar": False}):
            with pytest.raises(Conflict):
                services.sessions.start(**changed, token="t")
        assert len(world.creates()) == len(world.rows()) == 1


def test_row_03_a_process_killed_before_its_intent_is_written_leaves_nothing(world: World) -> None:
    with world.house() as services:
        agent = demo(services)
    world.dies("before the intent is committed", agent.id, "t")
    assert world.rows() == []
    assert world.creates() == []
    with world.house() as services:
        paid_once(world, reaches(services, services.sessions.start(agent.id, token="t"), Status.LIVE))


def test_row_04_a_process_killed_between_intent_and_post_made_nothing_and_that_is_found_out(world: World) -> None:
    with world.house() as services:
        agent = demo(services)
    world.dies("before the POST", agent.id, "t")
    with world.house() as services:
        session = services.sessions.start(agent.id, token="t")
        assert reaches(services, session, Status.UNKNOWN).checking_until is not None
        failed = reaches(services, session, Status.FAILED)
        assert failed.reason_code == "not_created"
        assert services.sessions.allowance().open_calls == 0
    assert world.creates() == world.conversations() == []


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ("http://127.0.0.1:9/v2", "refused"),
        ("https://nowhere.invalid/v2", "dns"),
        ("https://127.0.0.1:{port}/v2", "tls"),
    ],
)
def test_row_05_what_could_not_be_sent_has_failed_at_once_and_may_be_tried_again(
    base: str, code: str, world: World
) -> None:
    with world.house() as services:
        services.tavus.reach_at(base.format(port=world.sandbox.url.rpartition(":")[2]))
        session = services.sessions.start_and_wait(demo(services).id, token="1")
        assert (session.mode, session.status, session.reason_code) == (Mode.TEXT, Status.LIVE, code)
        assert services.sessions.allowance().open_calls == 0
        assert world.creates() == []
        services.tavus.reach_at(world.sandbox.v2)
        again = services.sessions.start(session.agent_id, token="2")
        paid_once(world, reaches(services, again, Status.LIVE))


def test_row_06_no_answer_in_time_and_not_created_is_unknown_until_the_horizon(world: World) -> None:
    with world.house() as services:
        impatient(services)
        world.fails({"route": CREATE, "delay_s": 0.6, "status": 500})
        begun = time.monotonic()
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert session.status is Status.UNKNOWN
        assert services.sessions.allowance().open_calls == 1
        failed = reaches(services, session, Status.FAILED)
        assert time.monotonic() - begun >= HORIZON_S
        assert (failed.reason_code, failed.conversation_id) == ("not_created", "")
        assert len(world.creates()) == 1
        assert world.conversations() == []


def test_row_07_no_answer_in_time_though_created_is_found_and_kept(world: World) -> None:
    with world.house() as services:
        impatient(services)
        world.fails({"route": CREATE, "delay_s": 0.4})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert session.status is Status.UNKNOWN
        live = reaches(services, session, Status.LIVE)
        paid_once(world, live)
        assert live.reason == ""
        assert services.sessions.room_url(live) == live.conversation_url != ""


def test_row_08_created_late_but_before_the_horizon_is_found_and_kept(world: World) -> None:
    with world.house(reconcile_horizon_s=4) as services:
        world.fails({"route": CREATE, "drop": "before"})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        seen = world.lists()
        until(lambda: world.lists() > seen + 3)
        assert status_of(services, session) is Status.UNKNOWN
        made = world.arrives()
        live = reaches(services, session, Status.LIVE)
        assert live.conversation_id == made
        assert len(world.conversations()) == 1


@pytest.mark.parametrize("ended_by_hand", [False, True], ids=["given up", "ended while unknown"])
def test_row_09_created_after_the_horizon_is_ended_within_an_interval_and_in_the_ledger(
    ended_by_hand: bool, world: World
) -> None:
    with world.house(sweep_interval_s=0.2) as services:
        world.fails({"route": CREATE, "drop": "before"})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        if ended_by_hand:
            services.sessions.end(session.id)
        reaches(services, session, Status.ENDED if ended_by_hand else Status.FAILED)
        made = world.arrives()
        begun = time.monotonic()
        until(lambda: world.running() == [])
        assert time.monotonic() - begun < 0.2 + 1.0
        ended = reaches(services, session, Status.ENDED)
        until(lambda: services.sessions.get(session.id).conversation_id == made)
        ended = services.sessions.get(session.id)
        assert ended.end_code == "late"
        assert ended.reason == ""
        assert ended.ended_at and ended.waiting_at and ended.ended_at > ended.waiting_at
        assert services.sessions.allowance().minutes_used > 0


def test_row_10_late_and_over_between_two_lists_is_ended_with_its_cost(world: World) -> None:
    with world.house() as services:
        world.fails({"route": CREATE, "drop": "before"})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        world.fails({"route": LIST, "status": 500, "times": -1})
        made = world.arrives()
        world.sandbox.advance(60)
        world.end(made)
        world.heals()
        ended = reaches(services, session, Status.ENDED)
        assert (ended.conversation_id, ended.end_code) == (made, "participant_absent_timeout")
        assert ended.ended_at and ended.waiting_at
        assert 59 < (ended.ended_at - ended.waiting_at).total_seconds() < 70
        assert services.sessions.allowance().minutes_used > 0.9


def test_row_10_late_and_over_after_it_was_given_up_is_in_the_ledger_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "BUSY_S", 0.5)
    with world.house() as services:
        world.fails({"route": CREATE, "drop": "before"})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        reaches(services, session, Status.FAILED)
        world.fails({"route": LIST, "status": 500, "times": -1})
        made = world.arrives()
        world.end(made)
        world.heals()
        ended = reaches(services, session, Status.ENDED)
        assert (ended.conversation_id, ended.end_code) == (made, "participant_absent_timeout")


@pytest.mark.parametrize("created", [True, False], ids=["created", "not created"])
@pytest.mark.parametrize("status", [500, 502, 504])
def test_row_11_a_server_error_says_nothing_about_whether_it_was_done(status: int, created: bool, world: World) -> None:
    with world.house() as services:
        world.fails({"route": CREATE, "status": status, "act": created, "body": {"error": "boom"}})
        session = services.sessions.start(demo(services).id, token="t")
        if created:
            paid_once(world, reaches(services, session, Status.LIVE))
        else:
            assert reaches(services, session, Status.FAILED).reason_code == "not_created"
            assert len(world.creates()) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(429, "rate_limited"), (400, "rejected"), (401, "key_refused"), (402, "out_of_credit")]
)
def test_row_12_a_refusal_has_failed_and_is_never_sent_again_by_itself(status: int, code: str, world: World) -> None:
    with world.house() as services:
        said = {"status": status, "body": {"message": "No."}, "headers": {"Retry-After": "7"}}
        world.fails({"route": CREATE, **said})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert (session.mode, session.status, session.reason_code) == (Mode.TEXT, Status.LIVE, code)
        assert ("7 s" in session.reason_hint) is (status == 429)
        assert services.sessions.allowance().open_calls == 0
        time.sleep(0.3)
        assert services.sessions.start(session.agent_id, token="t").id == session.id
        assert len(world.creates()) == 1
        assert world.conversations() == []


@pytest.mark.parametrize(
    "how",
    [
        {"truncate": True},
        {"status": 200, "act": True, "html": True},
        {"status": 200, "act": True, "body": {"status": "active"}},
        {"status": 201, "act": True, "body": "{"},
    ],
    ids=["truncated", "html", "no id", "half JSON"],
)
def test_row_13_a_success_that_can_not_be_read_is_looked_for(how: dict[str, Any], world: World) -> None:
    with world.house() as services:
        world.fails({"route": CREATE, **how})
        session = services.sessions.start(demo(services).id, token="t")
        live = reaches(services, session, Status.LIVE)
        paid_once(world, live)
        assert "checking" in [event.kind for event in services.sessions.timeline(session.id)]


@pytest.mark.parametrize("point", ["after the POST", "before the outcome is written"])
def test_row_14_a_process_killed_after_its_post_is_taken_over_and_makes_no_second_call(
    point: str, world: World
) -> None:
    with world.house() as services:
        agent = demo(services)
    world.dies(point, agent.id, "t")
    (running,) = world.running()
    begun = time.monotonic()
    with world.house() as services:
        session = services.sessions.start(agent.id, token="t")
        live = reaches(services, session, Status.LIVE)
        assert live.conversation_id == running
        assert time.monotonic() - begun < 10
        paid_once(world, live)


def test_row_14_what_a_killed_process_left_and_nobody_comes_back_to_is_ended(world: World) -> None:
    with world.house() as services:
        agent = demo(services)
    world.dies("after the POST", agent.id, "t")
    with world.house(watch_grace_s=0.5) as services:
        session = services.sessions.start(agent.id, token="t")
        ended = reaches(services, session, Status.ENDED)
        assert ended.end_code == "unwatched"
        assert world.running() == []
        paid_once(world, ended)


def test_row_15_an_outcome_that_can_not_be_written_is_written_when_it_can(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.1)
    if "postgresql" in world.database:
        with world.raw() as connection:
            name = connection.engine.url.database
            connection.execute(text(f"ALTER DATABASE {name} SET lock_timeout = '100ms'"))
    with world.house() as services:
        world.fails({"route": CREATE, "delay_s": 0.4})
        session = services.sessions.start(demo(services).id, token="t")
        until(lambda: services._starting is not None and services._starting.busy(session.id))
        with world.locked():
            until(lambda: world.running())
            time.sleep(0.5)
            assert status_of(services, session) is Status.STARTING
        paid_once(world, reaches(services, session, Status.LIVE))


def test_row_16_a_script_stopped_by_reruns_during_the_post_loses_nothing(world: World) -> None:
    """A page's script is a thread that may be stopped at any of its calls; the start must not be in it."""
    with world.house() as services:
        world.fails({"route": CREATE, "delay_s": 0.5})
        agent = demo(services)
        stopped = threading.Event()

        def script() -> None:
            session = services.sessions.start_and_wait(agent.id, token="t", timeout_s=0.05)
            assert session.status is Status.STARTING
            stopped.set()

        threads = [threading.Thread(target=script) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stopped.is_set()
        session = services.sessions.start(agent.id, token="t")
        paid_once(world, reaches(services, session, Status.LIVE))


def test_a_room_is_kept_from_a_call_whose_answer_was_lost_with_its_key(world: World) -> None:
    with world.house() as services:
        world.fails({"route": CREATE, "drop": "after"})
        agent = demo(services, call=CallSettings(private_room=True))
        session = services.sessions.start(agent.id, token="t")
        ended = reaches(services, session, Status.ENDED)
        assert ended.end_code == "key_lost"
        assert world.running() == []
