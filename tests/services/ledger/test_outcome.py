"""One table of outcomes: what is added there is known to records, exports, charts, the API and the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from starlette.applications import Starlette

from lib import wiring
from lib.api.app import routes
from lib.errors import LimitReached
from lib.models import Status
from lib.services.ledger import outcome
from lib.services.ledger.outcome import By, SessionOutcome
from tests.house import demo, house, reaches
from tests.pages.opened import Console, html, words
from tests.sandbox_server import RunningSandbox, serve

TOKEN = "a-token-for-the-api"
FIRE = SessionOutcome("fire_alarm", "The fire alarm went off", noted="The alarm rang", tone="warning", asks=True)


@pytest.fixture
def alarm(monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionOutcome]:
    monkeypatch.setattr(outcome, "OUTCOMES", dict(outcome.OUTCOMES))
    outcome.register([FIRE])
    yield FIRE


def test_an_outcome_is_added_in_one_place(alarm: SessionOutcome, sandbox: RunningSandbox, tmp_path: Path) -> None:
    with (
        house(sandbox.url, tmp_path, api_token=SecretStr(TOKEN)) as services,
        serve(Starlette(routes=routes(services))) as url,
    ):
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        session = reaches(services, session, Status.LIVE)
        assert services.sessions._ledger.ending(session.id, alarm.code)
        over = reaches(services, session, Status.ENDED)
        assert (over.end_code, over.end_reason) == (alarm.code, alarm.told)
        assert outcome.asks_for_the_end(alarm.code)
        # charts and exports
        assert (alarm.told, 1) in services.archive.figures().outcomes
        exported = services.export.markdown(over, [], services.sessions.timeline(session.id), "Anna")
        assert alarm.told in exported and alarm.noted in exported
        # the API
        headers = {"Authorization": f"Bearer {TOKEN}"}
        row = requests.get(f"{url}/api/sessions/{session.id}", headers=headers, timeout=20).json()
        assert row["endReason"] == alarm.told
        # the pages
        wiring.install(services)
        try:
            console = Console(sandbox, services, 0)
            record = console.open("session", session=session.id)
            assert f"{alarm.told}." in words(record)
            assert alarm.noted in html(record) and "gr-warning" in html(record)
            assert alarm.told in html(console.open("history"))
        finally:
            wiring.install(None)


def test_no_code_stands_twice(alarm: SessionOutcome) -> None:
    with pytest.raises(ValueError, match="fire_alarm"):
        outcome.register([FIRE])


def test_every_limit_of_greenroom_has_its_sentence_and_what_to_do() -> None:
    figures: Any = {"every": "All 2 calls", "are": "are", "left": 3.0, "most": 60, "length": "10 min", "starts": 6}
    for row in outcome.REFUSED:
        if row.by is By.GREENROOM:
            refusal = outcome.limit_reached(row.code, **figures)
            assert isinstance(refusal, LimitReached) and refusal.code == row.code
            assert refusal.message.endswith(".") and "{" not in refusal.message and refusal.hint


def test_the_agents_own_faults_and_what_another_end_lifts_are_told_apart() -> None:
    rows = outcome.OUTCOMES.values()
    assert {row.code for row in rows if row.frees} >= {"max_concurrent_calls", "slots_full"}
    assert not [row.code for row in rows if row.frees and row.agents_fault]
    assert {row.code for row in rows if row.agents_fault} >= {"rejected", "replica_unknown"}
