"""A worker that is told to end by a signal, as a cluster does it: with Pipecat where that is installed, and without."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from lib.worker import CALLBACK_URL, PLAN, ROOM_TOKEN, TAVUS_PRINT, Service, WorkerPlan
from tests.house import until
from tests.running import ROOT
from tests.sandbox_server import RunningSandbox

WORKER = ROOT / ".venv-pipecat" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM")
heavy = pytest.mark.skipif(
    not os.environ.get("TEST_WORKER"), reason="the Pipecat worker's tests: python dev.py test --all runs them"
)
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


def plan(**changes: Any) -> WorkerPlan:
    given: dict[str, Any] = {
        "session_id": "s-1", "name": "gr-1", "transport": "rtc", "tavus_base_url": "http://127.0.0.1:9/v2",
        "tavus_key": "k", "replica_id": "r90bbd427f71", "max_call_s": 60, "absent_s": 30, "left_s": 5,
        "replica_within_s": 20.0, "tts": Service("packaged"), "room_url": "https://nowhere.daily.co/x",
    }  # fmt: skip
    return WorkerPlan(**{**given, **changes})


class Pod:
    """A worker process that has its plan from the environment and nothing on its standard input."""

    def __init__(self, python: Path, environ: Mapping[str, str]) -> None:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.process = subprocess.Popen(
            [str(python), "-m", "lib.bot"],
            cwd=ROOT,
            env={**kept, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.put(line)

    def __enter__(self) -> Pod:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self._reader.join(5)
        with self.process:
            pass

    def until(self, event: str, within_s: float = 40) -> dict[str, Any]:
        while True:
            told: dict[str, Any] = json.loads(self.lines.get(timeout=within_s))
            if told["event"] == event:
                return told


def in_pod(given: WorkerPlan, **more: str) -> dict[str, str]:
    return {**given.variables(), "TAVUS_API_KEY": given.tavus_key, **given.own_secrets, **more}


def active(sandbox: RunningSandbox) -> int:
    answer = requests.get(f"{sandbox.v2}/conversations?status=active", headers={"x-api-key": "k"}, timeout=5)
    return int(answer.json()["total_count"])


@contextmanager
def slow_to_tell(sandbox: RunningSandbox) -> Iterator[tuple[str, threading.Event]]:
    """The sandbox behind a server that says what came of a start only after three seconds; set once it was made."""
    made = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {"x-api-key": "k", "content-type": "application/json"}
            answer = requests.post(f"{sandbox.v2}{self.path}", data=body, headers=headers, timeout=10)
            if self.path == "/conversations":
                made.set()
                time.sleep(3)
            with contextlib.suppress(OSError):
                self.send_response(answer.status_code)
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


SECRETS = {
    "tavus_key": "tvsk_CANARY", "room_token": "room_CANARY", "callback_url": "https://g.example/callbacks/CANARY",
    "stt": Service("deepgram", "dg_CANARY"), "llm": Service("openai", "chat_CANARY", "https://llm.example/v1", "m"),
    "tts": Service("elevenlabs", "el_CANARY", voice="v"),
}  # fmt: skip
KEYS = {
    "TAVUS_API_KEY": "tvsk_CANARY\n", "DEEPGRAM_API_KEY": "dg_CANARY", "CHAT_API_KEY": "chat_CANARY",
    "ELEVENLABS_API_KEY": "el_CANARY",
}  # fmt: skip


def test_a_plan_survives_the_environment_and_no_secret_is_among_its_plain_variables() -> None:
    given = plan(transport="daily", system_prompt="Costs $(TAVUS_API_KEY) or $5, “so”\n$$", **SECRETS)
    plain = given.variables()
    assert "CANARY" not in json.dumps(plain) and "$" not in plain[PLAN]
    assert set(plain) == {PLAN, TAVUS_PRINT} and set(given.own_secrets) == {ROOM_TOKEN, CALLBACK_URL}
    assert WorkerPlan.from_variables({**plain, **given.own_secrets, **KEYS}) == given


def test_the_key_of_another_account_is_refused_before_anything_is_made() -> None:
    with Pod(Path(sys.executable), in_pod(plan(), TAVUS_API_KEY="another")) as pod:
        assert pod.until("error")["code"] == "other_account"
        assert pod.process.wait(10) == 2


def test_a_pod_without_pipecat_says_so_on_an_output_that_holds_nothing_else() -> None:
    with Pod(Path(sys.executable), in_pod(plan())) as pod:
        assert pod.until("starting") == {"event": "starting"}
        told = pod.until("error")
        assert told["code"] == "import" and "pipecat" in told["told"]
        assert pod.process.wait(10) == 4


@heavy
@posix
@pytest.mark.parametrize("transport", ["rtc", "daily"])
def test_a_pod_that_is_told_to_end_ends_its_conversation(sandbox: RunningSandbox, transport: str) -> None:
    with Pod(WORKER, in_pod(plan(transport=transport, tavus_base_url=sandbox.v2))) as pod:
        pod.until("conversation")
        assert active(sandbox) == 1
        pod.process.send_signal(signal.SIGTERM)
        assert pod.until("ended")["reason"] == "told_to_end"
        assert pod.process.wait(30) == 0 and active(sandbox) == 0


@heavy
@posix
@pytest.mark.parametrize("transport", ["rtc", "daily"])
def test_a_pod_that_is_told_to_end_while_its_conversation_is_being_made_leaves_none(
    sandbox: RunningSandbox, transport: str
) -> None:
    """Tavus makes it, and its answer takes a while: whoever goes away in between leaves an open call behind."""
    with slow_to_tell(sandbox) as (url, made):
        with Pod(WORKER, in_pod(plan(transport=transport, tavus_base_url=url))) as pod:
            assert made.wait(30)
            assert active(sandbox) == 1
            pod.process.send_signal(signal.SIGTERM)
            pod.process.wait(30)
        until(lambda: active(sandbox) == 0, within_s=1)


@heavy
@posix
def test_a_pod_that_is_told_to_end_before_its_packages_are_loaded_makes_nothing(sandbox: RunningSandbox) -> None:
    with Pod(WORKER, in_pod(plan(tavus_base_url=sandbox.v2))) as pod:
        pod.until("starting")
        pod.process.send_signal(signal.SIGTERM)
        assert pod.process.wait(30) == 0
        assert not any(entry["path"] == "/v2/conversations" for entry in sandbox.log())
