"""The whole dashboard on PostgreSQL: a session by the HTTP API, its record, the list that finds it."""

from __future__ import annotations

import requests

from tests.databases import Server
from tests.house import until
from tests.running import Dashboard

TOKEN = {"Authorization": "Bearer sandbox"}


def test_a_dashboard_keeps_everything_on_a_server_database(postgresql: Server) -> None:
    with postgresql.database() as url:
        with Dashboard(env={"DATABASE_URL": url.replace("postgresql+psycopg", "postgresql")}) as dashboard:
            session = chat(dashboard)
            assert not (dashboard.data / "greenroom.db").exists()
        with Dashboard(env={"DATABASE_URL": url}) as again:
            kept = requests.get(f"{again.url}/api/sessions/{session}", headers=TOKEN, timeout=10).json()
            assert "Hello?" in [turn["text"] for turn in kept["transcript"]]
            assert "Traceback" not in again.log


def chat(dashboard: Dashboard) -> str:
    api = f"{dashboard.url}/api"
    agents = until(lambda: requests.get(f"{api}/agents", headers=TOKEN, timeout=10).json()["data"])
    asked = {"agentId": agents[0]["id"], "enableAvatar": False}
    session = str(requests.post(f"{api}/sessions", headers=TOKEN, json=asked, timeout=10).json()["sessionId"])
    url = f"{api}/sessions/{session}/messages"
    assert requests.post(url, headers=TOKEN, json={"text": "Hello?"}, timeout=20).ok
    return session
