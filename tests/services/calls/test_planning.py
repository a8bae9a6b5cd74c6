"""What a call will be is resolved once, whether or not the persona is in memory: start, free try and worker alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib.models import CallSettings, Mode, PersonaPart, Session, Status
from lib.store import sessions as rows
from lib.wiring import Services
from tests.house import ANNA, GUIDE, LUCAS, demo, fault, house, log, reaches
from tests.sandbox_server import RunningSandbox

OTHERS = "r4067604db72"
"""The account's default replica, which is nobody's face here."""


@pytest.fixture
def services(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Services]:
    """As after a restart: no list was read yet."""
    with house(sandbox.url, tmp_path, tavus_default_replica_id=OTHERS, max_call_s=300, max_concurrent_calls=9) as made:
        assert made.catalogue.persona_shelf.peek() is None
        yield made


def posted(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    return [entry["body"] for entry in log(sandbox.url, "POST /v2/conversations") if entry["path"].endswith("ions")]


def kept(services: Services, session: Session) -> PersonaPart:
    with services.store.reading() as connection:
        return rows.persona_of(connection, session.id)


def test_a_start_after_a_restart_wears_the_personas_own_face_and_keeps_its_prompt(
    services: Services, sandbox: RunningSandbox
) -> None:
    session = services.sessions.start_and_wait(demo(services, replica_id="").id, token="t")
    assert (session.replica_id, session.persona_name) == (ANNA, "Warm product guide")
    assert posted(sandbox)[0]["replica_id"] == ANNA
    assert kept(services, session)["system_prompt"]


def test_what_is_in_memory_is_not_asked_for_again(services: Services, sandbox: RunningSandbox) -> None:
    services.catalogue.personas(max_age_s=0.0)
    before = len(log(sandbox.url, "GET /v2/personas"))
    services.sessions.start_and_wait(demo(services, replica_id="").id, token="t")
    assert len(log(sandbox.url, "GET /v2/personas")) == before


def test_a_persona_that_was_made_after_the_list_was_read_is_read_by_itself(
    services: Services, sandbox: RunningSandbox
) -> None:
    services.catalogue.personas(max_age_s=0.0)
    body = {"persona_name": "Late", "system_prompt": "You came late.", "default_replica_id": LUCAS}
    made = sandbox.call("POST", "/personas", body).json()["persona_id"]
    session = services.sessions.start_and_wait(demo(services, persona_id=made, replica_id="").id, token="t")
    assert (session.replica_id, kept(services, session)["system_prompt"]) == (LUCAS, "You came late.")


def test_where_the_persona_can_not_be_read_no_call_goes_out_with_another_face(
    services: Services, sandbox: RunningSandbox
) -> None:
    fault(sandbox.url, f"GET /v2/personas/{GUIDE}", status=500, times=9)
    session = services.sessions.start_and_wait(demo(services, replica_id="").id, token="t")
    assert (session.mode, session.status) == (Mode.TEXT, Status.LIVE)
    assert session.reason and posted(sandbox) == []
    # The same click again is the same session, whatever Tavus says by now.
    again = services.sessions.start(session.agent_id, token="t")
    assert again.id == session.id


def test_a_text_chat_starts_without_asking_tavus(services: Services, sandbox: RunningSandbox) -> None:
    before = len(sandbox.routes())
    session = services.sessions.start(demo(services).id, token="t", enable_avatar=False)
    assert session.mode == Mode.TEXT
    assert [route for route in sandbox.routes()[before:] if "personas" in route] == []


def test_the_free_try_asks_for_what_a_start_asks_for(services: Services, sandbox: RunningSandbox) -> None:
    agent = demo(services, replica_id="", call=CallSettings(max_call_s=240, absent_s=60, left_s=10, language="German"))
    assert services.trial.free(agent.id).result == "pass"
    session = services.sessions.start_and_wait(agent.id, token="t")
    reaches(services, session, Status.LIVE)
    tried, started = posted(sandbox)
    for body in (tried, started):
        body.pop("conversation_name")
    assert tried.pop("test_mode") is True
    assert tried == started
    assert started["properties"]["max_call_duration"] == 240


def test_the_installations_limits_count_where_the_agent_has_none_of_its_own(services: Services) -> None:
    plan = services.planner.plan_for(demo(services), services.modes.tavus)
    assert (plan.session.max_call_s, plan.absent_s, plan.left_s) == (300, 120, 30)
    assert plan.session.persona_id == GUIDE and plan.part["system_prompt"]
