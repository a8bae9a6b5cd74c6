"""What the tests of the ledger share: Tavus (the sandbox, over real HTTP), a database of either kind, and faults."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from lib.models import Session, Status
from lib.store.database import Store
from lib.wiring import Services
from tests.house import KEY, house
from tests.running import ROOT
from tests.sandbox_server import RunningSandbox

CREATE, LIST = "POST /v2/conversations", "GET /v2/conversations"
CONVERSATIONS = "/v2/conversations"
HORIZON_S = 1.5


@dataclass(frozen=True)
class World:
    """One account at Tavus, one database, and as many processes on it as a test opens."""

    sandbox: RunningSandbox
    root: Path
    database: str

    def house(self, **settings: Any) -> AbstractContextManager[Services]:
        """A process of Greenroom, inside this one; a second one after it is a restart, beside it a second process."""
        limits = {"max_concurrent_calls": 20, "daily_minutes": 1000, "reconcile_horizon_s": HORIZON_S}
        return house(self.sandbox.url, self.root, **{"database": self.database, **limits, **settings})

    # Tavus

    def fails(self, *faults: dict[str, Any]) -> None:
        """Replace the script of faults; each is played once unless it says how often."""
        self.sandbox.faults(*({"times": 1, **fault} for fault in faults))

    def heals(self) -> None:
        self.sandbox.faults()

    def creates(self) -> list[dict[str, Any]]:
        """Greenroom's requests for a conversation, whatever became of them."""
        asked = [entry for entry in self.sandbox.log() if (entry["method"], entry["path"]) == ("POST", CONVERSATIONS)]
        return [entry for entry in asked if entry["headers"]["user-agent"] == "Greenroom"]

    def lists(self) -> int:
        return sum((entry["method"], entry["path"]) == ("GET", CONVERSATIONS) for entry in self.sandbox.log())

    def ends(self) -> list[str]:
        """The paths at which an end was asked for."""
        return [entry["path"] for entry in self.sandbox.log() if entry["path"].endswith("/end")]

    def conversations(self, status: str = "") -> list[dict[str, Any]]:
        """What Tavus has, past all faults."""
        return [
            {"id": call.conversation_id, "name": call.conversation_name, "status": call.status}
            for call in self.sandbox.inside.calls.all()
            if status in ("", call.status)
        ]

    def running(self) -> list[str]:
        return [row["id"] for row in self.conversations("active")]

    def arrives(self, number: int = 0) -> str:
        """What was asked for is made only now, long after its answer was lost; its id."""
        return str(self.sandbox.create(**self.creates()[number]["body"])["conversation_id"])

    def foreign(self, count: int, name: str = "Somebody else's") -> list[str]:
        return [str(self.sandbox.create(conversation_name=name)["conversation_id"]) for _ in range(count)]

    def end(self, conversation_id: str) -> None:
        """End it past all faults, as Tavus itself does."""
        self.sandbox.inside.calls.end(conversation_id, "participant_absent_timeout")

    # The database

    @contextmanager
    def raw(self, patience_s: float = 10.0) -> Iterator[Connection]:
        """The database past Greenroom's own way in, in one transaction; it waits that long for locks."""
        url = Store(self.database, root=self.root)._url
        sqlite = url.get_backend_name() == "sqlite"
        options = {"timeout": patience_s} if sqlite else {"options": f"-c lock_timeout={int(patience_s * 1000)}"}
        engine = create_engine(url, poolclass=NullPool, connect_args=options)
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Somebody holds the sessions: they can be read, and not be written."""
        with self.raw() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(text("LOCK TABLE sessions IN EXCLUSIVE MODE"))
            yield

    def rows(self) -> list[dict[str, Any]]:
        with self.raw() as connection:
            found = connection.execute(text("SELECT * FROM sessions ORDER BY created_at, id"))
            return [dict(row._mapping) for row in found]

    # Processes

    def dies(self, point: str, agent_id: str, token: str, **settings: Any) -> None:
        """Another process starts this agent and is killed at this point."""
        told = {"agent": agent_id, "token": token, "point": point, "settings": settings}
        process = self.process("tests.services.ledger.dying", told)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == -9, f"{process.returncode}: {said}"

    def process(self, module: str, told: dict[str, Any]) -> subprocess.Popen[str]:
        """A Python process that is told where everything is, as JSON in its first argument."""
        where = {"sandbox": self.sandbox.url, "root": str(self.root), "database": self.database}
        return subprocess.Popen(
            [sys.executable, "-m", module, json.dumps({**where, **told})], cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip


def impatient(services: Services, read_s: float = 0.3) -> None:
    """Let a start wait no longer than that for its answer."""
    services.tavus._transport._writing._timeouts = (3.0, read_s)


def paid_once(world: World, session: Session) -> None:
    """It was asked for once, exists once, and is in the ledger with what it cost."""
    assert len(world.creates()) == 1
    assert [row["id"] for row in world.conversations()] == [session.conversation_id]
    assert session.waiting_at is not None
    assert session.ended_at is None or session.ended_at >= session.waiting_at


def status_of(services: Services, session: Session) -> Status:
    return services.sessions.get(session.id).status


def delete(sandbox: RunningSandbox, conversation_id: str) -> None:
    answer = requests.delete(f"{sandbox.v2}/conversations/{conversation_id}", headers={"x-api-key": KEY}, timeout=5)
    assert answer.ok
