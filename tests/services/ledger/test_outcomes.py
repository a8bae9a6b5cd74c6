"""Whatever keeps the outcome of a paid start from being written, it is kept, and keeps nothing else waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lib.models import CallSettings, Conversation, Session, Status
from lib.services.calls.background import reconciler
from lib.services.calls.claims import Claims
from lib.services.calls.sessions import RoomTokens
from lib.services.ledger.ledger import Ledger
from lib.services.modes.mode import CallPlan
from lib.services.modes.phoenix import PhoenixRest
from lib.wiring import Services
from tests.house import demo, reaches, until
from tests.services.ledger.world import CREATE, LIST, World, paid_once, status_of

REFUSES = {
    "sqlite": (
        "CREATE TRIGGER no BEFORE UPDATE ON sessions WHEN NEW.agent_name = 'Refused' AND NEW.status <> OLD.status "
        "BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION no() RETURNS trigger AS $$ BEGIN IF NEW.agent_name = 'Refused' AND NEW.status <> OLD.status "
        "THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER no BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION no()",
    ),
}


@contextmanager
def refusing(world: World, services: Services) -> Iterator[None]:
    """The database takes no change of status of one agent's sessions."""
    postgresql = "postgresql" in world.database
    with services.store.writing() as connection:
        for statement in REFUSES["postgresql" if postgresql else "sqlite"]:
            connection.exec_driver_sql(statement)
    yield
    with services.store.writing() as connection:
        connection.exec_driver_sql("DROP FUNCTION no() CASCADE" if postgresql else "DROP TRIGGER no")


@contextmanager
def occupied(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another thread holds every connection of the pool."""
    pool: Any = services.store.engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.05)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        taken: list[Any] = []
        while len(taken) < 30:
            taken.append(services.store.engine.connect())
        held.set()
        free.wait(20)
        for connection in taken:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    yield
    free.set()
    thread.join()


def begun(world: World, services: Services, **changes: Any) -> Session:
    """A start that is being sent just now; its room is private, so that only the answer itself can open it."""
    world.fails({"route": CREATE, "delay_s": 0.5})
    agent = demo(services, call=CallSettings(private_room=True), **changes)
    return services.sessions.start(agent.id, token=f"t-{agent.id}")


def joinable(services: Services, session: Session) -> str:
    return services.sessions.room_url(services.sessions.get(session.id))


def test_an_outcome_that_meets_a_pool_in_use_is_written_when_there_is_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.house() as services:
        session = begun(world, services)
        with occupied(services, monkeypatch):
            until(lambda: world.running())
            time.sleep(0.5)
        live = reaches(services, session, Status.LIVE)
        assert joinable(services, session)
        paid_once(world, live)


def test_an_outcome_that_the_database_does_not_take_is_written_later_and_holds_up_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that each round also tries, in vain, to take this start for unclear.
    monkeypatch.setattr("lib.services.calls.background.reaper.ANSWER_WITHIN_S", 0.1)
    with world.house() as services:
        session = begun(world, services, name="Refused")
        with refusing(world, services):
            until(lambda: world.running())
            until(lambda: services._starting is not None and services._starting._unwritten)
            time.sleep(0.3)
            assert status_of(services, session) is Status.STARTING
            other = services.sessions.start(demo(services, name="Taken").id, token="other")
            reaches(services, other, Status.LIVE)
            world.end(services.sessions.get(other.id).conversation_id)
            reaches(services, other, Status.ENDED)
        live = reaches(services, session, Status.LIVE)
        assert joinable(services, session)
        assert live.conversation_id in world.running()


@pytest.mark.parametrize("broken", [(Claims, "made"), (RoomTokens, "keep"), (Ledger, "get")])
def test_an_outcome_that_meets_a_mistake_of_ours_is_kept(
    broken: tuple[type, str], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, name = broken
    right: Callable[..., Any] = getattr(kind, name)
    start, paid = PhoenixRest.start, threading.Event()
    failed: list[str] = []

    def starting(self: PhoenixRest, plan: CallPlan) -> Conversation:
        made = start(self, plan)
        paid.set()
        return made

    def wrong(*args: Any, **kwargs: Any) -> Any:
        where = threading.current_thread().name
        if paid.is_set() and len(failed) < 2 and where.startswith(("greenroom-start", "greenroom-pulse")):
            failed.append(where)
            raise RuntimeError("a mistake")
        return right(*args, **kwargs)

    monkeypatch.setattr(PhoenixRest, "start", starting)
    monkeypatch.setattr(kind, name, wrong)
    with world.house() as services:
        session = begun(world, services)
        live = reaches(services, session, Status.LIVE)
        paid_once(world, live)
        assert failed
        until(lambda: services._starting is not None and not services._starting.busy(session.id))
        assert joinable(services, session)


def test_a_mistake_before_the_start_is_sent_says_so_and_sends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong() -> None:
        raise RuntimeError("a mistake")

    with world.house() as services:
        monkeypatch.setattr(services._gate, "check", wrong)
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert session.status is Status.LIVE and "was not sent" in session.reason
        assert world.creates() == []


def test_one_conversation_that_can_not_be_claimed_keeps_no_other_from_being_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "BUSY_S", 0.1)
    found = Claims.found

    def odd(self: Claims, session_id: str, conversation: Conversation) -> str:
        if "Odd" in conversation.name:
            raise RuntimeError("odd data")
        return found(self, session_id, conversation)

    monkeypatch.setattr(Claims, "found", odd)
    with world.house() as services:
        begun = {}
        for name in ("Odd one", "Even", "Odd two"):
            world.fails({"route": CREATE, "drop": "after"}, {"route": LIST, "status": 429, "times": -1})
            begun[name] = services.sessions.start_and_wait(demo(services, name=name).id, token=name)
        world.heals()
        reaches(services, begun["Even"], Status.LIVE)


def test_an_outcome_that_can_never_be_written_leaves_the_call_to_the_list(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is taken for unclear after a while, and the conversation is found by its name."""

    def wrong(*_: object) -> str:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("lib.services.calls.background.reaper.ANSWER_WITHIN_S", 0.3)
    monkeypatch.setattr(Claims, "made", wrong)
    with world.house() as services:
        session = services.sessions.start(demo(services).id, token="t")
        live = reaches(services, session, Status.LIVE)
        paid_once(world, live)
