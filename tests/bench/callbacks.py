"""Callbacks a second, each on the disk before it is answered, in one process: alone, and while tabs rerun its pages."""

from __future__ import annotations

import json
import multiprocessing
import os
import selectors
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from lib.services.callbacks.address import callback_secret
from lib.store.database import Store
from tests.bench.load import Crowd, p50
from tests.running import Dashboard

CALLS, TABS, CONNECTIONS = 10, 10, 64
HEADERS = {"Authorization": "Bearer sandbox"}
PAD = "x" * 300
"""With its envelope a callback then has some 600 bytes, as Tavus's small ones do."""


@dataclass(frozen=True)
class Sent:
    """A closed loop of `CONNECTIONS` senders: how many answers, how many a second, and what one took in ms."""

    count: int
    a_second: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Taken:
    """By round: `alone` and `busy` are callbacks, `bare` answers of the same server's health check.

    `commit` is one durable commit in ms, `rerun` that of a tab beside the callbacks. `cpu` is what the whole process
    worked for one callback, in microseconds, None where the system does not tell.
    """

    alone: list[Sent]
    busy: list[Sent]
    bare: list[Sent]
    commit: float
    rerun: float
    cpu: float | None


def measure(folder: Path, env: dict[str, str], seconds: float, rounds: int) -> Taken:
    """Each round takes one of each, so that other work on the machine meets all alike."""
    alone, busy, bare = list[Sent](), list[Sent](), list[Sent]()
    rerun, cpu = list[float](), list[float]()
    with Dashboard(data=folder / "callbacks", env=env) as dashboard, sender() as pool:
        paths = [f"/callbacks/tavus/{secret(dashboard, session_id)}" for session_id in live(dashboard)]

        def send(paths: list[str]) -> Sent:
            return pool.submit(post, dashboard.url, paths, seconds).result()

        send(paths)
        for _ in range(rounds):
            bare.append(send([]))
            before = worked(dashboard.pid)
            alone.append(send(paths))
            cpu += [(worked(dashboard.pid) - before) / alone[-1].count]
            with reruns(dashboard, seconds) as taken:
                busy.append(send(paths))
            rerun += taken
    known = p50(cpu) * 1_000_000 or None
    return Taken(alone, busy, bare, commit(folder / "bare.db"), p50(rerun), known)


def worked(pid: int) -> float:
    """Seconds that this process has had of a processor; 0 where the system does not tell in this way."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def sender() -> Iterator[ProcessPoolExecutor]:
    """A process of its own, as senders are: it shares no interpreter with who measures the pages."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@contextmanager
def reruns(dashboard: Dashboard, seconds: float) -> Iterator[list[float]]:
    """Tabs that rerun Home without pause meanwhile; what their reruns took, in ms."""
    crowd, taken = Crowd(dashboard.url, TABS), list[float]()
    crowd.open("", "")
    thread = threading.Thread(target=lambda: taken.extend(crowd.rerun(seconds + 1, "", at_least=TABS)))
    thread.start()
    try:
        time.sleep(0.5)
        yield taken
    finally:
        thread.join()
        crowd.close()


def live(dashboard: Dashboard) -> list[str]:
    """Calls that are open, so that each callback is news of something that Tavus can be asked about."""
    agents = requests.get(f"{dashboard.url}/api/agents", headers=HEADERS, timeout=20).json()["data"]
    body = {"agentId": agents[0]["id"]}
    ids = []
    for _ in range(CALLS):
        answer = requests.post(f"{dashboard.url}/api/sessions", json=body, headers=HEADERS, timeout=20)
        assert answer.json()["mode"] == "phoenix_rest", answer.text
        ids.append(str(answer.json()["sessionId"]))
    return ids


def secret(dashboard: Dashboard, session_id: str) -> str:
    store = Store(f"sqlite:///{(dashboard.data / 'greenroom.db').as_posix()}", root=dashboard.data)
    store.open()
    key = store.meta("callback_secret")
    store.close()
    return callback_secret(key, session_id)


def commit(path: Path) -> float:
    """p50 of one durable commit of a row, in ms: what group commit shares among many."""
    database = sqlite3.connect(path)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=full")
    database.execute("create table bare (body text)")
    taken = []
    for _ in range(60):
        begun = time.perf_counter()
        with database:
            database.execute("insert into bare values (?)", (PAD * 2,))
        taken.append((time.perf_counter() - begun) * 1000)
    database.close()
    return p50(taken)


class Line:
    """One kept connection with one request under way."""

    def __init__(self, address: tuple[str, int], host: str) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = host
        self.begun = 0.0
        self.got = b""

    def send(self, path: str, n: int) -> None:
        self.got = b""
        if path:
            told = {"event_type": "system.bench", "message_type": "system", "timestamp": n, "properties": {"pad": PAD}}
            body = json.dumps(told).encode()
            head = f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n\r\n"
        else:
            body, head = b"", f"GET /_stcore/health HTTP/1.1\r\nHost: {self.host}\r\n\r\n"
        self.begun = time.perf_counter()
        self.socket.sendall(head.encode() + body)

    def answered(self) -> bool:
        self.got += self.socket.recv(65536)
        head, found, rest = self.got.partition(b"\r\n\r\n")
        if not found:
            return False
        assert head.split()[1] in (b"204", b"200"), self.got
        return head.split()[1] == b"204" or b"ok" in rest


def post(url: str, paths: list[str], seconds: float) -> Sent:
    """Each connection asks again as soon as it is answered, with a callback that never was; health without paths."""
    parts, serial = urlsplit(url), time.time_ns()
    lines = [Line((parts.hostname or "", parts.port or 80), parts.netloc) for _ in range(CONNECTIONS)]
    taken: list[float] = []
    with selectors.DefaultSelector() as selector:
        for n, line in enumerate(lines):
            selector.register(line.socket, selectors.EVENT_READ, line)
            line.send(paths[n % len(paths)] if paths else "", serial := serial + 1)
        begun = time.perf_counter()
        under_way = len(lines)
        while under_way:
            for key, _ in selector.select(timeout=60):
                line = key.data
                if not line.answered():
                    continue
                now = time.perf_counter()
                taken.append((now - line.begun) * 1000)
                if now - begun < seconds:
                    line.send(paths[serial % len(paths)] if paths else "", serial := serial + 1)
                else:
                    under_way -= 1
        lasted = time.perf_counter() - begun
    for line in lines:
        line.socket.close()
    taken.sort()
    return Sent(len(taken), len(taken) / lasted, p50(taken), taken[int(len(taken) * 0.99)])
