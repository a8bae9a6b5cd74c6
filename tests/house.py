"""The built services of a test, on a database of its own and a sandbox that runs by itself over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr

from lib import wiring
from lib.models import Agent, Session, Status
from lib.services.diagnostics.local import Moved
from lib.services.modes.mode import SessionMode
from lib.settings import Loaded, SettingProblem, Settings
from lib.wiring import Services

KEY = "tvsk_canary_7f3a9c21e5"
GUIDE, BUYER = "p2b8e10c94d6", "p7d1e04c55a8"
ANNA, LUCAS = "r90bbd427f71", "r874cc5f8a3b"


@contextmanager
def house(
    sandbox: str,
    root: Path,
    *,
    base: str = "",
    problems: tuple[SettingProblem, ...] = (),
    database: str = "",
    ready: bool = True,
    moved: Callable[[], Sequence[Moved]] | None = None,
    more_modes: Sequence[SessionMode] = (),
    mode: str = "",
    **settings: Any,
) -> Iterator[Services]:
    """Services that speak to the sandbox at `sandbox` as to Tavus. `base` is our own address for callbacks.

    `database` is a DATABASE_URL, by default SQLite's in `root`; `moved` tells which inner parts were not found,
    `more_modes` are registered besides and `mode` names the one that calls start in. They are given once the sweeper
    has read its first list, unless `ready` is false.
    """
    values: dict[str, Any] = {
        "tavus_api_key": SecretStr(KEY),
        "tavus_base_url": f"{sandbox}/v2",
        "database_url": SecretStr(database),
        "sweep_interval_s": 0.05,
        "max_starts_per_minute": 600,
        **settings,
    }
    services = wiring.build(
        root, Loaded(Settings(**values), problems, (), {}), moved=moved, more_modes=more_modes, mode=mode
    )
    services.open(base)
    try:
        if ready:
            until(lambda: services.ready)
        yield services
    finally:
        services.close()


def demo(services: Services, **changes: Any) -> Agent:
    """An agent that can start, made without a request to Tavus."""
    return services.agents.add(**{"name": "Product demo", "persona_id": GUIDE, "replica_id": ANNA, **changes})


def until(found: Callable[[], Any], *, within_s: float = 10.0) -> Any:
    """What `found` gives as soon as it is true. AssertionError after `within_s` seconds."""
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        result = found()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f"not within {within_s:.0f} s")


def reaches(services: Services, session: Session, *statuses: Status, within_s: float = 10.0) -> Session:
    """The session, once it has one of these statuses."""

    def there() -> Session | None:
        now = services.sessions.get(session.id)
        return now if now.status in statuses else None

    found: Session = until(there, within_s=within_s)
    return found


def log(sandbox: str, route: str = "") -> list[dict[str, Any]]:
    """The requests that the sandbox has seen, oldest first; `route` is the beginning of "METHOD /path"."""
    seen: list[dict[str, Any]] = requests.get(f"{sandbox}/_sandbox/log", timeout=5).json()
    return [entry for entry in seen if f"{entry['method']} {entry['path']}".startswith(route)]


def fault(sandbox: str, route: str, **how: Any) -> None:
    """Script a fault for this route."""
    answer = requests.post(f"{sandbox}/_sandbox/faults", json=[{"route": route, "times": 1, **how}], timeout=5)
    assert answer.ok, answer.text
