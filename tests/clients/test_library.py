"""Objectives, guardrails and documents, as the official documents and the live service answer them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from lib.clients.tavus import Tavus
from lib.errors import Ambiguous, NotFound, RateLimited, UpstreamRejected
from tests.scripted_server import Scripted, answer, scripted

STEP = {"objective_name": "greet", "objective_prompt": "Greet them."}
RULE = {"uuid": "g1", "guardrail_name": "no_prices", "guardrail_prompt": "Never name a price.", "tags": ["sales"]}
DOCUMENT = {
    "document_id": "d8-5c71baca86fc",
    "document_name": "Docs",
    "document_url": "https://docs.example.com/",
    "status": "processing",
    "progress": 40,
    "error_message": None,
    "tags": ["docs"],
    "crawl_config": {"depth": 2, "max_pages": 10},
    "last_crawled_at": "2024-01-01T12:05:00Z",
}


def speaking_to(upstream: Scripted) -> Tavus:
    return Tavus(base_url=upstream.url, api_key=SecretStr("tvsk_test"), sleep=lambda s: None)


def sent(upstream: Scripted) -> list[str]:
    return [f"{seen.method} {seen.target}" for seen in upstream.seen]


@pytest.mark.parametrize(
    ("body", "name", "steps"),
    [
        ({"uuid": "o1", "name": "Intake", "data": [STEP, {**STEP, "objective_name": "ask"}]}, "Intake", 2),
        ({"objectives_id": "o1", "objectives_name": "Intake", "data": [STEP]}, "Intake", 1),
        ({"data": {"uuid": "o1", "name": "Intake", "data": [STEP]}}, "Intake", 1),
        ({"data": STEP}, "greet", 1),
        ({"objectives_id": "o1", **STEP}, "greet", 1),
        ({"objectives_id": "o1", "name": None, "data": [STEP, "odd"]}, "", 1),
    ],
)
def test_a_set_of_objectives_is_read_in_every_shape(body: Any, name: str, steps: int) -> None:
    with scripted(answer(200, body)) as upstream:
        found = speaking_to(upstream).objectives.get(objectives_id="o1")
    assert (found.id, found.name, len(found.steps)) == ("o1", name, steps)
    assert found.steps[0]["objective_prompt"] == "Greet them."


@pytest.mark.parametrize("body", [{"objectives_id": "o9", "status": "active"}, {"uuid": "o9", "name": "x"}])
def test_a_made_set_is_named_by_either_id(body: Any) -> None:
    with scripted(answer(200, body)) as upstream:
        assert speaking_to(upstream).objectives.create({"data": [STEP]}) == "o9"
    assert upstream.seen[0].json == {"data": [STEP]}


@pytest.mark.parametrize("body", [{}, [], None, {"data": {}}, {"data": [STEP]}, {"objectives_id": 7}, "o1"])
def test_a_made_set_without_an_id_is_ambiguous_and_sent_once(body: Any) -> None:
    with scripted(answer(200, body)) as upstream, pytest.raises(Ambiguous):
        speaking_to(upstream).objectives.create({"data": [STEP]})
    assert len(upstream.seen) == 1


def test_lists_ask_for_the_page_that_is_their_first() -> None:
    rows = [answer(200, {"data": [row], "total_count": 1}) for row in ({"uuid": "o1", "data": [STEP]}, RULE, DOCUMENT)]
    with scripted(*rows) as upstream:
        tavus = speaking_to(upstream)
        assert [one.id for one in tavus.objectives.all()] == ["o1"]
        assert [one.tags for one in tavus.guardrails.all()] == [("sales",)]
        assert [one.busy for one in tavus.documents.all()] == [True]
    assert sent(upstream) == [
        "GET /v2/objectives?limit=100&page=1",
        "GET /v2/guardrails?limit=100&page=0&legacy=false",
        "GET /v2/documents?limit=100&page=0",
    ]


def test_older_sets_of_guardrails_are_read_with_their_rules() -> None:
    rows = [
        {
            "guardrails_id": "g7",
            "guardrails_name": "House rules",
            "data": [RULE, {**RULE, "guardrail_name": "no_advice"}],
        },
        {"uuid": "g8", "guardrail_name": "alone", "guardrail_prompt": "Only one person."},
    ]
    with scripted(answer(200, {"data": rows, "total_count": 2})) as upstream:
        sets = speaking_to(upstream).guardrails.sets()
    assert [(one.id, one.name, len(one.rules)) for one in sets] == [("g7", "House rules", 2), ("g8", "alone", 1)]
    assert sent(upstream) == ["GET /v2/guardrails?limit=100&page=1&legacy=true"]


def test_a_document_is_read_with_its_state() -> None:
    with scripted(answer(200, DOCUMENT)) as upstream:
        found = speaking_to(upstream).documents.get(document_id="d8-5c71baca86fc")
    assert (found.name, found.status, found.progress, found.error_message) == ("Docs", "processing", 40, "")
    assert found.crawl == {"depth": 2, "max_pages": 10}
    assert found.last_crawled_at is not None and found.last_crawled_at.hour == 12


@pytest.mark.parametrize("odd", [{"progress": True}, {"progress": "40"}, {"tags": "docs"}, {"crawl_config": []}])
def test_odd_values_of_a_document_are_left_out(odd: dict[str, Any]) -> None:
    with scripted(answer(200, {**DOCUMENT, **odd})) as upstream:
        found = speaking_to(upstream).documents.get(document_id="d1")
    shown = (found.progress, found.tags, dict(found.crawl))
    assert shown in (
        (None, ("docs",), DOCUMENT["crawl_config"]),
        (40, (), DOCUMENT["crawl_config"]),
        (40, ("docs",), {}),
    )


def test_a_304_says_that_nothing_changed() -> None:
    steps = [{"op": "replace", "path": "/guardrail_prompt", "value": "x"}]
    with scripted(answer(304)) as upstream:
        tavus = speaking_to(upstream)
        assert tavus.guardrails.patch(guardrail_id="g1", operations=steps) is False
        assert tavus.objectives.patch(objectives_id="o1", operations=steps) is False
        assert tavus.documents.update(document_id="d1", fields={"tags": []}) is None
    assert upstream.seen[0].json == steps
    assert upstream.seen[2].json == {"tags": []}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"error": "Objective not found"}),
        (400, {"error": "Guardrail not found"}),
        (400, {"error": "Invalid objectives_id"}),
        (404, {"message": "Document not found"}),
    ],
)
def test_an_unknown_id_is_not_found_however_it_is_told(status: int, body: Any) -> None:
    with scripted(answer(status, body)) as upstream, pytest.raises(NotFound):
        speaking_to(upstream).guardrails.get(guardrail_id="g404")


def test_a_recrawl_sends_its_limits_only_when_they_are_given() -> None:
    with scripted(answer(202, {**DOCUMENT, "status": "recrawling"})) as upstream:
        tavus = speaking_to(upstream)
        assert tavus.documents.recrawl(document_id="d1").status == "recrawling"
        tavus.documents.recrawl(document_id="d1", crawl={"depth": 3, "max_pages": 50})
    assert upstream.seen[0].body == b""
    assert upstream.seen[1].json == {"crawl": {"depth": 3, "max_pages": 50}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (409, {"error": "Document must be in 'ready' or 'error' state to recrawl"}, UpstreamRejected),
        (429, {"error": "Recrawl cooldown: please wait 45 minutes before recrawling this document."}, RateLimited),
        (503, {"error": "busy"}, Ambiguous),
    ],
)
def test_a_refused_recrawl_is_sent_once(status: int, body: Any, kind: type[Exception]) -> None:
    with scripted(answer(status, body)) as upstream, pytest.raises(kind):
        speaking_to(upstream).documents.recrawl(document_id="d1")
    assert len(upstream.seen) == 1
