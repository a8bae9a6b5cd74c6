"""Real servers for tests: any ASGI app on a free port, and a sandbox with its control plane at hand."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import uvicorn

from lib import sandbox

KEY = "tvsk_test"
QUICK = sandbox.Timing(
    joined_s=0.05, transcript_s=0.05, perception_s=0.1, beat_s=15.0, training_s=8.0, document_s=8.0, callback_s=2.0
)


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """The app on a free port of 127.0.0.1, in a thread, with its lifespan; gives `http://127.0.0.1:PORT`."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="on", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started or not thread.is_alive())
        assert server.started, "the server did not start"
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(5)
        listening.close()


class RunningSandbox:
    """A sandbox that is served: `url` is its root, `v2` what `TAVUS_BASE_URL` would be."""

    def __init__(self, url: str, inside: sandbox.Sandbox) -> None:
        self.url = url
        self.v2 = f"{url}/v2"
        self.inside = inside
        self.http = requests.Session()
        self.http.headers["x-api-key"] = KEY

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> requests.Response:
        """A request to the API, such as `call("GET", "/personas")`."""
        return self.http.request(method, self.v2 + path, json=json, timeout=10, **more)

    def control(self, path: str, json: Any = None) -> Any:
        """A request to the control plane: GET without `json`, POST with it. Gives the parsed answer."""
        method = "GET" if json is None else "POST"
        response = requests.request(method, f"{self.url}/_sandbox/{path}", json=json, timeout=10)
        assert response.ok, response.text
        return response.json() if response.content else None

    def reset(self, *, stock: bool = True) -> None:
        self.control("reset", {"stock": stock})

    def faults(self, *faults: dict[str, Any]) -> None:
        """Replace the script; nothing clears it."""
        self.control("faults", list(faults))

    def advance(self, seconds: float) -> None:
        self.control("clock", {"advance_s": seconds})

    def freeze(self) -> None:
        self.control("clock", {"freeze": True})

    def limits(self, **limits: Any) -> None:
        self.control("limits", limits)

    def log(self) -> list[dict[str, Any]]:
        """The requests to `/v2` since the last reset, oldest first."""
        entries: list[dict[str, Any]] = self.control("log")
        return entries

    def routes(self) -> list[str]:
        """The log in short: `["GET /v2/personas", ...]`."""
        return [f"{entry['method']} {entry['path']}" for entry in self.log()]

    def create(self, **fields: Any) -> dict[str, Any]:
        """A conversation, with a stock persona unless told."""
        response = self.call("POST", "/conversations", {"persona_id": "p2b8e10c94d6", **fields})
        assert response.status_code == 200, response.text
        row: dict[str, Any] = response.json()
        return row

    def conversation(self, conversation_id: str) -> dict[str, Any]:
        """A verbose read."""
        response = self.call("GET", f"/conversations/{conversation_id}?verbose=true")
        assert response.status_code == 200, response.text
        row: dict[str, Any] = response.json()
        return row


@contextmanager
def running_sandbox(
    *, state_path: Path | None = None, timing: sandbox.Timing = QUICK, reply: Any = None
) -> Iterator[RunningSandbox]:
    """A sandbox of one's own at `/`, quick by default. Without `reply` the avatar repeats what it hears."""
    app = sandbox.create(reply=reply or _echo, state_path=state_path, timing=timing)
    with serve(app) as url:
        running = RunningSandbox(url, app.state.sandbox)
        try:
            yield running
        finally:
            running.http.close()


def _echo(persona: Mapping[str, Any], context: str, turns: Sequence[tuple[str, str]]) -> str:
    return f"You said: {turns[-1][1]}"


def eventually(true: Callable[[], Any], *, within_s: float = 5.0) -> Any:
    """Wait until `true()` is, and give its value."""
    ends = time.monotonic() + within_s
    while not (value := true()):
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.005)
    return value
