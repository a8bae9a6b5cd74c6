"""One sweeper among several processes: who leads, who takes over, and what a process that was away does."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from lib.models import Status
from lib.services.calls.background.lease import Lease, new_owner
from lib.services.calls.stopwatch import Stopwatch
from lib.store.database import Store
from lib.wiring import calls
from tests.house import demo, reaches, until
from tests.services.ledger.world import World, status_of


@contextmanager
def sitting(world: World, **settings: Any) -> Iterator[Any]:
    process = world.process("tests.services.ledger.sitting", {"settings": settings})
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line == "ready\n", line + process.stdout.read()
        yield process
    finally:
        if process.poll() is None:
            process.communicate("\n", timeout=30)
        process.communicate()


def stop(world: World, pid: int) -> None:
    """Stop a process where it is not writing: nobody could go on with a database that is locked by it."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        try:
            with world.raw(patience_s=0.1) as connection:
                connection.execute(text("UPDATE leases SET held = held"))
            return
        except OperationalError:
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.01)


def holder(world: World) -> str:
    with world.raw() as connection:
        return str(connection.execute(text("SELECT owner FROM leases")).scalar_one())


def test_of_two_processes_one_sweeps_and_when_it_is_killed_the_other_does_within_two_leases(world: World) -> None:
    lease_s = 3 * 1.0
    with sitting(world, sweep_interval_s=1.0, watch_grace_s=0.5) as leader:
        led = holder(world)
        assert led.split("/")[1] == str(leader.pid)
        with world.house(sweep_interval_s=1.0, watch_grace_s=0.5) as other:
            session = other.sessions.start_and_wait(demo(other).id, token="t")
            # From here on nobody watches; who sweeps ends it.
            os.kill(leader.pid, signal.SIGKILL)
            killed = time.monotonic()
            until(lambda: holder(world) != led, within_s=2 * lease_s)
            reaches(other, session, Status.ENDED, within_s=2 * lease_s)
            assert time.monotonic() - killed < 2 * lease_s + 1.0


def test_a_process_that_stands_by_asks_tavus_nothing(world: World) -> None:
    with sitting(world), world.house() as other:
        asked = len(world.sandbox.log())
        time.sleep(0.5)
        assert len(world.sandbox.log()) == asked
        assert other.ready


def test_a_process_that_ended_properly_leaves_the_lease_to_the_next_one_at_once(world: World) -> None:
    with sitting(world, sweep_interval_s=30.0):
        pass
    begun = time.monotonic()
    with world.house(sweep_interval_s=30.0):
        assert time.monotonic() - begun < 3
        assert holder(world).split("/")[1] == str(os.getpid())


def test_a_process_of_this_machine_that_was_killed_is_not_waited_for(world: World) -> None:
    with sitting(world, sweep_interval_s=30.0) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    begun = time.monotonic()
    with world.house(sweep_interval_s=30.0):
        assert time.monotonic() - begun < 3


def test_a_leader_that_was_stopped_for_long_finds_that_another_leads_and_ends_nothing(world: World) -> None:
    with sitting(world, watch_grace_s=1.0) as leader, world.house(watch_grace_s=1.0) as other:
        session = reaches(other, other.sessions.start(demo(other).id, token="t"), Status.LIVE)
        other.sessions.follow("tab", session.id, lambda: True)
        stop(world, leader.pid)
        try:
            until(lambda: holder(world).split("/")[1] == str(os.getpid()))
            time.sleep(1.5)
        finally:
            os.kill(leader.pid, signal.SIGCONT)
        time.sleep(1.5)
        assert holder(world).split("/")[1] == str(os.getpid())
        assert status_of(other, session) is Status.LIVE


class Hand:
    """A watch that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


def lease(store: Store, hand: Hand, owner: str = "") -> tuple[Lease, Stopwatch]:
    ages = Stopwatch(longest_step_s=5.0, monotonic=hand)
    return Lease(store, "sweeper:x", owner or new_owner(), ages, lasts_s=15.0, monotonic=hand), ages


def passes(hand: Hand, seconds: float, *stopwatch: Stopwatch) -> None:
    for _ in range(int(seconds)):
        hand.now += 1
        for one in stopwatch:
            one.tick()


def test_a_lease_is_taken_over_only_after_it_was_seen_unchanged_for_as_long_as_it_lasts(
    store: Store, hand: Hand
) -> None:
    first, first_ages = lease(store, hand, "elsewhere/1/a")
    second, second_ages = lease(store, hand, "elsewhere/2/b")
    assert first.hold()
    assert not second.hold()
    assert not second.alive
    for _ in range(10):
        passes(hand, 6, first_ages, second_ages)
        assert first.hold()
        assert not second.hold()
        assert second.alive
    passes(hand, 14, second_ages)
    assert not second.hold()
    assert first.leads
    passes(hand, 2, second_ages)
    assert not first.leads
    assert second.hold()
    assert (second.epoch, second.before) == (2, "elsewhere/1/a")
    assert not first.hold()


def test_a_lease_that_nobody_looked_at_for_an_hour_is_not_taken_over_at_the_first_look(
    store: Store, hand: Hand
) -> None:
    """A process that slept must see for itself that the leader gives no sign any more."""
    first, _ = lease(store, hand, "elsewhere/1/a")
    second, ages = lease(store, hand, "elsewhere/2/b")
    assert first.hold()
    assert not second.hold()
    hand.now += 3600
    ages.tick()
    assert not second.hold()


def test_of_two_who_want_a_free_lease_one_gets_it(store: Store, hand: Hand) -> None:
    first, _ = lease(store, hand, "elsewhere/1/a")
    assert first.hold()
    first.release()
    others = [lease(store, hand, f"elsewhere/{n}/x")[0] for n in range(2, 6)]
    assert sum(one.hold() for one in others) == 1
    assert not first.leads


def test_a_container_that_starts_again_with_the_same_number_is_not_taken_for_its_predecessor(
    store: Store, hand: Hand
) -> None:
    first, _ = lease(store, hand, f"{socket.gethostname()[:60]}/{os.getpid()}/before")
    assert first.hold()
    second, _ = lease(store, hand)
    assert second.hold()
    third, _ = lease(store, hand)
    assert not third.hold()


def test_a_process_that_stands_by_takes_back_what_it_said_of_a_sessions_trouble(world: World) -> None:
    with world.house(), world.house() as other:
        session = reaches(other, other.sessions.start(demo(other).id, token="t"), Status.LIVE)
        world.fails({"route": "* /v2/conversations/*", "status": 500, "times": -1})
        other.sessions.hint(session.id)
        until(lambda: other.sessions.trouble(session.id))
        world.heals()
        until(lambda: other.sessions.trouble(session.id) is None)
        world.fails({"route": "* /v2/conversations/*", "status": 500, "times": -1})
        other.sessions.hint(session.id)
        until(lambda: other.sessions.trouble(session.id))
        with world.raw() as connection:
            connection.execute(text("DELETE FROM sessions"))
        until(lambda: other.sessions.trouble(session.id) is None)


def test_each_account_has_a_sweeper_of_its_own(world: World) -> None:
    with world.house() as one, world.house(tavus_api_key="tvsk_other") as other:
        assert one.account != other.account
        assert one._sweeper is not None and other._sweeper is not None
        assert one._sweeper._lease.leads and other._sweeper._lease.leads


def test_the_owner_names_this_process() -> None:
    assert new_owner().split("/")[1] == str(os.getpid())
    assert new_owner() != new_owner()
    assert calls.SHORTEST_LEASE_S > 0
