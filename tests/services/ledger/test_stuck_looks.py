"""One look that does not come back stops neither the dashboard nor the sweeper, and is told of."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from lib.doctor.report import CheckResult, HealthCheck
from lib.errors import NotSent
from lib.models import Session, Status
from lib.services.calls import watchdog
from lib.services.diagnostics import local
from lib.wiring import Services
from tests.house import demo, house, reaches, until
from tests.relay import Relay, relayed
from tests.services.ledger.world import HORIZON_S, World, status_of

STUCK_S = 0.5


@contextmanager
def behind_a_relay(world: World) -> Iterator[tuple[Services, Relay]]:
    limits: dict[str, Any] = {"max_concurrent_calls": 20, "daily_minutes": 1000, "reconcile_horizon_s": HORIZON_S}
    with (
        relayed(world.sandbox.url) as relay,
        house(relay.url, world.root, database=world.database, **limits) as services,
    ):
        services.tavus._transport._reading._timeouts = (1.0, 2.5)
        yield services, relay


@contextmanager
def watched(world: World, **settings: Any) -> Iterator[Services]:
    """A house whose watchdog takes half a second for long."""
    with world.house(**settings) as services:
        sweeper(services)._watchdog._stuck_s = STUCK_S
        yield services


def sweeper(services: Services) -> Any:
    return services._sweeper


def gate(services: Services) -> Any:
    return services._gate


def live(services: Services, token: str) -> Session:
    return reaches(services, services.sessions.start(demo(services, name=token).id, token=token), Status.LIVE)


@contextmanager
def stuck_at(services: Services, *sessions: Session) -> Iterator[threading.Event]:
    """The looks at these sessions do not come back before the event is set, and then they say that it has ended."""
    modes, go_on = sweeper(services)._monitor._modes, threading.Event()
    real, ids = modes.look, {one.id for one in sessions}

    def look(session: Session) -> Any:
        conversation = real(session)
        if session.id in ids and not go_on.is_set():
            go_on.wait(30)
            return replace(conversation, status="ended")
        return conversation

    sweeper(services)._monitor._modes = _With(modes, look=look)
    try:
        yield go_on
    finally:
        go_on.set()
        sweeper(services)._monitor._modes = modes


class _With:
    def __init__(self, inner: Any, **instead: Any) -> None:
        self.__dict__.update(instead)
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def row(services: Services) -> HealthCheck:
    return local.background(sweeper(services).state())


def test_an_answer_whose_headers_trickle_stops_neither_the_pages_nor_the_sweeper(world: World) -> None:
    with behind_a_relay(world) as (services, relay):
        one, other, third = (live(services, token) for token in "abc")
        assert services.catalogue.personas(max_age_s=60).items
        relay.slow |= {f"/conversations/{one.conversation_id}", "/v2/personas"}
        services.sessions.hint(one.id)
        until(lambda: relay.trickling)
        reader = threading.Thread(target=services.catalogue.personas, kwargs={"max_age_s": 0})
        reader.start()
        begun = time.monotonic()
        until(lambda: relay.trickling > 1)
        assert services.catalogue.personas(max_age_s=0).items
        assert services.sessions.open()
        assert time.monotonic() - begun < 1.5
        services.sessions.end(other.id)
        world.end(third.conversation_id)
        services.sessions.hint(third.id)
        for session in (other, third):
            reaches(services, session, Status.ENDED)
        until(lambda: services.sessions.trouble(one.id))
        assert status_of(services, one) is Status.LIVE
        reader.join(5)
        relay.slow.clear()
        services.sessions.end(one.id)
        reaches(services, one, Status.ENDED)


def test_looks_that_all_take_long_keep_the_others_waiting_for_one_of_them_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib.services.calls.background.sweeper.TROUBLED_S", 0.1)
    with behind_a_relay(world) as (services, relay):
        slow, well = [live(services, token) for token in "abcde"], live(services, "f")
        # No list either, which would show that they run.
        relay.slow |= {*(f"/conversations/{one.conversation_id}" for one in slow), "/conversations?"}
        services.tavus._transport._reading._timeouts = (1.0, 0.8)
        for session in slow:
            services.sessions.hint(session.id)
        until(lambda: all(services.sessions.trouble(one.id) for one in slow))

        def looks() -> int:
            return sum(entry["path"].endswith(well.conversation_id) for entry in world.sandbox.log())

        before = looks()
        until(lambda: looks() > before)
        # It had its turn in this round: what is left of that is all that it may have to wait for.
        world.end(well.conversation_id)
        begun = time.monotonic()
        services.sessions.hint(well.id)
        reaches(services, well, Status.ENDED)
        assert time.monotonic() - begun < 3.0


def test_a_look_that_never_comes_back_is_given_up_and_the_others_are_gone_on_with(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with watched(world) as services:
        one, other = (live(services, token) for token in "ab")
        with stuck_at(services, one) as go_on:
            services.sessions.hint(one.id)
            until(lambda: sweeper(services).state().stuck)
            assert row(services).result is CheckResult.FAIL and one.id in row(services).evidence
            services.sessions.end(other.id)
            reaches(services, other, Status.ENDED)
            time.sleep(3 * STUCK_S)
            assert len(sweeper(services).state().stuck) == 1
            told = [entry for entry in caplog.records if entry.levelno == logging.ERROR and one.id in entry.message]
            assert len(told) == 1
            assert sweeper(services)._lease.leads
            # What comes so late says that it has ended, and must not be believed.
            go_on.set()
            until(lambda: not sweeper(services).state().stuck)
        time.sleep(0.2)
        assert status_of(services, one) is Status.LIVE
        until(lambda: services.sessions.trouble(one.id) is None)
        assert row(services).result is CheckResult.PASS


def test_a_session_whose_look_was_given_up_can_still_be_ended(world: World) -> None:
    with watched(world) as services:
        one = live(services, "a")
        with stuck_at(services, one) as go_on:
            services.sessions.hint(one.id)
            trouble = until(lambda: services.sessions.trouble(one.id))
            assert "given up" in trouble.message
            sweeper(services)._monitor._modes = sweeper(services)._monitor._modes._inner
            services.sessions.end(one.id)
            reaches(services, one, Status.ENDED)
            assert len(sweeper(services).state().stuck) == 1
            go_on.set()


def test_who_waits_for_a_stuck_look_waits_for_a_while_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "WAIT_S", 0.2)
    with world.house() as services:
        one = live(services, "a")
        with stuck_at(services, one):
            services.sessions.hint(one.id)
            time.sleep(0.3)
            begun = time.monotonic()
            with pytest.raises(NotSent, match="has not ended yet"):
                sweeper(services)._monitor.check(one.id)
            assert time.monotonic() - begun < 1.5


def test_where_too_much_is_stuck_the_lease_is_let_go_and_taken_again_once_something_comes_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with watched(world) as services:
        stuck = [live(services, token) for token in "abc"]
        other = live(services, "d")
        with stuck_at(services, *stuck) as go_on:
            for session in stuck:
                services.sessions.hint(session.id)
            until(lambda: not sweeper(services).state().fit)
            until(lambda: not sweeper(services)._lease.leads)
            assert row(services).result is CheckResult.FAIL and "another process" in row(services).evidence
            assert "leaves the rounds to another one" in caplog.text
            with pytest.raises(NotSent) as refused:
                gate(services).check()
            assert refused.value.code == "watch_stuck"
            assert sum(thread.name == "greenroom-sweeper" for thread in threading.enumerate()) == 3
            with world.house() as second:
                until(lambda: sweeper(second)._lease.leads)
                world.end(other.conversation_id)
                reaches(second, other, Status.ENDED)
            go_on.set()
        until(lambda: sweeper(services).state().fit and sweeper(services)._lease.leads)
        until(lambda: row(services).result is CheckResult.PASS)
        gate(services).check()
        assert {status_of(services, session) for session in stuck} == {Status.LIVE}


@pytest.mark.parametrize("part", ["_reaper", "_reconciler"])
def test_any_step_that_hangs_is_given_up(part: str, world: World) -> None:
    with watched(world) as services:
        one = live(services, "a")
        go_on, waiting, real = threading.Event(), threading.Event(), getattr(sweeper(services), part)

        def hang(*args: Any) -> Any:
            if threading.current_thread().name == "greenroom-sweeper" and not waiting.is_set():
                waiting.set()
                go_on.wait(30)
            return (real.look if part == "_reaper" else real.due)(*args)

        setattr(sweeper(services), part, _With(real, look=hang) if part == "_reaper" else _With(real, due=hang))
        until(waiting.is_set)
        until(lambda: sweeper(services).state().stuck)
        services.sessions.end(one.id)
        reaches(services, one, Status.ENDED)
        go_on.set()
        until(lambda: not sweeper(services).state().stuck)


def test_a_pulse_that_hangs_is_told_of_and_the_lease_lapses(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with watched(world) as services:
        lease, go_on = sweeper(services)._lease, threading.Event()
        sweeper(services)._lease = _With(lease, hold=lambda: go_on.wait(30))
        until(lambda: sweeper(services).state().stuck)
        until(lambda: not lease.leads)
        until(lambda: "the pulse in the database has been stuck" in caplog.text)
        assert row(services).result is CheckResult.FAIL
        sweeper(services)._lease = lease
        go_on.set()
        until(lambda: lease.leads and not sweeper(services).state().stuck)


def test_a_process_that_was_stopped_and_goes_on_gives_nobody_up() -> None:
    at = [0.0]
    begun, go_on = threading.Event(), threading.Event()

    def work(progress: watchdog.Progress) -> None:
        progress.step("work")
        begun.set()
        go_on.wait(10)

    dog = watchdog.Watchdog(every_s=1.0, stuck_s=5.0, monotonic=lambda: at[0])
    dog.keep_at(work, lambda step: None)
    assert begun.wait(5)
    at[0] += 3600

    def stuck() -> list[str]:
        dog.look()
        return [step.what for step in dog.stuck]

    assert stuck() == []
    for _ in range(5):
        at[0] += 1
        dog.look()
    at[0] += 1
    assert stuck() == ["work"]
    go_on.set()


def test_a_thread_that_died_is_replaced() -> None:
    runs: list[int] = []
    dog = watchdog.Watchdog(every_s=1.0)
    dog.keep_at(lambda progress: runs.append(1), lambda step: None)
    dog.join(5)
    dog.look()
    dog.join(5)
    assert len(runs) == 2
