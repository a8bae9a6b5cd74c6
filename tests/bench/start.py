"""What Greenroom adds to the one request that starts a conversation."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from lib.models import Status
from tests.bench.load import p50
from tests.house import BUYER, KEY, LUCAS, demo, house, reaches
from tests.running import ROOT, free_port


@dataclass(frozen=True)
class Start:
    """p50 in ms: the whole start, the bare POST of the same body, and the two durable commits that belong to it."""

    whole: float
    post: float
    commits: float

    @property
    def overhead(self) -> float:
        return self.whole - self.post


def measure(sandbox: str, root: Path, rounds: int) -> Start:
    """`sandbox` is one that runs by itself. Each round takes one of each, so that load meets all alike."""
    whole, post, commits = [], [], []
    root.mkdir()
    http = requests.Session()
    http.headers["x-api-key"] = KEY
    database = durable(root / "bare.db")
    limits: dict[str, Any] = {"max_concurrent_calls": 100, "daily_minutes": 100_000, "sweep_interval_s": 300.0}
    with house(sandbox, root, **limits) as services:
        agent = demo(services)
        services.sessions.start_and_wait(agent.id, token="warm")
        body = sent()
        for n in range(rounds):
            begun = time.perf_counter()
            session = services.sessions.start_and_wait(agent.id, token=f"bench-{n}")
            whole.append((time.perf_counter() - begun) * 1000)
            services.sessions.end(session.id)
            reaches(services, session, Status.ENDED)
            begun = time.perf_counter()
            answer = http.post(f"{sandbox}/v2/conversations", json=body, timeout=10)
            post.append((time.perf_counter() - begun) * 1000)
            answer.raise_for_status()
            http.post(f"{sandbox}/v2/conversations/{answer.json()['conversation_id']}/end", timeout=10)
            begun = time.perf_counter()
            for _ in range(2):
                with database:
                    database.execute("insert into bare values (?)", ("x" * 600,))
            commits.append((time.perf_counter() - begun) * 1000)
    database.close()
    return Start(p50(whole), p50(post), p50(commits))


@contextlib.contextmanager
def alone() -> Iterator[str]:
    """A sandbox in a process of its own, as far away as Tavus would be without the network; its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen([sys.executable, "-m", "lib", "sandbox", "--port", str(port)], cwd=ROOT)
    try:
        for _ in range(400):
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{url}/_sandbox/log", timeout=5)
                break
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def durable(path: Path) -> sqlite3.Connection:
    """SQLite as the ledger has it: write-ahead log, every commit on the disk before it returns."""
    database = sqlite3.connect(path)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=full")
    database.execute("create table bare (body text)")
    return database


def sent() -> dict[str, Any]:
    """A body like the one that a start sends."""
    return {
        "replica_id": LUCAS, "persona_id": BUYER, "conversation_name": "Bench", "test_mode": False,
        "callback_url": "", "properties": {
            "max_call_duration": 600, "participant_absent_timeout": 120, "participant_left_timeout": 30,
        },
    }  # fmt: skip
