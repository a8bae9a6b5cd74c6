"""Trying an agent: the free try sends its real payload and starts nothing, the real one leaves nothing running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lib.doctor.report import CheckResult
from lib.models import CallSettings, Status
from lib.wiring import Services
from tests.house import demo, fault, house, log
from tests.pages.test_unavailable import ANSWERS
from tests.sandbox_server import RunningSandbox
from tests.tls_server import secured


@pytest.fixture
def services(running: RunningSandbox, tmp_path: Path) -> Iterator[Services]:
    running.reset()
    running.faults()
    with house(running.url, tmp_path) as built:
        yield built


def active(sandbox: RunningSandbox) -> int:
    found = requests.get(f"{sandbox.v2}/conversations?status=active", headers={"x-api-key": "k"}, timeout=5).json()
    return int(found["total_count"])


def test_the_free_try_sends_the_agents_own_payload_and_takes_no_slot(
    services: Services, running: RunningSandbox
) -> None:
    agent = demo(services, call=CallSettings(language="German", private_room=True))
    check = services.trial.free(agent.id)
    assert check.result is CheckResult.PASS and "Not billed" in check.evidence
    sent = log(running.url, "POST /v2/conversations")[0]["body"]
    assert sent["test_mode"] is True and sent["properties"]["language"] == "German" and "callback_url" not in sent
    assert active(running) == 0 and services.sessions.open() == []


def test_the_free_try_names_why_a_start_would_be_refused(services: Services) -> None:
    check = services.trial.free(demo(services, replica_id="r000000000000").id)
    assert check.result is CheckResult.FAIL and check.fix
    assert services.trial.free("nobody").result is CheckResult.FAIL


@pytest.mark.parametrize(("how", "code", "cause", "advice"), ANSWERS, ids=[row[1] for row in ANSWERS])
def test_each_refusal_of_tavus_has_its_row(
    services: Services, running: RunningSandbox, how: dict[str, Any], code: str, cause: str, advice: str
) -> None:
    running.faults({"route": "POST /v2/conversations", **how})
    row = services.trial.free(demo(services).id)
    # Too many requests pass by themselves: to look at, not to mend.
    assert row.result is (CheckResult.LOOK if code == "rate_limited" else CheckResult.FAIL)
    assert cause in row.evidence and row.fix


@pytest.mark.parametrize(
    ("where", "cause", "advice"),
    [
        ("https://tavus.invalid/v2", "its name can't be found", "online"),
        ("http://127.0.0.1:9/v2", "the connection is refused", "TAVUS_BASE_URL"),
        ("", "its certificate is not trusted here", "REQUESTS_CA_BUNDLE"),
    ],
)
def test_each_way_not_to_reach_tavus_has_its_row(
    services: Services, where: str, cause: str, advice: str, tmp_path: Path
) -> None:
    with secured(tmp_path) as proxy:
        services.tavus.reach_at(where or f"{proxy.url}/v2")
        row = services.trial.free(demo(services).id)
    assert row.result is CheckResult.FAIL and cause in row.evidence and advice in row.fix


def test_the_real_try_waits_for_the_avatar_and_ends_the_call(services: Services, running: RunningSandbox) -> None:
    check = services.trial.paid(demo(services).id)
    assert check.result is CheckResult.PASS and "in the room after" in check.evidence
    assert active(running) == 0
    assert [session.status for session in services.sessions.page().items] == [Status.ENDED]


def test_the_real_try_that_is_refused_says_why_and_leaves_nothing_open(
    services: Services, running: RunningSandbox
) -> None:
    fault(running.url, "POST /v2/conversations", status=402, body={"message": "out of conversational credits"})
    check = services.trial.paid(demo(services).id)
    assert check.result is CheckResult.FAIL and "minutes" in check.evidence and check.fix
    assert active(running) == 0 and services.sessions.open() == []
