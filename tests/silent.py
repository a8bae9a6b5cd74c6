"""Far sides that take a connection and never say a word, and a Python that never ends: what a check may meet."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def silent() -> Iterator[int]:
    """A port where every connection is taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


@contextmanager
def all_silent(folder: Path, key: str, daily_key: str) -> Iterator[dict[str, str]]:
    """Settings by which Tavus, Daily, the chat endpoint, our own address, the database and the worker are silent."""
    sleeper = folder / "python"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    sleeper.chmod(0o755)
    with silent() as port:
        here = f"http://127.0.0.1:{port}"
        yield {
            "TAVUS_API_KEY": key, "TAVUS_BASE_URL": f"{here}/v2", "CHAT_BASE_URL": f"{here}/v1", "PUBLIC_URL": here,
            "DAILY_API_KEY": daily_key, "HTTPS_PROXY": here, "PIPECAT_PYTHON": str(sleeper),
            "DATABASE_URL": f"postgresql://u:p@127.0.0.1:{port}/x",
        }  # fmt: skip
