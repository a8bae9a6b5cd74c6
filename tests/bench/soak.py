"""Twenty people for half an hour: they start, watch, chat, end and read again and again. Does the process grow?"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.bench.load import p50
from tests.running import Dashboard
from tests.websocket import Tab

PEOPLE = 20
MINUTES, SETTLED_AFTER = 30.0, 5.0
MOST_GROWTH = 1.1
HEADERS = {"Authorization": "Bearer sandbox"}
READ = ("session", "history", "", "personas", "agents", "replicas", "inspector")


@dataclass(frozen=True)
class Mark:
    """The dashboard's process after so many minutes. `files` and `threads` that it holds; `rerun` is p50 in ms."""

    minute: float
    megabytes: float
    threads: int
    files: int
    rerun: float


@dataclass
class Counted:
    """What all people did. `wrong` is what went wrong, as they were told it."""

    sessions: int = 0
    reruns: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Taken:
    marks: list[Mark]
    sessions: int
    reruns: int
    wrong: list[str]
    left_open: int

    @property
    def growth(self) -> float:
        """Memory at the end against that once it had settled."""
        settled = next(mark for mark in self.marks if mark.minute >= self.marks[-1].minute * SETTLED_AFTER / MINUTES)
        return self.marks[-1].megabytes / settled.megabytes


def measure(folder: Path, env: Mapping[str, str], minutes: float) -> Taken:
    """Raises OSError on a system without /proc, which does not tell what a process holds."""
    counted, marks = Counted(), list[Mark]()
    with Dashboard(data=folder / "soak", env=env) as dashboard:
        agents = requests.get(f"{dashboard.url}/api/agents", headers=HEADERS, timeout=20).json()["data"]
        until = time.monotonic() + minutes * 60
        people = [
            threading.Thread(target=person, args=(dashboard, agents, until, counted, random.Random(number)))
            for number in range(PEOPLE)
        ]
        for one in people:
            one.start()
        for turn in range(1, 31):
            time.sleep(max(0.0, until - minutes * 60 * (30 - turn) / 30 - time.monotonic()))
            marks.append(mark(dashboard.pid, minutes * turn / 30, counted))
        for one in people:
            one.join()
        left = requests.get(f"{dashboard.url}/api/sessions?limit=50", headers=HEADERS, timeout=20).json()["data"]
    still = sum(row["status"] not in ("ended", "failed") for row in left)
    return Taken(marks, counted.sessions, len(counted.reruns), counted.wrong, still)


def mark(pid: int, minute: float, counted: Counted) -> Mark:
    told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    files = len(os.listdir(f"/proc/{pid}/fd"))
    rerun = p50(counted.reruns[-200:] or [0.0])
    return Mark(minute, int(told["VmRSS"].split()[0]) / 1024, int(told["Threads"]), files, rerun)


def person(
    dashboard: Dashboard, agents: list[dict[str, Any]], until: float, counted: Counted, chance: random.Random
) -> None:
    http = requests.Session()
    http.headers.update(HEADERS)
    while time.monotonic() < until:
        try:
            with Tab(dashboard.url, keep=False, timeout_s=60) as tab:
                visit(dashboard.url, http, tab, chance.choice(agents)["id"], counted, chance)
        except (OSError, KeyError, ValueError) as error:
            counted.wrong.append(f"{type(error).__name__}: {error}")
        counted.sessions += 1


def visit(url: str, http: requests.Session, tab: Tab, agent_id: str, counted: Counted, chance: random.Random) -> None:
    """One call of some twenty seconds, from its start to its record. Raises OSError, KeyError."""
    made = http.post(f"{url}/api/sessions", json={"agentId": agent_id}, timeout=30).json()
    session_id = made["sessionId"]
    query = f"session={session_id}"
    tab.run(page="live", query=query)
    for _ in range(6):
        time.sleep(chance.uniform(1, 4))
        counted.reruns.append(tab.time_run(query=query))
        said = {"text": chance.choice(("What does it cost?", "Who is it for?", "Go on.", "And after that?"))}
        http.post(f"{url}/api/sessions/{session_id}/messages", json=said, timeout=30).raise_for_status()
    http.post(f"{url}/api/sessions/{session_id}/end", timeout=30).raise_for_status()
    for page in READ:
        time.sleep(chance.uniform(0.2, 1))
        tab.run(page=page, query=query if page == "session" else "")
