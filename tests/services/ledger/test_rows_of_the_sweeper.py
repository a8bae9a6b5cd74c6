"""The fault table, rows 17 to 25 and 28 to 31: lists that lie, orphans, viewers, callbacks, clocks, two at once."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text
from starlette.applications import Starlette

from lib.api.app import routes
from lib.clients.tavus import ConversationsApi
from lib.models import Status
from lib.services.calls.background.lease import Lease
from lib.wiring import Services
from tests.databases import SQLITE, Server
from tests.house import demo, reaches, until
from tests.sandbox_server import serve
from tests.services.ledger.world import CREATE, HORIZON_S, LIST, World, delete, impatient, paid_once, status_of

PASS = {"route": LIST, "delay_s": 0.0}


@pytest.mark.parametrize(
    "script",
    [
        [{"route": LIST, "status": 500, "times": -1}],
        [{"route": LIST, "status": 429, "headers": {"Retry-After": "60"}, "times": -1}],
        [{"route": LIST, "truncate": True, "times": -1}],
        [PASS, {"route": LIST, "status": 500}] * 40,
    ],
    ids=["500", "429", "truncated", "half of the pages"],
)
def test_row_17_a_list_that_fails_or_comes_in_part_changes_nothing(script: list[dict[str, Any]], world: World) -> None:
    with world.house(reconcile_horizon_s=0.5) as services:
        world.foreign(120)
        world.fails({"route": CREATE, "drop": "after"}, *script)
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        seen = set()
        until_at = time.monotonic() + 1.5
        while time.monotonic() < until_at:
            seen.add(status_of(services, session))
            time.sleep(0.02)
        assert seen == {Status.UNKNOWN}
        world.heals()
        live = reaches(services, session, Status.LIVE)
        assert live.conversation_id in world.running()
        assert len(world.creates()) == 1


def test_row_17_a_list_that_says_it_has_more_than_it_gives_gives_nothing_up(world: World) -> None:
    with world.house(reconcile_horizon_s=0.5) as services:
        short = {"status": 200, "body": {"data": [], "total_count": 1}}
        world.fails({"route": CREATE, "drop": "after"}, {"route": LIST, "times": -1, **short})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        time.sleep(1.5)
        assert status_of(services, session) is Status.UNKNOWN
        world.heals()
        paid_once(world, reaches(services, session, Status.LIVE))


def test_row_18_a_list_that_lags_behind_gives_nothing_up_and_ends_nothing(world: World) -> None:
    stale = {"route": LIST, "status": 200, "body": {"data": [], "total_count": 0}, "times": -1}
    with world.house(reconcile_horizon_s=2) as services:
        agent = demo(services)
        known = reaches(services, services.sessions.start(agent.id, token="1"), Status.LIVE)
        world.fails({"route": CREATE, "drop": "after"}, stale)
        session = services.sessions.start_and_wait(agent.id, token="2")
        ends_at = time.monotonic() + 1.2
        while time.monotonic() < ends_at:
            assert status_of(services, session) is Status.UNKNOWN
            assert status_of(services, known) is Status.LIVE
            time.sleep(0.02)
        world.heals()
        assert reaches(services, session, Status.LIVE).conversation_id in world.running()
        assert len(world.running()) == 2


def test_row_19_ours_behind_more_than_a_page_of_others_is_found(world: World) -> None:
    with world.house(reconcile_horizon_s=5) as services:
        world.fails({"route": CREATE, "drop": "after"}, {"route": LIST, "status": 500, "times": -1})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        ours = world.running()
        others = world.foreign(130)
        assert world.conversations()[-1]["id"] == ours[0]
        world.heals()
        assert reaches(services, session, Status.LIVE).conversation_id == ours[0]
        assert set(world.running()) == {*ours, *others}


def test_row_20_another_process_that_reconciles_between_post_and_record_leaves_the_start_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, go_on = threading.Event(), threading.Event()
    create = ConversationsApi.create

    def held(self: ConversationsApi, fields: Any) -> Any:
        conversation = create(self, fields)
        made.set()
        go_on.wait(10)
        return conversation

    with world.house() as leader, world.house() as other:
        agent = demo(other)
        # Something to look for, so that the leader reads the list in every round.
        world.fails({"route": CREATE, "drop": "before"})
        leader.sessions.start_and_wait(agent.id, token="sought")
        monkeypatch.setattr(ConversationsApi, "create", held)
        session = other.sessions.start(agent.id, token="t")
        assert made.wait(5)
        seen = world.lists()
        until(lambda: world.lists() > seen + 5)
        assert status_of(leader, session) is Status.STARTING
        assert len(world.running()) == 1
        go_on.set()
        live = reaches(other, session, Status.LIVE)
        assert [live.conversation_id] == world.running()
        assert world.ends() == []


def test_row_21_two_databases_on_one_account_and_strangers_never_end_each_others_calls(
    world: World, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    second = second_database(world, tmp_path / "second", request)
    with second as other, world.house() as ours, other.house() as theirs:
        assert ours.store.meta("prefix") != theirs.store.meta("prefix")
        mine = reaches(ours, ours.sessions.start(demo(ours).id, token="t"), Status.LIVE)
        yours = reaches(theirs, theirs.sessions.start(demo(theirs).id, token="t"), Status.LIVE)
        prefix = ours.store.meta("prefix")
        strangers = world.foreign(1) + world.foreign(1, f"{prefix} but not quite")
        strangers += world.foreign(1, f"x{prefix}-{mine.id} Demo") + world.foreign(1, prefix)
        # Each reads the list in every round from now on, and has an orphan of its own to end.
        for services in (ours, theirs):
            world.fails({"route": CREATE, "drop": "before"})
            late = services.sessions.start_and_wait(demo(services).id, token="late")
            reaches(services, late, Status.FAILED)
            orphan = world.arrives(-1)
            assert reaches(services, late, Status.ENDED).conversation_id == orphan
        seen = world.lists()
        until(lambda: world.lists() > seen + 6)
        assert set(world.running()) == {mine.conversation_id, yours.conversation_id, *strangers}
        assert len(world.ends()) == 2
        assert (status_of(ours, mine), status_of(theirs, yours)) == (Status.LIVE, Status.LIVE)


def test_row_22_a_call_whose_row_is_lost_gets_one_again_and_is_ended(world: World) -> None:
    with world.house() as services:
        session = reaches(services, services.sessions.start(demo(services).id, token="t"), Status.LIVE)
    with world.raw() as connection:
        for table in ("events", "search", "turns", "sessions"):
            connection.execute(text(f"DELETE FROM {table}"))
    with world.house() as services:
        found = reaches_by_id(services, session.id, Status.ENDED)
        assert (found.conversation_id, found.end_code) == (session.conversation_id, "lost")
        assert (found.agent_name, found.persona_id) == (session.agent_name, session.persona_id)
        assert world.running() == []
        assert services.sessions.page().total == 1
        assert services.sessions.allowance().minutes_used > 0
    assert len(world.creates()) == 1


def test_row_22_the_row_is_written_before_the_end_is_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.house() as services:
        session = reaches(services, services.sessions.start(demo(services).id, token="t"), Status.LIVE)
    with world.raw() as connection:
        for table in ("events", "search", "turns", "sessions"):
            connection.execute(text(f"DELETE FROM {table}"))
    there: list[int] = []
    end = ConversationsApi.end

    def watched(self: ConversationsApi, *, conversation_id: str) -> None:
        there.append(sum(row["conversation_id"] == conversation_id for row in world.rows()))
        end(self, conversation_id=conversation_id)

    monkeypatch.setattr(ConversationsApi, "end", watched)
    with world.house() as services:
        reaches_by_id(services, session.id, Status.ENDED)
    assert there == [1]


def test_a_call_that_tavus_made_twice_is_kept_once_and_the_other_is_ended_and_in_the_ledger(world: World) -> None:
    with world.house() as services:
        world.fails({"route": CREATE, "drop": "after"}, {"route": LIST, "status": 500, "times": -1})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        first, second = world.running()[0], world.arrives()
        world.heals()
        live = reaches(services, session, Status.LIVE)
        assert live.conversation_id == first
        until(lambda: world.running() == [first])
        extra = next(row for row in world.rows() if row["conversation_id"] == second)
        assert reaches_by_id(services, extra["id"], Status.ENDED).end_code == "extra"


@pytest.mark.parametrize(
    "script",
    [
        [{"route": "POST /v2/conversations/*/end", "status": 500, "times": 3}],
        [{"route": "POST /v2/conversations/*/end", "status": 500, "act": True}],
        [{"route": "POST /v2/conversations/*/end", "drop": "after"}],
        [{"route": "POST /v2/conversations/*/end", "status": 400, "body": {"error": "Already ended"}, "act": True}],
    ],
    ids=["fails", "done but 500", "done but lost", "refused"],
)
def test_row_23_ended_is_believed_only_when_tavus_shows_it(script: list[dict[str, Any]], world: World) -> None:
    with world.house() as services:
        session = reaches(services, services.sessions.start(demo(services).id, token="t"), Status.LIVE)
        world.fails(*script)
        services.sessions.end(session.id)
        ended = reaches(services, session, Status.ENDED)
        assert ended.end_reason == "You ended it"
        assert world.running() == []


def test_row_23_an_end_that_can_not_be_verified_stays_ending(world: World) -> None:
    with world.house() as services:
        session = reaches(services, services.sessions.start(demo(services).id, token="t"), Status.LIVE)
        world.fails(
            {"route": "GET /v2/conversations/*", "delay_s": 0.0},
            {"route": "GET /v2/conversations/*", "status": 500, "times": -1},
        )
        services.sessions.end(session.id)
        time.sleep(0.7)
        assert status_of(services, session) is Status.ENDING
        world.heals()
        reaches(services, session, Status.ENDED)


def test_row_23_ending_what_has_ended_at_tavus_says_so_once(world: World) -> None:
    with world.house(sweep_interval_s=30) as services:
        session = reaches(services, services.sessions.start(demo(services).id, token="t"), Status.LIVE)
        world.end(session.conversation_id)
        services.sessions.end(session.id)
        services.sessions.end(session.id)
        ended = reaches(services, session, Status.ENDED)
        assert ended.end_code == "participant_absent_timeout"
        services.sessions.end(session.id)
        assert [event.kind for event in services.sessions.timeline(session.id)].count("ended") == 1


def test_row_23_a_call_that_tavus_does_not_know_yet_is_not_taken_for_gone(world: World) -> None:
    with world.house() as services:
        missing = {"route": "GET /v2/conversations/*", "status": 400, "body": {"error": "Invalid conversation_id"}}
        world.fails({**missing, "times": -1})
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert session.status is Status.WAITING
        time.sleep(0.5)
        assert status_of(services, session) is Status.WAITING
        world.heals()
        live = reaches(services, session, Status.LIVE)
        delete(world.sandbox, live.conversation_id)
        begun = time.monotonic()
        assert reaches(services, session, Status.ENDED).end_code == "gone"
        assert time.monotonic() - begun > HORIZON_S / 2


def test_row_24_a_call_that_no_page_shows_any_more_ends_within_grace_and_an_interval(world: World) -> None:
    with world.house(watch_grace_s=1, sweep_interval_s=0.2) as services:
        session = reaches(services, services.sessions.start(demo(services).id, token="t"), Status.LIVE)
        connected = threading.Event()
        connected.set()
        services.sessions.follow("tab", session.id, connected.is_set)
        time.sleep(1.6)
        assert status_of(services, session) is Status.LIVE
        connected.clear()
        gone = time.monotonic()
        ended = reaches(services, session, Status.ENDED)
        assert 0.5 < time.monotonic() - gone < 1 + 0.2 + 1.0
        assert (ended.end_code, ended.end_reason) == ("unwatched", "Nobody was watching")
        assert world.running() == []


def test_row_24_a_page_that_was_never_opened_watches_nothing(world: World) -> None:
    with world.house(watch_grace_s=0.6) as services:
        session = services.sessions.start(demo(services).id, token="t")
        assert reaches(services, session, Status.ENDED).end_code == "unwatched"


def test_row_25_a_viewer_whose_sign_is_written_late_is_still_a_viewer(world: World) -> None:
    with world.house(watch_grace_s=2) as leader, world.house(watch_grace_s=2) as other:
        session = reaches(other, other.sessions.start(demo(other).id, token="t"), Status.LIVE)
        connected = threading.Event()
        connected.set()
        other.sessions.follow("tab", session.id, connected.is_set)
        time.sleep(1.0)
        with world.locked():
            time.sleep(1.5)
        ends_at = time.monotonic() + 2.5
        while time.monotonic() < ends_at:
            assert status_of(leader, session) is Status.LIVE
            time.sleep(0.02)
        connected.clear()
        assert reaches(leader, session, Status.ENDED).end_code == "unwatched"


def test_row_28_callbacks_that_are_doubled_late_forged_or_for_others_change_nothing(world: World) -> None:
    with world.house() as services, serve(Starlette(routes=routes(services))) as url:
        session = reaches(services, services.sessions.start(demo(services).id, token="t"), Status.LIVE)
        secret = services.callbacks.secret_of(session.id)

        def send(secret: str, event: str, conversation: str = session.conversation_id) -> int:
            body = {
                "conversation_id": conversation, "event_type": event, "message_type": "system",
                "timestamp": "2026-01-01T00:00:00Z", "properties": {"shutdown_reason": "max_call_duration"},
            }  # fmt: skip
            return requests.post(f"{url}/callbacks/tavus/{secret}", json=body, timeout=5).status_code

        forged = f"{session.id}.{'0' * 40}"
        assert send(forged, "system.shutdown") == 404
        for event in ("system.shutdown", "system.replica_joined", "system.shutdown"):
            assert send(secret, event) == 204
            send(secret, event, "cnobody")
        time.sleep(0.5)
        assert status_of(services, session) is Status.LIVE
        services.sessions.end(session.id)
        ended = reaches(services, session, Status.ENDED)
        for _ in range(2):
            assert send(secret, "system.replica_joined") == 204
        time.sleep(0.3)
        after = services.sessions.get(session.id)
        assert (after.status, after.ended_at, after.end_code) == (Status.ENDED, ended.ended_at, ended.end_code)


@pytest.mark.parametrize("hours", [1, -1])
def test_row_29_a_clock_that_jumps_ends_nothing_and_gives_nothing_up(hours: int, world: World) -> None:
    with world.house(watch_grace_s=60, reconcile_horizon_s=4) as services:
        agent = demo(services)
        live = reaches(services, services.sessions.start(agent.id, token="1"), Status.LIVE)
        chat = services.sessions.start(agent.id, token="2", enable_avatar=False)
        world.fails({"route": CREATE, "drop": "before"})
        sought = services.sessions.start_and_wait(agent.id, token="3")
        ledger = services.sessions._ledger
        clock = ledger.clock
        object.__setattr__(ledger, "clock", lambda: clock() + timedelta(hours=hours))
        try:
            ends_at = time.monotonic() + 1.0
            while time.monotonic() < ends_at:
                assert status_of(services, live) is Status.LIVE
                assert status_of(services, chat) is Status.LIVE
                assert status_of(services, sought) is Status.UNKNOWN
                time.sleep(0.02)
            world.arrives(-1)
            reaches(services, sought, Status.LIVE)
            assert reaches(services, services.sessions.start(agent.id, token="4"), Status.LIVE)
        finally:
            object.__setattr__(ledger, "clock", clock)
        assert len(world.running()) == 3


def test_row_30_two_sweepers_at_once_come_to_the_same_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither knows of the other: each believes that it leads."""
    monkeypatch.setattr(Lease, "hold", lambda _: True)
    monkeypatch.setattr(Lease, "leads", True)
    monkeypatch.setattr(Lease, "epoch", 1, raising=False)
    with world.house() as one, world.house() as two:
        agent = demo(one)
        impatient(one)
        kept = one.sessions.start_and_wait(agent.id, token="kept")
        world.fails({"route": CREATE, "drop": "after"}, {"route": LIST, "status": 500, "times": 12})
        lost = one.sessions.start_and_wait(agent.id, token="lost")
        world.arrives(1)
        world.fails({"route": CREATE, "drop": "before"})
        never = one.sessions.start_and_wait(agent.id, token="never")
        ended = two.sessions.start_and_wait(agent.id, token="ended")
        two.sessions.end(ended.id)
        reaches(one, lost, Status.LIVE)
        reaches(one, never, Status.FAILED)
        reaches(one, ended, Status.ENDED)
        reaches(one, kept, Status.LIVE)
        world.arrives(2)
        until(lambda: one.sessions.get(never.id).status is Status.ENDED)
        until(lambda: len(world.running()) == 2)
        until(lambda: not [row for row in world.rows() if row["status"] in ("starting", "unknown", "ending")])
        rows = world.rows()
        assert sorted(row["conversation_id"] for row in rows) == sorted(row["id"] for row in world.conversations())
        for row in rows:
            kinds = [event.kind for event in one.sessions.timeline(row["id"])]
            assert len(kinds) == len(set(kinds)), kinds


