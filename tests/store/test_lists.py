"""Lists by filters, in the order of time, along an index at any depth and within their time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import ProgrammingError

from lib.errors import StoreSlow
from lib.models import Mode, Status
from lib.store import lists
from lib.store import sessions as rows
from lib.store.database import Store
from lib.store.statement_timeout import StatementTimeout
from tests import databases
from tests.store.seeding import ACCOUNT, NOW, keep, session, several


def ids(store: Store, **filters: object) -> list[str]:
    with store.reading() as connection:
        wanted = lists.SessionFilters(**filters)  # type: ignore[arg-type]
        page = lists.page(StatementTimeout(connection, 5), ACCOUNT, wanted, limit=100, place=None)
    return [session.id for session in page.sessions]


def test_filters_narrow_a_list_one_by_one_and_together(store: Store) -> None:
    for n in range(8):
        keep(store, session(f"s-{n}", agent_id=f"a{n % 2}", created_at=NOW + timedelta(minutes=n)))
    with store.writing() as connection:
        for n, status in ((0, Status.ENDED), (1, Status.ENDED), (2, Status.FAILED)):
            rows.advance(connection, f"s-{n}", status=status)
        rows.advance(connection, "s-4", mode=Mode.TEXT)
    assert ids(store) == [f"s-{n}" for n in range(7, -1, -1)]
    assert ids(store, agent_id="a1") == ["s-7", "s-5", "s-3", "s-1"]
    assert ids(store, statuses=("ended", "failed")) == ["s-2", "s-1", "s-0"]
    assert ids(store, modes=("text",)) == ["s-4"]
    assert ids(store, agent_id="a0", statuses=("ended",)) == ["s-0"]
    assert ids(store, since=NOW + timedelta(minutes=5), until=NOW + timedelta(minutes=7)) == ["s-6", "s-5"]


def test_sessions_of_one_moment_keep_their_order_over_pages_both_ways(store: Store) -> None:
    for n in range(9):
        keep(store, session(f"s-{n}"))
    with store.reading() as connection:
        timeout = StatementTimeout(connection, 5)
        pages = [lists.page(timeout, ACCOUNT, lists.SessionFilters(), limit=2, place=None)]
        while pages[-1].older:
            pages.append(lists.page(timeout, ACCOUNT, lists.SessionFilters(), limit=2, place=pages[-1].older))
        assert [one.id for page in pages for one in page.sessions] == [f"s-{n}" for n in range(8, -1, -1)]
        back = lists.page(timeout, ACCOUNT, lists.SessionFilters(), limit=2, place=pages[-1].newer, newer=True)
        assert back.sessions == pages[-2].sessions
        top = lists.page(timeout, ACCOUNT, lists.SessionFilters(), limit=2, place=(NOW, "s-7"), newer=True)
        assert top == pages[0]


@pytest.mark.parametrize("strange", ["\0", "s-0\0", "\ud800"])
@pytest.mark.parametrize("query", ["", "word"])
def test_a_place_and_a_filter_from_an_address_may_hold_what_no_database_takes(
    strange: str, query: str, store: Store
) -> None:
    several(store, "word")
    with store.reading() as connection:
        timeout = StatementTimeout(connection, 5)
        for newer in (False, True):
            wanted, place = lists.SessionFilters(text=query), (NOW - timedelta(days=1), strange)
            page = lists.page(timeout, ACCOUNT, wanted, limit=5, place=place, newer=newer)
            assert [one.id for one in page.sessions] == (["s-0"] if newer else [])
        for wanted in (
            lists.SessionFilters(text=query, agent_id=strange),
            lists.SessionFilters(text=query, statuses=(strange,)),
        ):
            assert lists.page(timeout, ACCOUNT, wanted, limit=5, place=None).sessions == ()


def test_pages_hang_together_also_where_the_database_sorts_words_as_a_dictionary_does(
    postgresql: databases.Server, tmp_path: Path
) -> None:
    try:
        made = postgresql.database("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
        url = made.__enter__()
    except ProgrammingError as error:
        pytest.skip(f"this PostgreSQL knows no such order: {error.orig}")
    store = Store(url, root=tmp_path)
    store.open()
    names = ["s-B", "s-a", "s_b", "sa", "s-1", "S-1", "s-é"]
    for name in names:
        keep(store, session(name), ["word"])
    for wanted in (lists.SessionFilters(), lists.SessionFilters(text="word")):
        seen: list[str] = []
        place = None
        with store.reading() as connection:
            for _ in names:
                page = lists.page(StatementTimeout(connection, 5), ACCOUNT, wanted, limit=1, place=place)
                seen += [one.id for one in page.sessions]
                place = page.older
        assert sorted(seen) == sorted(names)
        assert place is None
    store.close()
    made.__exit__(None, None, None)


def test_a_list_is_counted_up_to_a_thousand_and_then_said_to_be_longer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    several(store, *["word"] * 12)
    monkeypatch.setattr(lists, "COUNTED", 10)
    monkeypatch.setattr(lists, "TOGETHER", 4)
    with store.reading() as connection:
        timeout = StatementTimeout(connection, 5)
        assert lists.total(timeout, ACCOUNT, lists.SessionFilters()) == (10, True)
        assert lists.total(timeout, ACCOUNT, lists.SessionFilters(text="word")) == (10, True)
        since = NOW + timedelta(minutes=2)
        assert lists.total(timeout, ACCOUNT, lists.SessionFilters(since=since)) == (10, False)
        assert lists.total(timeout, ACCOUNT, lists.SessionFilters(text="word", since=since)) == (10, False)


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "sessions_by_time (account=? AND (created_at,id)<(?,?))"),
        ({"agent_id": "a1"}, "sessions_by_agent (account=? AND agent_id=? AND (created_at,id)<(?,?))"),
        ({"statuses": ("ended",)}, "sessions_by_status (account=? AND status=? AND (created_at,id)<(?,?))"),
        ({"modes": ("text",)}, "sessions_by_mode (account=? AND mode=? AND (created_at,id)<(?,?))"),
    ],
)
def test_a_page_deep_in_a_list_is_read_along_an_index_without_sorting(
    filters: dict[str, object], index: str, sqlite_store: Store
) -> None:
    plans: list[str] = []

    def explained(connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "FROM sessions" in statement and not statement.startswith("EXPLAIN"):
            raw = connection.connection.driver_connection  # type: ignore[attr-defined]
            plans.extend(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    event.listen(sqlite_store.engine, "before_cursor_execute", explained)
    with sqlite_store.reading() as connection:
        wanted = lists.SessionFilters(**filters)  # type: ignore[arg-type]
        lists.page(StatementTimeout(connection, 5), ACCOUNT, wanted, limit=5, place=(NOW, "s-1"))
    assert plans == [f"SEARCH sessions USING INDEX {index}"]


def test_a_list_that_takes_too_long_says_so_and_a_count_only_that_there_may_be_more(store: Store) -> None:
    several(store, "word")
    with store.reading() as connection:
        spent = StatementTimeout(connection, 0)
        with pytest.raises(StoreSlow) as slow:
            lists.page(spent, ACCOUNT, lists.SessionFilters(), limit=5, place=None)
        assert "shorter time" in slow.value.hint
        assert lists.total(spent, ACCOUNT, lists.SessionFilters()) == (0, True)
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
