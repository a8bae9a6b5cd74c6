"""A real model server as a child process, and what it tells of its one slot."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

import requests

from tests.running import ROOT, free_port

PYTHON = ROOT / ".venv-model" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


class ModelServer:
    """`serve.py` with these arguments, at a port of its own that stays the same when it is started again.

    `url` is what CHAT_BASE_URL takes. An AssertionError with its own words if it does not come up.
    """

    def __init__(self, *args: str) -> None:
        self._args = ("--port", str(free_port()), *args)
        self.url = ""
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(PYTHON), str(ROOT / "tests" / "model" / "serve.py"), *self._args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None and self.process.stderr is not None
        address = self.process.stdout.readline().strip()
        if not address:
            raise AssertionError(self.process.communicate()[1])
        self.url = f"{address}/v1"

    def kill(self) -> None:
        """SIGKILL, where there is one: it can say no goodbye."""
        if self.process.poll() is None:
            self.process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self.process.communicate()

    def slot(self) -> dict[str, Any]:
        """`is_processing`, and of the last request `prompt` and `generated` as the model has them."""
        found: dict[str, Any] = requests.get(self.url.removesuffix("/v1") + "/slots", timeout=10).json()[0]
        return found

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
