"""The galleries with 500 personas and 500 agents: what a rerun takes, and what Tavus is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.bench.load import p50
from tests.running import Dashboard
from tests.websocket import Tab

MANY = 500
GALLERIES = (
    ("personas", ""), ("agents", ""), ("agents", "view=table"), ("replicas", ""), ("agents", "agent=new"),
)  # fmt: skip
"""Page and query; the last is the editor, whose choices are the 500 personas."""


@dataclass(frozen=True)
class Gallery:
    """`rerun_ms` and `empty_ms` are p50. `swept` are the lists that Tavus was asked for by opening the page (each with
    its number of requests), `asked` the requests of all its reruns."""

    page: str
    query: str
    open_ms: float
    rerun_ms: float
    empty_ms: float
    swept: dict[str, int]
    asked: int


@contextlib.contextmanager
def crowded(data: Path, env: dict[str, str]) -> Iterator[Dashboard]:
    """A console with many personas and agents, started again after they were made, so that nothing is kept yet."""
    with Dashboard(data=data, env=env) as dashboard:
        http = requests.Session()
        http.headers.update({"Authorization": "Bearer sandbox", "x-api-key": "sandbox"})

        def persona(n: int) -> str:
            row = {"persona_name": f"Persona {n}", "system_prompt": "You are a guide. " * 60}
            answer = http.post(dashboard.url + "/sandbox/v2/personas", json=row, timeout=60)
            return str(answer.json()["persona_id"])

        def agent(n: int) -> None:
            avatar = {"replicaId": "r90bbd427f71", "tavusPersonaId": personas[n]}
            body = {"name": f"Agent {n}", "avatar": avatar, "call": {"language": "German" if n % 3 else ""}}
            http.post(dashboard.url + "/api/agents", json=body, timeout=60).raise_for_status()

        with ThreadPoolExecutor(4) as pool:
            personas = list(pool.map(persona, range(MANY)))
            list(pool.map(agent, range(MANY)))
    with Dashboard(data=data, env=env) as dashboard:
        yield dashboard


def measure(crowd: Dashboard, empty: Dashboard, rounds: int) -> list[Gallery]:
    """Each gallery in a tab of its own, its reruns in turn with those of the empty page."""
    with Tab(empty.url, keep=False) as beside:
        beside.run()
        return [_one(crowd, beside, page, query, rounds) for page, query in GALLERIES]


def _one(crowd: Dashboard, beside: Tab, page: str, query: str, rounds: int) -> Gallery:
    # An hour ahead, what was read is old: each gallery is opened as by the first visitor.
    before = len(_log(crowd))
    with Tab(crowd.url, keep=False) as tab:
        open_ms = tab.time_run(page=page, query=query)
        opened = _log(crowd)[before:]
        tab.run(query=query)
        taken: list[float] = []
        empty: list[float] = []
        for _ in range(rounds):
            taken.append(tab.time_run(query=query))
            empty.append(beside.time_run())
        asked = len(_log(crowd)) - before - len(opened)
    swept: dict[str, int] = {}
    for entry in opened:
        swept[str(entry["path"])] = swept.get(str(entry["path"]), 0) + 1
    return Gallery(page, query, open_ms, p50(taken), p50(empty), swept, asked)


def _log(dashboard: Dashboard) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{dashboard.url}/sandbox/_sandbox/log", timeout=10).json()
    return found
