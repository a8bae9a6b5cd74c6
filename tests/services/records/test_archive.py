"""What many sessions come to, and all of them as a file, on both databases."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from lib.models import Mode, Status, Turn
from lib.services.ledger.ledger import Ledger
from lib.services.records import archive
from lib.services.records.archive import Archive
from lib.store import lists
from lib.store import sessions as rows
from lib.store.database import Store
from tests.store.seeding import ACCOUNT, NOW, keep, session


def made(store: Store, **settings: Any) -> Archive:
    return Archive(Ledger(store, ACCOUNT, clock=lambda: NOW), **settings)


def ended(
    store: Store, name: str, at: datetime, *, minutes: float = 6.0, said: tuple[Turn, ...] = (), **how: Any
) -> None:
    keep(store, session(name, created_at=at, **{key: how.pop(key) for key in ("mode", "agent_id") if key in how}), said)
    values = {
        "status": Status.ENDED,
        "waiting_at": at,
        "ended_at": at + timedelta(minutes=minutes),
        "end_code": "participant_left_timeout",
    }
    with store.writing() as connection:
        rows.advance(connection, name, **{**values, **how})


def test_minutes_are_added_up_by_the_day_in_utc_and_chats_only_counted(store: Store) -> None:
    late = datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC)
    ended(store, "s-1", late, minutes=90)
    ended(store, "s-2", late + timedelta(seconds=1), minutes=1.5)
    ended(store, "s-3", late + timedelta(hours=3), mode=Mode.TEXT)
    ended(store, "s-4", late + timedelta(hours=4), status=Status.LIVE, ended_at=None)
    figures = made(store, minutes_a_day=60, price_per_minute=0.2).figures(since=NOW - timedelta(days=3))
    assert figures.days == (
        (date(2026, 11, 23), 0.0, 0),
        (date(2026, 11, 24), 90.0, 1),
        (date(2026, 11, 25), 1.5, 3),
        (date(2026, 11, 26), 0.0, 0),
    )
    assert (figures.minutes, figures.sessions, figures.allowed, figures.shortened) == (91.5, 4, 240, False)
    assert figures.cost == pytest.approx(18.3)


def test_ends_of_one_kind_are_counted_together_the_most_first(store: Store) -> None:
    codes = [
        "participant_left_timeout",
        "participant_left_timeout reached",
        "ended_here",
        "a new one",
        "another new one",
    ]
    for n, code in enumerate(codes):
        ended(store, f"s-{n}", NOW - timedelta(minutes=n), end_code=code)
    ended(store, "s-f", NOW, status=Status.FAILED)
    ended(store, "s-o", NOW, status=Status.WAITING)
    outcomes = made(store).figures().outcomes
    assert outcomes[0][1] == outcomes[1][1] == 2
    assert dict(outcomes) == {
        "Everyone left": 2, "Another reason": 2, "You ended it": 1, "Failed": 1, "Still open": 1,
    }  # fmt: skip


def test_figures_keep_to_the_filters(store: Store) -> None:
    ended(store, "s-1", NOW - timedelta(days=1), agent_id="a1")
    ended(store, "s-2", NOW - timedelta(days=1), agent_id="a2")
    ended(store, "s-3", NOW - timedelta(days=9), agent_id="a1")
    keep(store, session("s-x"), account="other")
    one = made(store)
    assert one.figures(agent_id="a1").sessions == 2
    assert one.figures(agent_id="a1", since=NOW - timedelta(days=2)).sessions == 1
    assert one.figures(agent_id="a1", until=NOW - timedelta(days=2)).sessions == 1


def test_without_a_beginning_the_days_begin_with_the_first_session_and_ninety_days_ago_at_the_most(
    store: Store,
) -> None:
    ended(store, "s-1", NOW - timedelta(days=20))
    recent = made(store).figures()
    assert (len(recent.days), recent.shortened) == (21, False)
    ended(store, "s-2", NOW - timedelta(days=200))
    long = made(store).figures()
    assert (len(long.days), long.sessions, long.shortened) == (90, 1, True)
    assert len(made(store).figures(until=NOW - timedelta(days=300)).days) == 7


def test_figures_that_took_long_are_kept_for_a_while(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one = made(store)
    assert one.figures().sessions == 0
    monkeypatch.setattr(archive, "KEPT_FOR", 1e6)
    assert one.figures(agent_id="a1").sessions == 0
    ended(store, "s-1", NOW)
    assert one.figures(agent_id="a1").sessions == 0
    assert one.figures(agent_id="a1", modes=("phoenix_rest",)).sessions == 1


def test_figures_are_read_once_for_many_who_look_until_something_is_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "KEPT_FOR", 0)
    reads = Mock(wraps=lists.tallies)
    monkeypatch.setattr(lists, "tallies", reads)
    one = made(store)
    assert {one.figures().sessions for _ in range(5)} == {0}
    assert reads.call_count == 1
    ended(store, "s-1", NOW)
    assert one.figures().sessions == 1
    assert reads.call_count == 2


def test_an_export_holds_all_that_fits_over_many_pages_and_says_what_it_leaves_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "TOGETHER", 4)
    for n in range(11):
        said = (Turn(0, "user", "=SUM(1)" if n == 3 else "hello"), Turn(1, "system", "never shown"))
        ended(store, f"s-{n}", NOW + timedelta(minutes=n), said=said)
    one = made(store, price_per_minute=0.5)
    rows_ = list(csv.DictReader(io.StringIO(one.export("csv"))))
    assert [row["id"] for row in rows_] == [f"s-{n}" for n in range(10, -1, -1)]
    assert rows_[0]["estimated_cost"] == "3.00"
    assert [row["id"] for row in csv.DictReader(io.StringIO(one.export("csv", text="sum")))] == ["s-3"]
    whole = json.loads(one.export("json"))
    assert (len(whole["sessions"]), whole["more"]) == (11, False)
    assert whole["sessions"][7]["turns"][0]["content"] == "=SUM(1)"
    monkeypatch.setattr(archive, "LIST_LIMIT", 5)
    assert [line.partition(",")[0] for line in one.export("csv").splitlines()[1:]] == [
        "s-10", "s-9", "s-8", "s-7", "s-6", "Older sessions also fit the filters and are left out here.",
    ]  # fmt: skip
    monkeypatch.setattr(archive, "RECORD_LIMIT", 6)
    part = json.loads(one.export("json"))
    assert ([one["session"]["id"] for one in part["sessions"]], part["more"]) == (
        [f"s-{n}" for n in range(10, 4, -1)],
        True,
    )
    read = one.export("md")
    assert read.count("## Transcript") == 6
    assert read.endswith("Older sessions also fit the filters and are left out here.\n")
    assert "never shown" not in read + json.dumps(whole)
    assert "estimated_cost" not in made(store).export("csv")


def test_an_export_of_nothing_is_a_whole_file(store: Store) -> None:
    one = made(store)
    assert one.export("csv").startswith("id,started,agent")
    assert json.loads(one.export("json")) == {"sessions": [], "more": False}
    assert one.export("md") == "No session fits the filters.\n"


@pytest.mark.parametrize(
    ("search", "marked"),
    [
        ("invoice", ["INVOICE", "invoices"]),
        ('"an invoice"', ["an", "INVOICE"]),
        ("CAFÉ", ["cafe\u0301"]),
        ("nothing of it", []),
        ("<b>", ["b", "b"]),
        ("%%", []),
    ],
)
def test_the_words_of_a_search_are_marked_where_they_stand_and_nothing_is_lost(search: str, marked: list[str]) -> None:
    said = "Yes, an INVOICE <b>or two</b> invoices; in the cafe\u0301."
    pieces = Archive.marked(said, search)
    assert "".join(piece for piece, _ in pieces) == said
    assert [piece for piece, sought in pieces if sought] == marked


def test_all_sessions_of_today_are_counted_by_what_became_of_them(store: Store) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    for n in range(230):
        ended(store, f"n-{n}", midnight + timedelta(seconds=300 + n))
    for n in range(3):
        ended(store, f"f-{n}", midnight + timedelta(seconds=n), status=Status.FAILED, end_code="")
        ended(store, f"j-{n}", midnight + timedelta(seconds=n), end_code="participant_absent_timeout reached")
    ended(store, "o", midnight, status=Status.LIVE, ended_at=None, end_code="")
    ended(store, "b", midnight - timedelta(microseconds=1), status=Status.FAILED)
    assert made(store).today() == archive.DayCount(sessions=237, open=1, failed=3, nobody_joined=3)
