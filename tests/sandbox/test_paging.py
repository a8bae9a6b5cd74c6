from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox_server import RunningSandbox


def page(box: RunningSandbox, query: str) -> list[str]:
    body = box.call("GET", f"/personas?{query}").json()
    assert body["total_count"] == 6
    return [row["persona_id"] for row in body["data"]]


def every(box: RunningSandbox) -> list[str]:
    return page(box, "limit=100")


def test_a_sweep_from_one_sees_each_row_once(box: RunningSandbox) -> None:
    swept = [page(box, f"limit=4&page={number}") for number in (1, 2, 3)]
    assert [len(rows) for rows in swept] == [4, 2, 0]
    assert swept[0] + swept[1] == every(box)


def test_a_sweep_from_zero_sees_the_first_page_twice_and_then_all_the_rest(box: RunningSandbox) -> None:
    swept = [page(box, f"limit=4&page={number}") for number in (0, 1, 2, 3)]
    assert [len(rows) for rows in swept] == [4, 4, 2, 0]
    assert swept[0] == swept[1]
    assert swept[1] + swept[2] == every(box)


@pytest.mark.parametrize(("base", "pages"), [(0, [4, 2, 0]), (1, [0, 4, 2])])
def test_the_base_can_be_made_strict(box: RunningSandbox, base: int, pages: list[int]) -> None:
    box.control("dialect", {"page_base": base})
    assert [len(page(box, f"limit=4&page={number}")) for number in (0, 1, 2)] == pages
    assert page(box, "limit=4") == every(box)[:4]


@pytest.mark.parametrize("query", ["", "limit=ten&page=one", "limit=&page=", "limit=1e2", "page=-3", "limit=٣"])
def test_ten_rows_from_the_first_page_unless_told_otherwise(box: RunningSandbox, query: str) -> None:
    for number in range(6):
        box.call("POST", "/personas", {"persona_name": str(number), "system_prompt": "You are a guide."})
    body: dict[str, Any] = box.call("GET", f"/personas?{query}").json()
    assert (len(body["data"]), body["total_count"]) == (10, 12)


def test_no_page_is_longer_than_a_hundred(box: RunningSandbox) -> None:
    for number in range(100):
        box.inside.personas.create({"persona_name": str(number), "system_prompt": "A guide."}, as_pal=False)
    body = box.call("GET", "/personas?limit=1000").json()
    assert (len(body["data"]), body["total_count"]) == (100, 106)


@pytest.mark.parametrize("path", ["/personas", "/pals", "/replicas", "/faces", "/conversations", "/objectives"])
def test_every_list_answers_data_and_total_count_with_either_slash(box: RunningSandbox, path: str) -> None:
    plain, slashed = box.call("GET", path + "?limit=2"), box.call("GET", path + "/?limit=2", allow_redirects=False)
    assert plain.status_code == slashed.status_code == 200
    assert plain.json() == slashed.json()
    assert set(plain.json()) == {"data", "total_count"}


@pytest.mark.parametrize("path", ["/guardrails", "/documents"])
def test_these_lists_tell_page_and_limit_too(box: RunningSandbox, path: str) -> None:
    plain, slashed = box.call("GET", path + "?limit=2"), box.call("GET", path + "/?limit=2", allow_redirects=False)
    assert plain.json() == slashed.json()
    assert set(plain.json()) == {"data", "total_count", "page", "limit"}
