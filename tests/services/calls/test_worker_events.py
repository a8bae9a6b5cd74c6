"""The word of a worker that comes late: its call has ended before the reason is here."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from lib.errors import UpstreamError
from lib.models import Status
from lib.services.calls.worker_events import WorkerEvents
from lib.services.chat.responder import Responder
from tests.house import KEY, demo, house, reaches
from tests.sandbox_server import RunningSandbox

JOIN = UpstreamError("The Daily room could not be joined.", code="daily_join", hint="Check DAILY_SUBDOMAIN.")


@pytest.mark.parametrize("by_a_person", [False, True])
def test_a_late_reason_is_kept_unless_somebody_ended_the_call(
    by_a_person: bool, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with house(sandbox.url, tmp_path) as services:
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        if by_a_person:
            services.sessions.end(session.id)
        else:
            ended = f"{sandbox.v2}/conversations/{session.conversation_id}/end"
            requests.post(ended, headers={"x-api-key": KEY}, timeout=5).raise_for_status()
        reaches(services, session, Status.ENDED)
        heard = WorkerEvents(services.past._ledger, Responder(None))
        heard.broken(session.id, JOIN)
        over = services.sessions.get(session.id)
        assert over.status is Status.ENDED
        assert over.reason_code == ("" if by_a_person else "daily_join")
        heard.broken(session.id, UpstreamError("It broke off.", code="worker_died"))
        assert services.sessions.get(session.id).reason_code == over.reason_code
