"""Five hundred of everything: a page costs what a page costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from lib.sandbox.personas import routes as personas
from tests.sandbox_server import RunningSandbox, running_sandbox

MANY = 500
LISTS = ["/personas", "/replicas", "/documents", "/guardrails?legacy=false", "/objectives"]


@pytest.fixture(scope="module")
def full() -> Iterator[RunningSandbox]:
    """An account with `MANY` rows of each kind, all of them ready."""
    with running_sandbox() as box:
        box.freeze()
        box.reset(stock=False)
        inside = box.inside
        for number in range(MANY):
            inside.personas.create({"persona_name": f"P{number}", "system_prompt": "A guide. " * 300}, as_pal=False)
            inside.replicas.train({"train_video_url": "https://a.example/v", "replica_name": f"R{number}"})
            inside.documents.create({"document_url": f"https://a.example/{number}", "tags": [f"t{number % 7}"]})
            inside.guardrails.create({"guardrail_name": f"g{number}", "guardrail_prompt": "Never.", "tags": ["all"]})
            inside.objectives.create({"data": [{"objective_name": f"o{number}", "objective_prompt": "Ask."}]})
            inside.clock.advance(0.001)
        box.advance(30)
        yield box


def swept(box: RunningSandbox, path: str) -> list[dict[str, Any]]:
    query = "&" if "?" in path else "?"
    rows: dict[str, dict[str, Any]] = {}
    for number in range(7):
        for row in box.call("GET", f"{path}{query}limit=100&page={number}").json()["data"]:
            rows[str(row)] = row
    return list(rows.values())


@pytest.mark.parametrize("path", LISTS)
def test_all_rows_come_in_pages_and_soon(full: RunningSandbox, path: str) -> None:
    begun = time.perf_counter()
    assert len(swept(full, path)) == MANY
    assert time.perf_counter() - begun < 2.0


def test_only_the_rows_of_the_page_are_written_out(full: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = personas.shown

    def shown(row: dict[str, Any], *, pal: bool) -> dict[str, Any]:
        written.append(row["persona_id"])
        return real(row, pal=pal)

    monkeypatch.setattr(personas, "shown", shown)
    page = full.call("GET", "/personas?limit=10&page=3").json()
    assert written == [row["persona_id"] for row in page["data"]]
    assert (len(written), page["total_count"]) == (10, MANY)


def test_who_has_each_of_a_page_of_guardrails_is_found_in_one_look(
    full: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Mock(wraps=full.inside.personas.all)
    monkeypatch.setattr(full.inside.personas, "all", looks)
    rows = full.call("GET", "/guardrails?legacy=false&verbose=true&limit=100").json()["data"]
    assert (len(rows), looks.call_count) == (100, 1)
