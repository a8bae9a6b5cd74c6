"""The parts that the ledger is made of, each by itself: ages, breaker, viewers, commits that do not wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from lib.errors import Ambiguous, KeyRefused, NotSent
from lib.services.calls.breaker import FAILURES, PAUSE_S, Breaker
from lib.services.calls.stopwatch import Stopwatch
from lib.services.calls.viewers import Viewers
from lib.store.database import Store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Hand:
    """A watch that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_an_age_begins_when_the_thing_is_first_seen_and_anew_when_its_mark_changes(hand: Hand) -> None:
    ages = Stopwatch(longest_step_s=5, monotonic=hand)
    assert ages.of("seen", "s", "a") == 0
    for _ in range(3):
        hand.now += 2
        ages.tick()
    assert ages.of("seen", "s", "a") == 6
    assert ages.of("seen", "s", "b") == 0
    assert ages.of("other", "s") == 0
    ages.keep([])
    assert ages.of("seen", "s", "b") == 0


def test_a_pause_counts_as_one_step_and_a_watch_that_goes_back_as_none(hand: Hand) -> None:
    ages = Stopwatch(longest_step_s=5, monotonic=hand)
    ages.of("seen", "s")
    hand.now += 3600
    ages.tick()
    assert ages.of("seen", "s") == 5
    hand.now -= 100
    ages.tick()
    assert ages.of("seen", "s") == 5


def test_a_breaker_opens_after_three_failures_in_a_row_and_closes_at_any_answer(hand: Hand) -> None:
    breaker = Breaker(lambda: NOON, hand)
    for _ in range(FAILURES - 1):
        breaker.failed(Ambiguous("No answer."))
    breaker.check(lambda: pytest.fail("nobody asks while it is closed"))
    breaker.failed(KeyRefused("A refusal is an answer."))
    for _ in range(FAILURES - 1):
        breaker.failed(NotSent("Nobody there."))
    assert not breaker.open
    breaker.failed(NotSent("Nobody there."))
    assert breaker.open
    with pytest.raises(NotSent, match=r"out of reach since 12:00:00 UTC.*Nobody there") as refused:
        breaker.check(lambda: pytest.fail("it was tried a moment ago"))
    assert refused.value.code == "tavus_out_of_reach"
    breaker.answered()
    breaker.check(lambda: pytest.fail("nobody asks while it is closed"))


def test_an_open_breaker_lets_one_start_look_in_each_pause(hand: Hand) -> None:
    breaker = Breaker(lambda: NOON, hand)
    for _ in range(FAILURES):
        breaker.failed(Ambiguous("No answer."))
    asked = []

    def still_away() -> None:
        asked.append(hand.now)
        raise Ambiguous("No answer.")

    for _ in range(25):
        hand.now += 1
        with pytest.raises(NotSent):
            breaker.check(still_away)
    assert len(asked) == 25 // PAUSE_S
    hand.now += PAUSE_S
    breaker.check(lambda: asked.append(hand.now))
    assert not breaker.open


def test_a_thousand_beats_are_a_few_writes_and_none_of_them_waits_for_the_disk(store: Store, hand: Hand) -> None:
    ages = Stopwatch(longest_step_s=5, monotonic=hand)
    viewers = Viewers(store, ages, lambda: NOON, write_every_s=15)
    here = {"tab"}
    written: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda c, cur, statement, *_: written.append(statement))
    before = store.writes
    for _ in range(1000):
        viewers.follow("tab", "s-1", lambda: "tab" in here)
        hand.now += 0.1
        ages.tick()
        viewers.look()
    assert store.writes == before
    assert 6 <= len([statement for statement in written if statement.startswith("UPDATE")]) <= 8
    beats = viewers.beats("s-1")
    assert beats == 1000
    here.clear()
    viewers.look()
    viewers.look()
    assert viewers.beats("s-1") <= beats + 1
    assert not viewers.any


def test_a_tab_watches_the_one_session_that_it_shows_last(store: Store, hand: Hand) -> None:
    ages = Stopwatch(longest_step_s=5, monotonic=hand)
    viewers = Viewers(store, ages, lambda: NOON, write_every_s=15)
    viewers.follow("tab", "s-1", lambda: True)
    viewers.look()
    viewers.follow("tab", "s-2", lambda: True)
    for _ in range(3):
        viewers.look()
    assert (viewers.beats("s-1"), viewers.beats("s-2")) == (1, 3)
    viewers.leave("tab")
    viewers.glimpse("s-1")
    viewers.look()
    viewers.look()
    assert (viewers.beats("s-1"), viewers.beats("s-2")) == (2, 3)


def test_a_commit_that_does_not_wait_leaves_the_next_one_waiting(sqlite_store: Store) -> None:
    """In SQLite the setting stays with a connection, and a start must never come upon one that is in haste."""
    for durable, level in ((False, 1), (True, 2), (False, 1), (True, 2)):
        with sqlite_store.writing(durable=durable) as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == level
    with pytest.raises(ZeroDivisionError), sqlite_store.writing(durable=False):
        raise ZeroDivisionError
    with sqlite_store.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
