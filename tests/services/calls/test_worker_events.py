"""What a worker tells is written in order whatever the database does; a reason that comes late is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from lib.errors import UpstreamError
from lib.models import Mode, Session, Status
from lib.services.calls import worker_events as hearing
from lib.services.calls.monitor import Monitor
from lib.services.calls.worker_events import WorkerEvents
from lib.services.chat.responder import Responder
from lib.store import database
from lib.store import sessions as rows
from lib.wiring import Services
from tests.house import KEY, demo, house, reaches, until
from tests.sandbox_server import RunningSandbox

JOIN = UpstreamError("The Daily room could not be joined.", code="daily_join", hint="Check DAILY_SUBDOMAIN.")


@pytest.mark.parametrize("by_a_person", [False, True])
def test_a_late_reason_is_kept_unless_somebody_ended_the_call(
    by_a_person: bool, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with house(sandbox.url, tmp_path) as services:
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        if by_a_person:
            services.sessions.end(session.id)
        else:
            ended = f"{sandbox.v2}/conversations/{session.conversation_id}/end"
            requests.post(ended, headers={"x-api-key": KEY}, timeout=5).raise_for_status()
        reaches(services, session, Status.ENDED)
        heard = WorkerEvents(services.archive._ledger, Responder(None))
        heard.broken(session.id, JOIN)
        over = services.sessions.get(session.id)
        assert over.status is Status.ENDED
        assert over.reason_code == ("" if by_a_person else "daily_join")
        heard.broken(session.id, UpstreamError("It broke off.", code="worker_died"))
        assert services.sessions.get(session.id).reason_code == over.reason_code


# while the database can't be written

Housed = Callable[..., AbstractContextManager[Services]]


@pytest.fixture
def housed(sandbox: RunningSandbox, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Housed:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(hearing, "AGAIN_S", 0.05)
    return partial(house, sandbox.url, tmp_path, database=database_url)


@contextmanager
def locked(services: Services) -> Iterator[None]:
    """Somebody holds the database: it can be read, and not be written."""
    url = services.store._url
    if url.get_backend_name() == "postgresql":
        with services.store.writing() as connection:
            connection.execute(text(f"ALTER DATABASE {url.database} SET lock_timeout = '100ms'"))
        services.store.close()
        services.store.open()
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("LOCK TABLE turns, events, sessions IN EXCLUSIVE MODE"))
        yield
    engine.dispose()


def worked(services: Services) -> Session:
    """A call that is held by a worker."""
    session = services.sessions.start_and_wait(demo(services).id, token="t")
    reaches(services, session, Status.LIVE)
    with services.store.writing() as connection:
        rows.advance(connection, session.id, mode=Mode.PIPECAT_DAILY)
    return session


def said(services: Services, session: Session) -> list[str]:
    return [turn.content for turn in services.sessions.turns(session.id) if turn.source == "tavus"]


def look(services: Services, session: Session) -> Session:
    """The session, after it was looked at once more."""
    watching: Any = services.sessions._monitor
    assert isinstance(watching, Monitor)
    watching.check(session.id)
    return services.sessions.get(session.id)


def over(services: Services, session: Session) -> None:
    """It is over; the sweeper, which looks at it by itself, has its transcript still to see to."""
    with services.store.writing() as connection:
        rows.advance(connection, session.id, status=Status.ENDED, ended_at=session.created_at, transcript_at=None)


def test_turns_told_while_the_database_is_locked_are_written_in_order_and_the_transcript_is_not_whole_before(
    housed: Housed,
) -> None:
    with housed(sweep_interval_s=60) as services:
        session = worked(services)
        services.heard.turn(session.id, "user", "one")
        with locked(services):
            begun = time.monotonic()
            for n in range(40):
                services.heard.turn(session.id, "assistant", str(n))
            assert time.monotonic() - begun < 2, "who hears a worker must not wait for each turn"
            assert said(services, session) == ["one"]
            assert not services.heard.written(session.id)
        until(lambda: said(services, session) == ["one", *map(str, range(40))])
        seconds = [turn.seconds for turn in services.sessions.turns(session.id) if turn.source == "tavus"]
        assert seconds == sorted(seconds, key=lambda value: value or 0.0)
        over(services, session)
        until(lambda: services.heard.written(session.id))
        assert look(services, session).transcript_at is not None


def test_a_transcript_is_not_called_whole_while_a_turn_waits(housed: Housed, monkeypatch: pytest.MonkeyPatch) -> None:
    with housed(sweep_interval_s=60) as services:
        session = worked(services)
        monkeypatch.setattr(hearing, "AGAIN_S", 60)
        with locked(services):
            services.heard.turn(session.id, "user", "late")
        over(services, session)
        assert look(services, session).transcript_at is None
        services.heard._write_all()
        assert look(services, session).transcript_at is not None
        assert said(services, session) == ["late"]


def test_more_than_may_wait_is_dropped_counted_and_the_transcript_never_called_whole(
    housed: Housed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "MOST_WAITING", 3)
    with housed(sweep_interval_s=60) as services:
        session = worked(services)
        with locked(services):
            for n in range(8):
                services.heard.turn(session.id, "user", str(n))
            services.heard.broken(session.id, JOIN)
        until(lambda: services.heard.written(session.id))
        assert said(services, session) == ["0", "1", "2"]
        assert services.sessions.get(session.id).reason_code == "daily_join"
        lost = [event for event in services.sessions.timeline(session.id) if event.kind == "turns_lost"]
        assert [event.detail for event in lost] == ["5 entries"]
        over(services, session)
        assert look(services, session).transcript_at is None


def test_what_another_process_called_whole_is_taken_back_where_something_was_lost(
    housed: Housed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "MOST_WAITING", 1)
    with housed(sweep_interval_s=60) as services, housed(sweep_interval_s=60) as other:
        session = worked(services)
        monkeypatch.setattr(hearing, "AGAIN_S", 60)
        with locked(services):
            for n in range(3):
                services.heard.turn(session.id, "user", str(n))
        over(other, session)
        assert look(other, session).transcript_at is not None
        services.heard._write_all()
        assert look(other, session).transcript_at is None


def test_a_turn_that_the_database_never_takes_is_lost_alone(housed: Housed, monkeypatch: pytest.MonkeyPatch) -> None:
    add = WorkerEvents._add

    def odd(self: WorkerEvents, session_id: str, role: str, text: str, at: Any) -> None:
        if text == "odd":
            raise ValueError("a mistake")
        add(self, session_id, role, text, at)

    monkeypatch.setattr(WorkerEvents, "_add", odd)
    with housed(sweep_interval_s=60) as services:
        session = worked(services)
        for word in ("one", "odd", "two"):
            services.heard.turn(session.id, "user", word)
        assert said(services, session) == ["one", "two"]
        over(services, session)
        assert look(services, session).transcript_at is None


def test_what_waits_is_written_at_the_end_of_the_process(housed: Housed, monkeypatch: pytest.MonkeyPatch) -> None:
    with housed(sweep_interval_s=60) as services:
        session = worked(services)
        monkeypatch.setattr(hearing, "AGAIN_S", 60)
        with locked(services):
            services.heard.turn(session.id, "user", "last words")
    with housed() as services:
        assert said(services, session) == ["last words"]


@pytest.mark.parametrize("how", [{"end_code": "worker_lost"}, {"reason_code": "worker_unheard"}])
def test_a_call_whose_dashboard_died_has_no_whole_transcript(how: dict[str, Any], housed: Housed) -> None:
    with housed(sweep_interval_s=60) as services:
        session = worked(services)
        services.heard.turn(session.id, "user", "one")
        over(services, session)
        with services.store.writing() as connection:
            rows.advance(connection, session.id, **how)
        assert look(services, session).transcript_at is None


def test_turns_of_a_session_that_was_deleted_are_dropped(housed: Housed) -> None:
    with housed() as services:
        services.heard.turn("s-20261130-101010-abcdef", "user", "hello")
        assert services.heard.written("s-20261130-101010-abcdef")
