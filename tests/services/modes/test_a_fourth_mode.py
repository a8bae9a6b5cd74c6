"""A mode that Greenroom does not have, registered through the port: from start to record, with no edit in lib."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr
from starlette.applications import Starlette

from lib import wiring
from lib.api.app import routes
from lib.doctor.modes import ModeFacts, ModeStanding, ModeState
from lib.errors import GreenroomError, NotFound, SlotsFull
from lib.models import CallSettings, Conversation, ConversationEvent, Session, Status
from lib.services.calls import reading
from lib.services.modes.mode import CallPlan, SessionMode
from lib.wiring import Services
from tests.house import demo, house, reaches, until
from tests.pages.opened import Console, html, words
from tests.sandbox_server import RunningSandbox, serve

TOKEN = "a-token-for-the-api"
ROOM = "https://stage.puppets.test/room-1"


@dataclass
class PuppetStage(SessionMode):
    """A stage with puppets: its own rooms, nothing asked of Tavus. `full` refuses a start."""

    name = "puppet_stage"
    outlives_us = False
    full: bool = False
    plans: list[CallPlan] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    closed: bool = False

    def unable(self) -> GreenroomError | None:
        return SlotsFull("The stage is taken.", code="stage_taken") if self.full else None

    def private(self, call: CallSettings) -> bool:
        return True

    def hosts(self) -> tuple[str, ...]:
        return ("stage.puppets.test",)

    def start(self, plan: CallPlan) -> Conversation:
        self.plans.append(plan)
        return self._conversation(plan, "active", token="let-me-in")

    def look(self, session: Session) -> Conversation:
        plan = next((one for one in self.plans if one.session.id == session.id), None)
        if plan is None:
            raise NotFound("There is no such play.")
        return self._conversation(plan, "ended" if session.conversation_id in self.ended else "active")

    def end(self, session: Session) -> None:
        self.ended.append(session.conversation_id)

    def standing(self, facts: ModeFacts) -> ModeState:
        return ModeState(self.name, ModeStanding.WORKS, "Puppets need neither key nor network.")

    def close(self) -> None:
        self.closed = True

    def _conversation(self, plan: CallPlan, status: str, token: str = "") -> Conversation:
        begun = plan.session.created_at
        events = [ConversationEvent("system.replica_joined", begun + timedelta(seconds=1), {})]
        if status == "ended":
            said = [{"role": "assistant", "content": "Hello from the stage.", "timestamp": begun.timestamp() + 2}]
            events += [
                ConversationEvent("system.shutdown", datetime.now(UTC), {"shutdown_reason": "curtain_fell"}),
                ConversationEvent("application.transcription_ready", datetime.now(UTC), {"transcript": said}),
            ]
        return Conversation(
            id=f"play-{plan.session.id}", name=plan.name, status=status, url=ROOM, replica_id=plan.session.replica_id,
            persona_id=plan.session.persona_id, created_at=begun, events=tuple(events), meeting_token=token,
        )  # fmt: skip


@dataclass(frozen=True)
class Theatre:
    services: Services
    stage: PuppetStage
    sandbox: RunningSandbox


@pytest.fixture
def theatre(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Theatre]:
    stage = PuppetStage()
    with house(sandbox.url, tmp_path, more_modes=[stage], mode=stage.name, api_token=SecretStr(TOKEN)) as services:
        wiring.install(services)
        yield Theatre(services, stage, sandbox)
        wiring.install(None)
    assert stage.closed


def played(theatre: Theatre) -> Session:
    """A call of the fourth mode, live."""
    services = theatre.services
    session = services.sessions.start_and_wait(demo(services).id, token="t")
    return reaches(services, session, Status.LIVE)


def test_it_goes_from_start_to_record_and_tavus_is_asked_for_no_conversation(theatre: Theatre) -> None:
    services = theatre.services
    session = played(theatre)
    assert (session.mode, session.in_room, session.private_room) == ("puppet_stage", True, True)
    assert services.sessions.room_url(session) == f"{ROOM}?t=let-me-in"
    (plan,) = theatre.stage.plans
    assert plan.part["system_prompt"] and plan.session.max_call_s == 600
    services.sessions.end(session.id)
    over = reaches(services, session, Status.ENDED)
    until(lambda: services.sessions.get(session.id).transcript_at)
    assert theatre.stage.ended == [session.conversation_id]
    assert over.end_reason == "Ended: curtain_fell"
    assert [turn.content for turn in services.sessions.turns(session.id)] == ["Hello from the stage."]
    assert theatre.sandbox.routes().count("POST /v2/conversations") == 0
    exported = services.export.markdown(over, services.sessions.turns(session.id), [], "Anna")
    assert "Mode: Video call" in exported and "Hello from the stage." in exported


def test_what_keeps_it_from_starting_is_the_reason_of_a_text_chat(theatre: Theatre) -> None:
    theatre.stage.full = True
    session = theatre.services.sessions.start_and_wait(demo(theatre.services).id, token="t")
    assert (session.mode, session.status, session.reason_code) == ("text", Status.LIVE, "stage_taken")
    assert theatre.stage.plans == []


def test_the_limits_count_it_like_any_call(theatre: Theatre) -> None:
    for n in range(2):
        reaches(
            theatre.services, theatre.services.sessions.start(demo(theatre.services).id, token=f"t{n}"), Status.LIVE
        )
    third = theatre.services.sessions.start_and_wait(demo(theatre.services).id, token="third")
    assert third.reason_code == "max_concurrent_calls" and len(theatre.stage.plans) == 2
    assert theatre.services.sessions.page(modes=("puppet_stage",)).total == 2


def test_diagnostics_and_the_pages_show_it(theatre: Theatre) -> None:
    states = {state.mode: state for state in theatre.services.diagnostics.run(0).modes}
    assert list(states) == ["phoenix_rest", "pipecat_daily", "text", "puppet_stage"]
    assert states["puppet_stage"].because == "Puppets need neither key nor network."
    session = played(theatre)
    console = Console(theatre.sandbox, theatre.services, 0)
    assert "puppet_stage" in html(console.open("diagnostics")) + words(console.open("diagnostics"))
    live = console.open("live", session=session.id)
    assert session.agent_name in words(live) and "of 10:00" in html(live)
    theatre.services.sessions.end(session.id)
    reaches(theatre.services, session, Status.ENDED)
    assert "Ended: curtain_fell" in words(console.open("session", session=session.id))
    assert not console.open("history").exception


def test_the_api_names_it(theatre: Theatre) -> None:
    session = played(theatre)
    with serve(Starlette(routes=routes(theatre.services))) as url:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        row = requests.get(f"{url}/api/sessions/{session.id}", headers=headers, timeout=20).json()
    assert (row["mode"], row["status"], row["conversationUrl"]) == ("puppet_stage", "live", f"{ROOM}?t=let-me-in")


def test_a_session_of_a_mode_that_is_gone_can_still_be_read(theatre: Theatre, tmp_path: Path) -> None:
    session = played(theatre)
    theatre.services.sessions.end(session.id)
    reaches(theatre.services, session, Status.ENDED)
    seen = reading.read(theatre.stage.look(session))
    assert seen.turns is not None
    with house(theatre.sandbox.url, tmp_path) as later:
        assert later.sessions.get(session.id).mode == "puppet_stage"
        assert later.modes.of(session).name == "phoenix_rest"
