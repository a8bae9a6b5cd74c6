"""Calls whose row is gone, as after a restore from an old backup: found among those that have ended at Tavus."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from lib.clients import sweeping
from lib.models import Agent, CallSettings, Status
from lib.store import agents as agent_rows
from lib.store import schema
from tests.services.ledger.machine import INTERVAL_S, PAGE_ROWS, Disk, Process, disk
from tests.services.ledger.upstream import BEGAN, Clocks, Upstream

CALLS = 3 * PAGE_ROWS


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(sweeping, "PAGE_ROWS", PAGE_ROWS)
    made = disk(tmp_path)
    yield made
    made.close()


class Desk:
    """A process with an agent, and the Tavus that it speaks to."""

    def __init__(self, store: Disk) -> None:
        self.store, self.clocks = store, Clocks()
        self.upstream = Upstream(self.clocks)
        self.agent = Agent("a1", "Demo", "p1", "r1", CallSettings(), BEGAN, BEGAN)
        with store.writing() as connection:
            agent_rows.add(connection, "desk", self.agent)
        self.restart()

    def restart(self) -> None:
        """A process that leads once the lease of the one before is over."""
        self.process = Process(self.store, "desk", self.upstream, self.clocks)
        self.pass_s(4 * INTERVAL_S)

    def call(self, number: int) -> str:
        """Start one, end it, and look until it is over; its id."""
        session = self.process.sessions.start(self.agent.id, token=f"t{number}")
        self.process.sessions.end(session.id)
        self.pass_s(4 * INTERVAL_S)
        assert self.process.sessions.get(session.id).status is Status.ENDED
        return session.id

    def pass_s(self, seconds: float) -> None:
        for _ in range(int(seconds / INTERVAL_S)):
            self.clocks.watch_s += INTERVAL_S
            self.process.round()

    def lose(self, *ids: str) -> None:
        with self.store.writing() as connection:
            connection.execute(delete(schema.sessions).where(schema.sessions.c.id.in_(ids)))

    def held(self) -> set[str]:
        with self.store.reading() as connection:
            rows = connection.execute(schema.sessions.select().with_only_columns(schema.sessions.c.conversation_id))
            return set(rows.scalars())


def test_the_first_look_of_a_process_goes_back_a_day_however_many_have_ended(store: Disk) -> None:
    desk = Desk(store)
    ids = [desk.call(number) for number in range(CALLS)]
    desk.upstream.foreign(PAGE_ROWS + 1)
    desk.lose(ids[0], ids[5])
    desk.restart()
    assert desk.held() == {call.id for call in desk.upstream.calls.values() if call.posted_at is not None}


def test_what_is_older_than_a_day_was_forgotten_on_purpose(store: Disk) -> None:
    desk = Desk(store)
    old = desk.call(0)
    desk.clocks.watch_s += timedelta(days=1, hours=1).total_seconds()
    new = desk.call(1)
    desk.lose(old, new)
    desk.restart()
    assert len(desk.held()) == 1


def test_a_call_that_comes_after_its_row_was_lost_is_found_within_the_hour_behind_newer_ones(store: Disk) -> None:
    desk = Desk(store)
    desk.upstream.outcome, desk.upstream.late_s = "late", 75.0
    late = desk.process.sessions.start(desk.agent.id, token="late")
    desk.lose(late.id)
    desk.restart()
    desk.clocks.watch_s += 400.0
    desk.upstream.tick()
    (lost,) = [call for call in desk.upstream.calls.values() if call.ended_at is not None]
    for number in range(PAGE_ROWS + 2):
        desk.call(number)
    desk.pass_s(3600.0)
    assert lost.id in desk.held()
