"""Trying an agent: the free try sends its real payload and starts nothing, the real one leaves nothing running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from lib.doctor.report import Outcome
from lib.models import CallSettings, Status
from lib.wiring import Services
from tests.house import demo, fault, house, log
from tests.sandbox_server import RunningSandbox


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
    assert check.result is Outcome.PASS and "Not billed" in check.evidence
    sent = log(running.url, "POST /v2/conversations")[0]["body"]
    assert sent["test_mode"] is True and sent["properties"]["language"] == "German" and "callback_url" not in sent
    assert active(running) == 0 and services.sessions.open() == []


def test_the_free_try_names_why_a_start_would_be_refused(services: Services) -> None:
    check = services.trial.free(demo(services, replica_id="r000000000000").id)
    assert check.result is Outcome.FAIL and check.fix
    assert services.trial.free("nobody").result is Outcome.FAIL


def test_the_real_try_waits_for_the_avatar_and_ends_the_call(services: Services, running: RunningSandbox) -> None:
    check = services.trial.paid(demo(services).id)
    assert check.result is Outcome.PASS and "in the room after" in check.evidence
    assert active(running) == 0
    assert [session.status for session in services.sessions.page().items] == [Status.ENDED]


def test_the_real_try_that_is_refused_says_why_and_leaves_nothing_open(
    services: Services, running: RunningSandbox
) -> None:
    fault(running.url, "POST /v2/conversations", status=402, body={"message": "out of conversational credits"})
    check = services.trial.paid(demo(services).id)
    assert check.result is Outcome.FAIL and "minutes" in check.evidence and check.fix
    assert active(running) == 0 and services.sessions.open() == []
