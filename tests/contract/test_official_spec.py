"""The sandbox answers as Tavus's own OpenAPI document says, for whatever schemathesis comes up with."""

from __future__ import annotations

import itertools
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
TURNS = itertools.count()
SEEN: set[tuple[str, str, int]] = set()


@pytest.fixture(scope="module")
def box() -> Iterator[RunningSandbox]:
    with running_sandbox() as running:
        yield running


schema = schemathesis.openapi.from_dict(official_spec.load())


@schema.parametrize()
@settings(max_examples=6, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_in_the_official_spec(box: RunningSandbox, case: schemathesis.Case[Any]) -> None:
    if next(TURNS) % 2:
        aim(case, box)
    response = case.call_and_validate(base_url=box.url, checks=CHECKS, headers={"x-api-key": KEY})
    SEEN.add((case.method.upper(), case.operation.path, response.status_code))


def aim(case: schemathesis.Case[Any], box: RunningSandbox) -> None:
    """Put ids of what exists in the place of generated ones, so that not every case stops at an unknown id."""
    ids = {
        "persona_id": lambda: box.call("POST", "/personas", {"system_prompt": "A guide."}).json()["persona_id"],
        "replica_id": lambda: box.call("POST", "/replicas", {"train_video_url": "https://a.example/v"}).json()[
            "replica_id"
        ],
        "conversation_id": lambda: box.create()["conversation_id"],
    }
    for name in ids.keys() & case.path_parameters.keys():
        case.path_parameters[name] = ids[name]()
    stock = {"persona_id": "p2b8e10c94d6", "replica_id": "r90bbd427f71", "default_replica_id": "r90bbd427f71"}
    if isinstance(case.body, dict):
        case.body |= {name: stock[name] for name in stock.keys() & case.body.keys()}


def test_generated_requests_reach_every_documented_answer() -> None:
    documented = {
        (method.upper(), path, int(status))
        for path, item in official_spec.load()["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
        for status in operation["responses"]
        if status not in ("401", "402")
    }
    if {one[:2] for one in SEEN} < {one[:2] for one in documented}:
        pytest.skip("only when every operation of this file was tried")
    assert documented - SEEN == set()
