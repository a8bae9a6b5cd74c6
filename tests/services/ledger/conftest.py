"""One sandbox a module, emptied for each test; a database of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox_server import RunningSandbox, running_sandbox
from tests.services.ledger.world import World


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    with running_sandbox() as made:
        yield made


@pytest.fixture
def world(running: RunningSandbox, tmp_path: Path, database_url: str) -> World:
    running.reset()
    return World(running, tmp_path, database_url)
