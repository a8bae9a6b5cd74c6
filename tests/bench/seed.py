"""A console in use: 30 personas, 12 agents, 20 sessions with transcripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from lib.models import Mode, Session, Status, Turn
from lib.store import sessions
from lib.store.database import Store
from lib.wiring import SANDBOX_ACCOUNT
from tests.running import Dashboard

PERSONAS, AGENTS, SESSIONS, TURNS = 30, 12, 20, 24

ROLES = (
    "product guide", "sceptical buyer", "interview coach", "support agent", "sales trainer", "language partner",
    "onboarding host", "negotiation partner",
)  # fmt: skip
TONES = ("Warm", "Direct", "Patient")
LINE = (
    "Keep answers under three sentences, ask one question at a time, and come back to the goal when the talk drifts. "
    "Name what you do not know instead of guessing, and never promise a price or a date. "
)
SAID = (
    "Could you tell me how the review of a draft works when two people edit it at once?",
    "Both of you see the same draft, and each change carries its author. What does your team do today?",
)


def rows() -> list[dict[str, Any]]:
    """What `POST /api/personas` is given."""
    made = []
    for n in range(PERSONAS):
        role, tone = ROLES[n % len(ROLES)], TONES[n // len(ROLES) % len(TONES)]
        made.append(
            {
                "persona_name": f"{tone} {role}",
                "system_prompt": f"You are a {tone.lower()} {role} of a software company. " + LINE * 8,
                "context": f"The visitor knows the product from a short film. Case {n + 1}.",
                "greeting": f"Hello, I am your {role}. What brings you here today?",
                "default_replica_id": "r90bbd427f71",
                "layers": {
                    "llm": {"model": "tavus-gpt-oss", "speculative_inference": True},
                    "stt": {"smart_turn": True},
                },
            }
        )
    return made


def fill(dashboard: Dashboard) -> list[str]:
    """Make personas and agents through the running dashboard's own API. Returns the agents' ids."""
    http = requests.Session()
    http.headers["Authorization"] = "Bearer sandbox"

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = http.post(dashboard.url + path, json=body, timeout=20)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    personas = [str(post("/api/personas", row)["persona_id"]) for row in rows()]
    there = len(http.get(dashboard.url + "/api/agents", timeout=20).json()["data"])
    agents = []
    for n in range(AGENTS - there):
        avatar = {"replicaId": "r90bbd427f71", "tavusPersonaId": personas[n]}
        agents.append(str(post("/api/agents", {"name": f"Demo {n + 1}", "avatar": avatar})["id"]))
    return agents


def history(data: Path, agents: list[str]) -> str:
    """Write ended sessions with transcripts into a database that nobody has open. Returns the newest one's id."""
    store = Store(f"sqlite:///{(data / 'greenroom.db').as_posix()}", root=data)
    store.open()
    now = datetime.now(UTC)
    try:
        with store.writing() as connection:
            for n in range(SESSIONS):
                _ended(connection, n, agents[n % len(agents)], now - timedelta(hours=2 * n + 26))
    finally:
        store.close()
    return "bench-0"


def _ended(connection: Any, n: int, agent_id: str, begun: datetime) -> None:
    role = ROLES[n % len(ROLES)]
    session = Session(
        id=f"bench-{n}", agent_id=agent_id, agent_name=f"Demo {n % 8 + 1}", persona_id=f"p{n % PERSONAS:011x}",
        persona_name=f"{TONES[n % 3]} {role}", replica_id="r90bbd427f71", mode=Mode.PHOENIX_REST,
        status=Status.STARTING, created_at=begun, max_call_s=600,
    )  # fmt: skip
    intent = sessions.Intent(session, f"bench-token-{n}", "", f"Greenroom {n}", {"system_prompt": LINE})
    sessions.add(connection, SANDBOX_ACCOUNT, intent)
    ended = begun + timedelta(seconds=300)
    turns = [
        Turn(seq, ("assistant", "user")[seq % 2], SAID[1 - seq % 2], seconds=seq * 12.0, duration_s=5.0)
        for seq in range(TURNS)
    ]
    sessions.append_turns(connection, session.id, "tavus", turns)
    for kind, at in (("intent", begun), ("created", begun), ("live", begun), ("ended", ended), ("transcript", ended)):
        sessions.note(connection, session.id, at, kind)
    sessions.advance(
        connection, session.id, status=Status.ENDED, conversation_id=f"c{n:011x}",
        conversation_url="", waiting_at=begun, live_at=begun + timedelta(seconds=5), ended_at=ended,
        end_code="ended_here", end_reason="You ended the session.", transcript_at=ended, perception="none",
    )  # fmt: skip
