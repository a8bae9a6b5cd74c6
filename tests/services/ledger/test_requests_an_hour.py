"""What the sweeper asks of Tavus in an hour of the test's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.models import Agent, CallSettings, Status
from lib.store import agents as agent_rows
from tests.services.ledger.machine import INTERVAL_S, Disk, Process, disk
from tests.services.ledger.upstream import Clocks, Upstream

HOUR_S = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Disk]:
    made = disk(tmp_path)
    yield made
    made.close()


class Counted(Upstream):
    """Tavus that counts what it is asked."""

    asked = 0

    def request(self, *args: object, **kwargs: object) -> object:
        self.asked += 1
        return super().request(*args, **kwargs)  # type: ignore[arg-type]


def hour(process: Process, clocks: Clocks, upstream: Counted) -> int:
    """How many requests an hour of rounds costs."""
    before = upstream.asked
    for _ in range(int(HOUR_S / INTERVAL_S)):
        clocks.watch_s += INTERVAL_S
        process.round()
    return upstream.asked - before


def console(store: Disk, account: str, **settings: int) -> tuple[Process, Clocks, Counted]:
    clocks = Clocks()
    upstream = Counted(clocks)
    return Process(store, account, upstream, clocks, **settings), clocks, upstream


def test_with_nothing_open_it_is_two_at_most(store: Disk) -> None:
    process, clocks, upstream = console(store, "idle")
    assert upstream.asked == 2
    for _ in range(3):
        assert hour(process, clocks, upstream) <= 2


def test_five_live_calls_cost_one_list_a_round(store: Disk) -> None:
    process, clocks, upstream = console(store, "busy", max_concurrent_calls=5, max_call_s=3600)
    agent = Agent("a1", "Demo", "p1", "r1", CallSettings(), clocks.wall(), clocks.wall())
    with store.writing() as connection:
        agent_rows.add(connection, "busy", agent)
    for number in range(5):
        session = process.sessions.start(agent.id, token=f"t{number}")
        process.sessions.follow(session.id, session.id, lambda: True)
    for call in upstream.calls.values():
        call.joined = True
    upstream.tick()
    process.round()
    process.round()
    assert {session.status for session in process.sessions.open()} == {Status.LIVE}
    rounds = int(HOUR_S / INTERVAL_S)
    asked = hour(process, clocks, upstream)
    assert len(upstream.calls) == 5
    assert rounds <= asked <= rounds + 2 + 5 * 2
