"""What is kept of the database is given again only while it can't have changed."""

from __future__ import annotations

import pytest

from lib.store import cache
from lib.store.agents import first_time
from lib.store.cache import TtlCache
from lib.store.database import Store


def test_a_value_is_read_once_until_this_process_writes(store: Store) -> None:
    reads: list[int] = []
    values: TtlCache[int] = TtlCache(store)

    def read() -> int:
        reads.append(len(reads))
        return reads[-1]

    assert [values.get("a", read) for _ in range(3)] == [0, 0, 0]
    assert values.get("b", read) == 1
    with store.writing() as connection:
        first_time(connection, "written")
    assert values.get("a", read) == 2


def test_what_another_process_wrote_is_seen_within_two_seconds(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    values: TtlCache[str] = TtlCache(store)
    now = [100.0]
    monkeypatch.setattr("lib.store.cache.time.monotonic", lambda: now[0])
    assert values.get("a", lambda: "old") == "old"
    now[0] += cache.KEPT_S - 0.01
    assert values.get("a", lambda: "new") == "old"
    now[0] += 0.01
    assert values.get("a", lambda: "new") == "new"


def test_a_failure_is_not_kept(store: Store) -> None:
    values: TtlCache[str] = TtlCache(store)

    def broken() -> str:
        raise ValueError

    with pytest.raises(ValueError):
        values.get("a", broken)
    assert values.get("a", lambda: "good") == "good"
