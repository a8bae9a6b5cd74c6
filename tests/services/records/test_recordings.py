"""A recording is waited for where one was asked for, and its pointer kept with the record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lib.models import CallSettings, Recording, Session, Status
from lib.store import sessions as rows
from lib.wiring import Services
from tests.house import demo, fault, house, log, reaches, until
from tests.sandbox_server import running_sandbox

CALL = CallSettings(
    recording=True,
    recording_storage={
        "provider": "s3",
        "bucket_name": "calls",
        "bucket_region": "eu-central-1",
        "assume_role_arn": "arn:aws:iam::123456789012:role/tavus",
    },
)
POINTER = {"bucket_name": "calls", "s3_key": "a.mp4", "duration": 61.0, "storage_provider": "s3"}


@pytest.fixture
def sandbox() -> Iterator[str]:
    with running_sandbox() as running:
        yield running.url


@pytest.fixture
def services(sandbox: str, tmp_path: Path, database_url: str) -> Iterator[Services]:
    with house(sandbox, tmp_path, database=database_url) as made:
        yield made


def ended(services: Services, call: CallSettings) -> Session:
    begun = services.sessions.start_and_wait(demo(services, call=call).id, token="t")
    reaches(services, begun, Status.LIVE)
    services.sessions.end(begun.id)
    return reaches(services, begun, Status.ENDED)


def verbose(sandbox: str, session: Session) -> dict[str, Any]:
    url = f"{sandbox}/v2/conversations/{session.conversation_id}?verbose=true"
    row: dict[str, Any] = requests.get(url, headers={"x-api-key": "k"}, timeout=5).json()
    return row


def whole(services: Services, session: Session) -> bool:
    now = services.sessions.get(session.id)
    return now.transcript_at is not None and bool(now.perception)


def test_a_recording_that_comes_after_all_else_is_still_kept(services: Services, sandbox: str) -> None:
    session = ended(services, CALL)
    assert services.sessions.get(session.id).recordings is None
    until(lambda: whole(services, session))
    asked = len(log(sandbox, "GET /v2/conversations"))
    until(lambda: len(log(sandbox, "GET /v2/conversations")) > asked)
    row = verbose(sandbox, session)
    event = {"event_type": "application.recording_ready", "timestamp": row["updated_at"], "properties": POINTER}
    fault(sandbox, "GET /v2/conversations/*", status=200, body={**row, "events": [*row["events"], event]}, times=-1)
    kept = until(lambda: services.sessions.get(session.id).recordings)
    assert kept == (Recording("calls", "a.mp4", 61.0, "s3"),)
    assert "recording" in [event.kind for event in services.sessions.timeline(session.id)]


def test_where_none_was_asked_for_none_is_waited_for(services: Services, sandbox: str) -> None:
    session = ended(services, CallSettings())
    until(lambda: whole(services, session))
    assert services.sessions.get(session.id).recordings == ()
    with services.store.reading() as connection:
        assert rows.without_record(connection, services.account, session.created_at, []) == []
