"""A process that starts an agent and is killed at a named point, as by a crash or a power cut."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from lib.clients.tavus import ConversationsApi
from lib.services.calls.claims import Claims
from lib.store import sessions as rows
from tests.house import house


def die(*_: object, **__: object) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def at_point(point: str) -> None:
    """Put death there."""
    if point == "before the intent is committed":
        rows.note = die
    elif point == "before the POST":
        ConversationsApi.create = die  # type: ignore[method-assign]
    elif point == "after the POST":
        create = ConversationsApi.create
        ConversationsApi.create = lambda *a, **k: die(create(*a, **k))  # type: ignore[method-assign]
    elif point == "before the outcome is written":
        Claims.made = die  # type: ignore[method-assign]
    else:
        raise AssertionError(point)


def main(told: dict[str, Any]) -> None:
    at_point(told["point"])
    settings = {"max_concurrent_calls": 20, "daily_minutes": 1000, **told["settings"]}
    with house(told["sandbox"], Path(told["root"]), database=told["database"], **settings) as services:
        services.sessions.start_and_wait(told["agent"], token=told["token"])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
