"""What a process remembers of single sessions is gone soon after they are over, whether it leads or stands by."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from lib.errors import UpstreamError
from lib.models import CallSettings, Session, Status
from lib.services.calls.background import sweeper
from lib.services.chat import sessions as talking
from lib.wiring import Services
from tests.house import demo, fault, reaches, until
from tests.services.ledger.world import World


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without the collector, which comes when it likes: what a failure's traceback holds is forgotten all the same."""
    monkeypatch.setattr(sweeper, "RECORD_WITHIN_S", 0.3)
    gc.disable()
    yield
    gc.enable()


def remembered(services: Services) -> dict[str, int]:
    """How much is known of single sessions, by where."""
    sessions: Any = services.sessions
    rounds, starting, watching = rounds_of(services), sessions._starting, sessions._monitor
    held: dict[str, Any] = {
        "tokens": sessions._tokens._tokens, "running": sessions._running, "starting": starting._running,
        "unwritten": starting._unwritten, "troubles": watching._troubles, "looking": watching._looking,
        "seen": sessions._viewers._seen, "tabs": sessions._viewers._tabs, "glimpsed": sessions._viewers._glimpsed,
        "hinted": rounds._hinted, "checked": rounds._checked, "ages": rounds._stopwatch._since,
        "followed": rounds._followed, "unsaid": services.heard._unsaid, "calls": services.pipecat._calls,
    }  # fmt: skip
    return {name: len(what) for name, what in held.items() if what}


def private(services: Services, token: str) -> Session:
    agent = services.agents.all()[0] if services.agents.all() else demo(services, call=CallSettings(private_room=True))
    session = services.sessions.start_and_wait(agent.id, token=token)
    services.sessions.follow(f"tab-{token}", session.id, lambda: False)
    services.sessions.glimpse(session)
    return reaches(services, session, Status.LIVE)


def rounds_of(services: Services) -> Any:
    return services._sweeper


def holds_only(tokens: Any, session_id: str) -> bool:
    return set(tokens._tokens) == {session_id}


def forgets(services: Services) -> None:
    until(lambda: remembered(services) == {})


def test_nothing_is_remembered_of_sessions_that_are_over_and_all_that_is_needed_of_the_others(world: World) -> None:
    with world.house() as leader, world.house() as follower:
        over = [private(each, f"{n}-{name}") for n in range(3) for name, each in (("a", leader), ("b", follower))]
        still = [private(each, name) for name, each in (("left", leader), ("right", follower))]
        for each, session in zip([leader, follower] * 3, over, strict=True):
            assert each.sessions.room_url(session)
            each.sessions.end(session.id)
            reaches(each, session, Status.ENDED)
        for each, session in zip((leader, follower), still, strict=True):
            tokens: Any = each.sessions._tokens
            until(partial(holds_only, tokens, session.id))
            assert each.sessions.room_url(session)
            each.sessions.end(session.id)
        for each in (leader, follower):
            forgets(each)


def test_a_session_ended_elsewhere_is_forgotten_too(world: World) -> None:
    with world.house() as leader, world.house() as follower:
        mine, theirs = private(leader, "a"), private(follower, "b")
        for session in (mine, theirs):
            world.end(session.conversation_id)
        for each in (leader, follower):
            forgets(each)


def test_trouble_with_a_session_that_is_over_is_forgotten_and_asks_for_nothing_more(world: World) -> None:
    with world.house() as leader, world.house() as follower:
        session = private(follower, "a")
        fault(world.sandbox.url, f"GET /v2/conversations/{session.conversation_id}", status=401, times=-1)
        follower.sessions.hint(session.id)
        until(lambda: follower.sessions.trouble(session.id))
        with leader.store.writing() as connection:
            connection.exec_driver_sql("UPDATE sessions SET status = 'ended', ended_at = created_at")
        for each in (leader, follower):
            forgets(each)
        asked = len(world.sandbox.log())
        rounds_of(follower).round()
        assert len(world.sandbox.log()) == asked


def test_answers_that_failed_and_that_nobody_came_back_to_are_few(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talking, "REMEMBERED", 3)
    with world.house(chat_base_url="http://127.0.0.1:9/v1", chat_model="m") as services:
        agent = demo(services)
        for n in range(8):
            session = services.sessions.start(agent.id, token=f"t{n}", enable_avatar=False)
            answer = services.chats.ask(session.id, "Hello")
            assert answer.done.wait(10) and isinstance(answer.failure, UpstreamError)
            assert services.chats.answering(session.id) is answer
        assert len(services.chats._answers) <= 4
