"""Two dashboards against one PostgreSQL: they share limits and sweeper, and one takes over from the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from tests.databases import Server
from tests.house import ANNA, GUIDE, KEY, until
from tests.running import Dashboard
from tests.sandbox_server import running_sandbox
from tests.services.ledger.world import World

TOKEN = "a-token-of-the-api"
LIMIT, STARTS = 5, 200
PULSE_S, LEASE_S, GRACE_S = 1.0, 3.0, 1.0


@pytest.fixture
def world(postgresql: Server, tmp_path: Path) -> Iterator[World]:
    with running_sandbox() as sandbox, postgresql.database() as url:
        yield World(sandbox, tmp_path, url)


def dashboard(world: World, **env: str) -> Dashboard:
    own = {
        "TAVUS_API_KEY": KEY,
        "TAVUS_BASE_URL": world.sandbox.v2,
        "DATABASE_URL": world.database,
        "API_TOKEN": TOKEN,
        "MAX_CONCURRENT_CALLS": str(LIMIT),
        "DAILY_MINUTES": "100000",
        "MAX_STARTS_PER_MINUTE": "600",
        "SWEEP_INTERVAL_S": str(PULSE_S),
        "WATCH_GRACE_S": str(GRACE_S),
    }
    return Dashboard(env={**own, **env})


def api(console: Dashboard, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return requests.request(method, f"{console.url}/api{path}", json=body, headers=headers, timeout=60).json()


def agent(console: Dashboard) -> str:
    body = {"name": "Demo", "avatar": {"tavusPersonaId": GUIDE, "replicaId": ANNA}}
    return str(api(console, "POST", "/agents", body)["id"])


def test_row_26_two_hundred_starts_at_once_on_two_dashboards_send_exactly_as_many_as_the_limit(world: World) -> None:
    with dashboard(world) as one, dashboard(world) as two:
        agent_id = agent(one)

        def start(number: int) -> str:
            console = (one, two)[number % 2]
            body = {"agentId": agent_id, "clientToken": f"start-{number}"}
            return str(api(console, "POST", "/sessions", body)["mode"])

        with ThreadPoolExecutor(40) as pool:
            modes = list(pool.map(start, range(STARTS)))
        assert modes.count("phoenix_rest") == LIMIT
        assert modes.count("text") == STARTS - LIMIT
        assert len(world.creates()) == LIMIT == len(world.running())


def test_when_the_sweeping_dashboard_is_killed_the_other_sweeps_within_two_leases(world: World) -> None:
    with dashboard(world) as one, dashboard(world) as two:
        leader, other = (one, two) if _leads(world, one) else (two, one)
        body = {"agentId": agent(other), "watch": True}
        session = api(other, "POST", "/sessions", body)
        assert session["mode"] == "phoenix_rest"
        path = f"/sessions/{session['sessionId']}"
        until(lambda: api(other, "GET", path)["status"] == "live")
        leader.kill()
        killed = time.monotonic()
        # Nobody asks about the session any more; who sweeps ends it.
        until(lambda: _leads(world, other), within_s=2 * LEASE_S)
        until(lambda: world.running() == [], within_s=2 * LEASE_S + GRACE_S + PULSE_S - (time.monotonic() - killed) + 2)
        until(lambda: api(other, "GET", path)["status"] == "ended")
        assert api(other, "GET", path)["endReason"] == "Nobody was watching"


def _leads(world: World, console: Dashboard) -> bool:
    with world.raw() as connection:
        owner = str(connection.execute(text("SELECT owner FROM leases")).scalar_one())
    return owner.split("/")[1] == str(console.pid)