@pytest.mark.parametrize("route", ["* /v2/*", "POST /v2/conversations/*/end"], ids=["everywhere", "on end alone"])
def test_row_31_a_key_that_is_revoked_leaves_it_ending_and_says_so(
    route: str, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with world.house() as services:
        session = reaches(services, services.sessions.start(demo(services).id, token="t"), Status.LIVE)
        world.fails({"route": route, "status": 401, "body": {"message": "Invalid access token"}, "times": -1})
        services.sessions.end(session.id)
        trouble = until(lambda: services.sessions.trouble(session.id))
        assert "refused the key" in trouble.message
        time.sleep(0.5)
        assert status_of(services, session) is Status.ENDING
        assert services.sessions.allowance().open_calls == 1
        assert [entry for entry in caplog.records if entry.levelname == "ERROR" and session.id in entry.getMessage()]
        assert len(world.running()) == 1
        world.heals()
        reaches(services, session, Status.ENDED)
        assert services.sessions.trouble(session.id) is None


def reaches_by_id(services: Services, session_id: str, status: Status) -> Any:
    """As `reaches`, for a session that may not be there yet."""
    until(lambda: services.sessions.page().total)
    return reaches(services, until(lambda: _found(services, session_id)), status)


def _found(services: Services, session_id: str) -> Any:
    return next((one for one in services.sessions.page().items if one.id == session_id), None)


class second_database:
    """Another database of the same kind, on the same account."""

    def __init__(self, world: World, root: Path, request: pytest.FixtureRequest) -> None:
        self._world, self._root = world, root
        self._server: Server | None = request.getfixturevalue("postgresql") if world.database != SQLITE else None
        self._open: Any = None

    def __enter__(self) -> World:
        url = SQLITE
        if self._server is not None:
            self._open = self._server.database()
            url = self._open.__enter__()
        return World(self._world.sandbox, self._root, url)

    def __exit__(self, *about: Any) -> None:
        if self._open is not None:
            self._open.__exit__(*about)
