"""The galleries with 500 personas and 500 agents: what a rerun takes, and what Tavus is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.bench.load import p50
from tests.running import Dashboard
from tests.websocket import Tab

MANY = 500
GALLERIES = {
    "personas": ("personas", ""),
    "agents": ("agents", ""),
    "agents, table": ("agents", "view=table"),
    "agents, editor": ("agents", "agent=new"),
    "replicas": ("replicas", ""),
}
"""What is drawn -> page and query. The editor is there for its choice among 500 personas."""


@dataclass(frozen=True)
class Gallery:
    """`open_ms` is the first visit after a start. `rerun_ms` and `empty_ms` are p50.

    `sweeps` counts the requests for each list that the first visit asked for; `asked` those of all reruns.
    """

    open_ms: float
    rerun_ms: float
    empty_ms: float
    sweeps: Mapping[str, int]
    asked: int


def fill(data: Path, env: Mapping[str, str]) -> None:
    """Make a console with many personas and agents in this folder."""
    with Dashboard(data=data, env=env) as dashboard:
        http = requests.Session()
        http.headers.update({"Authorization": "Bearer sandbox", "x-api-key": "sandbox"})

        def persona(n: int) -> str:
            row = {"persona_name": f"Persona {n}", "system_prompt": "You are a guide. " * 60}
            answer = http.post(f"{dashboard.url}/sandbox/v2/personas", json=row, timeout=60)
            return str(answer.json()["persona_id"])

        def agent(n: int) -> None:
            body = {
                "name": f"Agent {n}",
                "avatar": {"replicaId": "r90bbd427f71", "tavusPersonaId": personas[n]},
                "call": {"language": "German" if n % 3 else "Klingon"},
            }
            http.post(f"{dashboard.url}/api/agents", json=body, timeout=60).raise_for_status()

        with ThreadPoolExecutor(4) as pool:
            personas = list(pool.map(persona, range(MANY)))
            list(pool.map(agent, range(MANY)))


def measure(name: str, data: Path, env: Mapping[str, str], empty: Dashboard, rounds: int) -> Gallery:
    """One gallery of a dashboard just started, its reruns in turn with those of an empty page elsewhere."""
    page, query = GALLERIES[name]
    with (
        Dashboard(data=data, env=env) as dashboard,
        Tab(empty.url, keep=False) as beside,
        Tab(dashboard.url, keep=False) as tab,
    ):
        beside.run()
        before = _lists(dashboard)
        open_ms = tab.time_run(page=page, query=query)
        opened = _lists(dashboard)
        tab.run(query=query)
        taken: list[float] = []
        empties: list[float] = []
        for _ in range(rounds):
            taken.append(tab.time_run(query=query))
            empties.append(beside.time_run())
        asked = _lists(dashboard).total() - opened.total()
    return Gallery(open_ms, p50(taken), p50(empties), opened - before, asked)


def _lists(dashboard: Dashboard) -> Counter[str]:
    """What the sandbox was asked for, by path, with how often."""
    log = requests.get(f"{dashboard.url}/sandbox/_sandbox/log", timeout=10).json()
    return Counter(str(entry["path"]) for entry in log)
