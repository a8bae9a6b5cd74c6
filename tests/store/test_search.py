"""What was said is found by words, phrases and beginnings in any script, alike on both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from lib.errors import StoreSlow
from lib.models import Turn
from lib.store import lists, schema, search, tokens
from lib.store import sessions as rows
from lib.store.database import Store
from lib.store.statement_timeout import StatementTimeout
from tests import databases
from tests.store.seeding import ACCOUNT, NOW, keep, session, several

QUIET = "Nothing of that kind was said here."


def found(store: Store, query: str, *, seconds: float = 5.0, **filters: object) -> list[str]:
    """Ids of the sessions that a search finds, in its order."""
    with store.reading() as connection:
        wanted = lists.SessionFilters(text=query, **filters)  # type: ignore[arg-type]
        page = lists.page(StatementTimeout(connection, seconds), ACCOUNT, wanted, limit=100, place=None)
        counted, capped = lists.total(StatementTimeout(connection, seconds), ACCOUNT, wanted, loose=page.loosened)
    assert (counted, capped) == (len(page.sessions), False)
    return [session.id for session in page.sessions]


@pytest.fixture(scope="module", params=databases.BACKENDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with ExitStack() as stack:
        url = databases.SQLITE
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgresql").database())
        made = Store(url, root=tmp_path_factory.mktemp("search"))
        made.open()
        stack.callback(made.close)
        yield made


@pytest.fixture
def emptied(shared: Store) -> Store:
    """One database of each kind for all that only asks: making one takes longer than the asking."""
    with shared.writing() as connection:
        connection.execute(text("DELETE FROM sessions"))
    return shared


@pytest.mark.parametrize(
    ("said", "query", "hit"),
    [
        ("The price is fixed", "price", True),
        ("The PRICE is fixed", "pRiCe", True),
        ("The price is fixed", "fixed price", True),
        ("The price is fixed", "price cost", False),
        ("The price is fixed", '"price is"', True),
        ("The price is fixed", '"is price"', False),
        ("The price is fixed", "“the price”", True),
        ("The price is fixed", '"price is', True),
        ("Two prices", "pric*", True),
        ("Two prices", '"pric"', False),
        ("I don't know", "don't", True),
        ("I don't know", "dont", False),
        ("Mail me@example.com", "me@example.com", True),
        ("Mail me at example.com", "me@example.com", False),
        ("At 10:30, 100 %", "10:30 100%", True),
        ("Ein Café in Zürich", "cafe zurich", True),
        ("Straße", "STRASSE", True),
        ("Ёлка стоит", "елка", True),
        ("ﬁnal １２", "final 12", True),
        ("مَرْحَبًا بالعالم", "مرحبا", True),
        ("שָׁלוֹם", "שלום", True),
        ("हिन्दी में", "हिन्दी", True),
        ("हिन्दी में", "हन्दी", False),
        ("한국어를 배웁니다", "한국어*", True),
        ("日本語を話します", "日本語", True),
        ("日本語を話します", "本語", True),
        ("日本語を話します", "語", True),
        ("日本語を話します", "話します", True),
        ("日本語を話します", "日語", False),
        ("がっこう", "かっこう", False),
        ("我用iPhone手机", "iphone手机", True),
        ("我用iPhone手机", "用iphone", True),
        ("我用iPhone手机", "用手机", False),
        ("สวัสดีครับ", "ครับ", True),
        ("Well done 👍🏽 all", "👍", True),
        ("Well done", "👍", False),
    ],
)
def test_words_phrases_and_beginnings_are_found_in_any_script(said: str, query: str, hit: bool, emptied: Store) -> None:
    several(emptied, QUIET, said)
    assert found(emptied, query) == (["s-1"] if hit else [])


@pytest.mark.parametrize(
    ("said", "query", "hit"),
    [
        ("The price is fixed", "PRICE", True),
        ("The price is fixed", "pri", False),
        ("The price is fixed", "pri*", True),
        ("The price is fixed", '"price is"', True),
        ("The price is fixed", '"is price"', False),
        ("The price is fixed", "cost price", True),
        ("日本語を話します", "本語", True),
        ("日本語を話します", "日語", False),
        ("fixed", '"is fixed"', False),
        ("", "x", False),
    ],
)
def test_a_text_is_known_to_hold_one_of_the_words(said: str, query: str, hit: bool) -> None:
    assert tokens.holds(said, tokens.terms(query)) is hit


@pytest.mark.parametrize(
    "said", ["a\0b", "a b\0c d", "é\0é", "日\0本", "one \0 two", "one \0\u0301x", "x\ud83d y", "one\ufffdtwo"]
)
def test_what_no_database_takes_is_found_as_it_came_and_as_it_is_kept(said: str, emptied: Store) -> None:
    keep(emptied, session("s-1"), [f"first {said} last"])
    keep(emptied, session("s-2", agent_name=said))
    with emptied.reading() as connection:
        kept = rows.turns_of(connection, "s-1")[0].content
    assert kept == f"first {schema.storable(said)} last"
    for query in (said, schema.storable(said)):
        assert sorted(found(emptied, query)) == ["s-1", "s-2"]
    for phrase in (f'"first {said} last"', f'"{kept}"'):
        assert found(emptied, phrase) == ["s-1"]


def test_an_agents_name_is_found_and_goes_together_with_what_was_said(store: Store) -> None:
    keep(store, session("s-1", agent_name="Discovery coach"), ["A word on pricing"])
    keep(store, session("s-2", agent_name="Product demo"), ["A word on pricing"])
    keep(store, session("s-3", agent_name="Discovery coach"))
    assert found(store, "discovery pricing") == ["s-1"]
    assert sorted(found(store, "coach")) == ["s-1", "s-3"]
    assert found(store, '"coach a word"') == []


def test_a_phrase_does_not_go_from_one_turn_into_the_next(store: Store) -> None:
    keep(store, session("s-1"), ["We talked about price", "lists are long"])
    assert found(store, '"price lists"') == []
    assert found(store, "price lists") == ["s-1"]


def test_the_system_prompt_is_not_searched_and_a_tools_answer_is(store: Store) -> None:
    keep(store, session("s-1"), [Turn(0, "system", "You are a pirate"), Turn(1, "tool", "weather sunny")])
    assert found(store, "pirate") == []
    assert found(store, "sunny") == ["s-1"]


def test_what_is_not_found_whole_is_looked_for_as_a_beginning_and_that_is_said(store: Store) -> None:
    several(store, "Her prices", "Our pricing", "priceless", QUIET)
    with store.reading() as connection:
        page = lists.page(
            StatementTimeout(connection, 5), ACCOUNT, lists.SessionFilters(text="pric"), limit=1, place=None
        )
        assert page.loosened
        assert [one.id for one in page.sessions] == ["s-2"]
        further = lists.page(
            StatementTimeout(connection, 5), ACCOUNT, lists.SessionFilters(text="pric"), limit=5, place=page.older
        )
    assert [one.id for one in further.sessions] == ["s-1", "s-0"]
    assert further.loosened
    assert found(store, "prices") == ["s-0"]


def test_newest_comes_first_and_pages_go_both_ways(store: Store) -> None:
    several(store, *["word" if n % 3 else QUIET for n in range(30)])
    wanted = lists.SessionFilters(text="word")
    with store.reading() as connection:
        pages = [lists.page(StatementTimeout(connection, 5), ACCOUNT, wanted, limit=6, place=None)]
        while pages[-1].older:
            pages.append(lists.page(StatementTimeout(connection, 5), ACCOUNT, wanted, limit=6, place=pages[-1].older))
        back = [
            lists.page(StatementTimeout(connection, 5), ACCOUNT, wanted, limit=6, place=pages[-1].newer, newer=True)
        ]
        while back[-1].newer:
            back.append(
                lists.page(StatementTimeout(connection, 5), ACCOUNT, wanted, limit=6, place=back[-1].newer, newer=True)
            )
    seen = [one.id for page in pages for one in page.sessions]
    assert seen == [f"s-{n}" for n in range(29, -1, -1) if n % 3]
    assert [page.sessions for page in reversed(back)] == [page.sessions for page in pages[:-1]]


def test_a_search_keeps_to_the_other_filters_and_the_account(store: Store) -> None:
    several(store, *["word"] * 6)
    keep(store, session("s-x", agent_id="a2"), ["word"])
    keep(store, session("s-y"), ["word"], account="other")
    assert found(store, "word", agent_id="a2") == ["s-x"]
    since, until = NOW + timedelta(minutes=2), NOW + timedelta(minutes=4)
    assert found(store, "word", since=since, until=until) == ["s-3", "s-2"]
    assert found(store, "word", statuses=("ended",)) == []


def test_two_sessions_of_one_moment_are_both_found(store: Store) -> None:
    for name in ("s-b", "s-a", "s-c"):
        keep(store, session(name), ["word"])
    assert found(store, "word") == ["s-c", "s-a", "s-b"]


def test_what_is_written_again_or_deleted_is_no_longer_found_by_its_old_words(store: Store) -> None:
    keep(store, session("s-1"), ["first"])
    with store.writing() as connection:
        rows.replace_turns(connection, "s-1", "tavus", [Turn(0, "user", "second")])
        rows.append_turns(connection, "s-1", "chat", [Turn(0, "user", "third")])
    assert found(store, "first") == []
    assert found(store, "second third") == ["s-1"]
    with store.writing() as connection:
        connection.execute(text("DELETE FROM sessions"))
    assert found(store, "second") == []
    with store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM search")).scalar_one() == 0


@pytest.mark.parametrize(
    "query",
    [
        '"', "'", '""', "*", "* *", "a*b*", "AND", "NOT word", "word OR", "NEAR(a b, 2)", "words:x", "rowid", "-word",
        "^word", "a + b", "(", "{a}", "\\", "''", "a' | 'b", "a & !b", "a:*", "a <-> b", "%", "_", ";--", "\0",
        "\ud800", "x" * 10_000, "word " * 3_000, "‏", "‮", "\u2029", '"a"b"c', "🏴‍☠️", "é" * 5_000, "日" * 5_000,
    ],
)  # fmt: skip
def test_no_query_breaks_the_search(query: str, emptied: Store) -> None:
    several(emptied, "one word")
    found(emptied, query)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
@example("\u2029 \u2029")
@example("one\0word")
def test_whatever_is_asked_both_databases_find_the_same(both: tuple[Store, Store], asked: str) -> None:
    sqlite, postgresql = both
    assert found(sqlite, asked) == found(postgresql, asked)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.text(min_size=1, max_size=60), at=st.integers(0, 59), more=st.integers(1, 60))
@example(said="one \0 two", at=0, more=3)
@example(said="e\0\u0301", at=0, more=1)
def test_any_part_of_what_was_said_between_two_blanks_is_found(
    both: tuple[Store, Store], said: str, at: int, more: int
) -> None:
    words = said.split()
    part = " ".join(words[at % max(1, len(words)) :][:more])
    for store in both:
        with store.writing() as connection:
            rows.replace_turns(connection, "s-0", "tavus", [Turn(0, "user", said)])
        if tokens.terms(f'"{part.replace(chr(34), " ")}"'):
            assert "s-0" in found(store, part)


@pytest.fixture
def both(sqlite_store: Store, postgresql_store: Store) -> tuple[Store, Store]:
    for store in (sqlite_store, postgresql_store):
        several(store, "one word", "日本語 を話す", "a ə 1 ½ ß ſ İ ı", "e\u0301 \u0301", "Ⅷ ﷺ 🏴‍☠️ ไทย")
    return sqlite_store, postgresql_store


def test_a_transcript_too_long_for_an_index_is_kept_whole_and_searched_as_far_as_one_goes(store: Store) -> None:
    wide = [chr(0x4E00 + n % 20_000) + chr(0x4E00 + n // 20_000) for n in range(40_000)]
    keep(store, session("s-1"), ["beginning", " ".join(wide), "word " * 400, "end"])
    assert found(store, "beginning") == ["s-1"]
    assert found(store, "end") == []
    with store.reading() as connection:
        assert len(rows.turns_of(connection, "s-1")) == 4


def test_a_search_that_takes_too_long_goes_on_by_windows_stops_in_time_and_can_be_continued(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    several(store, *["word"] * 40)
    whole, windows = search._portion, [0]

    def slow(*args: object) -> list[int]:
        far, near = args[3], args[2]
        with store.reading() as connection:
            inside = "SELECT count(*) FROM search WHERE number < :near AND number >= :far"
            if connection.execute(text(inside), {"near": near, "far": far}).scalar_one() > 10:
                raise StoreSlow("the whole takes too long")
        windows[0] += 1
        if windows[0] > 3:
            raise StoreSlow("the time is up")
        return whole(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(search, "_portion", slow)
    monkeypatch.setattr(search, "WINDOW", 5)
    monkeypatch.setattr(search, "WIDEST", 5)
    with store.reading() as connection:
        first = lists.page(
            StatementTimeout(connection, 5), ACCOUNT, lists.SessionFilters(text="word"), limit=100, place=None
        )
        assert [one.id for one in first.sessions] == [f"s-{n}" for n in range(39, 39 - len(first.sessions), -1)]
        assert len(first.sessions) in (15, 16, 17, 18)
        assert first.searched_to == first.sessions[-1].created_at
        windows[0] = -100
        rest = lists.page(
            StatementTimeout(connection, 5), ACCOUNT, lists.SessionFilters(text="word"), limit=100, place=first.older
        )
    every = [one.id for one in (*first.sessions, *rest.sessions)]
    assert every == [f"s-{n}" for n in range(39, -1, -1)]
    assert rest.searched_to is None


SLOW = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(30)",
}


def test_the_database_itself_stops_when_the_time_is_up_and_goes_on_working(store: Store) -> None:
    with store.reading() as connection:
        timeout = StatementTimeout(connection, 0.2)
        with pytest.raises(StoreSlow), timeout.limited():
            connection.execute(text(SLOW[connection.dialect.name]))
        with pytest.raises(StoreSlow), timeout.limited():
            pass
        with StatementTimeout(connection, 5).limited(0.1), pytest.raises(StoreSlow):
            raise StoreSlow("not ours")
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    keep(store, session("s-1"), ["word"])
    assert found(store, "word") == ["s-1"]


def test_the_index_can_be_stopped_in_the_middle_of_a_long_look(sqlite_store: Store) -> None:
    """FTS5 works outside of SQLite's own machine: that a look at the clock reaches it is not a matter of course."""
    words = [" ".join(f"w{(n + k * k) % 7}" for k in range(30)) for n in range(7)]
    with sqlite_store.writing() as connection:
        values = [{"n": n, "w": words[n % 7]} for n in range(100_000)]
        connection.execute(text("INSERT INTO search_index (rowid, words) VALUES (:n, :w)"), values)
    asked = " AND ".join(f'"w{n} w{n} w{n} w{n}"' for n in range(7))
    statement = text("SELECT count(*) FROM search_index WHERE search_index MATCH :asked")
    with sqlite_store.reading() as connection:
        begun = time.monotonic()
        connection.execute(statement, {"asked": asked}).all()
        whole_s = time.monotonic() - begun
        begun = time.monotonic()
        with pytest.raises(StoreSlow), StatementTimeout(connection, whole_s / 10).limited():
            connection.execute(statement, {"asked": asked}).all()
        assert time.monotonic() - begun < whole_s / 2
