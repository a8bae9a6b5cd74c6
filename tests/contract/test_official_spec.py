"""The sandbox answers as Tavus's own OpenAPI document says, for whatever schemathesis comes up with."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract import official_spec
from tests.sandbox_server import KEY, RunningSandbox, running_sandbox

if not official_spec.SPEC.exists():
    pytest.skip(f"the official spec is not here: {official_spec.SPEC.name}", allow_module_level=True)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TURNS: Counter[str] = Counter()
SEEN: set[tuple[str, str, int]] = set()


@pytest.fixture(scope="module")
def box() -> Iterator[RunningSandbox]:
    with running_sandbox() as running:
        yield running


schema = schemathesis.openapi.from_dict(official_spec.load())


@schema.parametrize()
@settings(max_examples=6, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_in_the_official_spec(box: RunningSandbox, case: schemathesis.Case[Any]) -> None:
    TURNS[case.operation.label] += 1
    if TURNS[case.operation.label] % 2 == 0:
        aim(case, box)
    response = case.call_and_validate(base_url=box.url, checks=CHECKS, headers={"x-api-key": KEY})
    SEEN.add((case.method.upper(), case.operation.path, response.status_code))


MADE: dict[str, tuple[str, dict[str, Any]]] = {
    "persona_id": ("/personas", {"system_prompt": "A guide."}),
    "replica_id": ("/replicas", {"train_video_url": "https://a.example/v"}),
    "conversation_id": ("/conversations", {"persona_id": "p2b8e10c94d6"}),
    "objectives_id": ("/objectives", {"data": [{"objective_name": "greet", "objective_prompt": "Greet them."}]}),
    "guardrail_id": ("/guardrails", {"guardrail_name": "no_prices", "guardrail_prompt": "Never name a price."}),
    "dictionary_id": ("/pronunciation-dictionaries", {"name": "Brands"}),
    "document_id": ("/documents", {"document_url": "https://docs.example.com/"}),
}


def made(box: RunningSandbox, id_name: str, **more: Any) -> str:
    """The id of something new."""
    path, body = MADE[id_name]
    row = box.call("POST", path, {**body, **more}).json()
    return str(row.get(id_name) or row.get("uuid") or row[f"pronunciation_{id_name}"])


def aim(case: schemathesis.Case[Any], box: RunningSandbox) -> None:
    """Put ids of what exists in the place of generated ones, so that not every case stops at an unknown id."""
    for name in MADE.keys() & case.path_parameters.keys():
        case.path_parameters[name] = made(box, name)
    stock = {"persona_id": "p2b8e10c94d6", "replica_id": "r90bbd427f71", "default_replica_id": "r90bbd427f71"}
    if isinstance(case.body, dict):
        case.body |= {name: stock[name] for name in stock.keys() & case.body.keys()}


def answered(box: RunningSandbox, method: str, path: str, body: Any = None, **path_parameters: str) -> int:
    """The status of one request, which the four checks have seen."""
    given = {} if body is None else {"body": body, "media_type": "application/json"}
    case = schema[path][method].Case(path_parameters=path_parameters, **given)
    response = case.call_and_validate(base_url=box.url, checks=CHECKS, headers={"x-api-key": KEY})
    SEEN.add((method, path, response.status_code))
    return int(response.status_code)


@pytest.mark.parametrize(("id_name", "path"), [(name, f"/v2{path}/{{{name}}}") for name, (path, _) in MADE.items()])
def test_an_unknown_id_is_answered_by_the_official_spec(box: RunningSandbox, id_name: str, path: str) -> None:
    for id_ in ("none", f"{made(box, id_name)}0"):
        assert answered(box, "GET", path, **{id_name: id_}) in (400, 404)


def test_answers_that_no_single_request_gets_are_in_the_official_spec(box: RunningSandbox) -> None:
    box.reset()
    box.freeze()
    persona = made(box, "persona_id")
    box.control("drafts", {"persona_id": persona})
    rename = [{"op": "replace", "path": "/persona_name", "value": "Host"}]
    assert answered(box, "PATCH", "/v2/personas/{persona_id}", rename, persona_id=persona) == 409
    assert answered(box, "PATCH", "/v2/personas/{persona_id}", [], persona_id=persona) == 304

    assert answered(box, "DELETE", "/v2/objectives/{objectives_id}", objectives_id=persona) == 400

    site, recrawl = made(box, "document_id", crawl={"depth": 1}), "/v2/documents/{document_id}/recrawl"
    assert answered(box, "POST", recrawl, document_id=site) == 409
    box.advance(8)
    assert answered(box, "POST", recrawl, document_id=site) == 202
    box.advance(8)
    assert answered(box, "POST", recrawl, document_id=site) == 429
    for _ in range(5):
        made(box, "document_id", crawl={"depth": 1})
    one_more = {"document_url": "https://docs.example.com/", "crawl": {"depth": 1}}
    assert answered(box, "POST", "/v2/documents", one_more) == 429


def test_sets_of_objectives_can_be_read_as_documented_without_the_overlay(box: RunningSandbox) -> None:
    box.reset()
    box.control("dialect", {"objectives": "documented"})
    bare = schemathesis.openapi.from_dict(official_spec.cut())
    for path, id_ in (("/v2/objectives/{objectives_id}", made(box, "objectives_id")), ("/v2/objectives", "")):
        case = bare[path]["GET"].Case(path_parameters={"objectives_id": id_} if id_ else {})
        row = case.call_and_validate(base_url=box.url, checks=CHECKS, headers={"x-api-key": KEY}).json()["data"]
        documented = bare[path]["GET"].definition.raw["responses"]["200"]["content"]["application/json"]["schema"]
        fields = documented["properties"]["data"]
        assert (row if id_ else row[0]).keys() & fields.get("items", fields)["properties"].keys() >= {"objective_name"}
    box.reset()


def test_a_patch_that_changes_nothing_is_answered_as_documented(box: RunningSandbox) -> None:
    patches = (("guardrail_id", "/v2/guardrails/{guardrail_id}", "/guardrail_name", "no_prices"),
               ("dictionary_id", "/v2/pronunciation-dictionaries/{dictionary_id}", "/name", "Brands"))  # fmt: skip
    for id_name, path, field, same in patches:
        body = [{"op": "replace", "path": field, "value": same}]
        assert answered(box, "PATCH", path, body, **{id_name: made(box, id_name)}) == 304


def test_generated_requests_reach_every_documented_answer() -> None:
    documented = {
        (method.upper(), path, int(status))
        for path, item in official_spec.load()["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
        for status in operation["responses"]
        if status not in ("401", "402")
    }
    if "PYTEST_XDIST_WORKER" in os.environ or {one[:2] for one in SEEN} < {one[:2] for one in documented}:
        pytest.skip("only when one process tried every operation: python dev.py test tests/contract")
    assert documented - SEEN == set()
